package browser_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/examples/internal/browser"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

// The wait until the next message is counted down, and the button is never out of order.
func TestBrowser_ScriptCountsDown(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(*onetimehttp.Config) {}, nil)
	b := browser.Open(t, "Alice")
	s.ask(b)
	require.Regexp(t, `Didn’t get it\? Send again in 0:(30|[12]\d)\n`, b.Text())
	require.NotContains(t, b.Text(), "The next message can be sent in")
	require.Equal(t, http.StatusTooManyRequests, b.Press(againButton), "the limit is the server's")
	b.Later(31 * time.Second)
	require.Eventually(t, func() bool { return !strings.Contains(b.Text(), "Send again in") }, time.Minute, 50*time.Millisecond)
	require.Contains(t, b.Text(), "Didn’t get it?")
}

// The page of the code says by itself that what it waited for is over.
func TestBrowser_ScriptTellsWhatIsOver(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(*onetimehttp.Config) {}, nil)
	b := browser.Open(t, "Alice")
	s.ask(b)
	require.Equal(t, http.StatusOK, b.Leads(func() { s.clock.Advance(10*time.Minute + time.Second) }))
	require.Equal(t, "/sign-in/code", b.Path())
	require.Contains(t, b.Text(), "This code or link has expired. Send a new one.")
}

// Without the script nothing is sent by itself, and everything works.
func TestBrowser_WithoutScript(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(*onetimehttp.Config) {}, nil, onetimehttp.WithoutScript())
	b := browser.Open(t, "Alice")
	s.ask(b)
	require.Contains(t, b.Text(), "Didn’t get it? The next message can be sent in")
	b.Type(codeLabel, wrong(s.mail().Code, 1))
	require.Equal(t, http.StatusForbidden, b.Press(signInButton))
}
