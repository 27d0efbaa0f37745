package onetimehttp_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

// guarded checks what every answer has, and of pages that they keep to it.
func guarded(t testing.TB, a *answer, name string) {
	t.Helper()
	require.Equal(t, []string{"no-store, no-transform"}, a.header["Cache-Control"], name)
	require.Equal(t, []string{"strict-origin"}, a.header["Referrer-Policy"], name)
	require.Equal(t, []string{"nosniff"}, a.header["X-Content-Type-Options"], name)
	require.Len(t, a.header["Content-Security-Policy"], 1, name)
	policy := map[string]string{}
	for _, directive := range strings.Split(a.header.Get("Content-Security-Policy"), "; ") {
		name, sources, _ := strings.Cut(directive, " ")
		policy[name] = sources
	}
	styles := policy["style-src"]
	delete(policy, "style-src")
	script, connect := policy["script-src"], policy["connect-src"]
	delete(policy, "script-src")
	delete(policy, "connect-src")
	require.Equal(t, map[string]string{"default-src": "'none'", "form-action": "'self'", "base-uri": "'none'", "frame-ancestors": "'none'"}, policy, name)
	if script+connect != "" {
		require.Regexp(t, `^'sha256-[A-Za-z0-9+/]{43}='$`, script, name)
		require.Equal(t, "'self'", connect, name)
	}
	if !strings.Contains(a.body, "<style>") {
		return
	}
	style := a.page().one(t, "style").text
	require.Equal(t, hashOf(style), styles, name)
	for _, e := range a.page().all("script") {
		require.Equal(t, hashOf(e.text), script, name)
	}
	require.NotContains(t, style, "url(")
	require.NotContains(t, style, "@import")
}

// hashOf is what a Content-Security-Policy calls a text.
func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// An exchange is one answer of a handler, by what was asked.
type exchange struct {
	name string
	*answer
}

// everything is an answer of each kind of each handler, in a language, as pages or for programs.
func everything(t *testing.T, language string, program bool) (all []exchange) {
	t.Helper()
	limited := false
	change := func(with *setup) {
		with.config.Limiter = limiter(func(*http.Request) bool { return !limited })
		with.manager = append(with.manager, onetime.WithGuessLimits(onetime.Limit{Burst: 3, Per: 30 * 24 * time.Hour}))
		texts(map[string]onetimehttp.Catalogue{"de": german})(with)
	}
	s := newSite(t, change)
	visitor := func(s *site) *visitor {
		v := s.visitor()
		if program {
			v = s.program()
		}
		v.header.Set("Accept-Language", language)
		return v
	}
	v := visitor(s)
	add := func(name string, a *answer, status int) {
		t.Helper()
		require.Equal(t, status, a.status, "%s\n%s", name, a.body)
		all = append(all, exchange{name, a})
	}
	add("start", v.get(start), 200)
	add("HEAD of start", v.do(http.MethodHead, start, "", ""), 200)
	add("sent", v.post(start, "address", alice), 200)
	m := s.message()
	add("already sent", v.post(start, "address", alice), 429)
	add("no address", v.post(start, "address", ""), 400)
	limited = true
	add("limited", v.post(start, "address", alice), 429)
	limited = false
	for _, target := range []string{start, code, link} {
		add("media type "+target, v.do(http.MethodPost, target, "text/plain", "x"), 415)
		add("too large "+target, v.do(http.MethodPost, target, form, strings.Repeat("a", 9000)), 413)
		add("broken "+target, v.do(http.MethodPost, target, form, "address=%zz"), 400)
		add("method "+target, v.do(http.MethodOptions, target, "", ""), 405)
		v.header.Set("Sec-Fetch-Site", "cross-site")
		add("cross-site "+target, v.post(target), 403)
		v.header.Del("Sec-Fetch-Site")
		if program {
			v.header["Sec-Fetch-Site"] = nil
		}
	}
	if program {
		add("GET of code", v.get(code), 200)
	} else {
		add("already sent, GET of code", v.get(code), 429)
	}
	add("GET of code, nothing asked for", visitor(s).get(code), map[bool]int{false: 303, true: 403}[program])
	add("half a code", v.post(code, "address", alice, "code", "1"), 400)
	add("no address with the code", v.post(code, "code", "123456"), 400)
	add("no cookie", visitor(s).post(code, "address", alice, "code", "123456"), 403)
	for n := range 3 {
		add("wrong", v.post(code, "address", alice, "code", wrong(m.Code, n+1)), 403)
	}
	add("locked", v.post(code, "address", alice, "code", m.Code), 429)
	add("no token", v.get(link), 400)
	add("altered token", v.get(link+"?token="+strings.Repeat("A", 76)), 400)
	add("link", v.get(path(t, m.URL)), 200)
	add("HEAD of link", v.do(http.MethodHead, path(t, m.URL), "", ""), 200)
	other := visitor(s)
	add("link, other browser", other.get(path(t, m.URL)), 200)
	if program {
		add("link, other browser, POST", other.post(link, "token", token(t, m.URL)), 403)
	} else {
		add("link, other browser, POST", other.post(link, "token", token(t, m.URL)), 200)
	}
	add("signed in", v.post(link, "token", token(t, m.URL)), 303)
	if !program {
		add("link used here", v.get(path(t, m.URL)), 200)
		add("code of a link used here", v.get(code), 200)
	}
	s.clock.Advance(61 * time.Second)
	add("used link", v.get(path(t, m.URL)), 410)
	add("used link, POST", v.post(link, "token", token(t, m.URL)), map[bool]int{false: 410, true: 403}[program])

	s = newSite(t, change, func(with *setup) {
		with.config.Secrets, with.config.OtherBrowser = onetimehttp.LinkOnly, onetimehttp.RefuseOtherBrowser
	})
	v = visitor(s)
	add("link sent", v.post(start, "address", alice), 200)
	m = s.message()
	add("link already sent", v.post(start, "address", alice), 429)
	add("link, other browser refused", visitor(s).get(path(t, m.URL)), 403)
	require.NoError(t, s.redisEnds())
	add("undecided start", v.post(start, "address", phone), 503)
	add("undecided code", v.post(code, "address", alice, "code", "123456"), 503)
	add("undecided link", v.get(path(t, m.URL)), 503)
	add("undecided link, POST", v.post(link, "token", token(t, m.URL)), 503)

	s = newSite(t, change, func(with *setup) { with.config.Secrets = onetimehttp.CodeOnly })
	add("code sent", visitor(s).post(start, "address", alice), 200)
	return all
}

func TestHeaders_OfEveryAnswer(t *testing.T) {
	t.Parallel()
	for _, program := range []bool{false, true} {
		for _, x := range everything(t, "en", program) {
			guarded(t, x.answer, x.name)
			require.Equal(t, []string{"Accept, Accept-Language"}, x.header["Vary"], x.name)
			require.Empty(t, x.header["Access-Control-Allow-Origin"], x.name)
			if x.status == http.StatusSeeOther {
				continue
			}
			require.NotEmpty(t, x.header.Get("Content-Length"), x.name)
			switch {
			case !program, x.name == "start", x.name == "HEAD of start":
				require.Equal(t, "text/html; charset=utf-8", x.header.Get("Content-Type"), x.name)
			case x.status == http.StatusOK:
				require.Equal(t, "application/json", x.header.Get("Content-Type"), x.name)
			default:
				require.NotEmpty(t, x.problem().Detail, x.name)
			}
		}
	}
}

// Pages are read as a person would who sees, hears or feels them, without script.
func TestPages_AreAccessible(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, language := range []string{"en", "de"} {
		for _, x := range everything(t, language, false) {
			if x.status == http.StatusSeeOther {
				continue
			}
			require.True(t, strings.HasPrefix(x.body, "<!doctype html>\n"), x.name)
			harmless(t, x.answer)
			page := x.page()
			require.Equal(t, language, page.one(t, "html").attr["lang"], x.name)
			require.NotEmpty(t, strings.TrimSpace(page.one(t, "title").text), x.name)
			require.NotEmpty(t, strings.TrimSpace(page.one(t, "h1").text), x.name)
			page.one(t, "main")
			seen[page.one(t, "title").text] = true
			require.Contains(t, metas(page), "viewport")

			ids := map[string]bool{}
			for _, e := range page.inside {
				if id := e.attr["id"]; id != "" {
					require.False(t, ids[id], "%s: two elements %s", x.name, id)
					ids[id] = true
				}
			}
			labels := map[string]string{}
			for _, label := range page.all("label") {
				labels[label.attr["for"]] = strings.TrimSpace(label.text)
			}
			visible, focused := 0, 0
			for _, input := range page.all("input") {
				if input.attr["type"] == "hidden" {
					require.NotContains(t, input.attr, "required")
					continue
				}
				visible++
				require.NotEmpty(t, labels[input.attr["id"]], "%s: %s has no label", x.name, input.attr["name"])
				require.Contains(t, input.attr, "required", x.name)
				var described []string // screen readers say it with the field, since it stands in the page when that comes
				for _, id := range []string{"error", "note"} {
					if page.id(id) != nil {
						described = append(described, id)
					}
				}
				require.Equal(t, strings.Join(described, " "), input.attr["aria-describedby"], x.name)
				if page.id("error") != nil {
					require.Equal(t, "true", input.attr["aria-invalid"], x.name)
				} else {
					require.NotContains(t, input.attr, "aria-invalid", x.name)
				}
			}
			require.LessOrEqual(t, visible, 1, "%s: one thing to type", x.name)
			for _, e := range page.inside {
				if _, ok := e.attr["autofocus"]; ok {
					focused++
				}
				for _, name := range []string{"aria-describedby", "aria-labelledby", "for"} {
					for id := range strings.FieldsSeq(e.attr[name]) {
						require.True(t, ids[id], "%s: %s leads to no element %s", x.name, name, id)
					}
				}
				require.NotContains(t, e.attr, "tabindex", x.name)
			}
			require.LessOrEqual(t, focused, 1, x.name)
			for _, f := range page.all("form") {
				require.Equal(t, "post", f.attr["method"], x.name)
				require.Len(t, f.all("button"), 1, "%s: works with the keyboard alone", x.name)
				require.NotEmpty(t, strings.TrimSpace(f.all("button")[0].text), x.name)
			}
			require.True(t, len(page.all("form"))+len(page.all("a")) > 0, "%s: no way on", x.name)
			if problem := page.id("error"); x.status >= 400 && !strings.Contains(x.name, "already") {
				require.NotNil(t, problem, x.name)
				require.NotEmpty(t, problem.text, x.name)
				require.Equal(t, "alert", problem.attr["role"], x.name)
			} else {
				require.Nil(t, problem, x.name)
			}
		}
	}
	require.GreaterOrEqual(t, len(seen), 6, "the titles of six pages, two of them alike: %v", seen)
}

func metas(page *element) (names []string) {
	for _, meta := range page.all("meta") {
		names = append(names, meta.attr["name"])
	}
	return names
}

func TestPages_InputOfTheCode(t *testing.T) {
	s := newSite(t)
	v := s.visitor()
	v.asks(alice)
	input := v.seen.page().id("code")
	for name, want := range map[string]string{"name": "code", "type": "text", "inputmode": "numeric", "autocomplete": "one-time-code", "spellcheck": "false", "maxlength": "512"} {
		require.Equal(t, want, input.attr[name], name)
	}
	require.NotContains(t, input.attr, "pattern", "what a person types is cleaned, not refused")
	require.NotContains(t, input.attr, "value", "a code that was wrong is not shown again")
	require.NotContains(t, v.submit("code", "000001").page().id("code").attr, "value")
	require.NotContains(t, v.seen.body, "000001")

	address := v.get(start).page().id("address")
	for name, want := range map[string]string{"name": "address", "inputmode": "email", "autocomplete": "username", "autocapitalize": "none"} {
		require.Equal(t, want, address.attr[name], name)
	}
}

// What is typed in every size is shown as it was: forms that failed need not be filled in again.
func TestPages_KeepTheAddress(t *testing.T) {
	s := newSite(t)
	v := s.visitor()
	long := strings.Repeat("a", 400)
	require.Equal(t, long[:254], v.post(start, "address", long).page().id("address").attr["value"])
	require.Equal(t, long[:254], v.post(code, "address", long, "code", "123456").page().id("address").attr["value"])
	v.post(start, "address", " ALICE@example.com")
	require.Equal(t, alice, v.submit("code", "1").page().all("input")[0].attr["value"])
}

// Who mistyped the address sees it, and can start again.
func TestPages_ShowTheAddressAndTheWayBack(t *testing.T) {
	for _, secrets := range []onetimehttp.Secrets{onetimehttp.LinkAndCode, onetimehttp.CodeOnly, onetimehttp.LinkOnly} {
		v := newSite(t, func(with *setup) { with.config.Secrets = secrets }).visitor()
		for _, address := range []string{" Moira@example.com", alice, alice} { // the last of which is too early
			page := v.post(start, "address", address).page()
			require.Equal(t, strings.ToLower(strings.TrimSpace(address)), page.all("bdi")[0].text)
			require.Regexp(t, `^/sign-in\?entry=\d$`, page.all("a")[0].attr["href"])
			require.Equal(t, strings.ToLower(strings.TrimSpace(address)), v.get(page.all("a")[0].attr["href"]).page().id("address").attr["value"])
		}
	}
}

// The style that Protect allows is the one that pages have.
func TestStyle(t *testing.T) {
	s := newSite(t)
	require.Equal(t, s.visitor().get(start).page().one(t, "style").text, string(s.flow.Style()))
	require.Contains(t, string(s.flow.Style()), "prefers-color-scheme: dark")
	require.Contains(t, metas(s.visitor().get(start).page()), "color-scheme")
}

// The check that the tests of pages rest on sees what is wrong.
func TestParse_SeesWhatIsWrong(t *testing.T) {
	for _, page := range []string{"<p>", "</p>", "<p><b></p></b>", "<form><p></form></p>", `<p id="a" id="b"></p>`, "<main><br></br></main>", "<p"} {
		_, err := parse(page)
		require.Error(t, err, page)
	}
	page, err := parse(`<!doctype html><html lang="de"><input name=a required><p>1 &amp; <b>2</b></p></html>`)
	require.NoError(t, err)
	require.Equal(t, "1 & 2", page.one(t, "p").text)
	require.True(t, slices.ContainsFunc(page.inside, func(e *element) bool { return e.attr["name"] == "a" }))
}
