package limit_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	miniserver "github.com/alicebob/miniredis/v2/server"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/internal/limit"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

const key = "onetime:v1:budget:{test}"

func TestMain(m *testing.M) { rig.Main(m, rig.Redis) }

// start is when the clock of a miniredis stands still.
var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// client returns a client whose time-outs decide no test, however busy the machine is.
func client(addr string) *redis.Client {
	return redis.NewClient(&redis.Options{Addr: addr, PoolSize: 50, DialTimeout: time.Minute, ReadTimeout: time.Minute, PoolTimeout: time.Minute})
}

// mini returns a client of a miniredis whose clock stands still.
func mini(t *testing.T) (*miniredis.Miniredis, *redis.Client) {
	server := miniredis.RunT(t)
	server.SetTime(start)
	rdb := client(server.Addr())
	t.Cleanup(func() { rdb.Close() })
	return server, rdb
}

func refused(t *testing.T, err error) *limit.RefusedError {
	t.Helper()
	var r *limit.RefusedError
	require.ErrorAs(t, err, &r)
	return r
}

// newRedis returns a client of a server of its own.
func newRedis(t *testing.T) *redis.Client {
	t.Helper()
	rig.Needs(t, rig.Redis)
	server, err := rig.StartServer(rig.Redis)
	require.NoError(t, err)
	t.Cleanup(server.Remove)
	rdb := client(server.Addr)
	t.Cleanup(func() { rdb.Close() })
	return rdb
}

// backends are what the script runs on.
func backends(t *testing.T, test func(t *testing.T, rdb *redis.Client)) {
	t.Run("miniredis", func(t *testing.T) {
		_, rdb := mini(t)
		test(t, rdb)
	})
	t.Run("redis", func(t *testing.T) {
		test(t, newRedis(t))
	})
}

func TestTake_ARepeatIsChargedOnce(t *testing.T) {
	backends(t, func(t *testing.T, rdb *redis.Client) {
		l := limit.New(rdb, time.Hour)
		charges := []limit.Charge{{limit.Cap{"all", 3, 24 * time.Hour * 30}, 1}}
		for range 10 {
			require.NoError(t, l.Take(t.Context(), key, "a", charges))
		}
		require.NoError(t, l.Take(t.Context(), key, "b", charges))
		require.NoError(t, l.Take(t.Context(), key, "c", charges))
		require.Error(t, l.Take(t.Context(), key, "d", charges))
		require.NoError(t, l.Take(t.Context(), key, "a", charges), "known even where the cap is empty")
	})
}

func TestTake_RefillsAsTold(t *testing.T) {
	server, rdb := mini(t)
	l := limit.New(rdb, time.Minute)
	charges := []limit.Charge{{limit.Cap{"minute", 6, time.Minute}, 2}, {limit.Cap{"hour", 7, time.Hour}, 1}}
	take := func(event string) error { return l.Take(t.Context(), key, event, charges) }
	for i := range 3 {
		require.NoError(t, take(fmt.Sprint(i)))
	}
	r := refused(t, take("3"))
	require.Equal(t, "minute", r.Cap.Name)
	require.Equal(t, 20*time.Second, r.RetryAfter)
	require.EqualError(t, r, "the cap minute of 6 per 1m0s is empty, retry after 20s")
	server.SetTime(start.Add(20*time.Second - time.Millisecond))
	require.Equal(t, time.Millisecond, refused(t, take("3")).RetryAfter)
	server.SetTime(start.Add(20 * time.Second))
	require.NoError(t, take("3"))
	server.SetTime(start.Add(2 * time.Minute))
	for i := 4; i < 7; i++ {
		require.NoError(t, take(fmt.Sprint(i)))
	}
	server.SetTime(start.Add(4 * time.Minute))
	require.Equal(t, "hour", refused(t, take("7")).Cap.Name)

	r = refused(t, l.Take(t.Context(), key, "8", []limit.Charge{{limit.Cap{"minute", 6, time.Minute}, 7}}))
	require.Zero(t, r.RetryAfter, "it never passes")
}

// Events that are no longer known go, and with the last the key.
func TestTake_TheKeyEndsAndDoesNotGrow(t *testing.T) {
	server, rdb := mini(t)
	l := limit.New(rdb, time.Minute)
	charges := []limit.Charge{{limit.Cap{"all", 100000, time.Hour * 100}, 1}}
	now := start
	for i := range 600 {
		require.NoError(t, l.Take(t.Context(), key, fmt.Sprint(i), charges))
		ttl, err := rdb.PTTL(t.Context(), key).Result()
		require.NoError(t, err)
		require.GreaterOrEqual(t, ttl, time.Minute)
		now = now.Add(time.Second)
		server.SetTime(now)
		server.FastForward(time.Second)
	}
	fields, err := rdb.HLen(t.Context(), key).Result()
	require.NoError(t, err)
	require.LessOrEqual(t, fields, int64(2*61+3))
	server.FastForward(2 * time.Hour)
	require.False(t, server.Exists(key))
}

func TestTake_TheKeyLivesAsLongAsAnythingInIt(t *testing.T) {
	_, rdb := mini(t)
	l := limit.New(rdb, time.Minute)
	for _, c := range []struct {
		per, want time.Duration
	}{{2 * time.Hour, time.Hour}, {4 * time.Hour, 3 * time.Hour}, {time.Second, 3 * time.Hour}} {
		require.NoError(t, l.Take(t.Context(), key, c.per.String(), []limit.Charge{{limit.Cap{"all", 2, c.per}, 1}}))
		require.Equal(t, c.want, rdb.PTTL(t.Context(), key).Val(), c.per)
	}
	require.NoError(t, rdb.Del(t.Context(), key).Err())
	require.NoError(t, l.Take(t.Context(), key, "a", []limit.Charge{{limit.Cap{"all", 2, time.Second}, 1}}))
	require.Equal(t, time.Minute, rdb.PTTL(t.Context(), key).Val(), "the event")
}

func TestTake_NamesTheCapThatIsEmpty(t *testing.T) {
	_, rdb := mini(t)
	l := limit.New(rdb, time.Minute)
	for empty := range 5 {
		var charges []limit.Charge
		for i := range 5 {
			c := limit.Charge{limit.Cap{fmt.Sprint(i), 10, time.Hour}, 1}
			if i == empty {
				c.Burst = 1
			}
			charges = append(charges, c)
		}
		require.NoError(t, l.Take(t.Context(), key, "a", charges))
		r := refused(t, l.Take(t.Context(), key, "b", charges))
		require.Equal(t, charges[empty].Cap, r.Cap)
		require.Equal(t, time.Hour, r.RetryAfter)
		require.NoError(t, rdb.Del(t.Context(), key).Err())
	}
}

func TestTake_TwoOfTheEventsThatAreNoLongerKnownGoForEachThatComes(t *testing.T) {
	server, rdb := mini(t)
	l := limit.New(rdb, time.Minute)
	charges := []limit.Charge{{limit.Cap{"all", 1000, time.Hour}, 1}}
	take := func(event string) { require.NoError(t, l.Take(t.Context(), key, event, charges)) }
	kept := func() (numbers, events int) {
		for field := range rdb.HGetAll(t.Context(), key).Val() {
			switch field[0] {
			case 'n':
				numbers++
			case 'i':
				events++
			}
		}
		return numbers, events
	}
	for i := range 6 {
		take(fmt.Sprint(i))
	}
	server.SetTime(start.Add(time.Minute))
	for i, want := range []int{5, 4, 3, 4} {
		take(fmt.Sprint("later ", i))
		numbers, events := kept()
		require.Equal(t, []int{want, want}, []int{numbers, events})
	}
}

// What is known of an event that comes again stays, although what was known of it before goes.
func TestTake_AnEventThatIsChargedAgainIsKnownAgain(t *testing.T) {
	server, rdb := mini(t)
	l := limit.New(rdb, time.Minute)
	charges := []limit.Charge{{limit.Cap{"all", 10, 10 * time.Hour}, 1}}
	for i := range 3 {
		server.SetTime(start.Add(time.Duration(i) * time.Minute))
		require.NoError(t, l.Take(t.Context(), key, "a", charges))
		before := rdb.HGetAll(t.Context(), key).Val()
		require.NotContains(t, before, fmt.Sprint("n", i-1))
		require.NoError(t, l.Take(t.Context(), key, "a", charges))
		require.Equal(t, before, rdb.HGetAll(t.Context(), key).Val())
	}
}

func TestTake_AMissingNumberStopsNothing(t *testing.T) {
	server, rdb := mini(t)
	l := limit.New(rdb, time.Minute)
	charges := []limit.Charge{{limit.Cap{"all", 10, time.Hour}, 1}}
	require.NoError(t, l.Take(t.Context(), key, "a", charges))
	require.NoError(t, rdb.HDel(t.Context(), key, "n0").Err())
	server.SetTime(start.Add(time.Minute))
	require.NoError(t, l.Take(t.Context(), key, "b", charges))
}

func TestTake_AnotherSettingOrClockLocksNobodyOutForEver(t *testing.T) {
	server, rdb := mini(t)
	l := limit.New(rdb, time.Minute)
	require.NoError(t, rdb.HSet(t.Context(), key, "call", start.Add(1000*time.Hour).UnixMilli()).Err())
	require.NoError(t, l.Take(t.Context(), key, "a", []limit.Charge{{limit.Cap{"all", 2, time.Minute}, 1}}))
	require.Error(t, l.Take(t.Context(), key, "b", []limit.Charge{{limit.Cap{"all", 2, time.Minute}, 1}}), "it is full then")
	server.SetTime(start.Add(30 * time.Second))
	require.NoError(t, l.Take(t.Context(), key, "b", []limit.Charge{{limit.Cap{"all", 2, time.Minute}, 1}}))

	require.NoError(t, rdb.HSet(t.Context(), key, "call", start.Add(1000*time.Hour).UnixMilli()).Err())
	require.NoError(t, l.Take(t.Context(), key, "c", []limit.Charge{{limit.Cap{"all", 4, time.Minute}, 2}}), "of more units than one, too")
	left, err := l.Look(t.Context(), key, []limit.Cap{{"all", 4, time.Minute}})
	require.NoError(t, err)
	require.Equal(t, []int64{0}, left)
}

func TestTake_AnEventIsKnownToTheMillisecond(t *testing.T) {
	server, rdb := mini(t)
	l := limit.New(rdb, time.Minute)
	charges := []limit.Charge{{limit.Cap{"all", 2, 2 * time.Hour}, 1}}
	take := func(event string) error { return l.Take(t.Context(), key, event, charges) }
	require.NoError(t, take("a"))
	require.NoError(t, take("b"))
	server.SetTime(start.Add(time.Minute - time.Millisecond))
	require.NoError(t, take("a"))
	server.SetTime(start.Add(time.Minute))
	require.Equal(t, 59*time.Minute, refused(t, take("a")).RetryAfter)
}

func TestTake_NumbersHaveUpTo15Digits(t *testing.T) {
	_, rdb := mini(t)
	l := limit.New(rdb, time.Minute)
	charges := []limit.Charge{{limit.Cap{"all", 2, time.Minute}, 1}}
	for digits, damaged := range map[int]bool{15: false, 16: true} {
		require.NoError(t, rdb.HSet(t.Context(), key, "call", strings.Repeat("9", digits)).Err())
		err := l.Take(t.Context(), key, "a", charges)
		if damaged {
			require.ErrorContains(t, err, "onetime: damaged caps: number")
		} else {
			require.NoError(t, err, "another clock's")
		}
		require.NoError(t, rdb.Del(t.Context(), key).Err())
	}
}

func TestTake_UndecidedIsNeverYes(t *testing.T) {
	server, rdb := mini(t)
	l := limit.New(rdb, time.Minute)
	charges := []limit.Charge{{limit.Cap{"all", 2, time.Minute}, 1}}
	for name, value := range map[string]string{"call": "nan", "h": "-1", "t": "x", "ia": "1e999"} {
		require.NoError(t, rdb.HSet(t.Context(), key, name, value).Err())
		require.Error(t, l.Take(t.Context(), key, "a", charges), name)
		require.NoError(t, rdb.Del(t.Context(), key).Err())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, l.Take(ctx, key, "a", charges), context.Canceled)
	server.Close()
	err := l.Take(t.Context(), key, "a", charges)
	require.Error(t, err)
	require.False(t, errors.As(err, new(*limit.RefusedError)))
}

// Neither a look nor a repeat writes.
func TestLook_WritesNothing(t *testing.T) {
	_, rdb := mini(t)
	l := limit.New(rdb, time.Minute)
	charges := []limit.Charge{{limit.Cap{"all", 2, time.Minute}, 1}}
	left, err := l.Look(t.Context(), key, []limit.Cap{charges[0].Cap})
	require.NoError(t, err)
	require.Equal(t, []int64{2}, left)
	require.Zero(t, rdb.Exists(t.Context(), key).Val())
	require.NoError(t, l.Take(t.Context(), key, "a", charges))
	before := rdb.HGetAll(t.Context(), key).Val()
	require.NoError(t, l.Take(t.Context(), key, "a", charges))
	require.Equal(t, before, rdb.HGetAll(t.Context(), key).Val())
}

// Where the rights leave PEXPIREAT out, nothing stays: a key without a TTL would stay for ever.
func TestTake_NoKeyStaysWithoutTTL(t *testing.T) {
	take := func(t *testing.T, rdb *redis.Client) {
		err := limit.New(rdb, time.Minute).Take(t.Context(), key, "a", []limit.Charge{{limit.Cap{"all", 2, time.Minute}, 1}, {limit.Cap{"few", 2, time.Hour}, 1}})
		require.Error(t, err)
		require.False(t, errors.As(err, new(*limit.RefusedError)), "undecided")
		require.Zero(t, rdb.Exists(t.Context(), key).Val())
	}
	t.Run("miniredis", func(t *testing.T) {
		server, rdb := mini(t)
		server.Server().SetPreHook(func(c *miniserver.Peer, name string, _ ...string) bool {
			if name == "PEXPIREAT" {
				c.WriteError("NOPERM no right to " + name)
			}
			return name == "PEXPIREAT"
		})
		take(t, rdb)
	})
	t.Run("redis", func(t *testing.T) {
		rdb := newRedis(t)
		require.NoError(t, rdb.Do(t.Context(), "ACL", "SETUSER", "default", "-pexpireat").Err())
		take(t, rdb)
	})
}

func TestTake_OfParallelEventsExactlyTheCapPasses(t *testing.T) {
	backends(t, func(t *testing.T, rdb *redis.Client) {
		l := limit.New(rdb, time.Hour)
		charges := []limit.Charge{{limit.Cap{"all", 100, 24 * time.Hour * 30}, 1}, {limit.Cap{"+49", 500, 24 * time.Hour * 30}, 1}}
		var passed atomic.Int32
		var running sync.WaitGroup
		for i := range 1000 {
			running.Go(func() {
				err := l.Take(t.Context(), key, fmt.Sprint(i), charges)
				if err == nil {
					passed.Add(1)
				} else if !errors.As(err, new(*limit.RefusedError)) {
					t.Error(err)
				}
			})
		}
		running.Wait()
		require.EqualValues(t, 100, passed.Load())
		left, err := l.Look(t.Context(), key, []limit.Cap{charges[0].Cap, charges[1].Cap})
		require.NoError(t, err)
		require.Equal(t, []int64{0, 400}, left, "what was refused took nothing of the other cap")
	})
}
