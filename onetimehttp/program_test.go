package onetimehttp_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

// carry lets a program carry its session in the header.
func (v *visitor) carry(a *answer) {
	v.header.Set(onetimehttp.FlowHeader, a.header.Get(onetimehttp.FlowHeader))
}

// A program without cookies carries its session in a header.
func TestNative_HeaderInsteadOfCookies(t *testing.T) {
	s := newSite(t)
	v := s.program()
	v.header.Set(onetimehttp.FlowHeader, "new")
	a := v.json(start, "address", alice)
	require.Equal(t, http.StatusOK, a.status)
	require.Empty(t, a.header["Set-Cookie"])
	m := s.message()
	before := a.header.Get(onetimehttp.FlowHeader)
	require.NotEmpty(t, before)
	v.carry(a)
	v.carry(v.json(code, "address", alice, "code", wrong(m.Code, 1)))
	require.Equal(t, http.StatusForbidden, v.seen.status)
	require.Equal(t, http.StatusSeeOther, v.json(code, "address", alice, "code", m.Code).status)
	v.header.Set(onetimehttp.FlowHeader, before)
	require.Equal(t, http.StatusSeeOther, v.json(code, "address", alice, "code", m.Code).status, "sent twice")
	require.Equal(t, 1, s.uses())

	v.header.Set(onetimehttp.FlowHeader, "invented")
	require.Equal(t, "no-cookie", v.json(code, "address", alice, "code", m.Code).problem().Reason)
}

func TestNative_HeaderAndCookieTogetherAreRefused(t *testing.T) {
	s := newSite(t)
	v := asProgram(s.visitor())
	v.json(start, "address", alice)
	s.message()
	for _, value := range []string{"new", "x", v.cookies()[cookie]} {
		v.header.Set(onetimehttp.FlowHeader, value)
		s.unchanged(t, value, func() {
			require.Equal(t, "two-sessions", v.json(start, "address", phone).problem().Reason)
			require.Equal(t, http.StatusBadRequest, v.json(code, "address", alice, "code", "123456").status)
			require.Equal(t, http.StatusBadRequest, v.get(code).status)
		})
	}
}

// A page of another origin of ours may use the handlers by script; one that is not named may not.
func TestOrigins_OnlyThoseThatAreNamed(t *testing.T) {
	const app = "https://app.example.com"
	s := newSite(t, option(onetimehttp.WithOrigins(app)))
	v := s.program()
	v.header = http.Header{"Accept": {"application/json"}, "Sec-Fetch-Site": {"same-site"}, "Origin": {app}, "Access-Control-Request-Method": {"POST"}}
	a := v.do(http.MethodOptions, start, "", "")
	require.Equal(t, http.StatusNoContent, a.status)
	require.Equal(t, app, a.header.Get("Access-Control-Allow-Origin"))
	require.Equal(t, "true", a.header.Get("Access-Control-Allow-Credentials"))
	require.Equal(t, "Accept, Accept-Language, Origin", a.header.Get("Vary"))
	a = v.json(start, "address", alice)
	require.Equal(t, http.StatusOK, a.status)
	require.Equal(t, app, a.header.Get("Access-Control-Allow-Origin"))
	require.Equal(t, http.StatusSeeOther, v.json(code, "address", alice, "code", s.message().Code).status)

	for _, other := range []string{"https://evil.example.com", "https://app.example.com.evil.example", "http://app.example.com", "null", ""} {
		v.header.Set("Origin", other)
		s.unchanged(t, other, func() {
			a := v.json(start, "address", phone)
			require.Equal(t, http.StatusForbidden, a.status, other)
			require.Empty(t, a.header.Get("Access-Control-Allow-Origin"))
			require.NotEqual(t, http.StatusNoContent, v.do(http.MethodOptions, start, "", "").status)
		})
	}
	for _, wrong := range []string{"", "app.example.com", "https://*.example.com", "https://app.example.com/", "http://app.example.com", "https://App.example.com", "null"} {
		_, err := newFlow(t, option(onetimehttp.WithOrigins(wrong)))
		require.ErrorContains(t, err, "WithOrigins", wrong)
	}
}

// Done leads browsers on and tells programs where to go.
func TestDone_HTMLByRedirectAndJSONBy200(t *testing.T) {
	s := newSite(t, func(with *setup) {
		with.config.OnVerified = func(w http.ResponseWriter, r *http.Request, v onetime.Verification) error {
			onetimehttp.Done(w, r, "/home")
			return nil
		}
	})
	v := s.visitor()
	m := v.asks(alice)
	a := v.submit("code", m.Code)
	require.Equal(t, http.StatusSeeOther, a.status)
	require.Equal(t, "/home", a.header.Get("Location"))
	require.Empty(t, a.body)
	a = asProgram(v).json(code, "address", alice, "code", m.Code)
	require.Equal(t, http.StatusOK, a.status)
	require.Equal(t, `{"location":"/home"}`+"\n", a.body)
	require.Equal(t, "application/json", a.header.Get("Content-Type"))
}

// A limiter says how long to wait; one that cannot tell lets nobody pass.
func TestLimiter_TellsHowLongAndUndecidedIsNoYes(t *testing.T) {
	wait, failed := 90*time.Second, error(nil)
	limit := func(*http.Request) (time.Duration, error) { return wait, failed }
	s := newSite(t, func(with *setup) { with.config.Limiter, with.config.VerifyLimiter = limit, limit })
	for _, target := range []string{start, code} {
		a := s.program().json(target, "address", alice)
		require.Equal(t, http.StatusTooManyRequests, a.status)
		require.Equal(t, "90", a.header.Get("Retry-After"))
		require.Equal(t, 90, a.problem().RetryAfter)
	}
	wait, failed = 0, errors.New("no answer from alice@example.com")
	for _, target := range []string{start, code} {
		a := s.program().json(target, "address", alice)
		require.Equal(t, http.StatusServiceUnavailable, a.status)
		require.NotContains(t, a.body, "alice")
	}
	require.Empty(t, s.dump())
}

// "Already signed in" on the first page and on a used link, by Config.SignedIn.
func TestSignedIn_LeadsOn(t *testing.T) {
	subject := ""
	s := newSite(t, func(with *setup) { with.config.SignedIn = func(*http.Request) string { return subject } })
	v := s.visitor()
	m := v.asks(alice)
	v.get(path(t, m.URL))
	require.Equal(t, "/home", v.submit().header.Get("Location"))
	s.clock.Advance(5 * time.Minute)
	require.Equal(t, http.StatusGone, v.get(path(t, m.URL)).status)
	for _, other := range []string{"user-18", "unknown"} {
		subject = other
		require.Equal(t, http.StatusGone, v.get(path(t, m.URL)).status, "somebody else")
	}
	subject = "user-17"
	require.Equal(t, http.StatusOK, v.get(path(t, m.URL)).status)
	require.Equal(t, "You are already signed in.", v.seen.noted())
	require.Contains(t, v.get(start).body, "You are already signed in.")
	require.Equal(t, 1, s.sessions(), "it signs nobody in")
}
