package rig

import (
	"encoding/binary"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

// A Backend is one way to run Redis and to reach it. All of them must pass the same tests.
type Backend struct {
	// Name is that of the subtest.
	Name string
	// Client is for Managers, Raw to look at what is stored.
	Client redis.Scripter
	Raw    *redis.Client
	// Mini is the miniredis and Now its time; nil and zero unless it is one.
	Mini *miniredis.Miniredis
	Now  time.Time
	// Real tells that it is a server.
	Real bool
	// Started is when the test started.
	Started time.Time
}

// Backends runs a test on every backend there is, each empty at the start.
func Backends(t *testing.T, test func(t *testing.T, b *Backend)) {
	t.Helper()
	t.Run("miniredis", func(t *testing.T) {
		mini := miniredis.RunT(t)
		b := &Backend{Mini: mini, Now: time.Now().Truncate(time.Millisecond)}
		mini.SetTime(b.Now)
		b.Run(t, mini.Addr(), NewClient(mini.Addr()), false, test)
	})
	for _, automatic := range []bool{false, true} {
		suffix := ""
		if automatic {
			suffix = " AutoPipeline"
		}
		on := func(name string, start func() (*Server, error), connect func(addr string) redis.UniversalClient, programs ...string) {
			t.Run(name+suffix, func(t *testing.T) {
				Needs(t, programs...)
				s, err := start()
				require.NoError(t, err)
				(&Backend{}).Run(t, s.Addr, connect(s.Addr), automatic, test)
			})
		}
		on("redis", SharedRedis, NewClient, Redis)
		on("redis cluster", SharedCluster, NewClusterClient, Redis)
		if !testing.Short() { // its client is that of a single node, but for failovers
			on("redis sentinel", func() (*Server, error) {
				set, err := SharedSentinel()
				if err != nil {
					return nil, err
				}
				return set.Primary, nil
			}, func(string) redis.UniversalClient {
				set, _ := SharedSentinel()
				return set.Client(redis.FailoverOptions{})
			}, Redis, Sentinel)
		}
		if Installed(Valkey) {
			on("valkey", SharedValkey, NewClient)
		}
	}
}

// NewClient returns a client of a single node.
func NewClient(addr string) redis.UniversalClient {
	return redis.NewClient(&redis.Options{Addr: addr, ContextTimeoutEnabled: true})
}

// NewClusterClient returns a client of a cluster.
func NewClusterClient(addr string) redis.UniversalClient {
	return redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{addr}, ContextTimeoutEnabled: true})
}

// OnRedis runs a test on a real Redis only.
func OnRedis(t *testing.T, test func(t *testing.T, b *Backend)) {
	t.Helper()
	Needs(t, Redis)
	s, err := SharedRedis()
	require.NoError(t, err)
	(&Backend{}).Run(t, s.Addr, NewClient(s.Addr), false, test)
}

// Run runs a test with a client of the server at addr, which is emptied before.
func (b *Backend) Run(t *testing.T, addr string, client redis.UniversalClient, automatic bool, test func(*testing.T, *Backend)) {
	t.Helper()
	t.Cleanup(func() { client.Close() })
	b.Name, b.Real, b.Started = t.Name(), b.Mini == nil, time.Now()
	b.Raw = redis.NewClient(&redis.Options{Addr: addr, ContextTimeoutEnabled: true})
	t.Cleanup(func() { b.Raw.Close() })
	require.NoError(t, b.Raw.FlushAll(t.Context()).Err())
	b.Client = client
	if automatic {
		pipeliner, err := client.AutoPipeline()
		require.NoError(t, err)
		t.Cleanup(func() { pipeliner.Close() })
		b.Client = pipeliner
	}
	test(t, b)
}

// Manager returns a Manager on the backend.
func (b *Backend) Manager(t testing.TB, opts ...onetime.Option) *onetime.Manager {
	t.Helper()
	m, err := onetime.New(b.Client, onetimetest.Key, append([]onetime.Option{onetime.WithLinkBase("https://example.com/in")}, opts...)...)
	require.NoError(t, err)
	return m
}

// LimitField matches the field of a limit.
var LimitField = regexp.MustCompile(`^[sgSG]\d+$`)

// IsSlot reports whether a field is that of a slot, with or without the 9 bytes of a bound challenge's prefix.
func IsSlot(field string) bool {
	last := field[len(field)-1]
	return (len(field) == 1 || len(field) == 10 && field[0] == ':') && '1' <= last && last <= '5'
}

// Advance lets d pass, or steps the clock back if it is negative. On a real server, whose clock cannot be moved, all
// times in the records are moved the other way.
func (b *Backend) Advance(t testing.TB, d time.Duration) {
	t.Helper()
	ctx := t.Context()
	if b.Mini != nil {
		b.Now = b.Now.Add(d)
		b.Mini.SetTime(b.Now)
		b.Mini.FastForward(d)
		return
	}
	for _, key := range b.Records(t) {
		for field, value := range b.Record(t, key) {
			switch {
			case LimitField.MatchString(field):
				at, err := strconv.ParseInt(value, 10, 64)
				require.NoError(t, err)
				b.Raw.HSet(ctx, key, field, at-d.Milliseconds())
			case IsSlot(field):
				b.Raw.HSet(ctx, key, field, moved(value, 12, d))
			case isUse(field) && value[0] != 'x':
				b.Raw.HSet(ctx, key, field, moved(value, 1, d))
			}
		}
		end := time.UnixMilli(b.Raw.PExpireTime(ctx, key).Val().Milliseconds()).Add(-d)
		require.NoError(t, b.Raw.PExpireAt(ctx, key, end).Err()) // what is past deletes
	}
}

// isUse reports whether a field is that of the use of a challenge.
func isUse(field string) bool {
	return field == "u" || len(field) == 10 && field[0] == ':' && field[9] == 'u'
}

// moved returns a value in which the time of 6 bytes that begins at a byte is so much earlier.
func moved(value string, at int, d time.Duration) []byte {
	bytes := []byte(value)
	time := binary.BigEndian.Uint64(append([]byte{0, 0}, bytes[at:at+6]...)) - uint64(d.Milliseconds())
	binary.BigEndian.PutUint16(bytes[at:], uint16(time>>32))
	binary.BigEndian.PutUint32(bytes[at+2:], uint32(time))
	return bytes
}

// Records returns the Redis keys of all records.
func (b *Backend) Records(t testing.TB) []string {
	t.Helper()
	keys, err := b.Raw.Keys(t.Context(), "*").Result()
	require.NoError(t, err)
	return keys
}

// Record returns the fields of a record.
func (b *Backend) Record(t testing.TB, key string) map[string]string {
	t.Helper()
	fields, err := b.Raw.HGetAll(t.Context(), key).Result()
	require.NoError(t, err)
	return fields
}

// Only returns the one record there is.
func (b *Backend) Only(t testing.TB) string {
	t.Helper()
	keys := b.Records(t)
	require.Len(t, keys, 1)
	return keys[0]
}

// Left requires that so much is left of what had the wanted seconds some time after the test began. On a real server the
// time that the test takes goes by.
func (b *Backend) Left(t testing.TB, want float64, got time.Duration, message ...any) {
	t.Helper()
	assert.LessOrEqual(t, got.Seconds(), want+1, message...)
	assert.GreaterOrEqual(t, got.Seconds(), want-1-time.Since(b.Started).Seconds(), message...)
}

// NewMini returns a miniredis whose clock stands still.
func NewMini(t *testing.T, now time.Time) *Backend {
	t.Helper()
	mini := miniredis.RunT(t)
	mini.SetTime(now)
	b := &Backend{Mini: mini, Now: now}
	b.Run(t, mini.Addr(), NewClient(mini.Addr()), false, func(*testing.T, *Backend) {})
	return b
}
