package onetimehttp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

// prefetches are what browsers and mail programs send when nobody has clicked.
var prefetches = []http.Header{
	{"Sec-Purpose": {"prefetch"}}, {"Sec-Purpose": {"prefetch;prerender"}}, {"Purpose": {"prefetch"}}, {"X-Moz": {"prefetch"}}, {"X-Purpose": {"preview"}},
	{"User-Agent": {"Mozilla/5.0 (compatible; a scanner of mail)"}}, {"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"navigate"}}, {"Range": {"bytes=0-9"}},
	{"If-None-Match": {"*"}}, {"X-Http-Method-Override": {"POST"}}, {"X-Method-Override": {"POST"}},
}

func TestLink_GetUsesNothingUp(t *testing.T) {
	t.Parallel()
	for _, other := range []onetimehttp.OtherBrowser{onetimehttp.AskOtherBrowser, onetimehttp.RefuseOtherBrowser} {
		s := newSite(t, func(with *setup) { with.config.OtherBrowser = other })
		asker := s.visitor()
		m := asker.asks(alice)
		for _, v := range []*visitor{asker, s.visitor()} {
			v.get(start)
			s.unchanged(t, "GET", func() {
				var first *answer
				for _, method := range []string{http.MethodGet, http.MethodGet, http.MethodHead, http.MethodGet} {
					for _, target := range []string{path(t, m.URL), path(t, m.URL) + "&here=yes", path(t, m.URL) + "&here=true&_method=POST"} {
						a := v.do(method, target, "", "")
						if first == nil {
							first = a
						}
						require.Equal(t, first.seenBy(""), a.seenBy(""), "the recorder keeps the body of HEAD")
					}
				}
				for _, header := range prefetches {
					v.header = header
					require.Equal(t, first.seenBy(""), v.get(path(t, m.URL)).seenBy(""), header)
				}
				v.header = nil
			})
		}
		require.Equal(t, http.StatusSeeOther, asker.post(link, "token", token(t, m.URL)).status)
	}
}

// A scanner fetches all that can be fetched: links, form actions, with the fields of forms in the query.
func TestLink_ScannerThatFollowsEverythingUsesNothingUp(t *testing.T) {
	s := newSite(t)
	asker := s.visitor()
	m := asker.asks(alice)
	for _, scanner := range []*visitor{s.visitor(), asker} {
		s.unchanged(t, "scanner", func() {
			queue, fetched := []string{path(t, m.URL)}, map[string]bool{}
			for len(queue) > 0 {
				target := queue[0]
				queue = queue[1:]
				if fetched[target] || !strings.HasPrefix(target, "/") {
					continue
				}
				fetched[target] = true
				for _, method := range []string{http.MethodHead, http.MethodOptions, http.MethodGet} {
					scanner.do(method, target, "", "")
				}
				a := scanner.seen
				if location := a.header.Get("Location"); location != "" {
					queue = append(queue, location)
				}
				if a.header.Get("Content-Type") != "text/html; charset=utf-8" || a.status == http.StatusSeeOther || a.status == http.StatusNotFound {
					continue
				}
				page := a.page()
				for _, e := range page.all("a") {
					queue = append(queue, e.attr["href"])
				}
				for _, f := range page.all("form") {
					fields := url.Values{}
					for _, input := range f.all("input") {
						fields.Set(input.attr["name"], input.attr["value"])
					}
					if fields.Has("nonce") {
						fields.Set("nonce", "of any page") // else there is no end of addresses
					}
					queue = append(queue, f.attr["action"], f.attr["action"]+"?"+fields.Encode())
				}
			}
			require.Greater(t, len(fetched), 3)
		})
	}
	asker.get(path(t, m.URL))
	require.Equal(t, http.StatusSeeOther, asker.submit().status)
}

// Programs that find links in text take along what stands behind them, and people who copy one do, too.
func TestLink_WhatHangsBehindATokenIsNoPartOfIt(t *testing.T) {
	s := newSite(t)
	v := s.visitor()
	m := v.asks(alice)
	whole := token(t, m.URL)
	for _, behind := range []string{".", ",", ")", ">", "%3E", "%20", "+", ";", "%", "%2", "'", "*", "=", "==", "%E3%80%82", "%22%3Efoo", "|https://example.com/other", "&utm_source=mail"} {
		a := v.get(link + "?token=" + whole + behind)
		require.Equal(t, http.StatusOK, a.status, behind)
		require.Equal(t, whole, a.page().all("input")[0].attr["value"], behind)
	}
	escaped := strings.NewReplacer("-", "%2D", "_", "%5f", "A", "%41").Replace(whole)
	require.Equal(t, whole, v.get(link + "?token=" + escaped + ".").page().all("input")[0].attr["value"], "of a program that escapes")
	for _, part := range []string{"A", "-", "_"} {
		require.NotEqual(t, http.StatusOK, v.get(link+"?token="+whole+part).status, "part of what could be a token")
	}
	require.Equal(t, http.StatusSeeOther, v.post(link, "token", whole+". ").status)
	require.Equal(t, "This link was used in this browser.", v.get(link+"?token="+whole+".").noted())
	require.Equal(t, 1, s.uses())
}

// harmless checks a page for whatever could run, load or send by itself.
func harmless(t testing.TB, a *answer) {
	t.Helper()
	for _, e := range a.page().inside {
		if e.name == "script" { // guarded has its hash
			require.Equal(t, map[string]string{"type": "module"}, e.attr)
			continue
		}
		require.NotContains(t, []string{"link", "img", "iframe", "object", "embed", "base", "svg", "video", "audio", "source", "frame"}, e.name)
		for name, value := range e.attr {
			require.False(t, strings.HasPrefix(name, "on"), "%s has %s", e.name, name)
			switch name {
			case "src", "srcset", "background", "formaction", "ping", "style", "target", "manifest", "poster", "data", "http-equiv":
				require.Fail(t, "loads or leads away", "%s has %s=%q", e.name, name, value)
			case "href", "action":
				require.Regexp(t, `^(/|/sign-in(/code|/link)?(\?entry=\d)?)$`, value)
			}
		}
	}
}

func TestLink_ConfirmationPage(t *testing.T) {
	s := newSite(t)
	asker, other := s.visitor(), s.visitor()
	m := asker.asks(alice)
	for _, v := range []*visitor{asker, other} {
		a := v.get(path(t, m.URL))
		require.Equal(t, http.StatusOK, a.status)
		guarded(t, a, "link")
		harmless(t, a)
		page := a.page()
		require.Contains(t, page.text, "This link signs you in as A•••@example.com.")
		require.NotContains(t, a.body, "Alice")
		require.NotContains(t, strings.ToLower(a.body), alice)
		require.NotContains(t, a.body, "user-17")
		f := page.one(t, "form")
		require.Equal(t, map[string]string{"method": "post", "action": link}, f.attr)
		fields := map[string]string{}
		for _, input := range f.all("input") {
			require.Equal(t, "hidden", input.attr["type"])
			fields[input.attr["name"]] = input.attr["value"]
		}
		if v == asker {
			require.Equal(t, map[string]string{"token": token(t, m.URL)}, fields)
		} else {
			require.Equal(t, map[string]string{"token": token(t, m.URL), "here": "yes"}, fields)
			require.NotContains(t, a.body, "autofocus", "a key that was pressed too late must not sign in here")
		}
		require.Equal(t, "submit", f.one(t, "button").attr["type"])
		require.Equal(t, 1, strings.Count(a.body, token(t, m.URL)))
	}
}

func TestLink_BrowserOfTheAskerNeedsOneClick(t *testing.T) {
	s := newSite(t)
	v := s.visitor()
	m := v.asks(alice)
	require.NotContains(t, v.get(path(t, m.URL)).body, "another browser")
	a := v.submit()
	require.Equal(t, http.StatusSeeOther, a.status)
	require.Equal(t, "/home", a.header.Get("Location"))
	require.Equal(t, "user-17", s.verified[0].Subject)
	s.clock.Advance(61 * time.Second)
	for _, a := range []*answer{v.get(path(t, m.URL)), v.post(link, "token", token(t, m.URL))} {
		require.Equal(t, http.StatusGone, a.status)
		require.Equal(t, "This code or link was already used. Send a new one.", a.said())
	}
	require.Equal(t, http.StatusForbidden, v.post(code, "address", alice, "code", m.Code).status, "the code went with it")
	require.Equal(t, 1, s.sessions())
}

func TestLink_OtherBrowserIsAskedFirst(t *testing.T) {
	s := newSite(t)
	m := s.visitor().asks(alice)
	for _, with := range []string{"no cookie", "a cookie of its own", "a malformed cookie"} {
		other := s.visitor()
		switch with {
		case "a cookie of its own":
			other.get(start)
			require.NotEmpty(t, other.cookies()[ready])
		case "a malformed cookie":
			other.jar.SetCookies(home, []*http.Cookie{{Name: ready, Value: "x", Path: "/", Secure: true}})
		}
		s.unchanged(t, with, func() {
			for _, a := range []*answer{
				other.get(path(t, m.URL)), other.post(link, "token", token(t, m.URL)), other.post(link, "token", token(t, m.URL), "here", "no"),
				other.post(link+"?here=yes", "token", token(t, m.URL)),
			} {
				require.Contains(t, a.noted(), "You asked for it in another browser, or somebody else did. You are signing in here, on this device.")
				require.Contains(t, a.page().text, "A•••@example.com")
			}
			require.Equal(t, onetimehttp.Problem{
				Type: "about:blank", Title: "Forbidden", Status: 403, Reason: "binding_mismatch",
				Detail: "Open the link in the browser you asked from, type the code there, or send a new one.",
			}, other.json(link, "token", token(t, m.URL)).problem())
		})
	}
	other := s.visitor()
	other.get(path(t, m.URL))
	require.Equal(t, http.StatusSeeOther, other.submit().status)
	require.Equal(t, 1, s.sessions())
}

func TestLink_OtherBrowserIsRefused(t *testing.T) {
	s := newSite(t, func(with *setup) { with.config.OtherBrowser = onetimehttp.RefuseOtherBrowser })
	asker, other := s.visitor(), s.visitor()
	m := asker.asks(alice)
	other.get(start)
	s.unchanged(t, "another browser", func() {
		for _, a := range []*answer{
			other.get(path(t, m.URL)), other.get(path(t, m.URL) + "&here=yes"), other.post(link, "token", token(t, m.URL)),
			other.post(link, "token", token(t, m.URL), "here", "yes"),
		} {
			require.Equal(t, http.StatusForbidden, a.status)
			require.Equal(t, "Open the link in the browser you asked from, type the code there, or send a new one.", a.said())
			require.NotContains(t, a.body, "•••")
			require.NotContains(t, a.body, token(t, m.URL))
		}
		for _, fields := range [][]any{{}, {"here", true}} {
			require.Equal(t, "binding_mismatch", other.json(link, append(fields, "token", token(t, m.URL))...).problem().Reason)
		}
	})
	asker.get(path(t, m.URL))
	require.Equal(t, http.StatusSeeOther, asker.submit().status)
}

func TestLink_JSON(t *testing.T) {
	s := newSite(t)
	v := s.program()
	v.json(start, "address", alice)
	m := s.message()
	for _, c := range []struct {
		v     *visitor
		other bool
	}{{v, false}, {s.program(), true}} {
		a := c.v.get(path(t, m.URL))
		require.Equal(t, "application/json", a.header.Get("Content-Type"))
		var opened onetimehttp.Opened
		require.NoError(t, json.Unmarshal([]byte(a.body), &opened))
		require.Equal(t, onetimehttp.Opened{Account: "A•••@example.com", OtherBrowser: c.other}, opened)
	}
	other := s.program()
	require.Equal(t, http.StatusForbidden, other.json(link, "token", token(t, m.URL)).status)
	require.Equal(t, http.StatusForbidden, other.json(link, "token", token(t, m.URL), "here", false).status)
	require.Equal(t, http.StatusSeeOther, other.json(link, "token", token(t, m.URL), "here", true).status)
	require.Equal(t, "used", v.json(link, "token", token(t, m.URL)).problem().Reason)
	require.Equal(t, 1, s.sessions())
}

// Login CSRF: a stranger lets a browser post the stranger's own token.
func TestLink_StrangersTokenPostedFromAnotherSite(t *testing.T) {
	s := newSite(t)
	m := s.visitor().asks(alice)
	victim := s.visitor()
	victim.get(start)
	for _, header := range []http.Header{{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}}, {"Sec-Fetch-Site": {"same-site"}}, {"Sec-Fetch-Site": nil, "Origin": {"null"}}} {
		victim.header = header
		s.unchanged(t, "cross-site", func() {
			require.Equal(t, http.StatusForbidden, victim.post(link, "token", token(t, m.URL), "here", "yes").status)
			require.Equal(t, http.StatusForbidden, victim.do(http.MethodPost, link, "text/plain", `{"token":"`+token(t, m.URL)+`","here":true}`).status)
		})
	}
}

func TestLink_RefusedTokens(t *testing.T) {
	s := newSite(t)
	v := s.visitor()
	m := v.asks(alice)
	reset, err := s.manager.Purpose("password-reset")
	require.NoError(t, err)
	of, err := reset.IssueLink(context.Background(), "user-17")
	require.NoError(t, err)
	good := token(t, m.URL)
	altered := good[:40] + "A" + good[41:]
	if altered == good {
		altered = good[:40] + "B" + good[41:]
	}
	for _, c := range []struct {
		name, token string
		status      int
		reason      string
	}{
		{"none", "", 400, "malformed"}, {"short", good[1:], 400, "malformed"}, {"long", good + "A", 400, "malformed"},
		{"the whole link", m.URL, 400, "malformed"}, {"blank before", " " + good, 400, "malformed"},
		{"altered", altered, 403, "code_mismatch"}, {"of another purpose", of.Token, 403, "code_mismatch"},
	} {
		s.unchanged(t, c.name, func() {
			for _, here := range []bool{false, true} {
				p := asProgram(v).json(link, "token", c.token, "here", here).problem()
				require.Equal(t, c.status, p.Status, c.name)
				require.Equal(t, c.reason, p.Reason, c.name)
			}
			require.Equal(t, c.status, v.get(link+"?token="+url.QueryEscape(c.token)).status, c.name)
			require.Equal(t, c.status, v.post(link, "token", c.token).status, c.name)
		})
	}
	s.clock.Advance(10*time.Minute - time.Millisecond)
	require.Equal(t, http.StatusOK, v.get(path(t, m.URL)).status)
	s.clock.Advance(time.Millisecond)
	require.Equal(t, http.StatusGone, v.get(path(t, m.URL)).status, "expired")
	require.Equal(t, http.StatusGone, v.post(link, "token", good).status, "expired")
	require.Zero(t, s.sessions())
}

// The newer message voids the link of the older, and its code uses up the link.
func TestLink_EndsWithItsCodeAndWithTheNextMessage(t *testing.T) {
	s := newSite(t)
	v := s.visitor()
	first := v.asks(alice)
	s.clock.Advance(time.Minute)
	second := v.asks(alice)
	require.Equal(t, http.StatusGone, v.get(path(t, first.URL)).status)
	require.Equal(t, http.StatusSeeOther, v.post(code, "address", alice, "code", second.Code).status)
	s.clock.Advance(61 * time.Second)
	require.Equal(t, http.StatusGone, v.get(path(t, second.URL)).status)
	require.Equal(t, http.StatusGone, v.post(link, "token", token(t, second.URL), "here", "yes").status)
	require.Equal(t, 1, s.sessions())
}

func TestLink_AccountName(t *testing.T) {
	t.Parallel()
	to := ""
	s := newSite(t, func(with *setup) {
		with.config.Lookup = func(context.Context, string) (string, string, bool, error) { return "user-17", to, true, nil }
		with.manager = append(with.manager, onetime.WithSendLimits())
	})
	for address, want := range map[string]string{
		"alice@example.com": "a•••@example.com", "a@example.com": "a•••@example.com", "élise@example.com": "é•••@example.com",
		"@example.com": "•••om", "+4915112345678": "•••78", "12345": "•••45", "1234": "•••", "x": "•••", "日本太郎花子@例え.jp": "日•••@例え.jp",
		`"<script>alert(1)</script>"@example.com`: `"•••@example.com`, `a@<script>alert(1)</script>`: `a•••@<script>alert(1)</script>`,
	} {
		to = address
		v := s.visitor()
		m := v.asks("typed@example.com")
		require.Contains(t, v.get(path(t, m.URL)).page().text, "This link signs you in as "+want+".")
		harmless(t, v.seen)
	}

	var proofs []onetime.Verification
	s = newSite(t, func(with *setup) {
		with.options = append(with.options, onetimehttp.WithAccountName(func(_ context.Context, v onetime.Verification) string {
			proofs = append(proofs, v)
			return `Alice <b>"of"</b> Sales`
		}))
	})
	v := s.visitor()
	m := v.asks(alice)
	require.Contains(t, v.get(path(t, m.URL)).page().text, `This link signs you in as Alice <b>"of"</b> Sales.`)
	harmless(t, v.seen)
	require.Equal(t, "user-17", proofs[0].Subject)
	require.Equal(t, stored, string(proofs[0].Payload))
	require.ErrorIs(t, proofs[0].Undo(context.Background()), onetime.ErrInvalid, "it proves nothing")
}

// locked is a buffer that several goroutines write to.
type locked struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(b)
}

// The token is in the mail, in the address of the page, and in its hidden field: in no header, log or event.
func TestLink_TokenAndCodeStayWhereTheyBelong(t *testing.T) {
	logs := new(locked)
	oldLog, oldWriter := slog.Default(), log.Writer()
	slog.SetDefault(slog.New(slog.NewTextHandler(logs, &slog.HandlerOptions{Level: slog.LevelDebug})))
	defer func() { slog.SetDefault(oldLog); log.SetOutput(oldWriter) }()
	fail := errors.New("no such mailbox")
	s := newSite(t, func(with *setup) {
		with.manager = append(with.manager, onetime.WithObserver(func(_ context.Context, e onetime.Event) { fmt.Fprintf(logs, "%+v\n", e) }))
		with.send = func(context.Context, onetimehttp.Message) error { return fail }
	})
	server := httptest.NewUnstartedServer(s.handler)
	server.Config.ErrorLog = log.New(logs, "", 0)
	server.Start()
	defer server.Close()
	client := server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	secrets := []string{alice, stored}
	wire := func(method, target, body string) {
		t.Helper()
		r, err := http.NewRequest(method, server.URL+target, strings.NewReader(body))
		require.NoError(t, err)
		r.Header.Set("Content-Type", form)
		w, err := client.Do(r)
		require.NoError(t, err)
		w.Body.Close()
		require.Equal(t, "strict-origin", w.Header.Get("Referrer-Policy"))
		for _, line := range lines(w.Header) {
			for _, secret := range secrets {
				if strings.HasPrefix(line, "Location: /sign-in/link?token=") {
					continue // the page that the browser came from
				}
				require.NotContains(t, line, secret)
			}
		}
	}
	for _, fail = range []error{fail, nil} {
		wire(http.MethodPost, start, "address="+alice)
		m := next(t, s.mail)
		secrets = append(secrets, token(t, m.URL), m.Code)
		fmt.Fprintf(logs, "%+v\n", s.deliver())
		for _, fields := range []string{"", "&here=yes", ""} {
			wire(http.MethodGet, path(t, m.URL), "")
			wire(http.MethodPost, path(t, m.URL), "token="+token(t, m.URL)+fields)
		}
		wire(http.MethodPost, code+"?code="+m.Code, "address="+alice+"&code="+m.Code)
		s.clock.Advance(time.Minute)
	}
	require.Equal(t, 1, s.sessions())
	server.Close()
	require.Contains(t, logs.String(), "VerifyToken")
	for _, secret := range secrets {
		require.NotContains(t, logs.String(), secret)
	}
}

// By default another browser is refused while the code beside the link can be typed where it was asked for, and asked else.
func TestLink_OtherBrowserByDefault(t *testing.T) {
	byDefault := func(with *setup) { with.config.OtherBrowser = onetimehttp.OtherBrowserDefault }
	opened := func(s *site, m sent) int { return s.visitor().get(path(t, m.URL)).status }
	s := newSite(t, byDefault)
	v := s.visitor()
	m := v.asks(alice)
	require.Equal(t, http.StatusForbidden, opened(s, m), "the code can be typed")
	require.Equal(t, http.StatusForbidden, s.visitor().post(link, "token", token(t, m.URL), "here", "yes").status, "a robot that submits forms")
	s.clock.Advance(5*time.Minute + time.Second)
	require.Equal(t, http.StatusOK, opened(s, m), "the code has expired")

	s = newSite(t, byDefault)
	v = s.visitor()
	m = v.asks(alice)
	for n := range 5 {
		v.submit("code", wrong(m.Code, n+1))
	}
	require.Equal(t, http.StatusOK, opened(s, m), "no attempts are left")

	s = newSite(t, byDefault, func(with *setup) {
		with.manager = append(with.manager, onetime.WithGuessLimits(onetime.Limit{Burst: 1, Per: time.Hour}))
	})
	v = s.visitor()
	m = v.asks(alice)
	v.submit("code", wrong(m.Code, 1))
	require.Equal(t, http.StatusOK, opened(s, m), "a stranger who locks codes locks no links")
	s.clock.Advance(time.Minute)
	require.Empty(t, v.asks(alice).Code, "withheld")

	s = newSite(t, byDefault, func(with *setup) {
		with.manager = append(with.manager, onetime.WithKnownBrowsers(24*time.Hour, nil, []onetime.Limit{{Burst: 1, Per: time.Hour}}))
	})
	v = s.visitor()
	v.signsIn(alice)
	m = v.asksAgain(alice)
	v.submit("code", wrong(m.Code, 1))
	require.Equal(t, http.StatusTooManyRequests, v.submit("code", m.Code).status)
	require.Equal(t, http.StatusOK, opened(s, m), "nor does a known browser that locks its own")

	s = newSite(t, byDefault, func(with *setup) { with.config.Secrets = onetimehttp.LinkOnly })
	m = s.visitor().asks(alice)
	require.Equal(t, http.StatusOK, opened(s, m), "there is no code")
	other := s.visitor()
	other.get(path(t, m.URL))
	require.Equal(t, "/home", other.submit().header.Get("Location"))
}
