package main

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/examples/internal/browser"
	"github.com/seed-3f7b73d1/onetime/examples/internal/sitetest"
)

// What the pages call their parts.
const (
	addressLabel  = "E-mail address"
	forgotLink    = "Forgot your password?"
	askButton     = "Send me a link"
	passwordLabel = "New password"
	againLabel    = "New password again"
	setButton     = "Set new password"
)

// ask asks for a link and returns it.
func ask(t testing.TB, s *sitetest.Site, b *browser.Browser) string {
	t.Helper()
	b.Visit(s.Origin)
	b.Press(forgotLink)
	b.Type(addressLabel, alice)
	return s.Visitor().Mails(1, func() { require.Equal(t, http.StatusOK, b.Press(askButton)) })[0].Link
}

// choose types a new password and sends it.
func choose(b *browser.Browser, password, again, button string) (status int) {
	b.Type(passwordLabel, password)
	b.Type(againLabel, again)
	return b.Press(button)
}

// signIn signs in with a password.
func signIn(t testing.TB, s *sitetest.Site, b *browser.Browser, password string) {
	t.Helper()
	b.Visit(s.Origin + "/sign-in/password")
	b.Type(addressLabel, alice)
	b.Type("Password", password)
	require.Equal(t, http.StatusOK, b.Press("Sign in"))
	require.Contains(t, b.Text(), "You are signed in as "+alice+".")
}

func TestBrowser_ResetWithAFailingStore(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	b := browser.Open(t, "Alice")
	link := ask(t, s, b)
	require.Equal(t, http.StatusOK, b.Visit(link))
	require.Contains(t, b.Text(), "This link sets a new password for alice@example.com.")
	b.Examine("reset-link")
	b.Type(passwordLabel, "short")
	for _, want := range []string{"text", "password"} {
		b.Click("Show passwords")
		require.Equal(t, want, b.Attributes(passwordLabel)["type"])
		require.Equal(t, want, b.Attributes(againLabel)["type"])
	}
	require.Equal(t, http.StatusUnprocessableEntity, choose(b, "short", "short", setButton))
	b.Examine("reset-link-refused")

	s.Accounts.Fail(errors.New("the disk is full"))
	browser.Tell(t, "The store fails")
	for range 2 {
		require.Equal(t, http.StatusServiceUnavailable, choose(b, first, first, setButton))
		require.Contains(t, b.Text(), "That could not be done just now. Try again.")
	}
	b.Examine("reset-link-failed")
	s.Accounts.Fail(nil)
	browser.Tell(t, "The store works again")
	require.Equal(t, http.StatusOK, choose(b, first, first, setButton), "the link was given back")
	require.Contains(t, b.Text(), "Your password is set")
	b.Examine("reset-done")
	require.Equal(t, http.StatusOK, b.Reload(), "which sets nothing")
	b.Back()
	b.Forward()
	require.Contains(t, b.Text(), "Your password is set")
	require.Equal(t, http.StatusOK, b.Visit(link), "where it was used it says so")
	require.Contains(t, b.Text(), "Your password is set")
	b.Examine("reset-used-here")
	require.Equal(t, http.StatusGone, browser.Open(t, "another browser").Visit(link))

	b.Visit(s.Origin)
	require.Contains(t, b.Text(), "You are not signed in.")
	signIn(t, s, b, first)
}

func TestBrowser_ResetInAnotherBrowserScriptSwitchedOff(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	b, phone := browser.Open(t, "Alice"), browser.Open(t, "Alice's phone")
	b.SwitchScriptOff()
	phone.SwitchScriptOff()
	phone.Visit(browser.Webmail(t, ask(t, s, b)))
	require.Equal(t, http.StatusOK, phone.Press("the link"))
	require.NotContains(t, phone.Text(), "Show passwords", "it does nothing without script")
	require.Contains(t, phone.Text(), "You asked for it in another browser, or somebody else did.")
	require.Equal(t, http.StatusUnprocessableEntity, choose(phone, first, second, "Set new password here"))
	require.Contains(t, phone.Text(), "The two are not the same. Type the password twice.")
	require.Equal(t, http.StatusOK, choose(phone, first, first, "Set new password here"))
	require.Contains(t, phone.Text(), "Your password is set")
	signIn(t, s, b, first)
}

// A double click on each form counts once, with answers that come late: one link, one password, one mail that tells of it.
func TestBrowser_DoubleClickOnTheReset(t *testing.T) {
	t.Parallel()
	for _, apart := range []time.Duration{60 * time.Millisecond, 150 * time.Millisecond} {
		t.Run(apart.String(), func(t *testing.T) {
			s := sitetest.New(t, alice, bob)
			a, err := newApp(t.Context(), s.Site, cheap)
			require.NoError(t, err)
			var late atomic.Int64
			late.Store(int64(120 * time.Millisecond))
			s.Serve(func(ctx context.Context) error {
				return s.Site.Serve(ctx, browser.Late(a.mux, &late), a.signIn, a.flow, a.chores)
			})
			b := browser.Open(t, "Alice")
			b.Visit(s.Origin + "/reset")
			b.Type(addressLabel, alice)
			link := s.Visitor().Mails(1, func() {
				b.DoubleClick(askButton, apart)
				b.Shows("Check your messages")
			})[0].Link
			b.Visit(link)
			b.Type(passwordLabel, first)
			b.Type(againLabel, first)
			s.Visitor().Mails(1, func() {
				b.DoubleClick(setButton, apart)
				b.Shows("Your password is set")
			})
			late.Store(0)
			signIn(t, s, b, first)
		})
	}
}

func TestBrowser_PagesOfTheReset(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	b := browser.Open(t, "Alice")
	b.Visit(s.Origin)
	b.Examine("reset-home")
	b.Press(forgotLink)
	b.Examine("reset-start")
	b.Type(addressLabel, alice)
	s.Visitor().Mails(1, func() { b.Press(askButton) })
	b.Examine("reset-sent")
	b.Visit(s.Origin + "/sign-in/password")
	b.Examine("password")
	b.Type(addressLabel, alice)
	b.Type("Password", second)
	require.Equal(t, http.StatusForbidden, b.Press("Sign in"))
	b.Examine("password-wrong")
}
