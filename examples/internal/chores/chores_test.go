package chores

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

var errFailed = errors.New("failed")

// quick are chores that hardly rest.
func quick(t testing.TB) *Chores {
	c := New()
	c.rest = func(int) time.Duration { return time.Millisecond }
	t.Cleanup(func() { c.Shutdown(context.Background()) })
	return c
}

func await(t testing.TB, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(2 * time.Minute):
		require.FailNow(t, "never done")
	}
}

func TestNow_IsDoneWhenItReturns(t *testing.T) {
	c := quick(t)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	tries := 0
	c.Now(gone, "chore", time.Hour, func(ctx context.Context) error { tries++; return ctx.Err() })
	require.Equal(t, 1, tries)
}

func TestNow_TriesAgainUntilItWorks(t *testing.T) {
	c := quick(t)
	tries, done := 0, make(chan struct{})
	c.Now(t.Context(), "chore", time.Hour, func(context.Context) error {
		if tries++; tries < 4 {
			return errFailed
		}
		close(done)
		return nil
	})
	await(t, done)
	require.NoError(t, c.Shutdown(t.Context()))
	require.Equal(t, 4, tries, "and then no more")
}

func TestLater_DoesNotHoldUpTheAnswer(t *testing.T) {
	c := quick(t)
	begin, done := make(chan struct{}), make(chan struct{})
	c.Later("chore", time.Hour, func(context.Context) error { <-begin; close(done); return nil })
	close(begin)
	await(t, done)
}

func TestChores_GiveUpInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // in which rests take no time, and attempts last as long as they say
		c := New()
		tries, began := 0, time.Now()
		c.Later("chore", 10*time.Second, func(context.Context) error { tries++; return errFailed })
		c.working.Wait()
		require.Equal(t, 5, tries, "after 0, 1, 3, 7 and 15 seconds")
		require.Equal(t, 15*time.Second, time.Since(began))
	})
}

func TestShutdown_TriesOnceMore(t *testing.T) {
	c := New()
	c.rest = func(int) time.Duration { return time.Hour }
	var tries atomic.Int64
	c.Now(t.Context(), "chore", 2*time.Hour, func(context.Context) error { tries.Add(1); return errFailed })
	require.NoError(t, c.Shutdown(t.Context()))
	require.NoError(t, c.Shutdown(t.Context()))
	require.Equal(t, int64(2), tries.Load())
	c.Later("chore", time.Hour, func(context.Context) error { tries.Add(1); return nil })
	require.Equal(t, int64(2), tries.Load(), "after the end")
}

func TestShutdown_EndsWhatHangs(t *testing.T) {
	c := quick(t)
	hangs := make(chan struct{})
	c.Later("chore", 0, func(ctx context.Context) error { close(hangs); <-ctx.Done(); return ctx.Err() })
	await(t, hangs)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, c.Shutdown(gone), context.Canceled)
	c.working.Wait()
}

func TestRest_GrowsToAMinute(t *testing.T) {
	var rests []time.Duration
	for attempts := 1; attempts < 9; attempts++ {
		rests = append(rests, New().rest(attempts))
	}
	require.Equal(t, []time.Duration{1e9, 2e9, 4e9, 8e9, 16e9, 32e9, 60e9, 60e9}, rests)
	require.Equal(t, time.Minute, New().rest(1000))
}
