package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/examples/internal/mailtest"
	"github.com/seed-3f7b73d1/onetime/examples/internal/sitetest"
)

func TestMain(m *testing.M) {
	if !sitetest.AsProgram(main) {
		os.Exit(m.Run())
	}
}

var printedLink = regexp.MustCompile(`(?m)^Mail to alice@example\.com: confirm by (http\S+token=([\w-]+))$`)

func TestProgram_EveryCurlThatItPrints(t *testing.T) {
	t.Parallel()
	p := sitetest.Run(t, "ONETIME_KEY="+strings.Repeat("0a", 32))
	require.NotContains(t, p.Printed.String(), "Redis")
	curls := p.Curls()
	require.Len(t, curls, 2)
	answer, status := sitetest.Curl(t, curls[0])
	require.Equal(t, "202", status)
	require.Contains(t, answer, "Check your messages")
	mailtest.Wait(t, "the link is printed", func() bool { return printedLink.MatchString(p.Printed.String()) })
	link := printedLink.FindStringSubmatch(p.Printed.String())
	answer, status = sitetest.Curl(t, "curl '"+link[1]+"'")
	require.Equal(t, "200", status)
	require.Contains(t, answer, "<button>Confirm the subscription</button>")
	p.End()

	// A restart forgets nothing that the link needs, and confirming twice is confirming.
	again := sitetest.Run(t, "ONETIME_KEY="+strings.Repeat("0a", 32))
	for range 2 {
		answer, status = sitetest.Curl(t, again.Curls()[1], "TOKEN", link[2])
		require.Equal(t, "200", status)
		require.Contains(t, answer, "You are subscribed.")
	}
	_, status = sitetest.Curl(t, again.Curls()[1], "TOKEN", link[2]+"A")
	require.Equal(t, "403", status)
}

// A page is the newsletter in this process, with a clock that tests move.
type page struct {
	*newsletter
	now  time.Time
	sent strings.Builder
}

func open(t *testing.T) *page {
	p := &page{now: time.Now()}
	var err error
	p.newsletter, err = newNewsletter([]byte("a key of the tests, of 32 bytes."), "https://example.com", func() time.Time { return p.now }, &p.sent)
	require.NoError(t, err)
	return p
}

func (p *page) post(path string, form url.Values, headers ...string) (int, string) {
	r := httptest.NewRequest(http.MethodPost, "https://example.com"+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for n := 0; n < len(headers); n += 2 {
		r.Header.Set(headers[n], headers[n+1])
	}
	w := httptest.NewRecorder()
	p.routes().ServeHTTP(w, r)
	body, _ := io.ReadAll(w.Body)
	return w.Code, string(body)
}

func TestConfirm_LinksEndAndLookingSubscribesNobody(t *testing.T) {
	p := open(t)
	status, _ := p.post("/subscribe", url.Values{"address": {" Alice@Example.com"}})
	require.Equal(t, http.StatusAccepted, status)
	token := printedToken(t, p.sent.String())
	w := httptest.NewRecorder()
	p.routes().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "https://example.com/confirm?token="+token, nil))
	require.Equal(t, http.StatusOK, w.Code)
	require.Equal(t, "strict-origin", w.Header().Get("Referrer-Policy"))
	require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	require.Empty(t, p.confirms)
	for _, behind := range []string{".", ")", "%3E", ",%20"} { // what programs take along that find links in text
		w = httptest.NewRecorder()
		p.routes().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "https://example.com/confirm?token="+token+behind, nil))
		require.Contains(t, w.Body.String(), `value="`+token+`"`, behind)
	}
	status, _ = p.post("/confirm", url.Values{"token": {token}}, "Sec-Fetch-Site", "cross-site")
	require.Equal(t, http.StatusForbidden, status)
	require.Empty(t, p.confirms)
	p.now = p.now.Add(48*time.Hour - time.Second)
	status, _ = p.post("/confirm", url.Values{"token": {token}})
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, map[string]bool{"alice@example.com": true}, p.confirms)
	p.now = p.now.Add(time.Second)
	status, said := p.post("/confirm", url.Values{"token": {token}})
	require.Equal(t, http.StatusGone, status)
	require.Contains(t, said, "no longer works")
}

func printedToken(t *testing.T, sent string) string {
	t.Helper()
	_, token, ok := strings.Cut(sent, "token=")
	require.True(t, ok, sent)
	return strings.TrimSpace(token)
}

func TestSubscribe_NobodyIsFlooded(t *testing.T) {
	p := open(t)
	for range 5 {
		status, said := p.post("/subscribe", url.Values{"address": {"bob@example.com"}})
		require.Equal(t, http.StatusAccepted, status)
		require.Contains(t, said, "bob@example.com", "the answer does not tell what was sent before")
	}
	require.Equal(t, 2, strings.Count(p.sent.String(), "Mail to bob@example.com"))
	status, _ := p.post("/subscribe", url.Values{"address": {"bob"}})
	require.Equal(t, http.StatusBadRequest, status)
}
