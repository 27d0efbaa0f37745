package main

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/examples/internal/browser"
	"github.com/seed-3f7b73d1/onetime/examples/internal/sitetest"
)

// What the pages call their parts.
const (
	addressLabel = "New e-mail address"
	askButton    = "Send a link to it"
	changeButton = "Change address"
	keepButton   = "Keep my address"
)

// signInIn signs Alice in, in a browser.
func signInIn(t testing.TB, s *sitetest.Site, b *browser.Browser) {
	t.Helper()
	b.Visit(s.Origin)
	b.Press("Sign in")
	b.Type("E-mail address or phone number", alice)
	mail := s.Visitor().Mails(1, func() { b.Press("Send me a code or a link") })[0]
	b.Send("Code of 6 digits", mail.Code, "Sign in")
	require.Contains(t, b.Text(), "You are signed in as "+alice+".")
	s.Clock.Advance(time.Minute)
	browser.Tell(t, "a minute passes")
}

// askIn asks for a new address and returns the mails to the old and to the new one.
func askIn(t testing.TB, s *sitetest.Site, b *browser.Browser) (notice, request sitetest.Letter) {
	t.Helper()
	b.Type(addressLabel, ann)
	mails := s.Visitor().Mails(2, func() { require.Equal(t, http.StatusOK, b.Press(askButton)) })
	return mails[1], mails[0]
}

func TestBrowser_ChangeOfAddressIsConfirmedAndTakenBack(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	b := browser.Open(t, "Alice")
	signInIn(t, s, b)
	b.Examine("change-home")
	b.Press("Change your address")
	b.Examine("change-form")
	b.Type(addressLabel, alice)
	require.Equal(t, http.StatusUnprocessableEntity, b.Press(askButton))
	b.Examine("change-form-refused")
	notice, request := askIn(t, s, b)
	b.Examine("change-sent")
	require.Equal(t, http.StatusOK, b.Reload(), "which sends nothing")

	stranger := browser.Open(t, "who reads the mail")
	require.Equal(t, http.StatusOK, stranger.Visit(request.Link))
	require.Contains(t, stranger.Text(), "Send me a code or a link", "sign in first")
	b.Visit(browser.Webmail(t, request.Link))
	require.Equal(t, http.StatusOK, b.Press("the link"))
	b.Examine("change-confirm")
	s.Accounts.Fail(errors.New("the disk is full"))
	browser.Tell(t, "the store fails")
	require.Equal(t, http.StatusServiceUnavailable, b.Press(changeButton))
	b.Examine("change-confirm-failed")
	s.Accounts.Fail(nil)
	browser.Tell(t, "the store works again")
	require.Equal(t, http.StatusOK, b.Press(changeButton))
	require.Contains(t, b.Text(), "From now on mail goes to "+ann)
	b.Examine("change-confirmed")
	require.Equal(t, http.StatusOK, b.Reload())
	b.Visit(s.Origin)
	b.Back()
	require.Equal(t, confirmedPage, b.Path())
	require.Equal(t, http.StatusGone, b.Visit(request.Link))

	owner := browser.Open(t, "who has the old address")
	require.Equal(t, http.StatusOK, owner.Visit(notice.Link))
	owner.Examine("change-back")
	require.Equal(t, http.StatusOK, owner.Press(keepButton))
	require.Contains(t, owner.Text(), "Your address is as it was")
	owner.Examine("change-putback")
	require.Equal(t, alice, addressOf(t, s))
	b.Visit(s.Origin)
	require.Contains(t, b.Text(), "You are not signed in.")
}

func TestBrowser_ChangeOfAddressScriptSwitchedOff(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	b, owner := browser.Open(t, "the thief of a session"), browser.Open(t, "Alice")
	b.SwitchScriptOff()
	owner.SwitchScriptOff()
	signInIn(t, s, b)
	b.Press("Change your address")
	notice, request := askIn(t, s, b)
	require.Equal(t, http.StatusOK, b.Visit(request.Link))
	owner.Visit(notice.Link)
	require.Equal(t, http.StatusOK, owner.Press(keepButton))
	require.Equal(t, http.StatusOK, b.Press(changeButton), "the page was open already")
	require.Contains(t, b.Text(), "Send me a code or a link", "signed out")
	require.Equal(t, alice, addressOf(t, s))
}
