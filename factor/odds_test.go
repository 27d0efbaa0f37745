package factor_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/factor"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

const (
	day  = 24 * time.Hour
	year = 365 * day
)

func offline(t testing.TB, opts ...factor.Option) *factor.Factors {
	t.Helper()
	f, err := factor.New(rig.Offline(t), mustKeys(t, sealing), "Example", opts...)
	require.NoError(t, err)
	return f
}

func TestOdds_AreWhatTheDocsSay(t *testing.T) {
	app, token := factor.Info{Kind: onetime.KindTOTP, Digits: 6}, factor.Info{Kind: onetime.KindHOTP, Digits: 6}
	most := func(digits int) float64 { return (math.Floor(1<<31/math.Pow10(digits)) + 1) / (1 << 31) }
	for name, c := range map[string]struct {
		f       *factor.Factors
		horizon time.Duration
		of      []factor.Info
		want    float64
	}{
		"a day":                {offline(t), day, nil, 51 * 3 * most(6)},
		"a year":               {offline(t), year, nil, 658 * 3 * most(6)},
		"below no time":        {offline(t), -year, nil, 10 * 3 * most(6)},
		"two apps":             {offline(t), day, []factor.Info{app, app}, 51 * 6 * most(6)},
		"a token":              {offline(t), day, []factor.Info{token}, 51 * 6 * most(6)},
		"a token, far ahead":   {offline(t, factor.WithLookAhead(20)), day, []factor.Info{token}, 51 * 21 * most(6)},
		"no window":            {offline(t, factor.WithWindow(0, 0)), day, nil, 51 * most(6)},
		"the widest window":    {offline(t, factor.WithWindow(2, 2)), day, nil, 51 * 5 * most(6)},
		"8 digits":             {offline(t), day, []factor.Info{{Kind: onetime.KindTOTP, Digits: 8}}, 51 * 3 * most(8)},
		"recovery codes":       {offline(t), day, []factor.Info{{Kind: onetime.KindRecovery}}, 0},
		"limits of its own":    {offline(t, factor.WithGuessLimits(onetime.Limit{Burst: 3, Per: day})), day, nil, 6 * 3 * most(6)},
		"no more than certain": {offline(t, factor.WithGuessLimits(onetime.Limit{Burst: 100, Per: time.Second})), year, nil, 1},
	} {
		require.InDelta(t, c.want, c.f.Odds(c.horizon, c.of...), 1e-12, name)
	}
	require.InDelta(t, 0.000153, offline(t).Odds(day), 5e-7)
	require.InDelta(t, 0.00197, offline(t).Odds(year), 5e-6)
}

// The exact chance of the best guesser: each of the codes that are right at a time is drawn by itself, and the most likely code
// is guessed each time.
func TestOdds_AreNoLessThanTheExactChanceAndHardlyMore(t *testing.T) {
	for digits := 6; digits <= 8; digits++ {
		codes := int64(math.Pow10(digits))
		var most int64
		for _, code := range []int64{0, 1<<31%codes - 1, 1 << 31 % codes, codes - 1} {
			values := (1<<31 - code + codes - 1) / codes // those below 2^31 that are code modulo codes
			most = max(most, values)
		}
		for _, horizon := range []time.Duration{0, time.Hour, day, year} {
			guesses := math.Min(10+math.Floor(10*horizon.Hours()), 50+math.Floor(50*horizon.Hours()/(30*24)))
			miss := math.Pow(1-float64(most)/(1<<31), 3)
			exact := 1 - math.Pow(miss, guesses)
			odds := offline(t).Odds(horizon, factor.Info{Kind: onetime.KindTOTP, Digits: digits})
			require.GreaterOrEqual(t, odds, exact)
			require.InEpsilon(t, exact, odds, 0.002)
		}
	}
}

// Somebody guesses each time that a guess is evaluated, and the person signs in each time before.
func TestOdds_NoMoreGuessesAreEvaluatedThanTheyCount(t *testing.T) {
	s := onMini(t)
	store := newTable(alice, s.app(t))
	most := offline(t).Odds(year) / offline(t, factor.WithGuessLimits(onetime.Limit{Burst: 1, Per: 30 * day})).Odds(0)
	evaluated, signedIn := 0, 0
	for end := s.Now.Add(year); ; {
		if _, err := s.in(t.Context(), store, s.code(0)); err == nil {
			signedIn++
		}
		_, err := s.verify(t, store.only(alice), s.wrong(t, evaluated))
		var denied *onetime.DeniedError
		require.True(t, errors.As(err, &denied), "%v", err)
		if denied.Reason == onetime.ErrMismatch {
			evaluated++
		} else {
			require.Equal(t, onetime.ErrLocked, denied.Reason)
		}
		if s.Now.Add(denied.RetryAfter).After(end) {
			break
		}
		s.Advance(t, denied.RetryAfter)
	}
	require.Equal(t, math.Round(most), float64(evaluated))
	require.Greater(t, signedIn, 500)
}

// Guesses at the codes of many keys: as many are right as the odds say.
func TestOdds_OfASimulation(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const keys, guesses = 400, 20_000
	hits := 0
	for range keys {
		key := make([]byte, 20)
		for i := range key {
			key[i] = byte(random.Uint32())
		}
		step := int64(random.Uint32N(1 << 30))
		var open [3]uint32
		for i := range open {
			code, err := strconv.ParseUint(hotp(factor.SHA1, key, 6, step+int64(i)), 10, 32)
			require.NoError(t, err)
			open[i] = uint32(code)
		}
		for range guesses {
			if guess := random.Uint32N(1_000_000); guess == open[0] || guess == open[1] || guess == open[2] {
				hits++
			}
		}
	}
	want := keys * guesses * offline(t, factor.WithGuessLimits(onetime.Limit{Burst: 1, Per: day})).Odds(0) // of one guess each
	require.InDelta(t, want, hits, 5*math.Sqrt(want))
}

func TestDocs_TableOfOddsIsTrue(t *testing.T) {
	app := factor.Info{Kind: onetime.KindTOTP, Digits: 6}
	text := rig.Text(t, "docs/factors.md")
	for name, c := range map[string]struct {
		f  *factor.Factors
		of []factor.Info
	}{
		"one app, 6 digits":                     {offline(t), []factor.Info{app}},
		"one app, 6 digits, `WithWindow(0, 0)`": {offline(t, factor.WithWindow(0, 0)), []factor.Info{app}},
		"one app, 8 digits":                     {offline(t), []factor.Info{{Kind: onetime.KindTOTP, Digits: 8}}},
		"one token that counts, 6 digits":       {offline(t), []factor.Info{{Kind: onetime.KindHOTP, Digits: 6}}},
		"two apps, 6 digits":                    {offline(t), []factor.Info{app, app}},
	} {
		require.Contains(t, text, fmt.Sprintf("\n| %s | %.3g %% | %.3g %% |\n", name, 100*c.f.Odds(day, c.of...), 100*c.f.Odds(year, c.of...)), name)
	}
}
