package main

import (
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/examples/internal/browser"
	"github.com/seed-3f7b73d1/onetime/examples/internal/sitetest"
)

const (
	alice  = "alice@example.com"
	bob    = "bob@example.com"
	first  = "a first password of mine"
	second = "and a second one of mine"
)

func TestMain(m *testing.M) {
	if !sitetest.AsProgram(main) {
		os.Exit(browser.Run(m))
	}
}

// cheap is what tests can afford.
var cheap = cost{passes: 1, kibibytes: 8, lanes: 1}

// open starts the program in this process.
func open(t testing.TB) (*sitetest.Site, *app) {
	t.Helper()
	s := sitetest.New(t, alice, bob)
	a, err := newApp(t.Context(), s.Site, cheap)
	require.NoError(t, err)
	s.Serve(a.serve)
	return s, a
}

// set sets a password by a reset, as a browser of its own, and returns what is shown.
func set(t testing.TB, s *sitetest.Site, address, password string) sitetest.Page {
	t.Helper()
	v := s.Visitor()
	shown, _ := v.Open(v.Ask("/reset", address, address).Link)
	var done sitetest.Page
	v.Mails(1, func() { done = v.Submit(shown, "password", password, "again", password) })
	require.Equal(t, http.StatusOK, done.Status, done.Text)
	require.Contains(t, done.Text, "<h1>Your password is set</h1>")
	return done
}

// knows tells whether a password is that of an address.
func knows(t testing.TB, s *sitetest.Site, address, password string) bool {
	t.Helper()
	v := s.Visitor()
	shown := v.Submit(v.Get("/sign-in/password"), "address", address, "password", password)
	require.Contains(t, []int{http.StatusOK, http.StatusForbidden}, shown.Status, shown.Text)
	require.Equal(t, shown.Status == http.StatusOK, v.SignedIn() != "")
	return shown.Status == http.StatusOK
}

func TestProgram_StartsAndSaysWhatToOpen(t *testing.T) {
	t.Parallel()
	p := sitetest.Run(t)
	require.Regexp(t, `(?m)^Open http://localhost:\d+$`, p.Printed.String())
	v := p.Visitor()
	home := v.Get("/")
	home.Guarded(t)
	require.Contains(t, home.Text, "<strong>"+alice+"</strong>")
	require.Contains(t, home.Text, `<a href="/reset">Forgot your password?</a>`)

	// With hashes as expensive as they are.
	shown, _ := v.Open(v.Ask("/reset", alice, alice).Link)
	require.Contains(t, v.Submit(shown, "password", first, "again", first).Text, "Your password is set")
	require.Empty(t, v.SignedIn())
	v.Submit(v.Get("/sign-in/password"), "address", alice, "password", first)
	require.Equal(t, alice, v.SignedIn())
	p.End()
	require.NotContains(t, p.Printed.String(), "ERROR")
	require.NotContains(t, p.Printed.String(), first)
}
