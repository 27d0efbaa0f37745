package onetime_test

import (
	"encoding/binary"
	"fmt"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/redistest"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

// A backend is one way to run Redis and to reach it. All of them must pass the same tests.
type backend struct {
	name string
	rdb  redis.Scripter // for Managers
	raw  *redis.Client  // to look at what is stored
	mini *miniredis.Miniredis
	now  time.Time // of miniredis
	real bool

	started time.Time
}

// backends runs a test on every backend there is, each empty at the start.
func backends(t *testing.T, test func(t *testing.T, b *backend)) {
	t.Helper()
	t.Run("miniredis", func(t *testing.T) {
		mini := miniredis.RunT(t)
		b := &backend{mini: mini, now: time.Now().Truncate(time.Millisecond)}
		mini.SetTime(b.now)
		b.run(t, mini.Addr(), single(mini.Addr()), false, test)
	})
	for _, automatic := range []bool{false, true} {
		suffix := ""
		if automatic {
			suffix = " AutoPipeline"
		}
		on := func(name string, start func() (*redistest.Server, error), connect func(addr string) redis.UniversalClient, programs ...string) {
			t.Run(name+suffix, func(t *testing.T) {
				redistest.Needs(t, programs...)
				s, err := start()
				require.NoError(t, err)
				(&backend{}).run(t, s.Addr, connect(s.Addr), automatic, test)
			})
		}
		on("redis", sharedRedis, single, redistest.Redis)
		on("redis cluster", sharedCluster, cluster, redistest.Redis)
		if !testing.Short() { // its client is that of a single node, but for failovers
			on("redis sentinel", func() (*redistest.Server, error) {
				set, err := sharedSentinel()
				if err != nil {
					return nil, err
				}
				return set.Primary, nil
			}, func(string) redis.UniversalClient {
				set, _ := sharedSentinel()
				return set.Client(redis.FailoverOptions{})
			}, redistest.Redis, redistest.Sentinel)
		}
		if redistest.Installed(redistest.Valkey) {
			on("valkey", sharedValkey, single)
		}
	}
}

func single(addr string) redis.UniversalClient {
	return redis.NewClient(&redis.Options{Addr: addr, ContextTimeoutEnabled: true})
}

func cluster(addr string) redis.UniversalClient {
	return redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{addr}, ContextTimeoutEnabled: true})
}

// onRedis runs a test on a real Redis only.
func onRedis(t *testing.T, test func(t *testing.T, b *backend)) {
	t.Helper()
	redistest.Needs(t, redistest.Redis)
	s, err := sharedRedis()
	require.NoError(t, err)
	(&backend{}).run(t, s.Addr, single(s.Addr), false, test)
}

// run runs a test with a client of the server at addr, which is emptied before.
func (b *backend) run(t *testing.T, addr string, client redis.UniversalClient, automatic bool, test func(*testing.T, *backend)) {
	t.Helper()
	t.Cleanup(func() { client.Close() })
	b.name, b.real, b.started = t.Name(), b.mini == nil, time.Now()
	b.raw = redis.NewClient(&redis.Options{Addr: addr, ContextTimeoutEnabled: true})
	t.Cleanup(func() { b.raw.Close() })
	require.NoError(t, b.raw.FlushAll(t.Context()).Err())
	b.rdb = client
	if automatic {
		pipeliner, err := client.AutoPipeline()
		require.NoError(t, err)
		t.Cleanup(func() { pipeliner.Close() })
		b.rdb = pipeliner
	}
	test(t, b)
}

// manager returns a Manager on the backend.
func (b *backend) manager(t testing.TB, opts ...onetime.Option) *onetime.Manager {
	t.Helper()
	m, err := onetime.New(b.rdb, onetimetest.Key, append([]onetime.Option{onetime.WithLinkBase("https://example.com/in")}, opts...)...)
	require.NoError(t, err)
	return m
}

var limitField = regexp.MustCompile(`^[sg]\d+$`)

// isSlot tells the field of a slot, with or without the 9 bytes of a bound challenge's prefix.
func isSlot(field string) bool {
	last := field[len(field)-1]
	return (len(field) == 1 || len(field) == 10 && field[0] == ':') && '1' <= last && last <= '5'
}

// advance lets d pass, or steps the clock back if it is negative. On a real server, whose clock cannot be moved, all
// times in the records are moved the other way.
func (b *backend) advance(t testing.TB, d time.Duration) {
	t.Helper()
	ctx := t.Context()
	if b.mini != nil {
		b.now = b.now.Add(d)
		b.mini.SetTime(b.now)
		b.mini.FastForward(d)
		return
	}
	for _, key := range b.records(t) {
		for field, value := range b.record(t, key) {
			switch {
			case limitField.MatchString(field):
				at, err := strconv.ParseInt(value, 10, 64)
				require.NoError(t, err)
				b.raw.HSet(ctx, key, field, at-d.Milliseconds())
			case isSlot(field):
				slot := []byte(value)
				at := binary.BigEndian.Uint64(append([]byte{0, 0}, slot[12:18]...))
				binary.BigEndian.PutUint16(slot[12:], uint16((at-uint64(d.Milliseconds()))>>32))
				binary.BigEndian.PutUint32(slot[14:], uint32(at-uint64(d.Milliseconds())))
				b.raw.HSet(ctx, key, field, slot)
			}
		}
		end := time.UnixMilli(b.raw.PExpireTime(ctx, key).Val().Milliseconds()).Add(-d)
		require.NoError(t, b.raw.PExpireAt(ctx, key, end).Err()) // what is past deletes
	}
}

// records returns the Redis keys of all records.
func (b *backend) records(t testing.TB) []string {
	t.Helper()
	keys, err := b.raw.Keys(t.Context(), "*").Result()
	require.NoError(t, err)
	return keys
}

func (b *backend) record(t testing.TB, key string) map[string]string {
	t.Helper()
	fields, err := b.raw.HGetAll(t.Context(), key).Result()
	require.NoError(t, err)
	return fields
}

// only returns the one record there is.
func (b *backend) only(t testing.TB) string {
	t.Helper()
	keys := b.records(t)
	require.Len(t, keys, 1)
	return keys[0]
}

// left requires that so much is left of what had the wanted seconds some time after the test began. On a real server the
// time that the test takes goes by.
func (b *backend) left(t testing.TB, want float64, got time.Duration, message ...any) {
	t.Helper()
	assert.LessOrEqual(t, got.Seconds(), want+1, message...)
	assert.GreaterOrEqual(t, got.Seconds(), want-1-time.Since(b.started).Seconds(), message...)
}

// wrong returns n different codes of the length that are not code.
func wrong(code string, n int) []string {
	var codes []string
	for i := 0; len(codes) < n; i++ {
		if c := fmt.Sprintf("%0*d", len(code), i); c != code {
			codes = append(codes, c)
		}
	}
	return codes
}

// refused requires a refusal with a reason and returns it.
func refused(t testing.TB, err, reason error) *onetime.DeniedError {
	t.Helper()
	require.ErrorIs(t, err, reason)
	require.ErrorIs(t, err, onetime.ErrDenied)
	var denied *onetime.DeniedError
	require.ErrorAs(t, err, &denied)
	return denied
}

// undecided requires an error that is neither a refusal nor bad input.
func undecided(t testing.TB, err error) {
	t.Helper()
	require.Error(t, err)
	require.NotErrorIs(t, err, onetime.ErrDenied)
	require.NotErrorIs(t, err, onetime.ErrInvalid)
}
