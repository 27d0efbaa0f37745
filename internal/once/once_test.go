package once_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/fault"
	"github.com/seed-3f7b73d1/onetime/internal/keyring"
	"github.com/seed-3f7b73d1/onetime/internal/once"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

func TestRule15_OneWinnerOfParallelCopiesOfARightCode(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		s := newScene(t, b)
		for _, n := range []once.Number{s.step(t, 0), counter(3, 5), index(0, 7)} {
			var won, used atomic.Int64
			var all sync.WaitGroup
			for range 200 {
				all.Go(func() {
					call := s.call(t, n)
					_, err := once.Run(t.Context(), s.inside, call)
					switch {
					case err == nil:
						won.Add(1)
					case errors.Is(err, onetime.ErrUsed):
						used.Add(1)
					}
				})
			}
			all.Wait()
			require.EqualValues(t, 1, won.Load(), n.Kind)
			require.EqualValues(t, 199, used.Load(), n.Kind)
		}
		require.Zero(t, b.Record(t, b.Only(t))["f"], "a code that was used is not charged")
	})
}

func TestRule15_StepsAndCountersOnlyRise(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		s := newScene(t, b)
		later := s.step(t, 1)
		earlier := later
		earlier.Number--
		s.takes(t, later)
		s.refuses(t, onetime.ErrUsed, earlier)
		s.refuses(t, onetime.ErrUsed, later)
		s.takes(t, counter(3, 5))
		for number := range int64(6) {
			s.refuses(t, onetime.ErrUsed, counter(3, number))
		}
		s.takes(t, counter(3, 6))
	})
}

func TestRule15_IndexesAreUsedOneByOne(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		s := newScene(t, b)
		for _, n := range []int64{7, 0, 15, 3} {
			require.Equal(t, n, s.takes(t, index(0, n)).Number.Number)
		}
		for _, n := range []int64{7, 0, 15, 3} {
			s.refuses(t, onetime.ErrUsed, index(0, n))
		}
		s.refuses(t, onetime.ErrUsed, index(1<<9, 9)) // by the row alone
		s.takes(t, index(0, 9))
	})
}

// Redis was flushed after the use: the caller's row refuses. The row was not written: Redis refuses.
func TestRule15_EitherMemoryRefuses(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		s := newScene(t, b)
		step := s.step(t, 0)
		for _, numbers := range [][2]once.Number{
			{step, func() once.Number { n := step; n.Used = n.Number + 1; return n }()},
			{counter(3, 5), counter(6, 5)},
			{index(0, 5), index(1<<5, 5)},
		} {
			s.takes(t, numbers[0])
			s.refuses(t, onetime.ErrUsed, numbers[0])
			require.NoError(t, b.Raw.FlushAll(t.Context()).Err())
			s.refuses(t, onetime.ErrUsed, numbers[1])
		}
	})
}

func TestRule15_TheFirstNumberThatIsFreeIsTaken(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		s := newScene(t, b)
		other := counter(0, 9)
		other.Secret = "8 bytes."
		s.takes(t, counter(0, 5))
		require.Equal(t, other, s.takes(t, counter(0, 5), other).Number)
		require.Equal(t, counter(0, 7), s.takes(t, counter(0, 5), counter(0, 7), counter(0, 6)).Number)
		s.refuses(t, onetime.ErrUsed, counter(0, 5), other)
	})
}

func TestOnce_OneSecretInTwoRowsIsOne(t *testing.T) {
	s, r := taped(t, rig.NewMini(t, time.Now().Truncate(time.Millisecond)))
	form := s.call(t, counter(0, 5), counter(3, 5))
	form.Group = keyring.Random(keyring.IDSize)
	first, err := s.run(t, form)
	require.NoError(t, err)
	require.Equal(t, 0, first.Match)
	require.Equal(t, int64(1), ranLate(t, r.last)[1], "a copy is answered as at first")
	again, err := s.run(t, form)
	require.NoError(t, err)
	require.Equal(t, 0, again.Match, "and so is another sending")
	s.refuses(t, onetime.ErrUsed, counter(0, 5), counter(3, 5))
}

func TestOnce_ClocksUpTo90SecondsApartAreDecided(t *testing.T) {
	for _, period := range []time.Duration{15 * time.Second, 30 * time.Second, 60 * time.Second} {
		for _, apart := range []time.Duration{0, 89 * time.Second, 90 * time.Second} {
			for _, sign := range []time.Duration{-1, 1} {
				s := onMini(t)
				n := s.step(t, 0)
				n.Number, n.Period, n.Back, n.Ahead = s.Now.Unix()/int64(period.Seconds()), period, 1, 1
				c := s.call(t, n)
				c.Local = c.Local.Add(sign * apart)
				_, err := s.run(t, c)
				require.NoError(t, err)
				c.Numbers = nil
				_, err = s.run(t, c)
				rig.Refused(t, err, onetime.ErrMismatch)
			}
		}
	}
}

func TestOnce_ClocksFurtherApartAreUndecidedAndFree(t *testing.T) {
	for _, apart := range []time.Duration{90*time.Second + time.Millisecond, 91 * time.Second, 160 * time.Second, -91 * time.Second, -160 * time.Second} {
		s := onMini(t)
		for _, numbers := range [][]once.Number{{s.step(t, 0)}, nil, {counter(0, 1)}} {
			c := s.call(t, numbers...)
			c.Local = c.Local.Add(apart)
			_, err := s.run(t, c)
			rig.Undecided(t, err)
			require.ErrorIs(t, err, fault.ErrClock)
			require.Empty(t, s.Records(t), "nothing is charged, nothing used")
		}
	}
	s := onMini(t)
	c := s.call(t, counter(0, 1))
	c.Local = time.Time{}
	_, err := s.run(t, c)
	require.NoError(t, err, "where no number is a step no clock matters")
}

func TestOnce_StepsOutsideTheWindowAreWrong(t *testing.T) {
	for _, window := range [][2]int{{0, 0}, {1, 1}, {2, 2}, {0, 2}, {2, 0}} {
		for beside := int64(-4); beside <= 4; beside++ {
			s := onMini(t)
			n := s.step(t, beside)
			n.Back, n.Ahead = window[0], window[1]
			_, err := s.run(t, s.call(t, n))
			if -int64(window[0]) <= beside && beside <= int64(window[1]) {
				require.NoError(t, err)
				continue
			}
			rig.Refused(t, err, onetime.ErrMismatch)
			require.Equal(t, "1", s.Record(t, s.Only(t))["f"], "and charged")
		}
	}
}

func TestOnce_LimitsOfWrongCodesHold(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		s := newScene(t, b, onetime.WithGuessLimits(onetime.Limit{Burst: 3, Per: time.Hour}, onetime.Limit{Burst: 50, Per: 24 * time.Hour}))
		for left := 2; left >= 0; left-- {
			denied := s.refuses(t, onetime.ErrMismatch)
			require.Equal(t, left, denied.AttemptsLeft)
			require.Equal(t, left == 0, denied.RetryAfter > 0)
		}
		for _, numbers := range [][]once.Number{nil, {counter(0, 1)}, {s.step(t, 0)}} {
			require.Positive(t, s.refuses(t, onetime.ErrLocked, numbers...).RetryAfter, "right codes, too")
		}
		c := s.call(t, index(0, 1))
		c.Mode = once.Free
		_, err := s.run(t, c)
		require.NoError(t, err, "what cannot be guessed is not locked")
		require.Equal(t, "3", b.Record(t, b.Only(t))["f"], "and sets nothing back")
	})
}

func TestOnce_WrongCodesOfParallelCallsAreWithinTheLimits(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		s := newScene(t, b)
		var judged atomic.Int64
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				if _, err := once.Run(t.Context(), s.inside, s.call(t)); errors.Is(err, onetime.ErrMismatch) {
					judged.Add(1)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 10, judged.Load())
	})
}

func TestOnce_EightyFiveWrongCodesDisable(t *testing.T) {
	s := onMini(t, rig.ManyGuesses)
	for range 84 {
		s.refuses(t, onetime.ErrMismatch)
	}
	c := s.call(t, counter(0, 1))
	c.Mode = once.Confirm
	_, err := s.run(t, c)
	require.NoError(t, err)
	require.Equal(t, "84", s.Record(t, s.Only(t))["f"], "a secret of the person's own making sets no failures back")
	s.takes(t, counter(0, 2))
	require.Equal(t, "0", s.Record(t, s.Only(t))["f"])
	for range 85 {
		s.refuses(t, onetime.ErrMismatch)
		s.Advance(t, 10*time.Millisecond)
	}
	s.refuses(t, onetime.ErrDisabled, counter(0, 3))
	s.Left(t, 400*24*3600, s.Raw.PTTL(t.Context(), s.Only(t)).Val())
}

func TestOnce_ACodeOfNoLimitsThatMatchesNothingWritesNothing(t *testing.T) {
	s := onMini(t)
	c := s.call(t)
	c.Mode = once.Free
	_, err := s.run(t, c)
	rig.Refused(t, err, onetime.ErrNotFound)
	require.Empty(t, s.Records(t))
}

func TestOnce_UseIsRememberedForItsTime(t *testing.T) {
	for kind, want := range map[string]time.Duration{once.Step: 10 * time.Minute, once.Counter: 30 * 24 * time.Hour, once.Index: 30 * 24 * time.Hour} {
		s := onMini(t)
		n := map[string]once.Number{once.Step: s.step(t, 0), once.Counter: counter(0, 1), once.Index: index(0, 1)}[kind]
		s.takes(t, n)
		require.Equal(t, want, s.Raw.PTTL(t.Context(), s.Only(t)).Val())
	}
}

// secret is the name of one of many.
func secret(i int) string { return string(binary.BigEndian.AppendUint64(nil, uint64(i))) }

func TestOnce_FiftyThousandSecretsLeaveSixteenFields(t *testing.T) {
	rig.OnRedis(t, func(t *testing.T, b *rig.Backend) {
		many := 50_000
		if testing.Short() {
			many = 500
		}
		s := newScene(t, b)
		failed := make(chan error, 8)
		for part := range 8 {
			go func() {
				failed <- func() error {
					for i := part; i < many; i += 8 {
						n := counter(0, 1)
						n.Secret = secret(i)
						if _, err := once.Run(t.Context(), s.inside, s.call(t, n)); err != nil {
							return err
						}
						if fields := b.Raw.HLen(t.Context(), s.who.RecordKey(s.inside.Runner.Prefix)).Val(); i%500 == 0 && fields > 16 {
							return fmt.Errorf("%d fields", fields)
						}
					}
					return nil
				}()
			}()
		}
		for range 8 {
			require.NoError(t, <-failed)
		}
		require.Len(t, b.Record(t, b.Only(t)), 16)
		require.Less(t, b.Raw.MemoryUsage(t.Context(), b.Only(t)).Val(), int64(2000), "bytes")
	})
}

func TestOnce_OfManySecretsTheOldestGoes(t *testing.T) {
	s := onMini(t)
	n := counter(0, 1)
	for i := range 40 {
		n.Secret = secret(i)
		s.takes(t, n)
		s.Advance(t, time.Millisecond)
		require.Len(t, s.Record(t, s.Only(t)), min(i+1, 16))
	}
	for i := 24; i < 40; i++ {
		n.Secret = secret(i)
		s.refuses(t, onetime.ErrUsed, n)
	}
	n.Secret = secret(23)
	s.takes(t, n) // only its row would know
}

func TestOnce_StepsOutsideEveryWindowGoFirst(t *testing.T) {
	s := onMini(t)
	old := counter(0, 1)
	old.Secret = "8 bytes."
	s.takes(t, old)
	for i := range 14 {
		n := s.step(t, 0)
		n.Secret = secret(i)
		s.Advance(t, time.Second)
		s.takes(t, n)
	}
	require.Len(t, s.Record(t, s.Only(t)), 15)
	s.Advance(t, 10*time.Minute-6*time.Second-500*time.Millisecond)
	s.takes(t, index(0, 1))
	require.Len(t, s.Record(t, s.Only(t)), 9, "of 14 steps 7 are over, and the oldest of all is kept")
	s.refuses(t, onetime.ErrUsed, old)
	for i := range 8 {
		n := counter(0, 1)
		n.Secret = secret(100 + i)
		s.Advance(t, time.Millisecond)
		s.takes(t, n)
	}
	require.Len(t, s.Record(t, s.Only(t)), 16)
	s.takes(t, old) // the oldest went: only the row knows
}

func TestOnce_OfAnUndoTheNumberIsFreeAgain(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		s := newScene(t, b)
		for _, n := range []once.Number{s.step(t, 0), counter(3, 5), index(1<<3, 5)} {
			use := s.takes(t, n)
			require.NoError(t, s.undo(t, use))
			require.NoError(t, s.undo(t, use), "it may be repeated")
			second := s.takes(t, n)
			rig.Refused(t, s.undo(t, use), onetime.ErrUsed)
			s.refuses(t, onetime.ErrUsed, n)
			require.NoError(t, s.undo(t, second))
			rig.Refused(t, s.undo(t, use), onetime.ErrUsed)

			nobody := use
			nobody.Number.Secret = "nothing."
			rig.Refused(t, s.undo(t, nobody), onetime.ErrNotFound)
		}
		before := b.Record(t, b.Only(t))
		lower := s.takes(t, counter(3, 4))
		require.NoError(t, s.undo(t, lower))
		s.takes(t, index(1<<3, 6))
		first := s.takes(t, index(1<<3, 5))
		s.takes(t, index(1<<3, 7))
		rig.Refused(t, s.undo(t, first), onetime.ErrUsed)
		require.NotEqual(t, before, b.Record(t, b.Only(t)))
	})
}

func TestOnce_UndoFreesWhatWasFreeBeforeAndNothingElse(t *testing.T) {
	s := onMini(t)
	s.takes(t, counter(3, 5))
	require.NoError(t, s.undo(t, s.takes(t, counter(3, 8))))
	s.refuses(t, onetime.ErrUsed, counter(3, 5))
	s.takes(t, counter(3, 6))

	other := index(1<<3, 1)
	s.takes(t, other)
	other.Number = 2
	require.NoError(t, s.undo(t, s.takes(t, other)))
	other.Number = 1
	s.refuses(t, onetime.ErrUsed, other)
	other.Number = 2
	s.takes(t, other)
}

func TestRule6_ACopyOfTheCallIsAnsweredAsAtFirst(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		s, r := taped(t, b)
		for _, n := range []once.Number{s.step(t, 0), counter(3, 5), index(0, 5)} {
			use := s.takes(t, n)
			right := r.last
			want := []any{rig.Statuses["OK"], int64(1), use.At.UnixMilli(), use.Call, int64(0)}
			require.Equal(t, want, ranLate(t, right))
			s.refuses(t, onetime.ErrMismatch)
			wrong := r.last
			before := b.Record(t, b.Only(t))
			require.Equal(t, rig.Statuses["MISMATCH"], ranLate(t, wrong)[0])
			require.Equal(t, before, b.Record(t, b.Only(t)), "a copy of a wrong code is not charged again")
			require.Equal(t, want, ranLate(t, right))
			require.Equal(t, before, b.Record(t, b.Only(t)), "a copy of a right one sets no failures back")
		}
		require.EqualValues(t, "1", b.Record(t, b.Only(t))["f"])
	})
}

func TestRule6_ACopyOfTheCallLengthensNothing(t *testing.T) {
	for _, kind := range []string{once.Step, once.Counter, once.Index} {
		s, r := taped(t, rig.NewMini(t, time.Now().Truncate(time.Millisecond)))
		s.takes(t, map[string]once.Number{once.Step: s.step(t, 0), once.Counter: counter(0, 1), once.Index: index(0, 1)}[kind])
		life := s.Raw.PTTL(t.Context(), s.Only(t)).Val()
		s.Advance(t, time.Minute)
		require.Equal(t, rig.Statuses["OK"], ranLate(t, r.last)[0])
		require.Equal(t, life-time.Minute, s.Raw.PTTL(t.Context(), s.Only(t)).Val(), kind)
	}
}

func TestRule12_ALateCopyOfAnUndoneUseFindsNothing(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		s, r := taped(t, b)
		for _, n := range []once.Number{s.step(t, 0), counter(3, 5), index(0, 5)} {
			use := s.takes(t, n)
			right := r.last
			require.NoError(t, s.undo(t, use))
			before := b.Record(t, b.Only(t))
			require.Equal(t, []any{rig.Statuses["NOT_FOUND"]}, ranLate(t, right))
			require.Equal(t, before, b.Record(t, b.Only(t)))
			s.takes(t, n)
			require.Equal(t, []any{rig.Statuses["NOT_FOUND"]}, ranLate(t, right))
		}
	})
}

func TestRule12_ACopyThatAnotherUseOvertookIsNoSuccess(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		s, r := taped(t, b)
		s.takes(t, counter(3, 5))
		right := r.last
		s.takes(t, counter(3, 6))
		require.Equal(t, []any{rig.Statuses["USED"]}, ranLate(t, right))
	})
}

func TestRule13_SendingsOfOneFormAreOneUse(t *testing.T) {
	for _, kind := range []string{once.Step, once.Counter, once.Index} {
		s := onMini(t)
		n := map[string]once.Number{once.Step: s.step(t, 0), once.Counter: counter(0, 1), once.Index: index(0, 1)}[kind]
		c := s.call(t, n)
		c.Group = keyring.Random(keyring.IDSize)
		first, err := s.run(t, c)
		require.NoError(t, err)
		require.False(t, first.Repeated)
		s.refuses(t, onetime.ErrUsed, n)

		s.Advance(t, time.Minute)
		c.Local = s.Now
		again, err := s.run(t, c)
		require.NoError(t, err)
		require.Equal(t, once.Use{Number: n, At: first.At, Call: first.Call, Repeated: true}, again)
		rig.Refused(t, s.undo(t, first), onetime.ErrUsed)

		s.Advance(t, time.Millisecond)
		_, err = s.run(t, c)
		require.ErrorIs(t, err, onetime.ErrDenied)
	}
}

func TestRule13_AfterAnUndoAnotherSendingIsANewCall(t *testing.T) {
	s := onMini(t)
	c := s.call(t, counter(0, 1))
	c.Group = keyring.Random(keyring.IDSize)
	first, err := s.run(t, c)
	require.NoError(t, err)
	require.NoError(t, s.undo(t, first))
	second, err := s.run(t, c)
	require.NoError(t, err)
	require.False(t, second.Repeated)
	require.NotEqual(t, first.Call, second.Call)
}

func TestRule8_WhatOnceDidNotWriteIsUndecided(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		s := newScene(t, b)
		use := s.takes(t, counter(0, 1))
		key := b.Only(t)
		field := "oh" + hexOf(use.Number.Secret)
		right := b.Record(t, key)[field]
		require.Len(t, right, 55)
		for _, garbage := range []string{"", "x", right[:54], right + "x", "y" + right[1:], right + right} {
			require.NoError(t, b.Raw.HSet(t.Context(), key, field, garbage).Err())
			_, err := s.run(t, s.call(t, counter(0, 2)))
			rig.Undecided(t, err)
			rig.Undecided(t, s.undo(t, use))
			require.Equal(t, garbage, b.Record(t, key)[field])
			_, err = s.run(t, s.call(t, index(0, 1)))
			rig.Undecided(t, err)
		}
		require.NoError(t, b.Raw.HSet(t.Context(), key, field, right).Err())
		s.takes(t, counter(0, 2))
	})
}

func TestRule4_EveryRecordOfOnceHasATTL(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		for _, numbers := range [][]once.Number{nil, {counter(0, 1)}, {index(0, 1)}} {
			s := newScene(t, b)
			require.NoError(t, b.Raw.FlushAll(t.Context()).Err())
			_, err := s.run(t, s.call(t, numbers...))
			require.Equal(t, numbers == nil, err != nil)
			require.Positive(t, b.Raw.PTTL(t.Context(), b.Only(t)).Val())
			require.NoError(t, b.Raw.Persist(t.Context(), b.Only(t)).Err())
			_, err = s.run(t, s.call(t))
			rig.Refused(t, err, onetime.ErrMismatch)
			require.Positive(t, b.Raw.PTTL(t.Context(), b.Only(t)).Val())
		}
	})
}

func TestTicket_OpensForItsPurposeOnly(t *testing.T) {
	s := onMini(t)
	ticket := s.ticket(s.takes(t, index(0, 1)))
	id := keyring.Random(keyring.IDSize)
	sealed := ticket.Seal(s.inside.Ring, id)
	got, gotID, ok := once.Open(s.inside.Ring, s.inside.Purpose, sealed)
	require.True(t, ok)
	require.Equal(t, ticket, got)
	require.Equal(t, id, gotID)
	_, _, ok = once.Open(s.inside.Ring, "another", sealed)
	require.False(t, ok)
	_, ok = s.inside.Ring.OpenTicket(s.inside.Purpose, sealed)
	require.False(t, ok, "it is none of a challenge")
	of := s.inside.Ring.SealTicket(keyring.Ticket{Challenge: s.who, Issue: id, Call: id})
	_, _, ok = once.Open(s.inside.Ring, s.inside.Purpose, of)
	require.False(t, ok)
}

// How many wrong codes are left, over limits of every size, is how many are evaluated.
func TestOnce_TellsTheWrongCodesThatAreLeft(t *testing.T) {
	const day = 24 * time.Hour
	for _, limits := range [][]onetime.Limit{
		{{Burst: 3, Per: 30 * day}, {Burst: 10, Per: time.Hour}},
		{{Burst: 10, Per: time.Hour}, {Burst: 3, Per: 30 * day}},
		{{Burst: 100, Per: 30 * day}},
		{{Burst: 99, Per: 30*day - 7*time.Millisecond}, {Burst: 100, Per: time.Second}},
		{{Burst: 1, Per: 30 * day}},
		{{Burst: 7, Per: 17*time.Hour + 3*time.Millisecond}, {Burst: 6, Per: 13 * time.Hour}, {Burst: 5, Per: 11 * day}, {Burst: 4, Per: 19 * day}},
	} {
		for _, wait := range []time.Duration{0, 5 * time.Hour, 10*day - time.Millisecond} {
			s := onMini(t, onetime.WithGuessLimits(limits...))
			least := 85 // then codes are disabled
			for _, l := range limits {
				least = min(least, l.Burst)
			}
			require.Equal(t, least-1, s.refuses(t, onetime.ErrMismatch).AttemptsLeft)
			s.Advance(t, wait)
			var told []int
			for {
				_, err := s.run(t, s.call(t))
				var denied *onetime.DeniedError
				require.ErrorAs(t, err, &denied)
				if denied.Reason != onetime.ErrMismatch {
					break
				}
				told = append(told, denied.AttemptsLeft)
			}
			for i, left := range told {
				require.Equal(t, len(told)-1-i, left, "%v", limits)
			}
		}
	}
}

// A time beyond what a limit can produce is of another setting: one more wrong code passes, and none is left after it.
func TestOnce_ALimitOfAnotherSettingIsCut(t *testing.T) {
	wide := onMini(t, onetime.WithGuessLimits(onetime.Limit{Burst: 100, Per: time.Hour}))
	for range 85 {
		wide.refuses(t, onetime.ErrMismatch)
	}
	require.NoError(t, wide.Raw.HSet(t.Context(), wide.Only(t), "f", "1").Err())
	narrow := newScene(t, wide.Backend, onetime.WithGuessLimits(onetime.Limit{Burst: 2, Per: time.Hour}))
	require.NoError(t, wide.Raw.HSet(t.Context(), wide.Only(t), "g3600000", wide.Now.Add(3*time.Hour).UnixMilli()).Err())
	denied := narrow.refuses(t, onetime.ErrMismatch)
	require.Zero(t, denied.AttemptsLeft)
	require.Equal(t, 30*time.Minute, denied.RetryAfter)
	narrow.refuses(t, onetime.ErrLocked)
}

// Of two matches of one call in the same record each has its own field, kind and window.
func TestOnce_EachMatchIsJudgedByItself(t *testing.T) {
	s := onMini(t)
	late := s.step(t, 3)
	early := s.step(t, -3)
	early.Secret = "8 bytes."
	wide := s.step(t, -1)
	wide.Secret, wide.Period, wide.Number = "8 BYTES.", time.Minute, s.Now.Unix()/60
	s.refuses(t, onetime.ErrMismatch, late, early)
	use := s.takes(t, late, early, wide, index(0, 3), counter(0, 1))
	require.Equal(t, 2, use.Match)
	use = s.takes(t, wide, index(1<<3, 3), counter(9, 8), index(1<<3, 2))
	require.Equal(t, 3, use.Match)
	s.refuses(t, onetime.ErrUsed, wide, index(1<<3, 3), late)
	require.Equal(t, 2, len(s.Record(t, s.Only(t)))-4, "fields of two secrets; two limits, failures and the last charge")
}

func TestRule4_WithoutTheRightToSetATTLNothingStays(t *testing.T) {
	rig.OnRedis(t, func(t *testing.T, b *rig.Backend) {
		ctx := t.Context()
		require.NoError(t, b.Raw.Do(ctx, "ACL", "SETUSER", "factors", "on", ">password", "~*", "+@all", "-pexpireat").Err())
		t.Cleanup(func() { b.Raw.Do(context.Background(), "ACL", "DELUSER", "factors") })
		client := redis.NewClient(&redis.Options{Addr: b.Raw.Options().Addr, Username: "factors", Password: "password", ContextTimeoutEnabled: true})
		t.Cleanup(func() { client.Close() })
		copied := *b
		copied.Client = client
		s := newScene(t, &copied)
		for _, numbers := range [][]once.Number{nil, {counter(0, 1)}, {s.step(t, 0)}} {
			_, err := s.run(t, s.call(t, numbers...))
			rig.Undecided(t, err)
			require.Empty(t, b.Records(t))
		}
	})
}

func TestOnce_TheLeastNumberThatIsFreeIsTaken(t *testing.T) {
	s := onMini(t)
	s.takes(t, counter(5, 5))
	s.takes(t, counter(5, 6))
	s.takes(t, index(0, 0))
}

// Only the last use has a repeat, even where a group had an earlier one of the set.
func TestRule13_AnEarlierIndexIsNoRepeat(t *testing.T) {
	s := onMini(t)
	c := s.call(t, index(0, 5))
	c.Group = keyring.Random(keyring.IDSize)
	for _, n := range []int64{5, 6} {
		c.Numbers = []once.Number{index(0, n)}
		_, err := s.run(t, c)
		require.NoError(t, err)
	}
	c.Numbers = []once.Number{index(0, 5)}
	_, err := s.run(t, c)
	rig.Refused(t, err, onetime.ErrUsed)
}

func TestRule13_AnotherNumberIsNoRepeat(t *testing.T) {
	s := onMini(t)
	c := s.call(t, index(0, 5))
	c.Group = keyring.Random(keyring.IDSize)
	_, err := s.run(t, c)
	require.NoError(t, err)
	for _, other := range []int64{0, 4, 6, 15} {
		c.Numbers = []once.Number{index(0xFFFF, other)}
		_, err := s.run(t, c)
		rig.Refused(t, err, onetime.ErrUsed)
	}
}
