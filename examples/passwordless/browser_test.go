package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/examples/internal/browser"
	"github.com/seed-3f7b73d1/onetime/examples/internal/sitetest"
)

// What the pages call their parts.
const (
	addressLabel = "E-mail address or phone number"
	askButton    = "Send me a code or a link"
	codeLabel    = "Code of 6 digits"
	signInButton = "Sign in"
	hereButton   = "Sign in on this device"
	againButton  = "Send again"
	startLink    = "Start again"
)

// A stage is the program, in this process, with a clock that tests move.
type stage struct {
	*sitetest.Site
	t testing.TB
}

func open(t testing.TB) *stage {
	t.Helper()
	s := &stage{sitetest.New(t, alice, bob), t}
	s.Serve(func(ctx context.Context) error { return run(ctx, s.Site.Site) })
	return s
}

// pass lets time pass.
func (s *stage) pass(d time.Duration) {
	s.Clock.Advance(d)
	browser.Tell(s.t, d.String()+" pass")
}

// mail lets do cause a mail, and returns it.
func (s *stage) mail(do func()) sitetest.Letter {
	s.t.Helper()
	return s.Visitor().Mails(1, do)[0]
}

// ask asks for a mail to Alice.
func (s *stage) ask(b *browser.Browser) sitetest.Letter {
	s.t.Helper()
	require.Equal(s.t, http.StatusOK, b.Visit(s.Origin+"/sign-in"))
	b.Type(addressLabel, alice)
	return s.mail(func() { require.Equal(s.t, http.StatusOK, b.Press(askButton)) })
}

func signedIn(t testing.TB, b *browser.Browser) {
	t.Helper()
	require.Equal(t, "/", b.Path())
	require.Contains(t, b.Text(), "You are signed in as "+alice+".")
}

func TestBrowser_CodeTypedWithSpaces(t *testing.T) {
	t.Parallel()
	s, b := open(t), browser.Open(t, "Alice")
	b.Visit(s.Origin)
	require.Contains(t, b.Text(), "You are not signed in.")
	b.Press(signInButton)
	b.Type(addressLabel, " Alice@EXAMPLE.com ")
	code := s.mail(func() { require.Equal(t, http.StatusOK, b.Press(askButton)) }).Code

	require.Equal(t, http.StatusForbidden, b.Send(codeLabel, other(code), signInButton))
	require.Contains(t, b.Text(), "This code is wrong. 4 attempts are left.")
	require.Equal(t, http.StatusOK, b.Send(codeLabel, " "+code[:3]+" "+code[3:], signInButton))
	signedIn(t, b)
}

// A web mail is another site, whose links are opened with the cookie that tells the browser that asked.
func TestBrowser_LinkInTheSameBrowser(t *testing.T) {
	t.Parallel()
	s, b := open(t), browser.Open(t, "Alice")
	mail := s.ask(b)
	b.Visit(browser.Webmail(t, mail.Link))
	require.Equal(t, http.StatusOK, b.Press("the link"))
	require.Contains(t, b.Text(), "This link signs you in as a•••@example.com.")
	require.NotContains(t, b.Text(), "another browser")
	b.Press(signInButton)
	signedIn(t, b)
}

func TestBrowser_LinkInAnotherBrowser(t *testing.T) {
	t.Parallel()
	s, desktop, phone := open(t), browser.Open(t, "Alice's desktop"), browser.Open(t, "Alice's phone")
	mail := s.ask(desktop)
	phone.Visit(browser.Webmail(t, mail.Link))
	require.Equal(t, http.StatusOK, phone.Press("the link"))
	require.Contains(t, phone.Text(), "You asked for it in another browser, or somebody else did.")
	require.Empty(t, phone.Focused(), "Enter alone signs nobody in")
	phone.Press(hereButton)
	signedIn(t, phone)
	desktop.Visit(s.Origin)
	require.Contains(t, desktop.Text(), "You are not signed in.")
}

func TestBrowser_LinkOpenedTwice(t *testing.T) {
	t.Parallel()
	s, b := open(t), browser.Open(t, "Alice")
	mail := s.ask(b)
	for range 2 {
		require.Equal(t, http.StatusOK, b.Visit(mail.Link))
	}
	b.Press(signInButton)
	signedIn(t, b)
	require.Equal(t, http.StatusOK, b.Visit(mail.Link))
	require.Contains(t, b.Text(), "This link was used in this browser.")
	phone := browser.Open(t, "Alice's phone")
	require.Equal(t, http.StatusGone, phone.Visit(mail.Link))
	require.Contains(t, phone.Text(), "This code or link was already used. Send a new one.")
	phone.Press(startLink)
	require.Equal(t, "/sign-in", phone.Path())
}

// Mail scanners open links before people do, some with a real browser, and whatever the page leads to.
func TestBrowser_ScannerFollowsEverythingFirst(t *testing.T) {
	t.Parallel()
	s, b, scanner := open(t), browser.Open(t, "Alice"), browser.Open(t, "the scanner")
	mail := s.ask(b)
	followed, next := map[string]bool{}, []string{browser.Webmail(t, mail.Link)}
	for len(next) > 0 {
		address := next[0]
		next = next[1:]
		if !followed[address] {
			followed[address] = true
			scanner.Visit(address)
			next = append(next, scanner.Addresses()...)
		}
	}
	for _, address := range []string{mail.Link, s.Origin + "/sign-in/link", s.Origin + "/sign-in"} {
		require.True(t, followed[address], "it went to %v", followed)
	}
	scanner.Visit(s.Origin)
	require.Contains(t, scanner.Text(), "You are not signed in.")

	require.Equal(t, http.StatusOK, b.Visit(mail.Link))
	b.Press(signInButton)
	signedIn(t, b)
}

func TestBrowser_Resend(t *testing.T) {
	t.Parallel()
	s, b := open(t), browser.Open(t, "Alice")
	first := s.ask(b)
	require.Equal(t, http.StatusTooManyRequests, b.Press(againButton))
	require.Regexp(t, `A message was already sent\. The next one can be sent in \d+ seconds\.`, b.Text())
	s.pass(30 * time.Second)
	second := s.mail(func() { require.Equal(t, http.StatusOK, b.Press(againButton)) })

	require.Equal(t, http.StatusForbidden, b.Send(codeLabel, first.Code, signInButton))
	require.Equal(t, http.StatusGone, browser.Open(t, "Alice's phone").Visit(first.Link))
	require.Equal(t, http.StatusOK, b.Send(codeLabel, second.Code, signInButton))
	signedIn(t, b)
}

func TestBrowser_Expired(t *testing.T) {
	t.Parallel()
	s, b := open(t), browser.Open(t, "Alice")
	mail := s.ask(b)
	s.pass(5*time.Minute + time.Second)
	require.Equal(t, http.StatusGone, b.Send(codeLabel, mail.Code, signInButton))
	require.Contains(t, b.Text(), "Send a new one.")
	require.Equal(t, http.StatusOK, b.Visit(mail.Link), "a link is good for ten minutes")
	s.pass(5 * time.Minute)
	require.Equal(t, http.StatusGone, b.Press(signInButton))
	require.Equal(t, http.StatusGone, b.Visit(mail.Link))
	require.Contains(t, b.Text(), "Send a new one.")

	b.Press(startLink)
	b.Type(addressLabel, alice)
	mail = s.mail(func() { b.Press(askButton) })
	b.Send(codeLabel, mail.Code, signInButton)
	signedIn(t, b)
}

func TestBrowser_LockedCodesAndTheLinkThatWorks(t *testing.T) {
	t.Parallel()
	s, b := open(t), browser.Open(t, "Alice")
	mail := s.ask(b)
	for n := range 10 { // the hour's wrong codes, five of each mail
		if n == 5 {
			s.pass(30 * time.Second)
			mail = s.mail(func() { b.Press(againButton) })
		}
		code, err := strconv.Atoi(mail.Code)
		require.NoError(t, err)
		require.Equal(t, http.StatusForbidden, b.Send(codeLabel, fmt.Sprintf("%06d", (code+n+1)%1_000_000), signInButton))
	}
	require.Equal(t, http.StatusTooManyRequests, b.Send(codeLabel, mail.Code, signInButton))
	require.Contains(t, b.Text(), "Too many wrong codes. Wait a while, or use a link.")
	require.Contains(t, b.Text(), "Try again in 6 minutes.")
	b.Visit(mail.Link)
	b.Press(signInButton)
	signedIn(t, b)
}

func TestBrowser_ScriptSwitchedOff(t *testing.T) {
	t.Parallel()
	s, b, phone := open(t), browser.Open(t, "Alice"), browser.Open(t, "Alice's phone")
	b.SwitchScriptOff()
	phone.SwitchScriptOff()
	mail := s.ask(b)
	require.Equal(t, http.StatusForbidden, b.Send(codeLabel, other(mail.Code), signInButton))
	b.Send(codeLabel, mail.Code, signInButton)
	signedIn(t, b)
	b.Press("Sign out")
	require.Contains(t, b.Text(), "You are not signed in.")

	s.pass(30 * time.Second)
	mail = s.ask(b)
	b.Visit(mail.Link)
	b.Press(signInButton)
	signedIn(t, b)
	require.Equal(t, http.StatusOK, b.Visit(mail.Link))
	require.Contains(t, b.Text(), "This link was used in this browser.")
	b.Press("Continue")
	s.pass(30 * time.Second)
	mail = s.ask(b)
	phone.Visit(mail.Link)
	phone.Press(hereButton)
	signedIn(t, phone)
}

func TestBrowser_KeyboardAlone(t *testing.T) {
	t.Parallel()
	s, b := open(t), browser.Open(t, "Alice")
	b.Visit(s.Origin)
	b.Keys(browser.Tab)
	require.Equal(t, "<a> Sign in", b.Focused())
	b.Enter()
	require.Equal(t, "<input> address", b.Focused(), "at once")
	b.Keys(alice)
	mail := s.mail(func() { b.Enter() })
	require.Equal(t, "<input> code", b.Focused(), "at once")
	require.Equal(t, http.StatusForbidden, b.KeysLead(other(mail.Code)), "at the last digit")
	require.Equal(t, "<input> code", b.Focused(), "again")
	b.Keys(mail.Code[:5] + browser.Tab)
	require.Equal(t, "<button> Sign in", b.Focused())
	require.Equal(t, http.StatusBadRequest, b.Enter(), "half a code")
	b.KeysLead(mail.Code[:3] + " " + mail.Code[3:])
	signedIn(t, b)

	s.pass(30 * time.Second)
	mail = s.ask(b)
	b.Visit(mail.Link)
	require.Equal(t, "<button> Sign in", b.Focused(), "at once")
	phone := browser.Open(t, "Alice's phone")
	phone.Visit(mail.Link)
	require.Empty(t, phone.Focused(), "Enter alone signs nobody in")
	phone.Keys(browser.Tab)
	require.Equal(t, "<button> Sign in on this device", phone.Focused())
	phone.Enter()
	signedIn(t, phone)
}

// Whoever goes back sees no secret, is still signed in, and has no mail sent.
func TestBrowser_BackAfterSuccess(t *testing.T) {
	t.Parallel()
	s, b := open(t), browser.Open(t, "Alice")
	mail := s.ask(b)
	b.Send(codeLabel, mail.Code, signInButton)
	signedIn(t, b)
	b.Back()
	require.Equal(t, "/sign-in/code", b.Path())
	b.Reload()
	require.Contains(t, b.Text(), "You are already signed in.")
	b.Back()
	require.Equal(t, "/sign-in", b.Path())
	b.Visit(s.Origin)
	signedIn(t, b)
	require.Len(t, s.Visitor().Inbox(), 1)

	s.pass(30 * time.Second)
	mail = s.ask(b)
	b.Visit(mail.Link)
	b.Press(signInButton)
	signedIn(t, b)
	b.Back()
	require.Equal(t, "/sign-in/link", b.Path())
	require.Contains(t, b.Text(), "This link was used in this browser.")
	require.Equal(t, http.StatusOK, b.Press("Continue"), "sent twice, it signs in like the first")
	signedIn(t, b)
	b.Press("Sign out")
	b.Back()
	b.Visit(s.Origin)
	require.Contains(t, b.Text(), "You are not signed in.")
	require.Equal(t, http.StatusGone, b.Visit(mail.Link), "signed out: nothing is repeated")
}

// Telephones offer the right keys, and the code of the message.
func TestBrowser_FieldsHelpToFillThemIn(t *testing.T) {
	t.Parallel()
	s, b := open(t), browser.Open(t, "Alice")
	b.Visit(s.Origin + "/sign-in")
	address := b.Attributes(addressLabel)
	for name, want := range map[string]string{"inputmode": "email", "autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"} {
		require.Equal(t, want, address[name], name)
	}
	s.ask(b)
	code := b.Attributes(codeLabel)
	for name, want := range map[string]string{"type": "text", "inputmode": "numeric", "autocomplete": "one-time-code", "spellcheck": "false"} {
		require.Equal(t, want, code[name], name)
	}
	require.NotContains(t, code, "pattern")
}

// Another site cannot sign a browser in to the account of whoever made that site, though it has a link of that account.
func TestBrowser_OtherSiteCannotPost(t *testing.T) {
	t.Parallel()
	s, b := open(t), browser.Open(t, "the victim")
	mail := s.ask(browser.Open(t, "Mallory"))
	_, token, _ := strings.Cut(mail.Link, "token=")
	b.Visit(browser.Elsewhere(t, "Kittens", `<form method="post" action="`+s.Origin+`/sign-in/link">`+
		`<input type="hidden" name="token" value="`+token+`"><input type="hidden" name="here" value="yes"><button>More</button></form>`))
	require.Equal(t, http.StatusForbidden, b.Press("More"))
	require.Contains(t, b.Text(), "This came from another site.")
	b.Visit(s.Origin)
	require.Contains(t, b.Text(), "You are not signed in.")
}

// The pages that are the example's own.
func TestBrowser_PagesOfTheExample(t *testing.T) {
	t.Parallel()
	s, b := open(t), browser.Open(t, "Alice")
	b.Visit(s.Origin)
	b.Examine("passwordless-home")
	mail := s.ask(b)
	b.Send(codeLabel, mail.Code, signInButton)
	b.Examine("passwordless-home-signed-in")
	b.Visit(s.Origin + "/inbox")
	b.Examine("passwordless-inbox")
}
