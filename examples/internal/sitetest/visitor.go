// Package sitetest is what the tests of the examples have in common: visitors with cookies, and a Site whose clock is moved.
package sitetest

import (
	"crypto/sha256"
	"encoding/base64"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/examples/internal/mailtest"
)

// A Visitor is a browser: it has its own cookies and follows redirects.
type Visitor struct {
	Origin string
	Client *http.Client
	t      testing.TB
}

// NewVisitor returns a visitor of the site at origin.
func NewVisitor(t testing.TB, origin string) *Visitor {
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	v := &Visitor{Origin: origin, Client: &http.Client{Jar: jar, Timeout: mailtest.Patience, Transport: &http.Transport{}}, t: t}
	t.Cleanup(v.Client.CloseIdleConnections)
	return v
}

// A Page is what a visitor is shown.
type Page struct {
	Status int
	Path   string // where redirects led
	Text   string // HTML
	Header http.Header
}

// Get opens a path, or a whole address such as that of a link.
func (v *Visitor) Get(path string) Page {
	v.t.Helper()
	return v.Read(v.Client.Get(v.URL(path)))
}

// Post sends a form of fields: name, value, name, value.
func (v *Visitor) Post(path string, fields ...string) Page {
	v.t.Helper()
	return v.Read(v.Client.PostForm(v.URL(path), values(fields)))
}

func values(fields []string) url.Values {
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return form
}

var (
	forms  = regexp.MustCompile(`(?s)<form method="post" action="([^"]+)">(.*?)</form>`)
	inputs = regexp.MustCompile(`<input [^>]*name="([^"]+)"[^>]*>`)
	given  = regexp.MustCompile(` value="([^"]*)"`)
)

// Submit fills in the first form of a page that has all the named fields, and sends it with its hidden ones.
func (v *Visitor) Submit(p Page, fields ...string) Page {
	v.t.Helper()
	for _, form := range forms.FindAllStringSubmatch(p.Text, -1) {
		filled := url.Values{}
		for _, input := range inputs.FindAllStringSubmatch(form[2], -1) {
			value := ""
			if found := given.FindStringSubmatch(input[0]); found != nil {
				value = html.UnescapeString(found[1])
			}
			filled.Set(input[1], value)
		}
		fits := true
		for name, value := range values(fields) {
			fits = fits && filled.Has(name)
			filled[name] = value
		}
		if fits {
			return v.Read(v.Client.PostForm(v.URL(html.UnescapeString(form[1])), filled))
		}
	}
	require.FailNow(v.t, "no such form", "%q on\n%s", fields, p.Text)
	return Page{}
}

// Read reads the answer to a request.
func (v *Visitor) Read(response *http.Response, err error) Page {
	v.t.Helper()
	require.NoError(v.t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(v.t, err)
	return Page{response.StatusCode, response.Request.URL.Path, string(body), response.Header}
}

// URL returns the address of a path; links of mails are whole addresses.
func (v *Visitor) URL(path string) string {
	if strings.HasPrefix(path, "/") {
		return v.Origin + path
	}
	return path
}

// Cookie returns the value of a cookie, or "".
func (v *Visitor) Cookie(name string) string {
	at, err := url.Parse(v.Origin)
	require.NoError(v.t, err)
	for _, c := range v.Client.Jar.Cookies(at) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// SetCookie gives the visitor a cookie.
func (v *Visitor) SetCookie(name, value string) {
	at, err := url.Parse(v.Origin)
	require.NoError(v.t, err)
	v.Client.Jar.SetCookies(at, []*http.Cookie{{Name: name, Value: value, Path: "/"}})
}

var signedIn = regexp.MustCompile(`You are signed in as <strong>(.*)</strong>`)

// SignedIn returns the address that the first page shows, or "".
func (v *Visitor) SignedIn() string {
	v.t.Helper()
	first := v.Get("/")
	require.Equal(v.t, http.StatusOK, first.Status)
	found := signedIn.FindStringSubmatch(first.Text)
	if found == nil {
		require.Contains(v.t, first.Text, "You are not signed in.")
		return ""
	}
	return found[1]
}

// A Letter is what the inbox of the examples shows of a mail. Code and Link are empty where it has none.
type Letter struct{ To, Subject, Text, Code, Link string }

var (
	articles = regexp.MustCompile(`(?s)<article>\s*<h2>(.*?)</h2>.*?To (\S+), .*?<p>(.*?)</p>\s*</article>`)
	codes    = regexp.MustCompile(`(?m)^(\d{6})<br>$`)
	links    = regexp.MustCompile(`<a href="([^"]+\?token=[\w-]{76})">`)
)

// Letters returns what the page of an inbox shows, newest first.
func Letters(page string) (letters []Letter) {
	for _, found := range articles.FindAllStringSubmatch(page, -1) {
		l := Letter{To: html.UnescapeString(found[2]), Subject: html.UnescapeString(found[1]), Text: html.UnescapeString(found[3])}
		if code := codes.FindStringSubmatch(found[3]); code != nil {
			l.Code = code[1]
		}
		if link := links.FindStringSubmatch(found[3]); link != nil {
			l.Link = html.UnescapeString(link[1])
		}
		letters = append(letters, l)
	}
	return letters
}

// Inbox returns the letters in the inbox, newest first.
func (v *Visitor) Inbox() []Letter {
	v.t.Helper()
	box := v.Get("/inbox")
	require.Equal(v.t, http.StatusOK, box.Status)
	return Letters(box.Text)
}

// Mails lets do cause so many mails and returns them, newest first.
func (v *Visitor) Mails(n int, do func()) []Letter {
	v.t.Helper()
	before := len(v.Inbox())
	do()
	var letters []Letter
	mailtest.Wait(v.t, "the mails arrive", func() bool { letters = v.Inbox(); return len(letters) >= before+n })
	require.Len(v.t, letters, before+n)
	return slices.Clone(letters[:n])
}

// Ask fills in a form that asks for an address and returns the mail that comes, which is for to.
func (v *Visitor) Ask(path, address, to string) Letter {
	v.t.Helper()
	mail := v.Mails(1, func() {
		answer := v.Submit(v.Get(path), "address", address)
		require.Equal(v.t, http.StatusOK, answer.Status, answer.Text)
	})[0]
	require.Equal(v.t, to, mail.To)
	return mail
}

var token = regexp.MustCompile(`<input type="hidden" name="token" value="([^"]+)">`)

// Open opens a link and returns the page, and the token in its form.
func (v *Visitor) Open(link string) (p Page, hidden string) {
	v.t.Helper()
	p = v.Get(link)
	require.Equal(v.t, http.StatusOK, p.Status, p.Text)
	found := token.FindStringSubmatch(p.Text)
	require.NotNil(v.t, found, p.Text)
	return p, found[1]
}

var problem = regexp.MustCompile(`<p class="error" id="error" role="alert">(.*?)</p>`)

// Said returns what a page says went wrong, or "".
func (p Page) Said() string {
	if found := problem.FindStringSubmatch(p.Text); found != nil {
		return html.UnescapeString(found[1])
	}
	return ""
}

var style = regexp.MustCompile(`(?s)<style>(.*?)</style>`)

var (
	nonce = regexp.MustCompile(`name="nonce" value="[A-Za-z0-9_-]{22}"`)
	entry = regexp.MustCompile(`entry=[1-5]`)
	wait  = regexp.MustCompile(`\d+ (second|minute)s?`)
	count = regexp.MustCompile(`data-wait="\d+"`)
)

// Seen returns what of a page can tell one case from another, with the name of somebody replaced. The values of cookies, the
// nonces of forms and the date are in each answer others.
func (p Page) Seen(name, instead string) Page {
	p.Text = nonce.ReplaceAllString(p.Text, "nonce")
	p.Text = wait.ReplaceAllString(p.Text, "some time")
	p.Text = count.ReplaceAllString(p.Text, `data-wait="N"`)
	p.Text = entry.ReplaceAllString(p.Text, "entry=N") // which goes by the address
	p.Text = strings.ReplaceAll(p.Text, name, instead)
	p.Header = p.Header.Clone()
	p.Header.Del("Date")
	if p.Header.Get("Retry-After") != "" { // by the time of day, as the text is
		p.Header.Set("Retry-After", "some time")
	}
	for i, c := range p.Header["Set-Cookie"] {
		name, rest, _ := strings.Cut(c, "=")
		_, attributes, _ := strings.Cut(rest, ";")
		attributes, _, _ = strings.Cut(attributes, "Max-Age")
		p.Header["Set-Cookie"][i] = strings.TrimRight(name, "12345") + ";" + attributes
	}
	return p
}

var script = regexp.MustCompile(`(?s)<script type="module">(.*?)</script>`)

// allows is what a Content-Security-Policy calls a text.
func allows(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// Guarded demands that a page allows no script but the one of onetimehttp, nothing to load and no style but the one it has, that no cache keeps it, and
// that it tells nobody where its visitor came from.
func (p Page) Guarded(t testing.TB) {
	t.Helper()
	found := style.FindStringSubmatch(p.Text)
	require.NotNil(t, found, p.Text)
	policy := regexp.MustCompile(`; script-src ('sha256-[^';]+'); connect-src 'self'`).FindStringSubmatch(p.Header.Get("Content-Security-Policy"))
	require.NotNil(t, policy)
	require.Equal(t, "default-src 'none'; style-src "+allows(found[1])+policy[0]+"; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
		p.Header.Get("Content-Security-Policy"))
	if has := script.FindStringSubmatch(p.Text); has != nil {
		require.Equal(t, allows(has[1]), policy[1])
	}
	require.Equal(t, "no-store, no-transform", p.Header.Get("Cache-Control"))
	require.Equal(t, "strict-origin", p.Header.Get("Referrer-Policy"))
	for _, from := range loads.FindAllString(script.ReplaceAllString(p.Text, ""), -1) {
		require.Fail(t, "loads something", from)
	}
}

var loads = regexp.MustCompile(`<(script|link|img|iframe|object|embed|base|video|audio|image|use|foreignObject)\b|\s(src|srcset|style|on\w+)=|url\(|@import`)
