// Package signin is sign-in by code and link for the examples that have another subject: that of examples/passwordless.
package signin

import (
	"context"
	"net/http"
	"time"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/examples/internal/limit"
	"github.com/seed-3f7b73d1/onetime/examples/internal/site"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

// New returns it, for the purpose "login".
func New(ctx context.Context, s *site.Site) (*onetime.Manager, *onetimehttp.Flow, error) {
	all, err := onetime.New(s.Redis, s.Key, onetime.WithObserver(site.Report))
	if err != nil {
		return nil, nil, err
	}
	site.Check(ctx, all)
	login, err := all.Purpose("login", onetime.WithLinkBase(s.Origin+"/sign-in/link"))
	if err != nil {
		return nil, nil, err
	}
	flow, err := onetimehttp.New(login, onetimehttp.Config{
		Origin: s.Origin, Name: "Example",
		Lookup: s.Accounts.Lookup, Sender: s.Mails.Send, OnVerified: s.Sessions.Start,
		OtherBrowser: onetimehttp.AskOtherBrowser, // the mail may be read on the phone
		Limiter:      limit.PerAddress(20, time.Minute), VerifyLimiter: limit.PerAddress(60, time.Minute),
	}, onetimehttp.WithObserver(site.Report), onetimehttp.WithQueue(s.Queue...))
	return login, flow, err
}

// Mount adds it to mux.
func Mount(ctx context.Context, s *site.Site, mux *http.ServeMux) (*onetime.Manager, *onetimehttp.Flow, error) {
	login, flow, err := New(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	mux.Handle("/sign-in", flow.Start())
	mux.Handle("/sign-in/code", flow.Verify())
	mux.Handle("/sign-in/link", flow.Link())
	return login, flow, nil
}
