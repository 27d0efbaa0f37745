package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
)

// begin starts a session of an account and returns its cookie.
func begin(t testing.TB, s *sessions, account string) *http.Cookie {
	t.Helper()
	answer := httptest.NewRecorder()
	s.start(answer, httptest.NewRequest("POST", "/sign-in/code", nil), onetime.Verification{Subject: account})
	require.Equal(t, http.StatusSeeOther, answer.Code)
	require.Equal(t, "/", answer.Header().Get("Location"))
	require.Len(t, answer.Result().Cookies(), 1)
	return answer.Result().Cookies()[0]
}

func TestSession_CookieIsHardToSteal(t *testing.T) {
	for https, name := range map[bool]string{false: "session", true: "__Host-session"} {
		c := begin(t, newSessions(https), "account-1")
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
	s := newSessions(false)
	request := httptest.NewRequest("GET", "/", nil)
	c := begin(t, s, "account-1")
	request.AddCookie(c)
	require.Equal(t, "account-1", s.account(request))

	old := s.byID[c.Value]
	require.WithinDuration(t, time.Now().Add(sessionLife), old.expires, time.Minute)
	old.expires = time.Now()
	s.byID[c.Value] = old
	require.Empty(t, s.account(request))

	begin(t, s, "account-2")
	require.Len(t, s.byID, 1, "what has expired is forgotten")
}

func TestPeople_MailGoesToTheStoredAddress(t *testing.T) {
	p := &people{byAddress: map[string]person{alice: {"account-1", "Alice@example.com"}}}
	subject, deliverTo, found, err := p.lookup(t.Context(), alice)
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, "account-1", subject)
	require.Equal(t, "Alice@example.com", deliverTo)

	_, deliverTo, found, err = p.lookup(t.Context(), bob)
	require.NoError(t, err, "that somebody is not known is no error")
	require.False(t, found)
	require.Empty(t, deliverTo)
}

func TestLimit_IsByNetwork(t *testing.T) {
	allow := perAddress(1, time.Hour)
	for _, step := range []struct {
		from    string
		allowed bool
	}{
		{"192.0.2.1:1000", true}, {"192.0.2.1:2000", false}, {"192.0.2.2:1000", true}, {"[::ffff:192.0.2.2]:1000", false},
		{"[2001:db8:0:1::1]:1000", true}, {"[2001:db8:0:1:2:3:4:5]:1000", false}, {"[2001:db8:0:2::1]:1000", true},
	} {
		r := httptest.NewRequest("POST", "/sign-in", nil)
		r.RemoteAddr = step.from
		require.Equal(t, step.allowed, allow(r), step.from)
	}
}
