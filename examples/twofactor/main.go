/*
Command twofactor is a web page that people sign in to by a code or link of a mail, and then by a code of an authenticator app.

	go run ./examples/twofactor

needs nothing, and says what to open. signin.go has the state between the two factors, setup.go how an app is set up, codes.go
the recovery codes, and proof.go what is asked before anything of that changes. The variables of the environment are those of
examples/passwordless, and

	DATABASE_URL  postgres://user:password@host:port/db, where the blobs of the factors are; by default a SQLite file that is
	              gone when this ends
	FACTOR_KEY    32 random bytes or more, in hex or base64, that seal the blobs; by default random in each run, which a
	              database that outlives the run does not allow
*/
package main

import (
	"context"
	_ "embed"
	"net/http"
	"strings"
	"time"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/examples/internal/chores"
	"github.com/seed-3f7b73d1/onetime/examples/internal/limit"
	"github.com/seed-3f7b73d1/onetime/examples/internal/pages"
	"github.com/seed-3f7b73d1/onetime/examples/internal/site"
	"github.com/seed-3f7b73d1/onetime/factor"
	"github.com/seed-3f7b73d1/onetime/factor/sqlstore"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

const service = "Example"

func main() { site.Main("twofactor", run) }

func run(ctx context.Context, s *site.Site) error {
	store, keys, end, err := openStore(ctx, s.Out)
	if err != nil {
		return err
	}
	defer end()
	a, err := newApp(ctx, s, store, keys)
	if err != nil {
		return err
	}
	return a.serve(ctx)
}

// An app is the pages.
type app struct {
	*site.Site
	mux     *http.ServeMux
	signIn  *onetimehttp.Flow // by the first factor
	login   *onetime.Manager
	second  *onetime.Manager // of the tokens between the two factors
	factors *factor.Factors
	store   *sqlstore.Store
	chores  *chores.Chores
	pages   *pages.Pages
	tries   func(*http.Request) (time.Duration, error)
}

// serve serves until ctx ends.
func (a *app) serve(ctx context.Context) error { return a.Serve(ctx, a.mux, a.signIn, a.chores) }

//go:embed pages.html
var text string

func newApp(ctx context.Context, s *site.Site, store *sqlstore.Store, keys factor.Keys) (a *app, err error) {
	a = &app{Site: s, mux: http.NewServeMux(), store: store, chores: chores.New(), tries: limit.PerAddress(60, time.Minute)}
	all, err := onetime.New(s.Redis, s.Key, append([]onetime.Option{onetime.WithObserver(site.Report)}, s.Settings...)...)
	if err != nil {
		return nil, err
	}
	site.Check(ctx, all)
	if a.login, err = all.Purpose("login", onetime.WithLinkBase(s.Origin+"/sign-in/link")); err != nil {
		return nil, err
	}
	// Nobody gets such a token without the first factor, whose limits are enough. Two of them live at a time, so that a form of the
	// first factor that is sent twice does not end what its first sending began.
	if a.second, err = all.Purpose("second-factor", onetime.WithTokenTTL(betweenLife), onetime.WithSendLimits(), onetime.WithKeep(2)); err != nil {
		return nil, err
	}
	if a.factors, err = factor.New(a.login, keys, service); err != nil {
		return nil, err
	}
	a.signIn, err = onetimehttp.New(a.login, onetimehttp.Config{
		Origin: s.Origin, Name: service,
		Lookup: s.Accounts.Lookup, Sender: s.Mails.Send,
		OnVerified:   a.afterFirst,                // where other examples begin a session
		OtherBrowser: onetimehttp.AskOtherBrowser, // the mail may be read on the phone
		SignedIn:     a.signedIn,
		Limiter:      limit.PerAddress(20, time.Minute), VerifyLimiter: limit.PerAddress(60, time.Minute),
	}, onetimehttp.WithObserver(site.Report), onetimehttp.WithQueue(s.Queue...))
	if err != nil {
		return nil, err
	}
	a.pages = pages.New(text, a.signIn.Style())
	a.mux.Handle("/sign-in", a.signIn.Start())
	a.mux.Handle("/sign-in/code", a.signIn.Verify())
	a.mux.Handle("/sign-in/link", a.signIn.Link())
	a.mount(map[string]http.HandlerFunc{
		"GET /factor":             a.showFactor,
		"POST /factor/setup":      a.beginSetup,
		"GET /factor/setup":       a.showSetup,
		"POST /factor/confirm":    a.confirm,
		"GET /factor/codes":       a.showCodes,
		"GET /factor/codes.txt":   a.downloadCodes,
		"POST /factor/codes/kept": a.dropCodes,
		"GET /factor/codes/new":   a.askProof(renewal),
		"POST /factor/codes/new":  a.renewCodes,
		"GET /factor/off":         a.askProof(off),
		"POST /factor/off":        a.turnOff,
	})
	for _, by := range []way{byApp, byRecovery, byRecoveryLost} {
		a.mount(map[string]http.HandlerFunc{"GET " + by.Action: a.askSecond(by), "POST " + by.Action: a.takeSecond(by)})
	}
	home := s.Home(a.pages, func(w http.ResponseWriter, _ *http.Request, err error) { a.fail(w, err) })
	a.mux.Handle("GET /{$}", a.signIn.Protect(home))
	s.Mount(a.mux, a.signIn)
	return a, nil
}

// mount adds handlers behind Protect, which refuses what another site posts, and keeps tokens out of referrers and caches.
func (a *app) mount(handlers map[string]http.HandlerFunc) {
	for pattern, handle := range handlers {
		a.mux.Handle(pattern, a.signIn.Protect(http.MaxBytesHandler(handle, 8<<10)))
	}
}

// secure reports whether browsers speak TLS.
func (a *app) secure() bool { return strings.HasPrefix(a.Origin, "https:") }

// signedIn is the Config.SignedIn of onetimehttp.
func (a *app) signedIn(r *http.Request) string {
	account, err := a.Sessions.Account(r)
	if err != nil {
		return ""
	}
	return account.ID
}
