package configs

import (
	"encoding"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Size is a number of bytes, written as 64KiB, 19MiB or 1000.
type Size int64

var sizeUnits = []struct {
	suffix string
	size   Size
}{{"GiB", 1 << 30}, {"MiB", mib}, {"KiB", kib}, {"", 1}}

var errWantSize = errors.New("want a size such as 64KiB, 19MiB or 1000")

// UnmarshalText parses a size.
func (s *Size) UnmarshalText(text []byte) error {
	for _, unit := range sizeUnits {
		digits, found := strings.CutSuffix(string(text), unit.suffix)
		if !found {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 63)
		if err != nil || Size(n) > math.MaxInt64/unit.size {
			return errWantSize
		}
		*s = Size(n) * unit.size
		return nil
	}
	return errWantSize
}

// MarshalText returns the size in its largest whole unit.
func (s Size) MarshalText() ([]byte, error) {
	for _, unit := range sizeUnits {
		if s != 0 && s%unit.size == 0 {
			return fmt.Appendf(nil, "%d%s", s/unit.size, unit.suffix), nil
		}
	}
	return []byte("0"), nil
}

// Rate is how often something may happen: Limit per Per in the long run and Burst at once. It is
// written as "30/1m", whose burst is 30, or "30/1m burst 60". It converts to provider.Rate.
type Rate struct {
	Limit int
	Per   time.Duration
	Burst int
}

var errWantRate = errors.New(`want a rate such as 30/1m, or "30/1m burst 60"`)

// UnmarshalText parses a rate.
func (r *Rate) UnmarshalText(text []byte) error {
	rate, burst, hasBurst := strings.Cut(string(text), " burst ")
	count, period, found := strings.Cut(rate, "/")
	if !found {
		return errWantRate
	}
	if !hasBurst {
		burst = count
	}
	limit, err1 := strconv.Atoi(count)
	per, err2 := parseDuration(period)
	most, err3 := strconv.Atoi(burst)
	if errors.Join(err1, err2, err3) != nil || limit < 1 || per <= 0 || most < 1 {
		return errWantRate
	}
	*r = Rate{Limit: limit, Per: per, Burst: most}
	return nil
}

// MarshalText returns the rate as UnmarshalText reads it.
func (r Rate) MarshalText() ([]byte, error) {
	text := fmt.Appendf(nil, "%d/%s", r.Limit, formatDuration(r.Per))
	if r.Burst != r.Limit {
		text = fmt.Appendf(text, " burst %d", r.Burst)
	}
	return text, nil
}

var errWantDuration = errors.New("want a duration such as 30s, 5m, 12h or 30d")

// parseDuration reads Go's durations, and days before them: 30d, 1d12h.
func parseDuration(text string) (time.Duration, error) {
	var days time.Duration
	if n, rest, found := strings.Cut(text, "d"); found {
		count, err := strconv.ParseUint(n, 10, 16)
		if err != nil {
			return 0, errWantDuration
		}
		days, text = time.Duration(count)*day, rest
		if text == "" {
			return days, nil
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > math.MaxInt64-days {
		return 0, errWantDuration
	}
	return days + d, nil
}

// formatDuration writes a duration without the zero units that Go's has.
func formatDuration(d time.Duration) string {
	if d == 0 {
		return "0s"
	}
	var text string
	if d >= day {
		text, d = fmt.Sprintf("%dd", d/day), d%day
	}
	if d > 0 {
		rest := d.String()
		if d%time.Minute == 0 {
			rest = strings.TrimSuffix(rest, "0s")
		}
		if d%time.Hour == 0 {
			rest = strings.TrimSuffix(rest, "0m")
		}
		text += rest
	}
	return text
}

var wants = map[reflect.Type]error{
	reflect.TypeFor[bool]():          errors.New("want true or false"),
	reflect.TypeFor[int]():           errors.New("want a whole number, 0 or more"),
	reflect.TypeFor[netip.Prefix]():  errors.New("want an address range such as 10.0.0.0/8 or 192.0.2.7/32"),
	reflect.TypeFor[slog.Level]():    errors.New("want debug, info, warn or error"),
	reflect.TypeFor[Size]():          errWantSize,
	reflect.TypeFor[Rate]():          errWantRate,
	reflect.TypeFor[time.Duration](): errWantDuration,
}

// parse sets v, which is a setting or an element of a list, from its text. The error says what would
// be right; v is unchanged then.
func parse(v reflect.Value, text string) error {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if err := u.UnmarshalText([]byte(text)); err != nil {
			return wants[v.Type()]
		}
		return nil
	}
	switch v.Kind() {
	case reflect.Slice:
		return parseList(v, text)
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		if text != "true" && text != "false" {
			return wants[v.Type()]
		}
		v.SetBool(text == "true")
	case reflect.Int:
		n, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return wants[v.Type()]
		}
		v.SetInt(int64(n))
	default: // only time.Duration is left; a test sets every setting
		d, err := parseDuration(text)
		if err != nil {
			return err
		}
		v.SetInt(int64(d))
	}
	return nil
}

// parseList sets a list from comma-separated text; of empty text the list is empty.
func parseList(v reflect.Value, text string) error {
	list := reflect.Zero(v.Type())
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		element := reflect.New(v.Type().Elem()).Elem()
		if err := parse(element, item); err != nil {
			return fmt.Errorf("%w, several separated by commas", err)
		}
		list = reflect.Append(list, element)
	}
	v.Set(list)
	return nil
}

// plain returns what a setting is shown as: secrets masked, and text wherever parse reads text.
func plain(v reflect.Value) any {
	switch value := v.Interface().(type) {
	case time.Duration:
		return formatDuration(value)
	case encoding.TextMarshaler:
		text, err := value.MarshalText()
		if err != nil {
			return err.Error()
		}
		return string(text)
	}
	if v.Kind() != reflect.Slice {
		return v.Interface()
	}
	list := make([]any, v.Len())
	for i := range list {
		list[i] = plain(v.Index(i))
	}
	return list
}

// display is plain as one text, for people; lists as the environment takes them.
func display(v reflect.Value) string {
	list, ok := plain(v).([]any)
	if !ok {
		return fmt.Sprint(plain(v))
	}
	items := make([]string, len(list))
	for i, item := range list {
		items[i] = fmt.Sprint(item)
	}
	return strings.Join(items, ",")
}
