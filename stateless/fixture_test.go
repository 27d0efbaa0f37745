package stateless_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/stateless"
)

const (
	alice = "alice@example.com"
	bob   = "bob@example.com"
	base  = "https://example.com/confirm"
)

func key(letter string) []byte { return []byte(strings.Repeat(letter, 32)) }

// A clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

// newClock starts a clock at the start of a window.
func newClock() *clock { return &clock{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)} }

func atUnix(seconds int64) *clock { return &clock{now: time.Unix(seconds, 0)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func manager(t testing.TB, opts ...stateless.Option) (*stateless.Manager, *clock) {
	t.Helper()
	c := newClock()
	return managerAt(t, c, opts...), c
}

func managerAt(t testing.TB, c *clock, opts ...stateless.Option) *stateless.Manager {
	t.Helper()
	m, err := stateless.New(key("k"), append([]stateless.Option{stateless.WithClock(c.Now)}, opts...)...)
	require.NoError(t, err)
	return m
}

func guard(t testing.TB, perHour int) *stateless.ProcessGuard {
	t.Helper()
	g, err := stateless.NewGuard(perHour)
	require.NoError(t, err)
	return g
}

// code is one for a sign-in of Alice.
func code(t testing.TB, m *stateless.Manager) stateless.Code {
	t.Helper()
	c, err := m.Code("sign-in", alice, "session")
	require.NoError(t, err)
	return c
}

// verify shows what code made.
func verify(t testing.TB, m *stateless.Manager, typed string, opts ...stateless.VerifyOption) (stateless.Proof, error) {
	return m.Verify(t.Context(), "sign-in", alice, "session", typed, opts...)
}

// other is a wrong code of the same form.
func other(right string) string {
	last := "0"
	if strings.HasSuffix(right, last) {
		last = "1"
	}
	return right[:len(right)-1] + last
}

// A guardFunc is a Guard that is a function.
type guardFunc func(stateless.Attempt) error

func (f guardFunc) Judge(_ context.Context, a stateless.Attempt) error { return f(a) }
