/*
Command signup is a web page on which people make an account, once they have proved their address: by the code or the link of
one mail, of which either ends the other.

	go run ./examples/signup

needs nothing, and says what to open. signup.go is what to copy. The variables of the environment are those of
examples/passwordless.
*/
package main

import (
	"context"
	_ "embed"
	"net/http"
	"time"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/examples/internal/limit"
	"github.com/seed-3f7b73d1/onetime/examples/internal/pages"
	"github.com/seed-3f7b73d1/onetime/examples/internal/signin"
	"github.com/seed-3f7b73d1/onetime/examples/internal/site"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

const service = "Example"

func main() { site.Main("signup", run) }

func run(ctx context.Context, s *site.Site) error {
	a, err := newApp(ctx, s)
	if err != nil {
		return err
	}
	return a.serve(ctx)
}

// An app is the pages.
type app struct {
	*site.Site
	mux    *http.ServeMux
	signIn *onetimehttp.Flow
	flow   *onetimehttp.Flow // of signing up
	signUp *onetime.Manager
	pages  *pages.Pages
}

// serve serves until ctx ends.
func (a *app) serve(ctx context.Context) error { return a.Serve(ctx, a.mux, a.signIn, a.flow) }

//go:embed pages.html
var text string

func newApp(ctx context.Context, s *site.Site) (a *app, err error) {
	a = &app{Site: s, mux: http.NewServeMux()}
	login, signIn, err := signin.Mount(ctx, s, a.mux)
	if err != nil {
		return nil, err
	}
	a.signIn = signIn
	if a.signUp, err = login.Purpose("sign-up", onetime.WithLinkBase(s.Origin+"/sign-up/link")); err != nil {
		return nil, err
	}
	a.flow, err = onetimehttp.New(a.signUp, onetimehttp.Config{
		Origin: s.Origin, Name: service, Task: onetimesend.VerifyAddress,
		Lookup:        anybody,
		Sender:        a.send,
		OnVerified:    a.create,
		OtherBrowser:  onetimehttp.AskOtherBrowser,       // the mail may be read on the phone
		Limiter:       limit.PerAddress(20, time.Minute), // or strangers have this service write to everybody
		VerifyLimiter: limit.PerAddress(60, time.Minute),
		Paths:         onetimehttp.Paths{Start: "/sign-up", Verify: "/sign-up/code", Link: "/sign-up/link"},
	}, onetimehttp.WithNormalizer(mailOnly), onetimehttp.WithTexts(map[string]onetimehttp.Catalogue{"en": words()}), onetimehttp.WithObserver(site.Report),
		onetimehttp.WithQueue(s.Queue...))
	if err != nil {
		return nil, err
	}
	a.pages = pages.New(text, a.flow.Style())
	a.mux.Handle("/sign-up", a.flow.Start())
	a.mux.Handle("/sign-up/code", a.flow.Verify())
	a.mux.Handle("/sign-up/link", a.flow.Link())
	a.mux.Handle("GET /{$}", a.flow.Protect(s.Home(a.pages, onetimehttp.WriteError)))
	s.Mount(a.mux, a.flow, signIn)
	return a, nil
}

// words are those of signing up, where onetimehttp speaks of signing in.
func words() onetimehttp.Catalogue {
	return onetimehttp.Catalogue{
		"start.title":   "Create an account at {service}",
		"start.address": "E-mail address",
		"start.submit":  "Send me a code and a link",
		"code.title":    "Confirm your address",
		"code.submit":   "Create account",
		"link.title":    "Create an account at {service}",
		"link.for":      "This link makes an account for {account}.",
		"link.submit":   "Create account",
		"link.other":    "You asked for it in another browser, or somebody else did. The account is made here, on this device.",
		"link.here":     "Create account on this device",
		"code.hint":     "Look in the spam folder, too.",
	}
}
