package sitetest

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/examples/internal/accounts"
	"github.com/seed-3f7b73d1/onetime/examples/internal/inbox"
	"github.com/seed-3f7b73d1/onetime/examples/internal/mails"
	"github.com/seed-3f7b73d1/onetime/examples/internal/session"
	"github.com/seed-3f7b73d1/onetime/examples/internal/site"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

// A Site is one on an embedded Redis, with a clock that tests move, and an inbox.
type Site struct {
	*site.Site
	Clock *onetimetest.Clock
	t     testing.TB
	fault atomic.Pointer[func() error]
	after atomic.Pointer[func()]
}

// New returns a Site with accounts of these addresses. It ends with the test.
func New(t testing.TB, addresses ...string) *Site {
	t.Helper()
	client, clock := onetimetest.NewRedis(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	box, address, end, err := inbox.Open()
	require.NoError(t, err)
	t.Cleanup(end)
	sender, err := mails.New(address, "Example <sign-in@example.com>")
	require.NoError(t, err)
	s := &site.Site{
		Redis: client, Key: onetimetest.Key, Listener: listener, Origin: "http://" + listener.Addr().String(),
		Mails: sender, Inbox: box,
		Queue:    []onetimesend.QueueOption{onetimesend.WithDelay(0), onetimesend.WithRecipientLimits()}, // which go by the time of day
		Settings: []onetime.Option{clock.Option()},
		Accounts: accounts.New(clock.Now, addresses...), Now: clock.Now, Out: t.Output(),
	}
	s.Sessions = session.New(s.Accounts, s.Now, false)
	made := &Site{Site: s, Clock: clock, t: t}
	client.AddHook(faults{made})
	return made
}

// FailRedis lets calls of Redis fail with what fault returns before each, unless that is nil.
func (s *Site) FailRedis(fault func() error) { s.fault.Store(&fault) }

// AfterRedis calls then once, behind the next call of Redis and before its caller goes on.
func (s *Site) AfterRedis(then func()) { s.after.Store(&then) }

// faults are in the way of each command.
type faults struct{ of *Site }

func (f faults) DialHook(next redis.DialHook) redis.DialHook { return next }

func (f faults) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if fault := f.of.fault.Load(); fault != nil {
			if err := (*fault)(); err != nil {
				cmd.SetErr(err)
				return err
			}
		}
		err := next(ctx, cmd)
		if then := f.of.after.Swap(nil); then != nil {
			(*then)()
		}
		return err
	}
}

func (f faults) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// Serve runs what serves until its context ends: with the test, or before it with end. It must end well.
func (s *Site) Serve(serve func(context.Context) error) (end func()) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx) }()
	end = sync.OnceFunc(func() {
		cancel()
		require.NoError(s.t, <-ended)
	})
	s.t.Cleanup(end)
	return end
}

// Visitor returns a visitor of the site.
func (s *Site) Visitor() *Visitor { return NewVisitor(s.t, s.Origin) }
