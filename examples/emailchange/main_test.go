package main

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/examples/internal/browser"
	"github.com/seed-3f7b73d1/onetime/examples/internal/sitetest"
)

const (
	alice = "alice@example.com"
	bob   = "bob@example.com"
	ann   = "ann@example.net" // what Alice wants to be reached by
	other = "al@example.net"
)

func TestMain(m *testing.M) {
	if !sitetest.AsProgram(main) {
		os.Exit(browser.Run(m))
	}
}

// open starts the program in this process.
func open(t testing.TB) (*sitetest.Site, *app) {
	t.Helper()
	s := sitetest.New(t, alice, bob)
	a, err := newApp(t.Context(), s.Site)
	require.NoError(t, err)
	s.Serve(a.serve)
	return s, a
}

// signIn returns a browser that is signed in.
func signIn(t testing.TB, s *sitetest.Site, address string) *sitetest.Visitor {
	t.Helper()
	v := s.Visitor()
	v.Post("/sign-in/code", "address", address, "code", v.Ask("/sign-in", address, address).Code)
	require.Equal(t, address, v.SignedIn())
	s.Clock.Advance(time.Minute) // until the next message can be sent
	return v
}

// ask asks for a new address and returns the mails to the old and to the new one.
func ask(t testing.TB, s *sitetest.Site, v *sitetest.Visitor, address string) (notice, request sitetest.Letter) {
	t.Helper()
	old := v.SignedIn()
	mails := v.Mails(2, func() {
		shown := v.Submit(v.Get("/address"), "address", address)
		require.Equal(t, http.StatusOK, shown.Status, shown.Text)
		require.Contains(t, shown.Text, "<strong>"+address+"</strong>")
	})
	require.Equal(t, old, mails[1].To, "the old address is told first")
	require.Equal(t, address, mails[0].To)
	s.Clock.Advance(time.Minute)
	return mails[1], mails[0]
}

// press opens a link and presses the button on its page.
func press(v *sitetest.Visitor, link string) sitetest.Page {
	shown, _ := v.Open(link)
	return v.Submit(shown)
}

// changed starts the program in which a thief of Alice's session has changed her address, and returns the thief and what told her of it.
func changed(t testing.TB) (s *sitetest.Site, a *app, thief *sitetest.Visitor, notice sitetest.Letter) {
	t.Helper()
	s, a = open(t)
	thief = signIn(t, s, alice)
	notice, request := ask(t, s, thief, ann)
	press(thief, request.Link)
	return s, a, thief, notice
}

// address is the address of Alice's account.
func addressOf(t testing.TB, s *sitetest.Site) string {
	t.Helper()
	account, err := s.Accounts.Get(t.Context(), "account-1")
	require.NoError(t, err)
	return account.Address
}

func TestProgram_StartsAndSaysWhatToOpen(t *testing.T) {
	t.Parallel()
	p := sitetest.Run(t)
	require.Regexp(t, `(?m)^Open http://localhost:\d+$`, p.Printed.String())
	v := p.Visitor()
	home := v.Get("/")
	home.Guarded(t)
	require.Contains(t, home.Text, "<strong>"+alice+"</strong>")
	v.Post("/sign-in/code", "address", alice, "code", v.Ask("/sign-in", alice, alice).Code)
	require.Contains(t, v.Get("/").Text, `<a href="/address">Change your address</a>`)
	mails := v.Mails(2, func() { v.Submit(v.Get("/address"), "address", ann) })
	require.Contains(t, press(v, mails[0].Link).Text, "Your address is changed")
	require.Equal(t, ann, v.SignedIn())
	require.Contains(t, press(v, mails[1].Link).Text, "Your address is as it was")
	require.Empty(t, v.SignedIn())
	p.End()
	require.NotContains(t, p.Printed.String(), "ERROR")
	require.NotContains(t, strings.ReplaceAll(p.Printed.String(), "alice@example.com bob", ""), "@example")
}
