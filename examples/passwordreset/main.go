/*
Command passwordreset is a web page with passwords, and what people do who have forgotten theirs: ask, get a mail, open its
link, choose a new one.

	go run ./examples/passwordreset

needs nothing, and says what to open. reset.go is what to copy, password.go how passwords are judged and hashed. The variables
of the environment are those of examples/passwordless.
*/
package main

import (
	"context"
	_ "embed"
	"html/template"
	"net/http"
	"time"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/examples/internal/chores"
	"github.com/seed-3f7b73d1/onetime/examples/internal/limit"
	"github.com/seed-3f7b73d1/onetime/examples/internal/pages"
	"github.com/seed-3f7b73d1/onetime/examples/internal/signin"
	"github.com/seed-3f7b73d1/onetime/examples/internal/site"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

const service = "Example"

func main() { site.Main("passwordreset", run) }

func run(ctx context.Context, s *site.Site) error {
	a, err := newApp(ctx, s, rfc9106)
	if err != nil {
		return err
	}
	return a.serve(ctx)
}

// An app is the pages.
type app struct {
	*site.Site
	mux       *http.ServeMux
	signIn    *onetimehttp.Flow
	flow      *onetimehttp.Flow // of the reset
	login     *onetime.Manager
	reset     *onetime.Manager
	passwords *passwords
	chores    *chores.Chores
	pages     *pages.Pages
}

// serve serves until ctx ends.
func (a *app) serve(ctx context.Context) error {
	return a.Serve(ctx, a.mux, a.signIn, a.flow, a.chores)
}

var (
	//go:embed pages.html
	text string
	//go:embed link.html
	linkText string
)

func newApp(ctx context.Context, s *site.Site, c cost) (a *app, err error) {
	a = &app{Site: s, mux: http.NewServeMux(), passwords: newPasswords(c), chores: chores.New()}
	if a.login, a.signIn, err = signin.Mount(ctx, s, a.mux); err != nil {
		return nil, err
	}
	if a.reset, err = a.login.Purpose("password-reset", onetime.WithLinkBase(s.Origin+"/reset/link")); err != nil {
		return nil, err
	}
	a.flow, err = onetimehttp.New(a.reset, onetimehttp.Config{
		Origin: s.Origin, Name: service, Task: onetimesend.ResetPassword,
		Lookup:        s.Accounts.Lookup, // people who are not known are answered alike, and get no mail
		Sender:        s.Mails.Send,
		OnVerified:    a.change,
		OtherBrowser:  onetimehttp.AskOtherBrowser, // the mail may be read on the phone
		Limiter:       limit.PerAddress(20, time.Minute),
		VerifyLimiter: limit.PerAddress(60, time.Minute),
		Secrets:       onetimehttp.LinkOnly,
		Paths:         onetimehttp.Paths{Start: "/reset", Verify: "/reset/sent", Link: "/reset/link"},
	}, onetimehttp.WithLinkCheck(a.check), onetimehttp.WithAccountName(userName), onetimehttp.WithTemplates(template.Must(template.New("").Parse(linkText))),
		onetimehttp.WithTexts(map[string]onetimehttp.Catalogue{"en": words()}), onetimehttp.WithObserver(site.Report),
		onetimehttp.WithQueue(s.Queue...))
	if err != nil {
		return nil, err
	}
	a.pages = pages.New(text, a.flow.Style())
	a.mux.Handle("/reset", a.flow.Start())
	a.mux.Handle("/reset/sent", a.flow.Verify())
	a.mux.Handle("/reset/link", a.flow.Link())
	a.mux.Handle("GET "+donePage, a.flow.Protect(http.HandlerFunc(a.showDone)))
	a.mux.Handle("GET /{$}", a.flow.Protect(s.Home(a.pages, onetimehttp.WriteError)))
	a.mux.Handle("GET /sign-in/password", a.flow.Protect(http.HandlerFunc(a.askPassword)))
	a.mux.Handle("POST /sign-in/password", a.flow.Protect(a.takePassword()))
	s.Mount(a.mux, a.flow)
	return a, nil
}

// userName is what the page of a link calls the account: the whole address, to which the link was sent, since a password
// manager saves the new password under the user name that it finds beside it.
func userName(_ context.Context, v onetime.Verification) string { return string(v.Payload) }

// words are those of the reset, where onetimehttp speaks of signing in.
func words() onetimehttp.Catalogue {
	return onetimehttp.Catalogue{
		"start.title":       "Forgot your password for {service}?",
		"start.address":     "E-mail address",
		"start.submit-link": "Send me a link",
		"done.title":        "Your password is set",
		"link.title":        "New password for {service}",
		"link.for":          "This link sets a new password for {account}.",
		"link.submit":       "Set new password",
		"link.other":        "You asked for it in another browser, or somebody else did. You can set the password here all the same.",
		"link.here":         "Set new password here",
	}
}
