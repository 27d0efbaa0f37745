// Package session is who is signed in to the examples, in the memory of the process. A real service wants sessions that
// outlive a restart and that several servers share: github.com/alexedwards/scs, say, where Begin is RenewToken and Put, and
// End is Destroy.
package session

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/examples/internal/accounts"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

// Sessions are safe for concurrent use.
type Sessions struct {
	accounts *accounts.Directory
	now      func() time.Time
	// Cookies without their values: of the session, and of the page to go back to.
	cookie, returning http.Cookie

	mu   sync.Mutex
	byID map[string]session
}

type session struct {
	account, epoch string
	expires        time.Time
	values         map[string]any
}

const life = 12 * time.Hour

// New returns sessions of these accounts, for pages with or without TLS.
func New(directory *accounts.Directory, now func() time.Time, https bool) *Sessions {
	s := &Sessions{accounts: directory, now: now, byID: map[string]session{}}
	// Lax: a person who comes from another site is signed in, but no form of another site is posted with the cookie.
	s.cookie = http.Cookie{Name: "session", Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if https {
		s.cookie.Name, s.cookie.Secure = "__Host-session", true // no other host can set it
	}
	s.returning = s.cookie
	s.returning.Name += "-back"
	return s
}

// Start is the Config.OnVerified of onetimehttp: it begins the session of whoever was verified and leads to the first page.
//
// What was proved is the address that the message went to, the Payload. The account may have another by now: its owner took a
// change back while a code to the new address was on its way, or a moment after it was found right. So one read says both
// whether the proof is still about the account and to which epoch the session belongs, and whatever comes after that read
// ends the session with the epoch.
func (s *Sessions) Start(w http.ResponseWriter, r *http.Request, v onetime.Verification) error {
	account, err := s.accounts.Get(r.Context(), v.Subject)
	if err != nil {
		return err // nobody is signed in, and the code or link works again
	}
	if string(v.Payload) != account.Address {
		onetimehttp.WriteError(w, r, onetime.ErrNotFound)
		return nil // it stays used up
	}
	s.Enter(w, r, account)
	return nil
}

// Enter begins a session as Begin does, and leads to the page that SignInFirst has noted, or to the first one.
func (s *Sessions) Enter(w http.ResponseWriter, r *http.Request, a accounts.Account) {
	s.Begin(w, r, a)
	http.Redirect(w, r, s.back(w, r), http.StatusSeeOther)
}

// backLife is how long somebody may take to sign in before page is forgotten.
const backLife = 15 * time.Minute

// SignInFirst leads to the page that signs in, and from there back to page, a path of this site with its query.
func (s *Sessions) SignInFirst(w http.ResponseWriter, r *http.Request, page string) {
	c := s.returning
	c.Value, c.MaxAge = base64.RawURLEncoding.EncodeToString([]byte(page)), int(backLife.Seconds())
	http.SetCookie(w, &c)
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
}

// Owner returns who is signed in. Where nobody is it leads to sign-in, and from there to page; fail answers an error.
func (s *Sessions) Owner(w http.ResponseWriter, r *http.Request, page string, fail func(http.ResponseWriter, error)) (accounts.Account, bool) {
	account, err := s.Account(r)
	switch {
	case err != nil:
		fail(w, err)
	case account.ID == "":
		s.SignInFirst(w, r, page)
	default:
		return account, true
	}
	return accounts.Account{}, false
}

// back returns the page that SignInFirst has noted, and forgets it; the first page where there is none. A cookie may be
// planted by another host of the domain: what is no path of this site is not followed.
func (s *Sessions) back(w http.ResponseWriter, r *http.Request) string {
	found, err := r.Cookie(s.returning.Name)
	if err != nil {
		return "/"
	}
	c := s.returning
	c.MaxAge = -1
	http.SetCookie(w, &c)
	page, _ := base64.RawURLEncoding.DecodeString(found.Value)
	u, err := url.Parse(string(page))
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(u.Path, "/") ||
		strings.HasPrefix(u.Path, "//") || strings.Contains(u.Path, `\`) {
		return "/"
	}
	return u.RequestURI()
}

// Begin begins a session. Its id is new, and an old session of this browser ends: whoever planted or saw an id before does
// not share the session (session fixation). The session belongs to the epoch that a has, which is that of the moment at
// which the account was read: read it before you look at a password. Begin returns the id.
func (s *Sessions) Begin(w http.ResponseWriter, r *http.Request, a accounts.Account) string {
	id, now := rand.Text(), s.now()
	s.mu.Lock()
	maps.DeleteFunc(s.byID, func(_ string, old session) bool { return !now.Before(old.expires) })
	delete(s.byID, s.ID(r))
	s.byID[id] = session{a.ID, a.Epoch, now.Add(life), map[string]any{}}
	s.mu.Unlock()

	c := s.cookie
	c.Value, c.MaxAge = id, int(life.Seconds())
	http.SetCookie(w, &c)
	return id
}

// Account returns who is signed in: the zero Account if nobody is.
func (s *Sessions) Account(r *http.Request) (accounts.Account, error) {
	s.mu.Lock()
	found := s.byID[s.ID(r)]
	s.mu.Unlock()
	if !s.now().Before(found.expires) {
		return accounts.Account{}, nil
	}
	a, err := s.accounts.Get(r.Context(), found.account)
	if errors.Is(err, accounts.ErrNone) || err == nil && a.Epoch != found.epoch { // all sessions of before were ended
		return accounts.Account{}, nil
	}
	return a, err
}

// End signs out, here and wherever the cookie was copied to.
func (s *Sessions) End(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	delete(s.byID, s.ID(r))
	s.mu.Unlock()
	c := s.cookie
	c.MaxAge = -1
	http.SetCookie(w, &c)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// ID returns the id that the browser shows, or "". It is a secret, and of a session that may have ended.
func (s *Sessions) ID(r *http.Request) string {
	c, err := r.Cookie(s.cookie.Name)
	if err != nil {
		return ""
	}
	return c.Value
}

// Recent reports whether a session began at most so long ago: somebody has proved the address since.
func (s *Sessions) Recent(id string, within time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.byID[id]
	return ok && !s.now().After(found.expires.Add(within-life))
}

// Put keeps a value in a session, as long as that lasts; nil drops it.
func (s *Sessions) Put(id, name string, value any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found, ok := s.byID[id]; ok && value != nil {
		found.values[name] = value
	} else if ok {
		delete(found.values, name)
	}
}

// Get returns a value of a session, or nil.
func (s *Sessions) Get(id, name string) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byID[id].values[name]
}
