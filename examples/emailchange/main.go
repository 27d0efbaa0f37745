/*
Command emailchange is a web page on which people change the address of their account: the new address proves itself by a
link, and the old one is told and can take the change back for 24 hours.

	go run ./examples/emailchange

needs nothing, and says what to open. change.go and back.go are what to copy: they use onetime itself, where the other
examples use the handlers of onetimehttp. The variables of the environment are those of examples/passwordless.
*/
package main

import (
	"context"
	_ "embed"
	"net/http"
	"time"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/examples/internal/chores"
	"github.com/seed-3f7b73d1/onetime/examples/internal/pages"
	"github.com/seed-3f7b73d1/onetime/examples/internal/signin"
	"github.com/seed-3f7b73d1/onetime/examples/internal/site"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

const service = "Example"

// takeBack is how long a change can be taken back.
const takeBack = 24 * time.Hour

func main() { site.Main("emailchange", run) }

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
	login  *onetime.Manager
	change *onetime.Manager // of links to new addresses; their subject is the account
	back   *onetime.Manager // of links to old addresses; their subject is the change
	chores *chores.Chores
	pages  *pages.Pages
}

// serve serves until ctx ends.
func (a *app) serve(ctx context.Context) error { return a.Serve(ctx, a.mux, a.signIn, a.chores) }

//go:embed pages.html
var text string

func newApp(ctx context.Context, s *site.Site) (a *app, err error) {
	a = &app{Site: s, mux: http.NewServeMux(), chores: chores.New()}
	if a.login, a.signIn, err = signin.Mount(ctx, s, a.mux); err != nil {
		return nil, err
	}
	if a.change, err = a.login.Purpose("address-change", onetime.WithLinkBase(s.Origin+"/address/confirm")); err != nil {
		return nil, err
	}
	if a.back, err = a.login.Purpose("address-back", onetime.WithLinkBase(s.Origin+"/address/back"), onetime.WithTokenTTL(takeBack)); err != nil {
		return nil, err
	}
	a.pages = pages.New(text, a.signIn.Style())
	for pattern, handle := range map[string]http.HandlerFunc{
		"GET /address":          a.showForm,
		"POST /address":         a.ask,
		"GET " + sentPage:       a.showSent,
		"GET /address/confirm":  a.showConfirm,
		"POST /address/confirm": a.confirm,
		"GET " + confirmedPage:  a.showConfirmed,
		"GET /address/back":     a.showBack,
		"POST /address/back":    a.putBack,
		"GET " + putBackPage:    a.showPutBack,
	} {
		// Protect refuses what another site posts, and keeps tokens out of referrers and caches.
		a.mux.Handle(pattern, a.signIn.Protect(http.MaxBytesHandler(handle, 8<<10)))
	}
	home := s.Home(a.pages, func(w http.ResponseWriter, _ *http.Request, err error) { a.fail(w, err) })
	a.mux.Handle("GET /{$}", a.signIn.Protect(home))
	s.Mount(a.mux, a.signIn)
	return a, nil
}
