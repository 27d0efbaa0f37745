package stateless_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/stateless"
)

func TestGuard_43ParallelGuessesAtALimitOf10Evaluate10(t *testing.T) {
	m, _ := manager(t, stateless.WithDigits(6, guard(t, 10)))
	c := code(t, m)
	var mismatched, locked atomic.Int64
	var wait sync.WaitGroup
	for range 43 {
		wait.Go(func() {
			switch _, err := verify(t, m, other(c.Code), stateless.WithHandle(c.Handle)); {
			case errors.Is(err, stateless.ErrMismatch):
				mismatched.Add(1)
			case errors.Is(err, stateless.ErrLocked):
				locked.Add(1)
			}
		})
	}
	wait.Wait()
	require.EqualValues(t, 10, mismatched.Load())
	require.EqualValues(t, 33, locked.Load())
	_, err := verify(t, m, c.Code, stateless.WithHandle(c.Handle))
	require.ErrorIs(t, err, stateless.ErrLocked, "the right code, too: nothing is told of what was compared")
}

func TestGuard_OneWinnerOfParallelRightCodes(t *testing.T) {
	m, clock := manager(t, stateless.WithDigits(6, guard(t, 10)))
	c := code(t, m)
	var won, used atomic.Int64
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			switch _, err := verify(t, m, c.Code, stateless.WithHandle(c.Handle)); {
			case err == nil:
				won.Add(1)
			case errors.Is(err, stateless.ErrUsed):
				used.Add(1)
			}
		})
	}
	wait.Wait()
	require.EqualValues(t, 1, won.Load())
	require.EqualValues(t, 19, used.Load())
	clock.advance(10*time.Minute - time.Millisecond)
	_, err := verify(t, m, c.Code, stateless.WithHandle(c.Handle))
	require.ErrorIs(t, err, stateless.ErrUsed, "as long as the code lives")
}

func TestGuard_RefillsEvenlyAndGivesNothingBack(t *testing.T) {
	m, clock := manager(t, stateless.WithDigits(6, guard(t, 10)))
	guess := func(right bool) error {
		c := code(t, m)
		typed := c.Code
		if !right {
			typed = other(c.Code)
		}
		_, err := verify(t, m, typed, stateless.WithHandle(c.Handle))
		return err
	}
	for range 10 {
		require.ErrorIs(t, guess(false), stateless.ErrMismatch)
	}
	clock.advance(6*time.Minute - time.Millisecond)
	require.ErrorIs(t, guess(true), stateless.ErrLocked)
	clock.advance(time.Millisecond)
	require.NoError(t, guess(true))
	require.ErrorIs(t, guess(false), stateless.ErrMismatch, "a success charges nothing")
	require.ErrorIs(t, guess(false), stateless.ErrLocked, "and gives nothing back")
	clock.advance(time.Hour)
	for range 10 {
		require.ErrorIs(t, guess(false), stateless.ErrMismatch)
	}
	require.ErrorIs(t, guess(false), stateless.ErrLocked, "idle time gathers no more")
}

func TestGuard_InventedSubjectsEvictNoCounter(t *testing.T) {
	m, _ := manager(t, stateless.WithDigits(6, guard(t, 10)))
	c := code(t, m)
	for range 10 {
		_, err := verify(t, m, other(c.Code), stateless.WithHandle(c.Handle))
		require.ErrorIs(t, err, stateless.ErrMismatch)
	}
	for n := range 2_000 {
		invented := fmt.Sprint("invented-", n)
		c, err := m.Code("sign-in", invented, "")
		require.NoError(t, err)
		_, err = m.Verify(t.Context(), "sign-in", invented, "", other(c.Code), stateless.WithHandle(c.Handle))
		require.Error(t, err)
	}
	_, err := verify(t, m, c.Code, stateless.WithHandle(c.Handle))
	require.ErrorIs(t, err, stateless.ErrLocked)
}

func TestGuard_PurposesAndSubjectsAreChargedApart(t *testing.T) {
	var accounts []string
	m, _ := manager(t, stateless.WithDigits(6, guardFunc(func(a stateless.Attempt) error {
		accounts = append(accounts, a.Account)
		require.NotContains(t, a.Account, alice)
		return stateless.ErrMismatch
	})))
	for _, c := range [][3]string{{"sign-in", alice, "a"}, {"sign-in", "ALICE@example.com", "b"}, {"reset", alice, "a"}, {"sign-in", bob, "a"}} {
		made, err := m.Code(c[0], c[1], c[2])
		require.NoError(t, err)
		_, err = m.Verify(t.Context(), c[0], c[1], c[2], made.Code, stateless.WithHandle(made.Handle))
		require.ErrorIs(t, err, stateless.ErrMismatch)
	}
	require.Regexp(t, `^[A-Za-z0-9_-]{22}$`, accounts[0])
	require.Equal(t, accounts[0], accounts[1], "one person, whatever the binding and the spelling")
	require.NotEqual(t, accounts[0], accounts[2])
	require.NotEqual(t, accounts[0], accounts[3])
	require.NotEqual(t, accounts[2], accounts[3])
}

// A code that was used, and one that expired, do not come back with the clock.
func TestGuard_AClockSetBackByAWindowBringsNothingBack(t *testing.T) {
	m, clock := manager(t, stateless.WithDigits(6, guard(t, 10)))
	used := code(t, m)
	_, err := verify(t, m, used.Code, stateless.WithHandle(used.Handle))
	require.NoError(t, err)
	unused, err := m.Code("sign-in", bob, "")
	require.NoError(t, err)
	clock.advance(10 * time.Minute)
	for n := range 3000 { // so that the guard drops what ended
		invented := fmt.Sprint("invented-", n)
		c, err := m.Code("sign-in", invented, "")
		require.NoError(t, err)
		_, err = m.Verify(t.Context(), "sign-in", invented, "", c.Code, stateless.WithHandle(c.Handle))
		require.NoError(t, err)
	}
	clock.advance(-5 * time.Minute)
	_, err = verify(t, m, used.Code, stateless.WithHandle(used.Handle))
	require.ErrorIs(t, err, stateless.ErrNotFound)
	_, err = m.Verify(t.Context(), "sign-in", bob, "", unused.Code, stateless.WithHandle(unused.Handle))
	require.ErrorIs(t, err, stateless.ErrNotFound)

	// The wrong codes of before count on.
	c := code(t, m)
	for range 10 {
		verify(t, m, other(c.Code), stateless.WithHandle(c.Handle))
	}
	clock.advance(-5 * time.Minute)
	c = code(t, m)
	_, err = verify(t, m, c.Code, stateless.WithHandle(c.Handle))
	require.ErrorIs(t, err, stateless.ErrLocked)
}

func TestGuard_ForgetsUsesThatEnded(t *testing.T) {
	g := guard(t, 10)
	now := newClock().Now()
	use := func(first, count int) {
		for n := first; n < first+count; n++ {
			require.NoError(t, g.Judge(t.Context(), stateless.Attempt{Account: "a", Use: fmt.Sprint(n), Now: now, Until: now.Add(10 * time.Minute), Right: true}))
		}
	}
	use(0, 1500)
	require.Equal(t, 1500, g.Uses(), "as long as they live")
	now = now.Add(10 * time.Minute)
	use(1500, 1500)
	require.LessOrEqual(t, g.Uses(), 2048)
}

func TestVerify_AHandleThatIsNoneIsFree(t *testing.T) {
	judged := 0
	m, clock := manager(t, stateless.WithDigits(6, guardFunc(func(stateless.Attempt) error { judged++; return stateless.ErrMismatch })))
	c := code(t, m)
	elsewhere, err := m.Code("sign-in", alice, "another session")
	require.NoError(t, err)
	of, err := m.Code("sign-in", bob, "session")
	require.NoError(t, err)
	for handle, want := range map[string]error{
		"": stateless.ErrMalformed, "x": stateless.ErrMalformed, c.Handle + "A": stateless.ErrMalformed, c.Handle[:21] + "\n": stateless.ErrMalformed, c.Handle[:20]: stateless.ErrMalformed,
		"A" + c.Handle[1:]: stateless.ErrNotFound, elsewhere.Handle: stateless.ErrNotFound, of.Handle: stateless.ErrNotFound, c.ID: stateless.ErrNotFound,
	} {
		if handle == c.Handle {
			continue
		}
		_, err := verify(t, m, c.Code, stateless.WithHandle(handle))
		require.ErrorIs(t, err, want, handle)
	}
	_, err = verify(t, m, c.Code[:5], stateless.WithHandle(c.Handle))
	require.ErrorIs(t, err, stateless.ErrMalformed)
	clock.advance(10 * time.Minute)
	_, err = verify(t, m, c.Code, stateless.WithHandle(c.Handle))
	require.ErrorIs(t, err, stateless.ErrNotFound, "expired")
	require.Zero(t, judged)
}

// Only nil from a guard on a right code is a yes.
func TestVerify_WhatAGuardDoesNotDecideIsNoYes(t *testing.T) {
	for name, c := range map[string]struct {
		answer error
		right  bool
		want   error
	}{
		"it takes a wrong code": {nil, false, stateless.ErrMismatch}, "it is away": {errors.New("the table is away"), true, nil}, "away at a wrong one": {errors.New("the table is away"), false, nil},
		"locked": {stateless.ErrLocked, true, stateless.ErrLocked}, "used": {fmt.Errorf("row: %w", stateless.ErrUsed), true, stateless.ErrUsed}, "charged": {stateless.ErrMismatch, false, stateless.ErrMismatch},
	} {
		var seen stateless.Attempt
		m, clock := manager(t, stateless.WithDigits(6, guardFunc(func(a stateless.Attempt) error { seen = a; return c.answer })))
		made := code(t, m)
		typed := made.Code
		if !c.right {
			typed = other(typed)
		}
		proof, err := verify(t, m, typed, stateless.WithHandle(made.Handle))
		require.Error(t, err, name)
		require.Zero(t, proof, name)
		require.Equal(t, stateless.Attempt{Account: seen.Account, Use: made.ID, Until: clock.Now().Add(10 * time.Minute), Now: clock.Now(), Right: c.right}, seen, name)
		if c.want != nil {
			require.ErrorIs(t, err, c.want, name)
			continue
		}
		require.ErrorIs(t, err, c.answer, name)
		require.ErrorContains(t, err, "undecided")
		for _, reason := range []error{stateless.ErrMismatch, stateless.ErrLocked, stateless.ErrUsed, stateless.ErrInvalid} {
			require.NotErrorIs(t, err, reason)
		}
	}
}
