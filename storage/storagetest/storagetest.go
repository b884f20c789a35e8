package storagetest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// callers is how many call at once where a promise speaks of concurrency.
const callers = 32

// name returns a key that no other test has.
func name(prefix string) string { return prefix + "-" + rand.Text() }

// lookalikes are keys of one record each: a store that folds case, letters or spaces mixes them up.
func lookalikes(prefix string) []string {
	key := name(prefix)
	return []string{
		key + "k", key + "K", key + "k ", " " + key + "k", key + "k\t", key + "k\x00",
		key + "\u212a",  // the Kelvin sign, lower-cased to k
		key + "\u00e9",  // é in one rune
		key + "e\u0301", // and in two
		key + "e",
		key + "%", key + "_", key + "*", key + "{k}",
	}
}

// now is a moment as every store can keep it.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// together calls f from many goroutines at once and returns their results by caller.
func together[T any](f func(caller int) T) []T {
	results := make([]T, callers)
	start := make(chan struct{})
	var wait sync.WaitGroup
	for i := range callers {
		wait.Go(func() {
			<-start
			results[i] = f(i)
		})
	}
	close(start)
	wait.Wait()
	return results
}

// outcome is what one of many callers got.
type outcome[T any] struct {
	value T
	err   error
}

// requireOneWinner requires that one caller succeeded and that all others failed with lost.
func requireOneWinner[T any](t *testing.T, outcomes []outcome[T], lost error) T {
	t.Helper()
	var winner T
	won := 0
	for _, o := range outcomes {
		if o.err == nil {
			winner = o.value
			won++
			continue
		}
		require.ErrorIs(t, o.err, lost)
	}
	require.Equal(t, 1, won, "callers that succeeded")
	return winner
}

// filled returns a T whose every field has a value of its own, so that a forgotten field shows.
func filled[T any](t *testing.T) T {
	t.Helper()
	var v T
	seed := 0
	fill(t, reflect.ValueOf(&v).Elem(), &seed)
	return v
}

func fill(t *testing.T, v reflect.Value, seed *int) {
	t.Helper()
	*seed++
	switch v.Interface().(type) {
	case time.Time:
		// A zone of its own and more than microseconds.
		at := time.Now().Add(time.Duration(*seed) * time.Hour).Truncate(time.Second).Add(123456789)
		v.Set(reflect.ValueOf(at.In(time.FixedZone("Seoul", 9*60*60))))
		return
	case []byte:
		v.SetBytes(fmt.Appendf(nil, "bytes \x00\xff%d", *seed))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("텍스트 'text\" %s %d", rand.Text(), *seed))
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*seed))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(t, v.Index(0), seed)
		fill(t, v.Index(1), seed)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), seed)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), seed)
		}
	default:
		require.Fail(t, "no value for a field", "of kind %s", v.Kind())
	}
}

// requireKept requires that got is what was stored: equal but for times, which come back in UTC with
// at least microseconds, and for slices, where none and empty are one.
func requireKept[T any](t *testing.T, want, got T) {
	t.Helper()
	requireUTC(t, reflect.ValueOf(got), "")
	require.Equal(t, stored(want), stored(got))
}

func requireUTC(t *testing.T, v reflect.Value, path string) {
	t.Helper()
	if at, ok := v.Interface().(time.Time); ok {
		require.Equal(t, time.UTC, at.Location(), "zone of %s", path)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			requireUTC(t, v.Field(i), path+"."+v.Type().Field(i).Name)
		}
	case reflect.Slice:
		for i := range v.Len() {
			requireUTC(t, v.Index(i), path+"[]")
		}
	case reflect.Pointer:
		if !v.IsNil() {
			requireUTC(t, v.Elem(), path)
		}
	}
}

// stored returns a copy without the differences that requireKept allows.
func stored[T any](v T) T {
	var c T
	simplify(reflect.ValueOf(&c).Elem(), reflect.ValueOf(v))
	return c
}

func simplify(to, from reflect.Value) {
	if at, ok := from.Interface().(time.Time); ok {
		to.Set(reflect.ValueOf(at.UTC().Truncate(time.Microsecond)))
		return
	}
	switch from.Kind() {
	case reflect.Struct:
		for i := range from.NumField() {
			simplify(to.Field(i), from.Field(i))
		}
	case reflect.Slice:
		if from.Len() == 0 {
			return
		}
		to.Set(reflect.MakeSlice(from.Type(), from.Len(), from.Len()))
		for i := range from.Len() {
			simplify(to.Index(i), from.Index(i))
		}
	case reflect.Pointer:
		if !from.IsNil() {
			to.Set(reflect.New(from.Type().Elem()))
			simplify(to.Elem(), from.Elem())
		}
	default:
		to.Set(from)
	}
}

// requireFilled requires that every field of v has a value; without it a test that says "all fields"
// would silently stop saying so.
func requireFilled(t *testing.T, v any) {
	t.Helper()
	fields := reflect.ValueOf(v)
	for i := range fields.NumField() {
		require.False(t, fields.Field(i).IsZero(), "field %s has no value", fields.Type().Field(i).Name)
	}
}

// keysOf returns the keys of those values that the test made.
func keysOf[T any, K interface{ ~string | ~int64 }](values []T, key func(T) K, made ...K) []K {
	mine := make(map[K]bool, len(made))
	for _, k := range made {
		mine[k] = true
	}
	var keys []K
	for _, v := range values {
		if k := key(v); mine[k] {
			keys = append(keys, k)
		}
	}
	return keys
}

// requireAnyOf requires that err is one of the expected failures.
func requireAnyOf(t *testing.T, err error, expected ...error) {
	t.Helper()
	for _, e := range expected {
		if errors.Is(err, e) {
			return
		}
	}
	require.Fail(t, "another failure was expected", "got %v, want one of %v", err, expected)
}

// userID returns a user that no other test has, far from the next, so that the numbers a store assigns
// after it are free.
func userID() int64 { return firstUserID() + countUsers.Add(1)<<12 }

var (
	countUsers  atomic.Int64
	firstUserID = sync.OnceValue(func() int64 {
		var id int64
		for _, b := range []byte(rand.Text())[:6] {
			id = id<<6 | int64(b&0x3f)
		}
		return id << 24
	})
)
