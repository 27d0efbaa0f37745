/*
Command passwordless is a web page that people sign in to by a code or a link that they get by mail.

	go run ./examples/passwordless

needs nothing: it brings a Redis and a mail server with it, and shows at /inbox what that mail server received. Variables
of the environment take real ones:

	REDIS_URL    redis://user:password@host:port/db; by default an embedded Redis
	ONETIME_KEY  32 random bytes or more, in hex or base64; by default random in each run
	SMTP_URL     smtp://user:password@host:587, with STARTTLS, or smtps://user:password@host:465; by default an embedded
	             server. Without TLS only on this computer
	MAIL_FROM    whom mails are from, such as Example <sign-in@example.com>
	PEOPLE       addresses that have an account, in lower case; by default alice@example.com and bob@example.com
	ADDR         where to listen; by default localhost:8080 or the next free port
	ORIGIN       where browsers find it, such as https://example.com behind a proxy; by default http:// and ADDR
*/
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/examples/internal/env"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends it at once
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "passwordless:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, w io.Writer) error {
	rdb, key, closeRedis, err := env.Open(w)
	if err != nil {
		return err
	}
	defer closeRedis()
	listener, origin, private, err := listen(os.Getenv("ADDR"), os.Getenv("ORIGIN"))
	if err != nil {
		return err
	}
	defer listener.Close()
	mails, mailbox, closeMail, err := openMail(w, private)
	if err != nil {
		return err
	}
	defer closeMail()

	a := &app{
		rdb: rdb, key: key, origin: origin, mails: mails,
		people:   newPeople(cmp.Or(os.Getenv("PEOPLE"), "alice@example.com bob@example.com")),
		sessions: newSessions(strings.HasPrefix(origin, "https:")),
	}
	mux := http.NewServeMux()
	flow, err := a.mount(ctx, mux)
	if err != nil {
		return err
	}
	mux.Handle("GET /{$}", flow.Protect(a.home(flow.Style(), mailbox != nil)))
	mux.Handle("POST /sign-out", flow.Protect(http.HandlerFunc(a.sessions.end)))
	if mailbox != nil {
		mux.Handle("GET /inbox", flow.Protect(mailbox.page(flow.Style())))
	}
	if !private {
		fmt.Fprintln(w, "Listening on", listener.Addr())
	}
	fmt.Fprintln(w, "Open", origin)
	return serve(ctx, listener, mux, flow)
}

// An app is what the pages need.
type app struct {
	rdb      *redis.Client
	key      []byte
	origin   string
	people   *people
	sessions *sessions
	mails    *mailer
}

// mount adds sign-in by code and link to mux.
func (a *app) mount(ctx context.Context, mux *http.ServeMux) (*onetimehttp.Flow, error) {
	login, err := onetime.New(a.rdb, a.key, onetime.WithLinkBase(a.origin+"/sign-in/link"), onetime.WithObserver(report))
	if err != nil {
		return nil, err
	}
	check(ctx, login) // report logs what is wrong with this Redis
	flow, err := onetimehttp.New(login, onetimehttp.Config{
		Origin:     a.origin,                    // https://example.com: what requests say of the host is not believed
		Name:       "Example",                   // in pages and mails
		Lookup:     a.people.lookup,             // whose address is it, and where does the mail go?
		Sender:     a.mails.send,                // called after the answer
		OnVerified: a.sessions.start,            // with a new session id
		Limiter:    perAddress(20, time.Minute), // or strangers fill Redis
	}, onetimehttp.WithObserver(report))
	if err != nil {
		return nil, err
	}
	mux.Handle("/sign-in", flow.Start())
	mux.Handle("/sign-in/code", flow.Verify())
	mux.Handle("/sign-in/link", flow.Link())
	return flow, nil // at the end: Shutdown of the http.Server, then of flow
}

// check asks whether the Redis can be relied on. What is wrong may be put right before somebody signs in, so it goes on.
func check(ctx context.Context, m *onetime.Manager) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	m.Check(ctx)
}

// report logs what went wrong; that something was refused is not news. The error of a delivery may name the address.
func report(ctx context.Context, e onetime.Event) {
	if e.Err != nil && !errors.Is(e.Err, onetime.ErrDenied) {
		slog.ErrorContext(ctx, e.Op, "purpose", e.Purpose, "id", e.ID, "error", e.Err)
	}
}
