package once_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/once"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

// The wrong code that empties a limit leaves none, and so say its copies, to the millisecond.
func TestRule6_ACopyOfTheWrongCodeThatEmptiesALimitLeavesNone(t *testing.T) {
	b := rig.NewMini(t, time.Now().Truncate(time.Millisecond))
	r := &tape{Scripter: b.Client}
	copied := *b
	copied.Client = r
	s := newScene(t, &copied, onetime.WithGuessLimits(onetime.Limit{Burst: 3, Per: time.Hour}))
	for left := 2; left >= 0; left-- {
		require.Equal(t, left, s.refuses(t, onetime.ErrMismatch).AttemptsLeft)
	}
	want := []any{rig.Statuses["MISMATCH"], int64(0), (20 * time.Minute).Milliseconds()}
	require.Equal(t, want, ranLate(t, r.last))
	require.Equal(t, want, ranLate(t, r.last), "copies charge nothing")
}

func TestOnce_IsLockedToTheMillisecond(t *testing.T) {
	s := onMini(t, onetime.WithGuessLimits(onetime.Limit{Burst: 1, Per: time.Minute}))
	require.Equal(t, time.Minute, s.refuses(t, onetime.ErrMismatch).RetryAfter)
	s.Advance(t, time.Minute-time.Millisecond)
	require.Equal(t, time.Millisecond, s.refuses(t, onetime.ErrLocked, s.step(t, 0)).RetryAfter)
	s.Advance(t, time.Millisecond)
	s.takes(t, s.step(t, 0))
}

// The record of an account whose codes are disabled lives 400 days after the eighty-fifth wrong code, and no other does.
func TestOnce_The85thWrongCodeIsRememberedFor400Days(t *testing.T) {
	s := onMini(t, onetime.WithGuessLimits(onetime.Limit{Burst: 100, Per: time.Hour}))
	life := func() time.Duration { return s.Raw.PTTL(t.Context(), s.Only(t)).Val() }
	for charged := 1; charged < 85; charged++ {
		s.refuses(t, onetime.ErrMismatch)
		require.Equal(t, time.Duration(charged)*36*time.Second, life(), "until its limit is full again")
	}
	s.refuses(t, onetime.ErrMismatch)
	require.Equal(t, 400*24*time.Hour, life())
	s.Advance(t, 400*24*time.Hour-time.Millisecond)
	s.refuses(t, onetime.ErrDisabled, counter(0, 1))
	s.Advance(t, time.Millisecond)
	require.Empty(t, s.Records(t))
	c := s.call(t, counter(0, 1))
	c.Mode = once.Confirm
	_, err := s.run(t, c)
	require.NoError(t, err)
}

func TestOnce_ASuccessSetsTheOnlyFailureBack(t *testing.T) {
	s := onMini(t)
	s.refuses(t, onetime.ErrMismatch)
	require.Equal(t, "1", s.Record(t, s.Only(t))["f"])
	s.takes(t, counter(0, 1))
	require.Equal(t, "0", s.Record(t, s.Only(t))["f"])
}
