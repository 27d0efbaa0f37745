package onetimehttp_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

// The Content-Security-Policy allows the one script by its hash, and what it asks of the site; without it, none of that.
func TestScript_IsAllowedByItsHashOnly(t *testing.T) {
	s := newSite(t)
	for _, a := range []*answer{s.visitor().get(start), s.visitor().post(start, "address", alice)} {
		script := a.page().one(t, "script")
		require.Equal(t, string(s.flow.Script()), script.text)
		require.Contains(t, a.header.Get("Content-Security-Policy"), "; script-src "+hashOf(script.text)+"; connect-src 'self'; ")
	}

	s = newSite(t, option(onetimehttp.WithoutScript()))
	require.Empty(t, s.flow.Script())
	for _, a := range []*answer{s.visitor().get(start), s.visitor().post(start, "address", alice)} {
		require.NotContains(t, a.body, "<script")
		guarded(t, a, "without script")
		for _, directive := range []string{"script-src", "connect-src"} {
			require.NotContains(t, a.header.Get("Content-Security-Policy"), directive)
		}
	}
}

// What the script has to know stands in the page, beside what those read who have none.
func TestScript_HasItsHooksInThePage(t *testing.T) {
	s := newSite(t)
	v := s.visitor()
	page := v.post(start, "address", alice).page()
	require.Equal(t, code+"?entry=1", page.one(t, "main").attr["data-poll"])
	require.Equal(t, "6", page.id("code").attr["data-length"])
	wait := page.one(t, "span")
	require.Equal(t, map[string]string{"data-wait": "30", "data-text": "Send again in {time}"}, wait.attr)
	require.Equal(t, "The next message can be sent in 30 seconds.", wait.text)
	v.header.Set("Accept-Language", "ar")
	require.Equal(t, "إعادة الإرسال بعد {time}", v.get(code).page().one(t, "span").attr["data-text"])
	v.header.Del("Accept-Language")

	s.clock.Advance(30 * time.Second)
	require.Empty(t, v.get(code).page().all("span"), "it can be sent")
	s.clock.Advance(time.Hour)
	require.NotContains(t, v.get(code).page().one(t, "main").attr, "data-poll", "it is over")

	linkOnly := newSite(t, func(with *setup) { with.config.Secrets = onetimehttp.LinkOnly }).visitor()
	require.Equal(t, code+"?entry=1", linkOnly.post(start, "address", alice).page().one(t, "main").attr["data-poll"])
}

// Letters are sent by the button: they are typed in more ways than digits.
func TestScript_SendsDigitsOnly(t *testing.T) {
	s := newSite(t, crockford)
	require.NotContains(t, s.visitor().post(start, "address", alice).page().id("code").attr, "data-length")
}

// The poll is answered so that the script knows what is over, and it sets no cookie.
func TestScript_PollIsToldWhatIsOver(t *testing.T) {
	s := newSite(t)
	v := s.visitor()
	m := v.asks(alice)
	ask := func(v *visitor) *answer {
		r := v.request(http.MethodGet, code+"?entry=1", "", "")
		r.Header.Set("Accept", "application/json")
		return v.send(s.handler, r)
	}
	a := ask(v)
	require.Contains(t, a.body, `"state":"waiting"`)
	require.Empty(t, a.header["Set-Cookie"])
	v.get(path(t, m.URL))
	require.Equal(t, http.StatusSeeOther, v.submit().status)
	a = ask(v)
	require.Contains(t, a.body, `"state":"signed-in"`)
	require.Empty(t, a.header["Set-Cookie"])
	require.Equal(t, "no-cookie", ask(s.visitor()).problem().Reason)
	require.Equal(t, 1, s.sessions(), "it never signs in")
}
