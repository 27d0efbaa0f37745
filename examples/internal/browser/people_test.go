package browser_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/examples/internal/browser"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

// Two tabs of one browser ask for two people, and each signs in the one that it is about.
func TestBrowser_TwoTabsWithTwoPeople(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(*onetimehttp.Config) {}, nil)
	one := browser.Open(t, "the first tab")
	forAlice := s.askFor(one, address)
	two := one.Tab("the second tab")
	forBob := s.askFor(two, "bob@example.com")
	require.Equal(t, http.StatusOK, one.Reload())
	require.Contains(t, one.Text(), "We sent a 6-digit code to "+address)
	require.Contains(t, one.Text(), "bob@example.com", "the way to the other")
	require.Equal(t, http.StatusForbidden, one.Send(codeLabel, forBob.Code, signInButton), "of somebody else")
	require.Equal(t, http.StatusOK, two.Send(codeLabel, forBob.Code, signInButton))
	require.Equal(t, "/home", two.Path())
	require.Equal(t, http.StatusOK, one.Send(codeLabel, forAlice.Code, signInButton))
	require.Equal(t, "/home", one.Path())
	require.EqualValues(t, 2, s.uses.Load())
}

// A browser keeps five addresses, with cookies that it takes; a sixth takes the place of the oldest, which says what to do.
func TestBrowser_FiveAddressesAndASixth(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(*onetimehttp.Config) {}, nil)
	b := browser.Open(t, "Alice")
	addresses, codes := make([]string, 6), make([]string, 6)
	for n := range addresses {
		addresses[n] = fmt.Sprintf("person-%d.%s@example.com", n, strings.Repeat("a", 50))
		codes[n] = s.askFor(b, addresses[n]).Code
		s.clock.Advance(time.Second)
	}
	b.Visit(s.origin + "/sign-in")
	require.NotContains(t, b.Text(), addresses[0], "it was the oldest")
	for n := 1; n < len(addresses); n++ {
		b.Visit(s.origin + "/sign-in")
		b.Press(addresses[n])
		require.Contains(t, b.Text(), "We sent a 6-digit code to "+addresses[n])
		require.Equal(t, http.StatusOK, b.Send(codeLabel, codes[n], signInButton))
		require.Equal(t, "/home", b.Path())
	}
	require.EqualValues(t, 5, s.uses.Load())
	for _, post := range s.posts() {
		require.LessOrEqual(t, len(post.cookies), 6*700)
	}
}
