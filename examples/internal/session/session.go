package main

import (
	"crypto/rand"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/seed-3f7b73d1/onetime"
)

// sessions are who is signed in, in the memory of this process. A real service wants sessions that outlive a restart and
// that several servers share: github.com/alexedwards/scs, say, where start is RenewToken and Put, and end is Destroy.
type sessions struct {
	cookie http.Cookie // without its value

	mu   sync.Mutex
	byID map[string]session
}

type session struct {
	account string
	expires time.Time
}

const sessionLife = 12 * time.Hour

func newSessions(https bool) *sessions {
	s := &sessions{byID: map[string]session{}}
	// Lax: a person who comes from another site is signed in, but no form of another site is posted with the cookie.
	s.cookie = http.Cookie{Name: "session", Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if https {
		s.cookie.Name, s.cookie.Secure = "__Host-session", true // no other host can set it
	}
	return s
}

// start begins the session of who was verified. Its id is new, and an old session of this browser ends: whoever planted or
// saw an id before does not share the session (session fixation).
func (s *sessions) start(w http.ResponseWriter, r *http.Request, v onetime.Verification) {
	id, now := rand.Text(), time.Now()
	s.mu.Lock()
	maps.DeleteFunc(s.byID, func(_ string, old session) bool { return !now.Before(old.expires) })
	delete(s.byID, s.id(r))
	s.byID[id] = session{v.Subject, now.Add(sessionLife)}
	s.mu.Unlock()

	c := s.cookie
	c.Value, c.MaxAge = id, int(sessionLife.Seconds())
	http.SetCookie(w, &c)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// account returns who is signed in, or "".
func (s *sessions) account(r *http.Request) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found := s.byID[s.id(r)]; time.Now().Before(found.expires) {
		return found.account
	}
	return ""
}

// end signs out, here and wherever the cookie was copied to.
func (s *sessions) end(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	delete(s.byID, s.id(r))
	s.mu.Unlock()
	c := s.cookie
	c.MaxAge = -1
	http.SetCookie(w, &c)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// id returns the id that the browser shows, or "".
func (s *sessions) id(r *http.Request) string {
	c, err := r.Cookie(s.cookie.Name)
	if err != nil {
		return ""
	}
	return c.Value
}
