package sitetest

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/examples/internal/accounts"
	"github.com/seed-3f7b73d1/onetime/examples/internal/inbox"
	"github.com/seed-3f7b73d1/onetime/examples/internal/mailer"
	"github.com/seed-3f7b73d1/onetime/examples/internal/session"
	"github.com/seed-3f7b73d1/onetime/examples/internal/site"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

// A Site is one on an embedded Redis, with a clock that tests move, and an inbox.
type Site struct {
	*site.Site
	Clock *onetimetest.Clock
	t     testing.TB
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
	mails, err := mailer.New(address, "Example <sign-in@example.com>")
	require.NoError(t, err)
	s := &site.Site{
		Redis: client, Key: onetimetest.Key, Listener: listener, Origin: "http://" + listener.Addr().String(),
		Mails: mails, Inbox: box, Accounts: accounts.New(clock.Now, addresses...), Now: clock.Now, Out: t.Output(),
	}
	s.Sessions = session.New(s.Accounts, s.Now, false)
	return &Site{s, clock, t}
}

// Serve runs the program on the site. It ends with the test, and well.
func (s *Site) Serve(run func(context.Context, *site.Site) error) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, s.Site) }()
	s.t.Cleanup(func() {
		cancel()
		require.NoError(s.t, <-ended)
	})
}

// Visitor returns a visitor of the site.
func (s *Site) Visitor() *Visitor { return NewVisitor(s.t, s.Origin) }
