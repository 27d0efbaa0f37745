package onetimehttp_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

// unchanged runs what must not change anything: nothing in Redis, no lookup, no message, no session.
func (s *site) unchanged(t testing.TB, what string, run func()) {
	t.Helper()
	before, lookups, messages, sessions := s.dump(), len(s.lookups), len(s.mail), s.sessions()
	run()
	require.Equal(t, before, s.dump(), "%s: Redis", what)
	require.Len(t, s.lookups, lookups, "%s: Lookup", what)
	require.Len(t, s.mail, messages, "%s: Sender", what)
	require.Equal(t, sessions, s.sessions(), "%s: OnVerified", what)
}

// posts are what a POST to each handler would do, given a browser that asked, its code and its token.
func posts(m sent, t testing.TB) map[string][]string {
	return map[string][]string{
		start: {"address", "known@example.com"},
		code:  {"address", alice, "code", m.Code},
		link:  {"token", token(t, m.URL), "here", "yes"},
	}
}

func TestCrossSite_IsRefusedAndChangesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	v := s.visitor()
	m := v.asks(alice)
	for _, headers := range []http.Header{
		{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}},
		{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"null"}},
		{"Sec-Fetch-Site": {"cross-site"}, "Origin": nil},
		{"Sec-Fetch-Site": {"same-site"}, "Origin": {"https://blog.example.com"}},
		{"Sec-Fetch-Site": {"same-site"}, "Origin": nil},
		{"Sec-Fetch-Site": {"of a time to come"}, "Origin": nil},
		{"Sec-Fetch-Site": nil, "Origin": {"https://evil.example"}},
		{"Sec-Fetch-Site": nil, "Origin": {"https://example.com.evil.example"}},
		{"Sec-Fetch-Site": nil, "Origin": {"https://example.com:8443"}},
		{"Sec-Fetch-Site": nil, "Origin": {"https://evil.example/https://example.com"}},
		{"Sec-Fetch-Site": nil, "Origin": {"null"}},
		{"Sec-Fetch-Site": nil, "Origin": {"::"}},
		{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}, "X-Forwarded-Host": {"evil.example"}, "Referer": {origin + start}},
	} {
		v.header = headers
		for target, fields := range posts(m, t) {
			name := fmt.Sprint(target, headers)
			s.unchanged(t, name, func() {
				require.Equal(t, http.StatusForbidden, v.post(target, fields...).status, name)
				require.Equal(t, "This came from another site.", v.seen.said(), name)
				for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodPatch} {
					require.Equal(t, http.StatusForbidden, v.do(method, target, form, values(fields).Encode()).status, name)
				}
				require.Equal(t, "cross-site", v.json(target).problem().Reason, name)
			})
		}
	}
	require.Empty(t, s.mail)
}

func TestCrossSite_OwnPagesAndProgramsPass(t *testing.T) {
	t.Parallel()
	for name, headers := range map[string]http.Header{
		"browser":               {"Sec-Fetch-Site": {"same-origin"}, "Origin": {"null"}},
		"address bar":           {"Sec-Fetch-Site": {"none"}, "Origin": nil},
		"curl":                  {"Sec-Fetch-Site": nil, "Origin": nil},
		"old browser":           {"Sec-Fetch-Site": nil, "Origin": {origin}},
		"behind a proxy":        {"Sec-Fetch-Site": nil, "Origin": {origin}, "Host": {"10.0.0.7:8080"}},
		"behind a proxy, today": {"Sec-Fetch-Site": {"same-origin"}, "Origin": {"null"}, "Host": {"10.0.0.7:8080"}},
	} {
		for target := range posts(sent{}, t) {
			s := newSite(t)
			v := s.visitor()
			m := v.asks(alice)
			v.header = headers.Clone()
			r := v.request(http.MethodPost, target, form, values(posts(m, t)[target]).Encode())
			if host := headers.Get("Host"); host != "" {
				r.Host = host
				r.Header.Del("Host")
			}
			require.Less(t, v.send(s.handler, r).status, 400, "%s to %s\n%s", name, target, v.seen.body)
		}
	}
}

// Protect guards pages of others as it does those of a Flow.
func TestProtect(t *testing.T) {
	s, called := newSite(t), 0
	h := s.flow.Protect(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { called++; w.Write([]byte("ok")) }))
	v := s.visitor()
	a := v.send(h, v.request(http.MethodPost, "/password", form, ""))
	require.Equal(t, http.StatusOK, a.status)
	guarded(t, a, "own page")
	v.header = http.Header{"Sec-Fetch-Site": {"cross-site"}}
	a = v.send(h, v.request(http.MethodPost, "/password", form, ""))
	require.Equal(t, http.StatusForbidden, a.status)
	guarded(t, a, "refused")
	require.Equal(t, 1, called)
}

// The cap is 8 KiB: what has one byte more is not read to its end.
func TestBody_IsCapped(t *testing.T) {
	t.Parallel()
	const limit = 8 << 10
	s := newSite(t)
	v := s.visitor()
	v.asks(alice)
	for _, target := range []string{start, code, link} {
		for _, c := range []struct{ name, kind, head, fill, tail string }{
			{"form", form, "address=", "a", ""},
			{"field that is not asked for", form, "address=a&x=", "a", ""},
			{"many fields", form, "", "&a=b", ""},
			{"JSON", "application/json", `{"address":"`, "a", `"}`},
			{"JSON with blanks before it", "application/json", "", " ", `{"address":"a"}`},
			{"JSON with blanks behind it", "application/json", `{"address":"a@example.com"}`, " ", ""},
			{"JSON without an end", "application/json", "", "[", ""},
		} {
			full := strings.Repeat(c.fill, (limit-len(c.head)-len(c.tail))/len(c.fill))
			require.NotEqual(t, http.StatusRequestEntityTooLarge, v.do(http.MethodPost, target, c.kind, c.head+full+c.tail).status, "%s to %s", c.name, target)
			for _, more := range []int{8, 1 << 16} {
				s.unchanged(t, c.name, func() {
					v.do(http.MethodPost, target, c.kind, c.head+full+strings.Repeat(c.fill, more)+c.tail)
				})
				require.Equal(t, http.StatusRequestEntityTooLarge, v.seen.status, "%s to %s", c.name, target)
			}
		}
	}
}

func TestBody_OneByteOverTheCap(t *testing.T) {
	s := newSite(t)
	for size, status := range map[int]int{8 << 10: http.StatusBadRequest, 8<<10 + 1: http.StatusRequestEntityTooLarge} {
		a := s.visitor().do(http.MethodPost, start, form, "address="+strings.Repeat("a", size-len("address=")))
		require.Equal(t, status, a.status, size)
	}
}

func TestBody_ContentType(t *testing.T) {
	s := newSite(t)
	v := s.visitor()
	for _, target := range []string{start, code, link} {
		for _, kind := range []string{
			"", "text/plain", "text/json", "application/xml", "multipart/form-data; boundary=x", "application/json-patch+json",
			"application/problem+json", "application/x-www-form-urlencoded, application/json", "application/x-www-form-urlencoded; charset", "json", ";",
		} {
			s.unchanged(t, kind, func() {
				require.Equal(t, http.StatusUnsupportedMediaType, v.do(http.MethodPost, target, kind, "address="+alice).status, kind)
			})
			require.Equal(t, "Send a form or JSON.", v.seen.said())
		}
	}
	for kind, body := range map[string]string{
		"application/x-www-form-urlencoded; charset=UTF-8": "address=" + url.QueryEscape(alice),
		"Application/X-WWW-Form-URLEncoded":                "address=" + url.QueryEscape(alice),
		"Application/JSON;charset=utf-8":                   `{"address": "` + alice + `", "more": [1]}`,
	} {
		require.Equal(t, http.StatusOK, newSite(t).visitor().do(http.MethodPost, start, kind, body).status, kind)
	}
}

func TestBody_BrokenInputIsExplained(t *testing.T) {
	s := newSite(t)
	v := s.program()
	for _, target := range []string{start, code, link} {
		for _, c := range []struct{ kind, body string }{
			{"application/json", ""},
			{"application/json", "{"},
			{"application/json", `address=a`},
			{"application/json", `[]`},
			{"application/json", `"address"`},
			{"application/json", `{"address": 15550100}`},
			{"application/json", `{"address": "` + alice + `", "code": 123456}`}, // 012345 would be 12345
			{"application/json", `{"address": "` + alice + `", "code": 012345}`},
			{"application/json", `{"address": "` + alice + `", "code": ["123456"]}`},
			{"application/json", `{"address": ["` + alice + `"]}`},
			{"application/json", `{"token": 1, "address": "` + alice + `"}`},
			{"application/json", `{"here": "yes"}`},
			{"application/json", `{"here": 1}`},
			{"application/json", `{"address": "` + alice + `"} {}`},
			{"application/json", `{"address": "` + alice + `"}]`},
			{"application/json", `{"address": "` + alice + `"}, {"address": "` + mallory + `"}`},
			{form, "address=%zz"},
			{form, "address=a;token=b"},
		} {
			s.unchanged(t, c.body, func() {
				require.Equal(t, http.StatusBadRequest, v.do(http.MethodPost, target, c.kind, c.body).status, c.body)
			})
			p := v.seen.problem()
			require.Equal(t, "form", p.Reason, c.body)
			require.Equal(t, "This form cannot be read. In JSON, address, code and token are strings.", p.Detail)
		}
	}
}

func TestMethods(t *testing.T) {
	s := newSite(t)
	v := s.visitor()
	m := v.asks(alice)
	for target, fields := range posts(m, t) {
		for _, method := range []string{http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, http.MethodTrace, "PROPFIND"} {
			s.unchanged(t, method, func() {
				v.header = http.Header{"Sec-Fetch-Site": {"same-origin"}}
				a := v.do(method, target+"?"+values(fields).Encode(), form, values(fields).Encode())
				require.Equal(t, http.StatusMethodNotAllowed, a.status, "%s %s", method, target)
				require.Equal(t, "GET, HEAD, POST", a.header.Get("Allow"))
			})
		}
		// What stands in the query is no form.
		s.unchanged(t, target, func() {
			v.header = nil
			require.GreaterOrEqual(t, v.do(http.MethodPost, target+"?"+values(fields).Encode(), form, "").status, 400)
		})
	}
}

// hostile addresses, by whether they are refused as such.
var hostile = map[string]bool{
	"alice@example.com\r\nBcc: victim@example.com": true,
	"alice@example.com\nX: y":                      true,
	"alice\r@example.com":                          true,
	"alice@exa\x00mple.com":                        true,
	"alice@exa\u0085mple.com":                      true,
	"alice@exa\x7fmple.com":                        true,
	"alice@exa\x1bmple.com":                        true,
	"alice@exa\xffmple.com":                        true,
	"":                                             true,
	" \t\n":                                        true,
	"()":                                           false,
	strings.Repeat("a", 243) + "@example.com":     true,
	strings.Repeat("a", 242) + "@example.com":     false,
	strings.Repeat("é", 121) + "@example.com":     false,
	"alice@exa\u2028mple.com":                     true,
	"alice@exa\u2029mple.com":                     true,
	"\u202emoc.elpmaxe@ecila":                     false,
	"alice@example.com,victim@example.com":        false,
	"<alice@example.com>":                         false,
	`"><script>alert(1)</script>@example.com`:     false,
	`' onfocus='alert(1)' x='@example.com`:        false,
	`" autofocus onfocus="alert(1)`:               false,
	`</title></style><script src=//evil.example>`: false,
	`javascript:alert(1)`:                         false,
	`{{.Token}}{{template "head"}}`:               false,
	`<!--`:                                        false,
	`&lt;&#34;&quot`:                              false,
	`%s%d%!`:                                      false,
	"alice@example.com?next=//evil.example":       false,
}

// skeleton is the elements of a page with the names of their attributes: what no input may change.
func skeleton(a *answer) (all []string) {
	for _, e := range a.page().inside {
		all = append(all, fmt.Sprint(e.name, slices.Sorted(maps.Keys(e.attr))))
	}
	return all
}

func TestInjection_HostileAddresses(t *testing.T) {
	t.Parallel()
	names := func(with *setup) { with.options = append(with.options, userNames) }
	plain := newSite(t, names).visitor()
	asked := skeleton(plain.post(start, "address", mallory))
	refused := skeleton(plain.post(code, "address", mallory, "code", "000000"))
	wrong := skeleton(newSite(t, names).visitor().post(start, "address", "\x00"))
	s := newSite(t, names)
	for address, bad := range hostile {
		v := s.visitor()
		if bad {
			var a *answer
			s.unchanged(t, address, func() {
				a = v.post(start, "address", address)
				require.Equal(t, http.StatusBadRequest, a.status, "%q", address)
				if len(address) <= 254 {
					require.Contains(t, a.body, "Check the address.")
				} else {
					require.Contains(t, a.body, "This address is too long.")
				}
				require.True(t, utf8.ValidString(a.body), "%q", address)
				require.Equal(t, http.StatusBadRequest, v.post(code, "address", address, "code", "123456").status)
				require.True(t, utf8.ValidString(v.seen.body), "%q", address)
			})
			require.NotContains(t, strings.Join(lines(a.header), "\n"), "victim")
			if utf8.ValidString(address) && !strings.ContainsAny(address, "\x00\x1b\x7f\u0085\r\n") { // which no page can show as it is
				require.Equal(t, wrong, skeleton(a), "%q", address)
			}
			continue
		}
		a := v.post(start, "address", address)
		require.Equal(t, http.StatusOK, a.status, "%q", address)
		require.Equal(t, asked, skeleton(a), "%q", address)
		require.Equal(t, address, s.lookups[len(s.lookups)-1])
		for _, f := range a.page().all("form") {
			require.Equal(t, address, f.all("input")[0].attr["value"])
		}
		require.Equal(t, refused, skeleton(v.submit("code", "000000")), "%q", address)
		require.Equal(t, http.StatusTooManyRequests, v.post(start, "address", address).status, "%q", address)
		for _, line := range lines(a.header) {
			require.NotContains(t, line, "evil")
			require.NotContains(t, line, "victim")
		}
		require.NotContains(t, scripts.ReplaceAllString(a.body, ""), "<script")
	}
}

// Where somebody has such an address, it goes to the Sender as it is stored, and into no part of the message.
func TestInjection_HostileAddressIsNoPartOfMessages(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(with *setup) {
		with.config.Lookup = func(_ context.Context, typed string) (string, string, bool, error) { return "user-1", typed, true, nil }
		with.options = append(with.options, userNames)
		with.manager = append(with.manager, onetime.WithSendLimits())
	})
	for address, bad := range hostile {
		if bad {
			continue
		}
		m := s.visitor().asks(address)
		require.Equal(t, address, m.to)
		body, err := m.HTML()
		require.NoError(t, err)
		for _, text := range []string{m.Subject(), m.Text(), m.SMS(), body} {
			require.NotContains(t, text, address)
			require.NotContains(t, text, "evil")
		}
	}
}

func TestInjection_TokensLanguagesAndQueries(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	visited := func() *visitor {
		v := s.visitor()
		v.get(start)
		return v
	}
	plain := visited()
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		fetch := func(v *visitor, token string) *answer {
			if method == http.MethodGet {
				return v.get(link + "?token=" + url.QueryEscape(token))
			}
			a := v.post(link, "token", token, "here", "yes")
			a.via = nil
			return a
		}
		want := fetch(plain, "x").seenBy("")
		for address := range hostile {
			require.Equal(t, want, fetch(visited(), address).seenBy(""), "%q", address)
		}
	}
	for _, target := range []string{start, link, code} {
		want := plain.get(target).seenBy("")
		for text := range hostile {
			v := visited()
			v.header = http.Header{"Accept-Language": {text}, "Referer": {text}, "User-Agent": {text}, "X-Forwarded-For": {text}}
			require.Equal(t, want, v.get(target+"?address="+url.QueryEscape(text)+"&error="+url.QueryEscape(text)+"&lang="+url.QueryEscape(text)).seenBy(""), "%q", text)
		}
	}
}

// No parameter leads anywhere, by any name and to any handler.
func TestOpenRedirect_NothingLeadsAway(t *testing.T) {
	t.Parallel()
	names := []string{"next", "return", "return_to", "returnTo", "url", "redirect", "redirect_uri", "redirect_to", "continue", "rd", "dest", "callback", "action", "start", "Location"}
	run := func(away string) (seen []string) {
		more, query := "", url.Values{}
		for _, name := range names {
			query.Set(name, away)
		}
		if away != "" {
			more = query.Encode()
		}
		s := newSite(t)
		v := s.visitor()
		post := func(target, fields string) *answer {
			return v.do(http.MethodPost, target+"?"+more, form, fields+"&"+more)
		}
		seen = append(seen, v.get(start+"?"+more).seenBy(""), v.get(code+"?"+more).seenBy(""), post(start, "address="+alice).seenBy(""))
		m := s.message()
		require.True(t, strings.HasPrefix(m.URL, origin+link+"?token="), m.URL)
		seen = append(seen, strings.ReplaceAll(v.get(path(t, m.URL)+"&"+more).seenBy(""), token(t, m.URL), "TOKEN"))
		seen = append(seen, post(code, "address="+alice+"&code="+wrong(m.Code, 1)).seenBy(""), post(link, "token="+token(t, m.URL)).seenBy(""))
		require.Equal(t, "/home", v.seen.header.Get("Location"))
		return seen
	}
	want := run("")
	for _, away := range []string{"https://evil.example", "//evil.example", `/\evil.example`, "/\t/evil.example", "javascript:alert(1)"} {
		require.Equal(t, want, run(away), away)
	}
}

// Whatever a router lets through: the one redirect leads to a path of the configuration.
func TestOpenRedirect_Paths(t *testing.T) {
	s := newSite(t)
	for _, target := range []string{"//evil.example/", "//evil.example/%2f..", "/%2f%2fevil.example", `/\evil.example`, "/..//evil.example", "/sign-in/code/", "/a/b/../../.."} {
		r := httptest.NewRequest(http.MethodGet, origin, nil)
		r.URL = &url.URL{Path: target, RawPath: target, RawQuery: "next=//evil.example"}
		r.RequestURI = target
		w := httptest.NewRecorder()
		s.flow.Verify().ServeHTTP(w, r)
		require.Equal(t, http.StatusSeeOther, w.Code)
		require.Equal(t, start, w.Header().Get("Location"), target)
	}
}

// What a request says about host and scheme is not believed: neither in messages nor in cookies nor in forms.
func TestHost_IsNotBelieved(t *testing.T) {
	t.Parallel()
	run := func(change func(r *http.Request)) (seen []string) {
		s := newSite(t)
		v := s.visitor()
		do := func(method, target string, fields ...string) *answer {
			r := v.request(method, target, "", "")
			if method == http.MethodPost {
				r = v.request(method, target, form, values(fields).Encode())
			}
			change(r)
			a := v.send(s.handlerOf(target), r)
			seen = append(seen, a.seenBy(""))
			return a
		}
		do(http.MethodGet, start)
		do(http.MethodPost, start, "address", alice)
		m := s.message()
		require.Equal(t, origin+link+"?token="+token(t, m.URL), m.URL)
		require.True(t, strings.HasSuffix(m.SMS(), "\n@example.com #"+m.Code), m.SMS())
		do(http.MethodGet, code)
		do(http.MethodGet, path(t, m.URL))
		seen[3] = strings.ReplaceAll(seen[3], token(t, m.URL), "TOKEN")
		do(http.MethodPost, code, "address", alice, "code", wrong(m.Code, 1))
		do(http.MethodPost, link, "token", token(t, m.URL))
		require.Equal(t, "/home", v.seen.header.Get("Location"))
		return seen
	}
	want := run(func(*http.Request) {})
	for name, change := range map[string]func(r *http.Request){
		"Host":         func(r *http.Request) { r.Host = "evil.example" },
		"Host, port":   func(r *http.Request) { r.Host = "example.com:1@evil.example" },
		"no Host":      func(r *http.Request) { r.Host = "" },
		"absolute URL": func(r *http.Request) { r.URL.Host, r.URL.Scheme = "evil.example", "http" },
		"headers": func(r *http.Request) {
			for name, value := range map[string]string{
				"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http", "X-Forwarded-Port": "1", "X-Forwarded-Prefix": "//evil.example",
				"X-Forwarded-Server": "evil.example", "X-Host": "evil.example", "X-Original-Url": "//evil.example", "X-Rewrite-Url": "//evil.example",
				"Forwarded": "for=1;host=evil.example;proto=http", "X-Http-Method-Override": "DELETE", "Front-End-Https": "off",
			} {
				r.Header.Set(name, value)
			}
		},
	} {
		require.Equal(t, want, run(change), name)
	}
}

// handlerOf is the handler of a path, whatever the request says.
func (s *site) handlerOf(target string) http.Handler {
	path, _, _ := strings.Cut(target, "?")
	return map[string]http.Handler{start: s.flow.Start(), code: s.flow.Verify(), link: s.flow.Link()}[path]
}

func TestNormalizer_DecidesWhatIsLookedUp(t *testing.T) {
	var given []string
	s := newSite(t, func(with *setup) {
		with.options = append(with.options, onetimehttp.WithNormalizer(func(typed string) (string, error) {
			given = append(given, typed)
			switch typed {
			case "refused":
				return "", fmt.Errorf("no address: %s", typed)
			case "control":
				return "a\x00", nil
			case "empty":
				return "", nil
			case "long":
				return strings.Repeat("a", 255), nil
			}
			return strings.ToLower(strings.ReplaceAll(typed, ".", "")), nil
		}))
	})
	for _, typed := range []string{"refused", "control", "empty", "long"} {
		a := s.visitor().post(start, "address", typed)
		require.Equal(t, http.StatusBadRequest, a.status, typed)
		require.Equal(t, map[bool]string{false: "Check the address.", true: "This address is too long. An address has at most 254 characters."}[typed == "long"], a.said())
		require.Equal(t, typed, a.page().id("address").attr["value"], "to be mended")
	}
	require.Len(t, given, 4)
	for _, typed := range []string{strings.Repeat("a", 255), "a\xff"} {
		require.Equal(t, http.StatusBadRequest, s.visitor().post(start, "address", typed).status)
	}
	require.Len(t, given, 4, "it need not cope with what is too long or no text")
	require.Empty(t, s.lookups)
	v := s.visitor()
	v.post(start, "address", "A.B.C")
	v.post(code, "address", "A.bc", "code", "123456")
	require.Equal(t, []string{"abc", "abc"}, s.lookups)
}
