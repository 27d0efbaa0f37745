package server

import (
	_ "embed"
	"html/template"
	"net"
	"net/http"

	"github.com/seed-3f7b73d1/onetime/onetimed/internal/config"
)

//go:embed home.html
var homeHTML string

var homePage = template.Must(template.New("home").Parse(homeHTML))

// A home is what the page "/" of development shows.
type home struct {
	Origin, Key, Service string
}

// pages are those of development, around the API, and whom a server of development answers to.
func (s *Server) pages(api http.Handler) http.Handler {
	if !s.config.Development() {
		return api
	}
	mux := http.NewServeMux()
	mux.Handle("/", api)
	if s.inbox != nil {
		s.inbox.routes(mux)
		mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
			pageHeaders(w)
			homePage.Execute(w, home{Origin: s.Origin(), Key: s.developerKey, Service: s.firstService()})
		})
	}
	if s.config.DevListen != "" {
		return mux
	}
	return loopbackOnly(mux)
}

// loopbackOnly refuses requests whose Host is not this machine: pages of other sites reach a server on loopback by a name of
// theirs that they let point to it (DNS rebinding).
func loopbackOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		} else if len(host) > 2 && host[0] == '[' {
			host = host[1 : len(host)-1]
		}
		if !config.Loopback(host) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.Header().Set("Cache-Control", "no-store")
			w.WriteHeader(http.StatusMisdirectedRequest)
			w.Write([]byte(`{"type":"about:blank","title":"Misdirected Request","status":421,"reason":"wrong_host","detail":"In development the server answers to localhost only."}` + "\n"))
			return
		}
		next.ServeHTTP(w, r)
	})
}
