package main

import (
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/seed-3f7b73d1/onetime/address"
	"github.com/seed-3f7b73d1/onetime/examples/internal/limit"
	"github.com/seed-3f7b73d1/onetime/stateless"
)

const (
	purpose  = "newsletter"
	lifetime = 48 * time.Hour
)

// A newsletter has subscribers, a column of your database. Nothing else is kept.
type newsletter struct {
	links  *stateless.Manager
	origin string
	out    io.Writer // where links are printed that yours would send

	// Without a database nothing limits what is sent, but these.
	allow    func(*http.Request) (time.Duration, error)
	allowTo  func(subject string) bool
	mu       sync.Mutex
	confirms map[string]bool
}

func newNewsletter(key []byte, origin string, now func() time.Time, out io.Writer) (*newsletter, error) {
	links, err := stateless.New(key, stateless.WithClock(now))
	return &newsletter{
		links: links, origin: origin, out: out, confirms: map[string]bool{},
		allow: limit.PerAddress(20, time.Minute), allowTo: limit.PerKey(2, time.Hour),
	}, err
}

func (n *newsletter) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", n.start)
	mux.HandleFunc("POST /subscribe", n.subscribe)
	mux.HandleFunc("GET /confirm", n.ask)
	mux.HandleFunc("POST /confirm", n.confirm)
	return guarded(http.NewCrossOriginProtection().Handler(mux))
}

// guarded keeps the token in the URL from the sites that a page leads to, and pages out of caches and frames.
func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Referrer-Policy", "strict-origin")
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
		next.ServeHTTP(w, r)
	})
}

func (n *newsletter) start(w http.ResponseWriter, _ *http.Request) {
	show(w, http.StatusOK, "start", "")
}

// subscribe sends the link. It answers the same whether somebody is a subscriber or not.
func (n *newsletter) subscribe(w http.ResponseWriter, r *http.Request) {
	to, err := address.Mail(r.PostFormValue("address"))
	if err != nil {
		show(w, http.StatusBadRequest, "said", "Check the address.")
		return
	}
	if !limit.Passes(n.allow, r) {
		show(w, http.StatusTooManyRequests, "said", "Too many requests. Try again in a minute.")
		return
	}
	link, err := n.links.Link(n.origin+"/confirm", purpose, to, lifetime)
	if err != nil {
		show(w, http.StatusInternalServerError, "said", "Something went wrong.")
		return
	}
	if n.allowTo(to) {
		fmt.Fprintf(n.out, "Mail to %s: confirm by %s\n", to, link) // deliver it, and never print it
	}
	show(w, http.StatusAccepted, "said", "Check your messages: we sent a link to "+to+".")
}

// ask shows what the link is for and a button. Mail scanners open links, too, and press none.
func (n *newsletter) ask(w http.ResponseWriter, r *http.Request) {
	token := strings.TrimRight(r.URL.Query().Get("token"), " .,:!?)]}>'\"") // what stood behind the link in a text
	if _, err := n.links.OpenLink(purpose, token); err != nil {
		refuse(w, err)
		return
	}
	show(w, http.StatusOK, "ask", token)
}

// confirm may be done twice: who is a subscriber is one.
func (n *newsletter) confirm(w http.ResponseWriter, r *http.Request) {
	proof, err := n.links.OpenLink(purpose, r.PostFormValue("token"))
	if err != nil {
		refuse(w, err)
		return
	}
	n.mu.Lock()
	n.confirms[proof.Subject] = true // INSERT … ON CONFLICT DO NOTHING
	n.mu.Unlock()
	show(w, http.StatusOK, "said", "You are subscribed.")
}

func refuse(w http.ResponseWriter, err error) {
	if errors.Is(err, stateless.ErrNotFound) {
		show(w, http.StatusGone, "said", "This link no longer works. Subscribe again.")
		return
	}
	show(w, http.StatusForbidden, "said", "This is not a link of ours. Copy it whole, or subscribe again.")
}

var pages = template.Must(template.New("").Parse(`
{{define "head"}}<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Newsletter</title><main><h1>Newsletter</h1>{{end}}
{{define "start"}}{{template "head"}}<form method="post" action="/subscribe"><label>E-mail address <input name="address" type="email" autocomplete="email" required></label> <button>Subscribe</button></form></main>{{end}}
{{define "ask"}}{{template "head"}}<form method="post" action="/confirm"><input type="hidden" name="token" value="{{.}}"><button>Confirm the subscription</button></form></main>{{end}}
{{define "said"}}{{template "head"}}<p role="status">{{.}}</p><p><a href="/">Start</a></p></main>{{end}}`))

func show(w http.ResponseWriter, status int, page, text string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	pages.ExecuteTemplate(w, page, text)
}
