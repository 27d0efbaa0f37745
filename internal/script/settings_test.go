package script_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/internal/script"
)

func TestNewSettings_BothEdgesOfBytesAndRates(t *testing.T) {
	const widest = math.MaxUint32 * time.Millisecond
	limits := func(n int) []script.Limit {
		all := make([]script.Limit, n)
		for i := range all {
			all[i] = script.Limit{Burst: 1, Per: time.Duration(i+1) * time.Second}
		}
		return all
	}
	one := func(burst int, per time.Duration) []script.Limit { return []script.Limit{{Burst: burst, Per: per}} }
	for _, c := range []struct {
		keep, attempts int
		sends, guesses []script.Limit
		want           string // the error
	}{
		{keep: 0, attempts: 0},
		{keep: 255, attempts: 255, sends: limits(255), guesses: limits(255)},
		{keep: -1, want: "onetime: a count of -1 does not fit into a byte"},
		{keep: 256, want: "onetime: a count of 256 does not fit into a byte"},
		{attempts: -1, want: "onetime: a count of -1 does not fit into a byte"},
		{attempts: 256, want: "onetime: a count of 256 does not fit into a byte"},
		{sends: limits(256), want: "onetime: a count of 256 does not fit into a byte"},
		{guesses: limits(256), want: "onetime: a count of 256 does not fit into a byte"},

		{sends: one(1, time.Millisecond)},
		{sends: one(1, time.Millisecond-1), want: "onetime: a limit of 1 per 999.999\u00b5s has no rate"},
		{guesses: one(1, 0), want: "onetime: a limit of 1 per 0s has no rate"},
		{guesses: one(1, -time.Second), want: "onetime: a limit of 1 per -1s has no rate"},
		{sends: one(0, time.Second), want: "onetime: a limit of 0 per 1s has no rate"},
		{guesses: one(-1, time.Second), want: "onetime: a limit of -1 per 1s has no rate"},

		{sends: one(1, widest)},
		{sends: one(1, widest+time.Millisecond), want: "onetime: a limit of 1 per 1193h2m47.296s does not fit into 32 bits"},
		{guesses: one(math.MaxUint32, widest)},
		{guesses: one(math.MaxUint32+1, widest), want: "onetime: a limit of 4294967296 per 1193h2m47.295s does not fit into 32 bits"},
		{guesses: one(2, widest), want: "onetime: a limit of 2 per 1193h2m47.295s does not fit into 32 bits"}, // rounded up to 2^32 ms
		{guesses: one(2, widest-time.Millisecond)},
		{guesses: one(math.MaxInt, time.Second), want: "onetime: a limit of 9223372036854775807 per 1s does not fit into 32 bits"},
		{guesses: one(1, math.MaxInt64), want: "onetime: a limit of 1 per 2562047h47m16.854775807s does not fit into 32 bits"},
	} {
		settings, err := script.NewSettings(script.Strangers, c.keep, c.attempts, c.sends, c.guesses)
		if c.want != "" {
			require.EqualError(t, err, c.want)
			require.Zero(t, settings)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, string([]byte{byte(c.keep), byte(c.attempts), byte(len(c.sends)), byte(len(c.guesses)), 'f'}), settings.Counts)
		require.Len(t, settings.Rates, 8*(len(c.sends)+len(c.guesses)))
		require.Len(t, settings.Fields, len(c.sends)+len(c.guesses))
	}
}

func TestNewSettings_AreIntervalsAndCapacitiesInMilliseconds(t *testing.T) {
	settings, err := script.NewSettings(script.Known, 1, 5, []script.Limit{{Burst: 3, Per: time.Second}}, []script.Limit{{Burst: 1, Per: math.MaxUint32 * time.Millisecond}})
	require.NoError(t, err)
	require.Equal(t, script.Settings{
		Counts: "\x01\x05\x01\x01F",
		Rates:  "\x00\x00\x01\x4e\x00\x00\x03\xea" + "\xff\xff\xff\xff\xff\xff\xff\xff", // 334 ms, three times: the interval is rounded up
		Fields: []any{"S1000", "G4294967295"},
	}, settings)
	require.Equal(t, "F S1000 G4294967295", settings.Names())
}
