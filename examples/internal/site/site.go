// Package site is what the examples need to run as programs: a Redis, a key, a place to listen, and mail.
package site

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/address"
	"github.com/seed-3f7b73d1/onetime/examples/internal/accounts"
	"github.com/seed-3f7b73d1/onetime/examples/internal/env"
	"github.com/seed-3f7b73d1/onetime/examples/internal/inbox"
	"github.com/seed-3f7b73d1/onetime/examples/internal/mails"
	"github.com/seed-3f7b73d1/onetime/examples/internal/pages"
	"github.com/seed-3f7b73d1/onetime/examples/internal/session"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

// A Site is what a program runs on.
type Site struct {
	Redis    *redis.Client
	Key      []byte
	Listener net.Listener
	Origin   string // where browsers find the Listener
	Mails    *mails.Mails
	Inbox    *inbox.Inbox              // of all mails; nil unless nobody but this computer can reach it
	Queue    []onetimesend.QueueOption // of messages
	Settings []onetime.Option          // of the Manager
	Accounts *accounts.Directory
	Sessions *session.Sessions
	Now      func() time.Time
	Out      io.Writer // for people
}

// Main is the main function of a program that serves until it is interrupted.
func Main(name string, run func(context.Context, *Site) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends it at once
	if err := main(ctx, run); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

func main(ctx context.Context, run func(context.Context, *Site) error) error {
	s, end, err := open(os.Stdout)
	if err != nil {
		return err
	}
	defer end()
	return run(ctx, s)
}

// open opens what the environment says, and says which that is. end closes it.
func open(w io.Writer) (opened *Site, end func(), err error) {
	var ends []func()
	endAll := func() {
		for _, e := range slices.Backward(ends) {
			e()
		}
	}
	defer func() {
		if err != nil {
			endAll()
		}
	}()
	s := &Site{Out: w, Now: time.Now}
	var ended func()
	if s.Redis, s.Key, ended, err = env.Open(w); err != nil {
		return nil, nil, err
	}
	ends = append(ends, ended)
	var private bool
	if s.Listener, s.Origin, private, err = Listen(os.Getenv("ADDR"), os.Getenv("ORIGIN")); err != nil {
		return nil, nil, err
	}
	ends = append(ends, func() { s.Listener.Close() })
	if s.Mails, s.Inbox, ended, err = mails.Open(w, private); err != nil {
		return nil, nil, err
	}
	ends = append(ends, ended)
	if !private {
		fmt.Fprintln(w, "Listening on", s.Listener.Addr())
	}
	people, err := parsePeople(os.Getenv("PEOPLE"), os.Getenv("SMS") != "")
	if err != nil {
		return nil, nil, err
	}
	s.Accounts = accounts.New(s.Now, people...)
	s.Sessions = session.New(s.Accounts, s.Now, strings.HasPrefix(s.Origin, "https:"))
	return s, endAll, nil
}

// parsePeople returns the addresses of PEOPLE, each in its one spelling. SMS adds a phone number to those of the default.
func parsePeople(people string, sms bool) (addresses []string, err error) {
	if people == "" {
		people = "alice@example.com bob@example.com"
		if sms {
			people += " +15550100100"
		}
	}
	for _, typed := range strings.FieldsFunc(people, func(r rune) bool { return r == ' ' || r == ',' }) {
		found, err := address.Parse(typed)
		if err != nil {
			return nil, fmt.Errorf("PEOPLE: want e-mail addresses and phone numbers: %w", err)
		}
		addresses = append(addresses, found.Value)
	}
	return addresses, nil
}

// Mount adds what all examples have beside their subject: sign-out, and the inbox. It is behind the first of the flows, and all
// of them forget who was signed in.
func (s *Site) Mount(mux *http.ServeMux, flows ...*onetimehttp.Flow) {
	flow := flows[0]
	mux.Handle("POST /sign-out", flow.Protect(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, f := range flows {
			if err := f.Forget(w, r); err != nil { // Back may sign in again within 60 s: the person is signed out all the same
				slog.ErrorContext(r.Context(), "forget", "error", err)
			}
		}
		s.Sessions.End(w, r)
	})))
	if s.Inbox != nil {
		mux.Handle("GET /inbox", inbox.Private(flow.Protect(s.Inbox.Page(flow.Style()))))
		mux.Handle("GET /inbox/{mail}", inbox.Private(flow.Protect(s.Inbox.Mail())))
	}
}

// Home returns the first page, the template "home": who is signed in, and where anybody who can ask may know, which addresses
// have an account. fail answers where nobody can tell who is signed in.
func (s *Site) Home(p *pages.Pages, fail func(http.ResponseWriter, *http.Request, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		account, err := s.Sessions.Account(r)
		if err != nil {
			fail(w, r, err)
			return
		}
		p.Show(w, http.StatusOK, "home", struct {
			Address string
			Known   []string
		}{account.Address, s.Known()})
	})
}

// Known returns the addresses that have an account where anybody who can ask may know.
func (s *Site) Known() []string {
	if s.Inbox == nil {
		return nil
	}
	return s.Accounts.Addresses()
}

// Check asks whether the Redis can be relied on. What is wrong may be put right before somebody comes, so it goes on.
func Check(ctx context.Context, m *onetime.Manager) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	m.Check(ctx)
}

// Report logs what went wrong; that something was refused is not news. The error of a delivery may name the address.
func Report(ctx context.Context, e onetime.Event) {
	if e.Err != nil && !errors.Is(e.Err, onetime.ErrDenied) {
		slog.ErrorContext(ctx, e.Op, "purpose", e.Purpose, "id", e.ID, "error", e.Err)
	}
}
