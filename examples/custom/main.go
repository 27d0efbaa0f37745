/*
Command custom signs people in by a code with handlers of its own, where pages, routes or forms have to be other than those of
package onetimehttp. signin.go is what to copy: it keeps what onetimehttp keeps.

  - A code is bound to the browser that asked, and to the request that it was asked by.
  - Somebody without an account is answered alike: a decoy is issued, and nothing is sent, after the answer.
  - A code that was certainly not delivered becomes a decoy, and nobody can tell.
  - Pages are loaded by GET, and forms can be sent twice.

What it leaves out: links, several addresses in one browser, languages, answers for programs.

	go run ./examples/custom

needs nothing, and says what to open. The variables of the environment are those of examples/passwordless.
*/
package main

import (
	"context"
	_ "embed"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/examples/internal/inbox"
	"github.com/seed-3f7b73d1/onetime/examples/internal/limit"
	"github.com/seed-3f7b73d1/onetime/examples/internal/pages"
	"github.com/seed-3f7b73d1/onetime/examples/internal/site"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

func main() { site.Main("custom", run) }

//go:embed pages.html
var text string

//go:embed style.css
var style template.CSS

// A form is what a page shows.
type form struct{ Address, Error string }

func run(ctx context.Context, s *site.Site) error {
	in, handler, err := newSignIn(ctx, s)
	if err != nil {
		return err
	}
	return s.Serve(ctx, handler, queue{in.queue})
}

// A queue ends with the server.
type queue struct{ *onetimesend.Queue }

func (q queue) Shutdown(ctx context.Context) error { return q.Close(ctx) }

func newSignIn(ctx context.Context, s *site.Site) (*signIn, http.Handler, error) {
	codes, err := onetime.New(s.Redis, s.Key, onetime.WithObserver(site.Report))
	if err != nil {
		return nil, nil, err
	}
	site.Check(ctx, codes)
	queue, err := onetimesend.NewQueue(s.Mails.Send, s.Queue...)
	if err != nil {
		return nil, nil, err
	}
	in := &signIn{
		Site: s, codes: codes, queue: queue, brand: onetimesend.Brand{Name: "Example"}, pages: pages.New(text, style),
		mayAsk: limit.PerAddress(20, time.Minute), mayTry: limit.PerAddress(60, time.Minute),
	}
	// As long as the longest code lives. Lax: a page that was opened from the mail has it, too.
	in.cookie = http.Cookie{Name: "sign-in", Path: "/", MaxAge: 600, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if strings.HasPrefix(s.Origin, "https:") {
		in.cookie.Name, in.cookie.Secure = "__Host-sign-in", true
	}
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", s.Home(in.pages, func(w http.ResponseWriter, r *http.Request, err error) { in.fail(w, r, startPage, err) }))
	mux.HandleFunc("GET "+startPage, func(w http.ResponseWriter, r *http.Request) { in.show(w, r, "start", "") })
	mux.HandleFunc("POST "+startPage, in.ask)
	mux.HandleFunc("GET "+codePage, in.showCode)
	mux.HandleFunc("POST "+codePage, in.enter)
	mux.HandleFunc("POST /sign-out", func(w http.ResponseWriter, r *http.Request) {
		in.keep(w, visit{}) // or Back would sign in again, for a minute
		s.Sessions.End(w, r)
	})
	if s.Inbox != nil {
		mux.Handle("GET /inbox", inbox.Private(s.Inbox.Page(style)))
		mux.Handle("GET /inbox/{mail}", inbox.Private(s.Inbox.Mail()))
	}
	return in, guard(mux), nil
}

const startPage, codePage = "/sign-in", "/sign-in/code"

func (s *signIn) showCode(w http.ResponseWriter, r *http.Request) {
	v := s.visit(r)
	if v.Request == "" {
		http.Redirect(w, r, startPage, http.StatusSeeOther)
		return
	}
	s.show(w, r, "code", v.Address)
}

// refusals are what the query "why" of a page stands for. Anybody can write such a link: none has words of its own.
var refusals = map[string]struct {
	status int
	text   string
}{
	"":          {status: http.StatusOK},
	"address":   {http.StatusBadRequest, "Check the address."},
	"wait":      {http.StatusTooManyRequests, "Wait a while. Any message that was sent is on its way."},
	"code":      {http.StatusForbidden, "This code does not work. Check it, or ask for a new one."},
	"undecided": {http.StatusServiceUnavailable, "That could not be done just now. Try again."},
}

func (s *signIn) show(w http.ResponseWriter, r *http.Request, page, address string) {
	refused := refusals[r.URL.Query().Get("why")]
	s.pages.Show(w, max(refused.status, http.StatusOK), page, form{address, refused.text})
}

// guard refuses what another site posts, long bodies, frames, scripts, and copies in caches.
func guard(next http.Handler) http.Handler {
	return http.NewCrossOriginProtection().Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "strict-origin") // no-referrer would make the Origin of our own forms null
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		r.Body = http.MaxBytesReader(w, r.Body, 8<<10)
		next.ServeHTTP(w, r)
	}))
}
