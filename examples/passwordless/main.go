/*
Command passwordless is a web page that people sign in to by a code or a link that they get by mail, or by SMS.

	go run ./examples/passwordless

needs nothing: it brings a Redis and a mail server with it, and shows at /inbox what that mail server received. Variables
of the environment take real ones:

	REDIS_URL    redis://user:password@host:port/db; by default an embedded Redis
	ONETIME_KEY  32 random bytes or more, in hex or base64; by default random in each run
	SMTP_URL     smtp://user:password@host:587, with STARTTLS, or smtps://user:password@host:465; by default an embedded
	             server. Without TLS only on this computer
	MAIL_FROM    whom mails are from, such as Example <sign-in@example.com>
	SMS          console prints SMS, and lets +15550100100 sign in; by default there are none
	PEOPLE       addresses and phone numbers that have an account; by default alice@example.com and bob@example.com
	ADDR         where to listen; by default localhost:8080 or the next free port
	ORIGIN       where browsers find it, such as https://example.com behind a proxy; by default http:// and ADDR
*/
package main

import (
	"context"
	"net/http"
	"time"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/examples/internal/limit"
	"github.com/seed-3f7b73d1/onetime/examples/internal/site"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

func main() { site.Main("passwordless", run) }

// run serves until ctx ends.
func run(ctx context.Context, s *site.Site) error {
	a := &app{s}
	mux := http.NewServeMux()
	flow, err := a.mount(ctx, mux)
	if err != nil {
		return err
	}
	mux.Handle("GET /{$}", flow.Protect(a.home(flow.Style())))
	a.Mount(mux, flow)
	return a.Serve(ctx, mux, flow)
}

// An app is the pages.
type app struct{ *site.Site }

// mount adds sign-in by code and link to mux.
func (a *app) mount(ctx context.Context, mux *http.ServeMux) (*onetimehttp.Flow, error) {
	login, err := onetime.New(a.Redis, a.Key, onetime.WithLinkBase(a.Origin+"/sign-in/link"), onetime.WithObserver(site.Report))
	if err != nil {
		return nil, err
	}
	site.Check(ctx, login) // Report logs what is wrong with this Redis
	flow, err := onetimehttp.New(login, onetimehttp.Config{
		Origin: a.Origin, Name: "Example", // https://example.com: what requests say of the host is not believed
		Lookup:        a.Accounts.Lookup,                 // whose address is it, and where does the mail go?
		Sender:        a.Mails.Send,                      // called after the answer
		OnVerified:    a.Sessions.Start,                  // with a new session id; an error gives the code or link back
		OtherBrowser:  onetimehttp.AskOtherBrowser,       // the mail may be read on the phone
		Limiter:       limit.PerAddress(20, time.Minute), // or strangers fill Redis
		VerifyLimiter: limit.PerAddress(60, time.Minute), // people mistype
	}, onetimehttp.WithObserver(site.Report), onetimehttp.WithQueue(a.Queue...))
	if err != nil {
		return nil, err
	}
	mux.Handle("/sign-in", flow.Start())
	mux.Handle("/sign-in/code", flow.Verify())
	mux.Handle("/sign-in/link", flow.Link())
	return flow, nil // at the end: Shutdown of the http.Server, then of flow
}
