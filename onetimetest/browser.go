package onetimetest

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// A Browser is a person's browser for tests of pages: it has cookies of its own, follows redirects, fills in forms, and says
// of each request that it comes from the site itself, as browsers do. It runs no script. What it cannot do fails the test.
// It is safe for concurrent use, as two tabs are.
type Browser struct {
	t      testing.TB
	origin string
	client *http.Client
}

// NewBrowser returns a Browser that knows one site: the handler is what answers at origin, such as https://example.com,
// without a network. A redirect to another site fails the test.
func NewBrowser(t testing.TB, origin string, handler http.Handler) *Browser {
	t.Helper()
	jar, _ := cookiejar.New(nil) // never fails
	b := &Browser{t, strings.TrimSuffix(origin, "/"), &http.Client{Jar: jar}}
	b.client.Transport = direct(func(r *http.Request) (*http.Response, error) {
		if r.URL.Scheme+"://"+r.URL.Host != b.origin {
			return nil, errors.New("onetimetest: this Browser knows no other site than " + b.origin)
		}
		// What a handler is given, and not what a client sends.
		in := httptest.NewRequestWithContext(r.Context(), r.Method, r.URL.String(), r.Body)
		in.Header = r.Header
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, in)
		response := w.Result()
		response.Request = r
		return response, nil
	})
	return b
}

type direct func(*http.Request) (*http.Response, error)

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) { return d(r) }

// A Page is what a Browser shows.
type Page struct {
	// Status and Header are those of the last answer, Text is its body.
	Status int
	Header http.Header
	Text   string
	// URL is where it was found, behind all redirects.
	URL *url.URL
}

// Get opens a path of the site, or a whole URL, such as that of a link in a message.
func (b *Browser) Get(target string) Page {
	b.t.Helper()
	return b.send(http.MethodGet, target, "", nil)
}

// Post sends a form with these fields: name, value, name, value.
func (b *Browser) Post(target string, fields ...string) Page {
	b.t.Helper()
	return b.send(http.MethodPost, target, "application/x-www-form-urlencoded", strings.NewReader(b.values(fields).Encode()))
}

// Submit fills in the first form of a page that has all of these fields (name, value, name, value), and sends it with the
// values that it has already, hidden ones, too.
func (b *Browser) Submit(p Page, fields ...string) Page {
	b.t.Helper()
	root, err := html.Parse(strings.NewReader(p.Text))
	if err != nil {
		b.t.Fatalf("onetimetest: Submit: %v", err)
	}
	typed := b.values(fields)
	for form := range root.Descendants() {
		if form.DataAtom != atom.Form {
			continue
		}
		filled := inputs(form)
		fits := true
		for name, value := range typed {
			fits = fits && filled.Has(name)
			filled[name] = value
		}
		if !fits {
			continue
		}
		action, err := p.URL.Parse(attribute(form, "action"))
		if err != nil {
			b.t.Fatalf("onetimetest: Submit: the action of the form: %v", err)
		}
		if !strings.EqualFold(attribute(form, "method"), "post") {
			action.RawQuery = filled.Encode()
			return b.Get(action.String())
		}
		return b.send(http.MethodPost, action.String(), "application/x-www-form-urlencoded", strings.NewReader(filled.Encode()))
	}
	b.t.Fatalf("onetimetest: Submit: no form has %q; the page, of status %d:\n%s", slices.Sorted(maps.Keys(typed)), p.Status, p.Text)
	return Page{}
}

// inputs returns the values that the inputs of a form have. Of boxes, those that are ticked.
func inputs(form *html.Node) url.Values {
	values := url.Values{}
	for n := range form.Descendants() {
		name := attribute(n, "name")
		if n.DataAtom != atom.Input || name == "" {
			continue
		}
		if kind := attribute(n, "type"); (kind == "checkbox" || kind == "radio") && !has(n, "checked") {
			continue
		}
		values.Add(name, attribute(n, "value"))
	}
	return values
}

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// Cookies returns the cookies that the Browser would send to a path: names and values only.
func (b *Browser) Cookies(path string) []*http.Cookie {
	b.t.Helper()
	return b.client.Jar.Cookies(b.url(path))
}

// SetCookie sets a cookie for the whole site, as somebody might who copied or altered one.
func (b *Browser) SetCookie(name, value string) {
	b.t.Helper()
	at := b.url("/")
	b.client.Jar.SetCookies(at, []*http.Cookie{{Name: name, Value: value, Path: "/", Secure: at.Scheme == "https"}})
}

func (b *Browser) values(fields []string) url.Values {
	b.t.Helper()
	if len(fields)%2 != 0 {
		b.t.Fatalf("onetimetest: want fields as name, value, name, value: %q has no value", fields[len(fields)-1])
	}
	values := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		values.Add(fields[i], fields[i+1])
	}
	return values
}

func (b *Browser) url(target string) *url.URL {
	b.t.Helper()
	base, err := url.Parse(b.origin)
	if err == nil {
		base, err = base.Parse(target)
	}
	if err != nil {
		b.t.Fatalf("onetimetest: %v", err)
	}
	return base
}

func (b *Browser) send(method, target, contentType string, body io.Reader) Page {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.url(target).String(), body)
	if err != nil {
		b.t.Fatalf("onetimetest: %v", err)
	}
	r.Header.Set("Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if body != nil {
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("Origin", b.origin)
	}
	response, err := b.client.Do(r)
	if err != nil {
		b.t.Fatalf("onetimetest: %v", err)
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatalf("onetimetest: %v", err)
	}
	return Page{response.StatusCode, response.Header, string(text), response.Request.URL}
}
