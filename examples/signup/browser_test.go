package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/examples/internal/browser"
	"github.com/seed-3f7b73d1/onetime/examples/internal/sitetest"
)

// What the pages call their parts.
const (
	addressLabel = "E-mail address"
	askButton    = "Send me a code and a link"
	codeLabel    = "Code of 6 digits"
	createButton = "Create account"
)

// ask asks for a mail to an address and returns it.
func ask(t testing.TB, s *sitetest.Site, b *browser.Browser, address string) sitetest.Letter {
	t.Helper()
	b.Visit(s.Origin)
	b.Press("Create an account")
	b.Type(addressLabel, address)
	return s.Visitor().Mails(1, func() { require.Equal(t, http.StatusOK, b.Press(askButton)) })[0]
}

func signedIn(t testing.TB, b *browser.Browser, address string) {
	t.Helper()
	require.Equal(t, "/", b.Path())
	require.Contains(t, b.Text(), "You are signed in as "+address+".")
}

func TestBrowser_SignUpByCodeEndsTheLink(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	b := browser.Open(t, "Carol")
	b.SwitchScriptOff()
	mail := ask(t, s, b, carol)
	require.Equal(t, http.StatusForbidden, b.Send(codeLabel, other(mail.Code, 1), createButton))
	require.Equal(t, http.StatusOK, b.Send(codeLabel, mail.Code[:3]+" "+mail.Code[3:], createButton))
	signedIn(t, b, carol)
	require.Equal(t, http.StatusOK, b.Visit(mail.Link), "where it was used it says so")
	require.NotContains(t, b.Text(), "no longer works")
	b.Examine("signup-used-here")
	require.Equal(t, http.StatusGone, browser.Open(t, "another browser").Visit(mail.Link))
}

func TestBrowser_SignUpByLinkEndsTheCode(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	b, phone := browser.Open(t, "Carol"), browser.Open(t, "Carol's phone")
	mail := ask(t, s, b, carol)
	phone.Visit(browser.Webmail(t, mail.Link))
	require.Equal(t, http.StatusOK, phone.Press("the link"))
	phone.Press("Create account on this device")
	signedIn(t, phone, carol)
	require.Equal(t, http.StatusGone, b.Send(codeLabel, mail.Code, createButton))
}

func TestBrowser_PagesOfTheSignUp(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	b := browser.Open(t, "Carol")
	b.Visit(s.Origin)
	b.Examine("signup-home")
	b.Visit(s.Origin + "/sign-up")
	b.Examine("signup-start")
	mail := ask(t, s, b, carol)
	b.Examine("signup-code")
	b.Visit(mail.Link)
	b.Examine("signup-link")

	// Of two mails in two browsers both work, and one account is made.
	s.Clock.Advance(30 * time.Second)
	browser.Tell(t, "30s pass")
	phone := browser.Open(t, "Carol's phone")
	second := ask(t, s, phone, carol)
	b.Press(createButton)
	signedIn(t, b, carol)
	require.Equal(t, http.StatusConflict, phone.Send(codeLabel, second.Code, createButton))
	phone.Examine("signup-taken")
}
