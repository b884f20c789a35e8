package configs

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0s": 0, "0d": 0, "90s": 90 * time.Second, "5m": 5 * time.Minute, "1h30m": 90 * time.Minute, "30d": 720 * time.Hour,
		"1d12h": 36 * time.Hour, "1d0.5s": 24*time.Hour + 500*time.Millisecond, "65535d23h": (65535*24 + 23) * time.Hour,
	} {
		got, err := parseDuration(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
		again, err := parseDuration(formatDuration(got))
		require.NoError(t, err)
		require.Equal(t, got, again, "%s is shown as %s", text, formatDuration(got))
	}
	for _, text := range []string{"", "5", "d", "-1d", "1d-1s", "-5m", "1.5d", "12h1d", "65536d", "65535d2562047h", "1 d", "5 minutes"} {
		_, err := parseDuration(text)
		require.Error(t, err, text)
	}
}

func TestDurationsShowWithoutZeroUnits(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0s": 0, "1s": time.Second, "2m": 120 * time.Second, "1m30s": 90 * time.Second, "1h": time.Hour, "1h0m1s": time.Hour + time.Second,
		"10m": 10 * time.Minute, "20h": 20 * time.Hour, "1d": 24 * time.Hour, "1d1h": 25 * time.Hour, "500ms": 500 * time.Millisecond,
	} {
		require.Equal(t, want, formatDuration(d))
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]Size{"0": 0, "1000": 1000, "64KiB": 65536, "19MiB": 19 << 20, "2GiB": 2 << 30, "9223372036854775807": math.MaxInt64} {
		var got Size
		require.NoError(t, got.UnmarshalText([]byte(text)), text)
		require.Equal(t, want, got, text)
		shown, err := got.MarshalText()
		require.NoError(t, err)
		require.Equal(t, text, string(shown))
	}
	for _, text := range []string{"", "KiB", "-1", "1.5MiB", "64kb", "64 KiB", "8589934592GiB", "9223372036854775808", "+1"} {
		got := Size(7)
		require.Error(t, got.UnmarshalText([]byte(text)), text)
		require.Equal(t, Size(7), got, "a refused text changed the value")
	}
}

func TestRates(t *testing.T) {
	for text, want := range map[string]Rate{
		"30/1m":          {30, time.Minute, 30},
		"30/1m burst 60": {30, time.Minute, 60},
		"100/1d":         {100, 24 * time.Hour, 100},
	} {
		var got Rate
		require.NoError(t, got.UnmarshalText([]byte(text)), text)
		require.Equal(t, want, got, text)
		shown, err := got.MarshalText()
		require.NoError(t, err)
		require.Equal(t, text, string(shown))
	}
	for _, text := range []string{"", "30", "30/", "/1m", "0/1m", "-1/1m", "30/0s", "30/1m burst", "30/1m burst 0", "30/1m burst x", "30/m", "1.5/1m"} {
		var got Rate
		require.Error(t, got.UnmarshalText([]byte(text)), text)
	}
}
