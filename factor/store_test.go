package factor_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/factor"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

func (s *scene) in(ctx context.Context, store factor.Store, code string, opts ...onetime.VerifyOption) (factor.Proof, error) {
	return s.VerifyIn(ctx, store, alice, code, opts...)
}

func TestVerifyIn_StoresWhatIsUsed(t *testing.T) {
	everywhere(t, func(t *testing.T, s *scene) {
		codes := s.codes(t, 3)
		e, err := s.EnrollTOTP(alice, "pending")
		require.NoError(t, err)
		store := newTable(alice, codes.Blob, e.Blob, s.app(t))
		code := s.code(0)
		p, err := s.in(t.Context(), store, code)
		require.NoError(t, err)
		require.Equal(t, 2, p.Index)
		require.Equal(t, store.rows[alice][2], p.Blob)
		require.NoError(t, s.Raw.FlushAll(t.Context()).Err())
		_, err = s.in(t.Context(), store, code)
		rig.Refused(t, err, onetime.ErrUsed)

		p, err = s.VerifyRecoveryIn(t.Context(), store, alice, codes.Codes[1])
		require.NoError(t, err)
		require.Equal(t, 0, p.Index)
		require.NoError(t, s.Raw.FlushAll(t.Context()).Err())
		_, err = s.VerifyRecoveryIn(t.Context(), store, alice, codes.Codes[1])
		rig.Refused(t, err, onetime.ErrUsed)

		_, err = s.VerifyIn(t.Context(), store, "nobody", "123456")
		rig.Refused(t, err, onetime.ErrNotFound)
		_, err = s.VerifyRecoveryIn(t.Context(), store, "nobody", codes.Codes[0])
		rig.Refused(t, err, onetime.ErrNotFound)
		_, err = s.VerifyIn(t.Context(), nil, alice, "123456")
		rig.Invalid(t, err, "factor: VerifyIn: the Store is nil")
	})
}

// The write was lost, so only Redis knows: it refuses for as long as it remembers.
func TestRule15_NoReplayWhereTheWriteWasLost(t *testing.T) {
	everywhere(t, func(t *testing.T, s *scene) {
		code := s.shown()
		store := newTable(alice, s.app(t))
		store.failing = func(int) (bool, error) { return false, errors.New("disk full") }
		_, err := s.in(t.Context(), store, code(0))
		rig.Undecided(t, err)
		store.failing = nil
		_, err = s.in(t.Context(), store, code(0))
		rig.Refused(t, err, onetime.ErrUsed)
		_, err = s.in(t.Context(), store, code(1))
		require.NoError(t, err, "the next code")
	}, wide)
}

// Redis was flushed between the success and the UPDATE: two calls had the same code accepted, and one of them stores it.
func TestRule15_RedisFlushedBetweenSuccessAndUpdate(t *testing.T) {
	everywhere(t, func(t *testing.T, s *scene) {
		store, code := newTable(alice, s.app(t)), s.code(0)
		var second error
		store.swapping = func(n int) {
			if n == 1 {
				require.NoError(t, s.Raw.FlushAll(t.Context()).Err())
				_, second = s.in(t.Context(), store, code)
			}
		}
		_, first := s.in(t.Context(), store, code)
		require.NoError(t, second, "it stored its use first")
		rig.Refused(t, first, onetime.ErrUsed)
	})
}

func TestRule15_ManyCopiesWhileRedisIsFlushedAgainAndAgain(t *testing.T) {
	rig.OnRedis(t, func(t *testing.T, b *rig.Backend) {
		s := newScene(t, b, mustKeys(t, sealing))
		codes := s.codes(t, 16)
		store := newTable(alice, s.app(t), codes.Blob)
		code := s.code(0)
		var won [17]atomic.Int64
		var all sync.WaitGroup
		for i := range 340 {
			all.Go(func() {
				if i%20 == 0 {
					b.Raw.FlushAll(t.Context())
				}
				var err error
				if i%17 == 16 {
					_, err = s.in(t.Context(), store, code)
				} else {
					_, err = s.VerifyRecoveryIn(t.Context(), store, alice, codes.Codes[i%17])
				}
				if err == nil {
					won[i%17].Add(1)
				}
			})
		}
		all.Wait()
		for i := range won {
			require.LessOrEqual(t, won[i].Load(), int64(1), i)
		}
		for i, code := range codes.Codes {
			_, err := s.VerifyRecoveryIn(t.Context(), store, alice, code)
			require.Equal(t, won[i].Load() == 0, err == nil, "what nobody got is free, what somebody got is used")
		}
	})
}

// Two devices with one secret, one a step ahead, and one row. Whoever stores first, both are in, and neither use is lost.
func TestVerifyIn_TwoRightCodesOfTwoDevicesOnOneRow(t *testing.T) {
	for _, order := range []string{"the earlier step is stored first", "the later step is stored first"} {
		s := onMini(t)
		store := newTable(alice, s.app(t))
		later := s.code(1)
		var inner error
		store.swapping = func(n int) {
			if n == 1 && order == "the later step is stored first" { // the earlier one has been accepted by Redis
				_, inner = s.in(t.Context(), store, later)
			}
		}
		_, err := s.in(t.Context(), store, s.code(0))
		require.NoError(t, err, order)
		require.NoError(t, inner, order)
		if order == "the earlier step is stored first" {
			_, err = s.in(t.Context(), store, later)
			require.NoError(t, err)
		}
		require.NoError(t, s.Raw.FlushAll(t.Context()).Err())
		for beside := int64(-1); beside <= 1; beside++ {
			_, err := s.in(t.Context(), store, s.code(beside))
			rig.Refused(t, err, onetime.ErrUsed)
		}
	}
}

// Two apps, each with a secret of its own, in a table that keeps one version for all blobs of an account.
func TestVerifyIn_TwoAppsInATableThatChangesAsAWhole(t *testing.T) {
	s := onMini(t)
	other, err := s.ImportKey(alice, []byte("another key of an app"))
	require.NoError(t, err)
	store := newTable(alice, s.app(t), other.Blob)
	whole := &versioned{table: store}
	var inner error
	store.swapping = func(n int) {
		if n == 1 {
			_, inner = s.VerifyIn(t.Context(), whole, alice, hotp(factor.SHA1, []byte("another key of an app"), 6, s.Now.Unix()/30))
		}
	}
	_, err = s.VerifyIn(t.Context(), whole, alice, s.code(0))
	require.NoError(t, err)
	require.NoError(t, inner)
	require.Equal(t, 3, store.swaps, "one of them had to swap twice")
}

// versioned refuses a Swap if anything of the account was written since.
type versioned struct {
	*table
	version atomic.Int64
}

func (s *versioned) Swap(ctx context.Context, account string, old, blob []byte) (bool, error) {
	before := s.version.Load()
	s.table.mu.Lock()
	s.table.swaps++
	n, swapping := s.table.swaps, s.table.swapping
	s.table.mu.Unlock()
	swapping(n)
	if !s.version.CompareAndSwap(before, before+1) {
		return false, nil
	}
	plain := &table{rows: s.table.rows}
	return plain.Swap(ctx, account, old, blob)
}

func TestVerifyIn_ACommitThatIsNotKnownIsReadAgain(t *testing.T) {
	for _, done := range []bool{true, false} {
		s := onMini(t)
		store := newTable(alice, s.app(t))
		store.failing = func(n int) (bool, error) {
			if n == 1 {
				return done, errors.New("connection reset")
			}
			return true, nil
		}
		p, err := s.in(t.Context(), store, s.code(0))
		require.NoError(t, err)
		require.Equal(t, store.only(alice), p.Blob)
		require.NoError(t, s.Raw.FlushAll(t.Context()).Err())
		_, err = s.in(t.Context(), store, s.code(0))
		rig.Refused(t, err, onetime.ErrUsed)
	}
}

// It may have been stored, and another call may have written since: nobody knows, so it is no yes.
func TestVerifyIn_ACommitThatStaysUnknownIsUndecided(t *testing.T) {
	s := onMini(t)
	store := newTable(alice, s.app(t))
	reset := errors.New("connection reset")
	store.failing = func(n int) (bool, error) {
		if n == 1 {
			return true, reset
		}
		return true, nil
	}
	store.loading = func(n int) error {
		if n == 2 { // it was stored, and the next code was, too
			p, err := s.verify(t, store.only(alice), s.code(1))
			require.NoError(t, err)
			store.rows[alice][0] = p.Blob
		}
		return nil
	}
	_, err := s.in(t.Context(), store, s.code(0))
	rig.Undecided(t, err)
	require.ErrorIs(t, err, reset)

	s = onMini(t)
	store = newTable(alice, s.app(t))
	store.failing = func(int) (bool, error) { return true, reset }
	store.loading = func(n int) error {
		if n == 2 {
			return errors.New("connection refused")
		}
		return nil
	}
	_, err = s.in(t.Context(), store, s.code(0))
	rig.Undecided(t, err)
	require.ErrorIs(t, err, reset)
}

func TestVerifyIn_AnUnknownCommitIsFoundUnderAnotherKey(t *testing.T) {
	b := rig.NewMini(t, time.Unix(1_800_000_000, 0))
	s, job := newScene(t, b, mustKeys(t, sealing, another)), newScene(t, b, mustKeys(t, another, sealing))
	store := newTable(alice, s.app(t))
	store.failing = func(int) (bool, error) { return true, errors.New("connection reset") }
	store.loading = func(n int) error {
		if n == 2 { // it was stored, and resealed by a batch job
			blob, changed, err := job.Reseal(alice, store.only(alice))
			require.NoError(t, err)
			require.True(t, changed)
			store.rows[alice][0] = blob
		}
		return nil
	}
	p, err := s.in(t.Context(), store, s.code(0))
	require.NoError(t, err)
	require.Equal(t, store.only(alice), p.Blob)
}

func TestVerifyIn_RegeneratedWhileACodeIsInFlight(t *testing.T) {
	s := onMini(t)
	codes, next := s.codes(t, 3), s.codes(t, 3)
	store := newTable(alice, codes.Blob)
	store.swapping = func(n int) {
		if n == 1 {
			store.rows[alice][0] = next.Blob
		}
	}
	_, err := s.VerifyRecoveryIn(t.Context(), store, alice, codes.Codes[0])
	rig.Refused(t, err, onetime.ErrNotFound)
	require.Equal(t, next.Blob, store.only(alice))
	_, err = s.VerifyRecoveryIn(t.Context(), store, alice, codes.Codes[1])
	rig.Refused(t, err, onetime.ErrMismatch)
	p, err := s.VerifyRecoveryIn(t.Context(), store, alice, next.Codes[0])
	require.NoError(t, err)
	require.Equal(t, 2, p.Left)
}

func TestVerifyIn_TwoRecoveryCodesInParallel(t *testing.T) {
	everywhere(t, func(t *testing.T, s *scene) {
		codes := s.codes(t, 16)
		store := newTable(alice, codes.Blob)
		var all sync.WaitGroup
		var won atomic.Int64
		for i := range 8 {
			all.Go(func() {
				if _, err := s.VerifyRecoveryIn(t.Context(), store, alice, codes.Codes[i]); err == nil {
					won.Add(1)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 8, won.Load())
		info, err := s.Inspect(alice, store.only(alice))
		require.NoError(t, err)
		require.Equal(t, 8, info.Left, "none is lost")
	})
}

func TestVerifyIn_ASecondSendingStoresWhatTheFirstDidNot(t *testing.T) {
	s := onMini(t)
	store, form := newTable(alice, s.app(t)), onetime.Idempotent("a nonce of the form, and a session")
	store.failing = func(int) (bool, error) { return false, errors.New("disk full") }
	_, err := s.in(t.Context(), store, s.code(0), form)
	rig.Undecided(t, err)
	store.failing = nil
	p, err := s.in(t.Context(), store, s.code(0), form)
	require.NoError(t, err)
	require.True(t, p.Repeated)
	require.NoError(t, s.Raw.FlushAll(t.Context()).Err())
	_, err = s.in(t.Context(), store, s.code(0), form)
	rig.Refused(t, err, onetime.ErrUsed)
}

func TestVerifyIn_BothSendingsOfAFormAtOnce(t *testing.T) {
	s := onMini(t)
	store, form := newTable(alice, s.app(t)), onetime.Idempotent("a nonce of the form, and a session")
	var second factor.Proof
	var inner error
	store.swapping = func(n int) {
		if n == 1 {
			second, inner = s.in(t.Context(), store, s.code(0), form)
		}
	}
	first, err := s.in(t.Context(), store, s.code(0), form)
	require.NoError(t, inner)
	require.True(t, second.Repeated)
	require.NoError(t, err, "the second has stored the use of both")
	require.Equal(t, first.Call(), second.Call())
	require.Equal(t, store.only(alice), first.Blob)
}

// After a flush a replay that is sent twice finds its first sending in Redis. The row knows that it was another call.
func TestRule15_AReplayThatIsSentTwiceAfterAFlush(t *testing.T) {
	s := onMini(t)
	store, form := newTable(alice, s.app(t)), onetime.Idempotent("a nonce of the form, and a session")
	store.swapping = func(n int) {
		switch n {
		case 1: // the replays have loaded the row, and Redis has judged the first; now comes the person
			require.NoError(t, s.Raw.FlushAll(t.Context()).Err())
			_, err := s.in(t.Context(), store, s.code(0))
			require.NoError(t, err)
			require.NoError(t, s.Raw.FlushAll(t.Context()).Err())
		}
	}
	stale := &frozen{table: store, first: [][]byte{store.only(alice)}}
	_, err := s.in(t.Context(), stale, s.code(0), form)
	rig.Refused(t, err, onetime.ErrUsed)

	// Both sendings had loaded it, and Redis takes the second for the second of the first.
	_, err = s.Verify(t.Context(), alice, s.code(0), stale.first, form)
	require.NoError(t, err)
	again := &frozen{table: store, first: stale.first}
	_, err = s.in(t.Context(), again, s.code(0), form)
	rig.Refused(t, err, onetime.ErrUsed)
}

// frozen is a table whose first Load is of long ago.
type frozen struct {
	*table
	first [][]byte
	done  bool
}

func (s *frozen) Load(ctx context.Context, account string) ([][]byte, error) {
	if !s.done {
		s.done = true
		return s.first, nil
	}
	return s.table.Load(ctx, account)
}

func TestVerifyIn_ARowThatNeverHoldsStillIsUndecided(t *testing.T) {
	s := onMini(t)
	store := newTable(alice, s.app(t))
	store.swapping = func(int) { store.rows[alice][0] = s.app(t) }
	_, err := s.in(t.Context(), store, s.code(0))
	rig.Undecided(t, err)
	require.Equal(t, 16, store.swaps)
	store.loading = func(int) error { return errors.New("gone") }
	_, err = s.in(t.Context(), store, s.code(1))
	rig.Undecided(t, err)
}
