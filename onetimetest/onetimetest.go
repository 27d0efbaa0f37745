// Package onetimetest lets you test code that uses onetime without a Redis server and without waiting: it brings an
// embedded Redis (miniredis) and the clock that it and its Managers go by. For pages it brings a [Browser] and an [Outbox] of
// the messages that were sent, and for a second factor the [Code] that an app shows.
package onetimetest

import (
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/core"
)

// Key is the key of the Managers that New returns. It is public: never use it elsewhere.
var Key = []byte("onetimetest: a key for tests only")

// New returns a Manager on an embedded Redis of its own, and the clock of both: it also ends what ends by local time, such
// as codes of [onetime.WithDangerouslyFixedCodes]. Both end with the test. A wrong option fails the test at once.
func New(t testing.TB, opts ...onetime.Option) (*onetime.Manager, *Clock) {
	t.Helper()
	client, clock := NewRedis(t)
	m, err := onetime.New(client, Key, append([]onetime.Option{clock.Option()}, opts...)...)
	if err != nil {
		t.Fatalf("onetimetest.New: %v", err)
	}
	return m, clock
}

// NewRedis returns a client of an embedded Redis and its clock, for code that makes its own Managers. Give them
// [Clock.Option], or what ends by local time goes by the computer's clock.
func NewRedis(t testing.TB) (*redis.Client, *Clock) {
	t.Helper()
	server := miniredis.RunT(t)
	clock := &Clock{t: t, server: server, now: time.Now().Truncate(time.Millisecond)}
	server.SetTime(clock.now)
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), ContextTimeoutEnabled: true})
	t.Cleanup(func() { client.Close() })
	return client, clock
}

// A Clock is the clock of an embedded Redis and of its Managers. It stands still until it is moved, and is safe for concurrent use.
type Clock struct {
	t      testing.TB
	mu     sync.Mutex
	server *miniredis.Miniredis
	now    time.Time
}

// Option returns an option of [onetime.New] by which the Manager goes by this clock wherever it would go by that of the
// computer. [New] has set it.
func (c *Clock) Option() onetime.Option { return core.WithClock(c.Now).(onetime.Option) }

// Now returns the time of the clock. It starts with that of the computer.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock by d, and what expires meanwhile is gone afterwards. A negative d steps the clock back, as a
// failover to a server with another clock may do: a secret whose record is still there may be alive again.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.server.SetTime(c.now)
	// miniredis keeps what is left of each TTL apart from its clock, so a step back leaves more to live.
	c.server.FastForward(d)
}
