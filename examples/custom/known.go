package main

import (
	"net/http"

	"github.com/seed-3f7b73d1/onetime"
)

// Browsers that somebody has signed in with have limits of their own: a stranger who locks an address keeps them from nothing.
// What makes a browser known proves nothing, and stays at sign-out.

func (s *signIn) knownCookie() http.Cookie {
	c := s.cookie
	c.Name += "-known"
	c.MaxAge = int(s.codes.Policy().KnownFor.Seconds())
	return c
}

// credentials are those that the browser shows, of up to four people. What is none counts as none.
func (s *signIn) credentials(r *http.Request) string {
	c, err := r.Cookie(s.knownCookie().Name)
	if err != nil {
		return ""
	}
	return c.Value
}

func (s *signIn) known(r *http.Request) onetime.CallOption {
	return onetime.WithKnownBrowser(s.credentials(r))
}

func (s *signIn) remember(w http.ResponseWriter, r *http.Request, proof onetime.Verification) {
	c := s.knownCookie()
	c.Value = proof.BrowserCredentials(s.credentials(r))
	http.SetCookie(w, &c)
}
