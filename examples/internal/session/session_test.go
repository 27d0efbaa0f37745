package session

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/examples/internal/accounts"
)

const alice, bob = "alice@example.com", "bob@example.com"

// A clock stands still until it is moved.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func open(https bool) (*Sessions, *accounts.Directory, *clock) {
	c := &clock{time.Now()}
	directory := accounts.New(c.now, alice, bob)
	return New(directory, c.now, https), directory, c
}

// begin starts a session of an account and returns its cookie.
func begin(t testing.TB, s *Sessions, account string) *http.Cookie {
	t.Helper()
	answer := httptest.NewRecorder()
	a, err := s.accounts.Get(t.Context(), account)
	require.NoError(t, err)
	v := onetime.Verification{Subject: account, Payload: []byte(a.Address)}
	require.NoError(t, s.Start(answer, httptest.NewRequest("POST", "/sign-in/code", nil), v))
	require.Equal(t, http.StatusSeeOther, answer.Code)
	require.Equal(t, "/", answer.Header().Get("Location"))
	require.Len(t, answer.Result().Cookies(), 1)
	return answer.Result().Cookies()[0]
}

// shown returns whom a cookie signs in.
func shown(t testing.TB, s *Sessions, c *http.Cookie) string {
	t.Helper()
	request := httptest.NewRequest("GET", "/", nil)
	request.AddCookie(c)
	a, err := s.Account(request)
	require.NoError(t, err)
	return a.ID
}

func TestSession_CookieIsHardToSteal(t *testing.T) {
	for https, name := range map[bool]string{false: "session", true: "__Host-session"} {
		s, _, _ := open(https)
		c := begin(t, s, "account-1")
		require.Equal(t, name, c.Name)
		require.GreaterOrEqual(t, len(c.Value), 26)
		require.True(t, c.HttpOnly)
		require.Equal(t, https, c.Secure)
		require.Equal(t, http.SameSiteLaxMode, c.SameSite)
		require.Equal(t, "/", c.Path)
		require.Empty(t, c.Domain)
		require.Equal(t, 12*60*60, c.MaxAge)
	}
}

func TestSession_Expires(t *testing.T) {
	s, _, c := open(false)
	cookie := begin(t, s, "account-1")
	c.at = c.at.Add(12*time.Hour - time.Nanosecond)
	require.Equal(t, "account-1", shown(t, s, cookie))
	c.at = c.at.Add(time.Nanosecond)
	require.Empty(t, shown(t, s, cookie))

	begin(t, s, "account-2")
	require.Len(t, s.byID, 1, "what has expired is forgotten")
}

// A new epoch of an account ends all its sessions, and nobody else's.
func TestSession_EndsWithTheEpoch(t *testing.T) {
	s, directory, _ := open(false)
	first, second, other := begin(t, s, "account-1"), begin(t, s, "account-1"), begin(t, s, "account-2")
	before, err := directory.Get(context.Background(), "account-1")
	require.NoError(t, err)
	require.NoError(t, directory.Update(context.Background(), "account-1", func(a *accounts.Account) error {
		a.Epoch = accounts.NewEpoch()
		return nil
	}))
	require.Empty(t, shown(t, s, first))
	require.Empty(t, shown(t, s, second))
	require.Equal(t, "account-2", shown(t, s, other))
	require.Equal(t, "account-1", shown(t, s, begin(t, s, "account-1")))

	// Who proved something before and is let in after it is not let in.
	late := httptest.NewRecorder()
	s.Begin(late, httptest.NewRequest("POST", "/", nil), before)
	require.Empty(t, shown(t, s, late.Result().Cookies()[0]))
}

func TestSession_OfNobodyDoesNotStart(t *testing.T) {
	s, _, _ := open(false)
	answer := httptest.NewRecorder()
	require.ErrorIs(t, s.Start(answer, httptest.NewRequest("POST", "/", nil), onetime.Verification{Subject: "account-3"}), accounts.ErrNone)
	require.Empty(t, answer.Result().Cookies())
	require.Empty(t, s.byID)
}

// A proof of an address says nothing of an account that has another one now.
func TestSession_OfAnotherAddressDoesNotStart(t *testing.T) {
	s, _, _ := open(false)
	answer := httptest.NewRecorder()
	v := onetime.Verification{Subject: "account-1", Payload: []byte(bob)}
	require.NoError(t, s.Start(answer, httptest.NewRequest("POST", "/", nil), v), "it stays used up")
	require.Equal(t, http.StatusGone, answer.Code)
	require.Empty(t, answer.Result().Cookies())
	require.Empty(t, s.byID)
}

// A planted cookie leads nowhere else.
func TestSession_LeadsBackWithinThisSiteOnly(t *testing.T) {
	s, _, _ := open(false)
	for page, want := range map[string]string{
		"/address/confirm?token=a%26b": "/address/confirm?token=a%26b",
		"/":                            "/",
		"":                             "/",
		"address":                      "/",
		"//evil.example":               "/",
		"/\\evil.example":              "/",
		"https://evil.example/":        "/",
		"https:/evil.example":          "/",
		"javascript:alert(1)":          "/",
		"/\t/evil.example":             "/",
		"/a\r\nSet-Cookie: x=y":        "/",
	} {
		asked := httptest.NewRecorder()
		s.SignInFirst(asked, httptest.NewRequest("GET", "/", nil), page)
		require.Equal(t, "/sign-in", asked.Header().Get("Location"))
		r := httptest.NewRequest("POST", "/sign-in/code", nil)
		r.AddCookie(asked.Result().Cookies()[0])
		answer := httptest.NewRecorder()
		require.NoError(t, s.Start(answer, r, onetime.Verification{Subject: "account-1", Payload: []byte(alice)}))
		require.Equal(t, want, answer.Header().Get("Location"), "%q", page)
	}
}
