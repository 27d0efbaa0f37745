package once_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/internal/keyring"
	"github.com/seed-3f7b73d1/onetime/internal/once"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

func TestOnce_AStepIsRememberedForTenMinutesToTheMillisecond(t *testing.T) {
	for after, fields := range map[time.Duration]int{10 * time.Minute: 3, 10*time.Minute + time.Millisecond: 2} {
		s := onMini(t)
		s.takes(t, s.step(t, 0))
		s.takes(t, counter(0, 1)) // or the record would end
		s.Advance(t, after)
		s.takes(t, index(0, 1))
		require.Len(t, s.Record(t, s.Only(t)), fields)
	}
}

// What a record holds is looked through where it may be too much: not in a new one, nor where the secret is known.
func TestOnce_ANewRecordIsNotLookedThrough(t *testing.T) {
	rig.OnRedis(t, func(t *testing.T, b *rig.Backend) {
		s := newScene(t, b)
		s.takes(t, counter(0, 1))
		for _, c := range []struct {
			flushed bool
			number  once.Number
			looked  bool
		}{{true, counter(0, 1), false}, {false, counter(0, 2), false}, {false, index(0, 1), true}} {
			if c.flushed {
				require.NoError(t, b.Raw.FlushAll(t.Context()).Err())
			}
			require.NoError(t, b.Raw.ConfigResetStat(t.Context()).Err())
			s.takes(t, c.number)
			stats := b.Raw.Info(t.Context(), "commandstats").Val()
			if c.looked {
				require.Contains(t, stats, "cmdstat_hkeys:calls=1,")
			} else {
				require.NotContains(t, stats, "cmdstat_hkeys")
			}
			if c.flushed {
				require.Contains(t, stats, "cmdstat_pexpireat:calls=1,", "its end is set once")
			}
		}
	})
}

// Another sending is one whichever of the numbers was taken.
func TestRule13_ARepeatOfTheSecondMatch(t *testing.T) {
	s := onMini(t)
	c := s.call(t, counter(9, 3), index(0, 1))
	c.Group = keyring.Random(keyring.IDSize)
	first, err := s.run(t, c)
	require.NoError(t, err)
	again, err := s.run(t, c)
	require.NoError(t, err)
	require.Equal(t, once.Use{Number: index(0, 1), Match: 1, At: first.At, Call: first.Call, Repeated: true}, again)
}

func TestOnce_EachUseOfASecretIsRememberedForItsTime(t *testing.T) {
	s := onMini(t)
	for number := range int64(3) {
		s.takes(t, counter(0, number))
		require.Equal(t, 30*24*time.Hour, s.Raw.PTTL(t.Context(), s.Only(t)).Val())
		s.Advance(t, 20*24*time.Hour)
	}
	s.takes(t, index(0, 1))
	require.Equal(t, 30*24*time.Hour, s.Raw.PTTL(t.Context(), s.Only(t)).Val())
}
