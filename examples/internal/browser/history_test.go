package browser_test

import (
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/examples/internal/browser"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

var countdown = regexp.MustCompile(` Send again in \d:\d\d`)

// said is what a page says, but for the countdown, which may be over.
func said(b *browser.Browser) string { return countdown.ReplaceAllString(b.Text(), "") }

// reloaded demands that a page is the same after each way to load it again: Reload, and Back and Forward from another page.
func reloaded(t *testing.T, b *browser.Browser, status int) {
	t.Helper()
	before, at := said(b), b.Path()
	require.Equal(t, status, b.Reload(), before)
	require.Equal(t, before, said(b), "after Reload")
	b.Visit(browser.Elsewhere(t, "Elsewhere", "<p>Another site.</p>"))
	require.Equal(t, status, b.Back(), before)
	require.Equal(t, before, said(b), "after Back")
	b.Forward()
	require.Equal(t, status, b.Back(), before)
	require.Equal(t, before, said(b), "after Forward and Back")
	require.Equal(t, at, b.Path())
}

// Every page is reloaded, left and come back to, in each state in which it can be: it says the same, sends no message, signs
// nobody in, and the browser never shows a page of its own.
func TestRule17_EachPageIsReloadedLeftAndComeBackTo(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *onetimehttp.Config) { c.OtherBrowser = onetimehttp.AskOtherBrowser }, nil)
	b := browser.Open(t, "Alice")
	b.Visit(s.origin + "/sign-in")
	reloaded(t, b, http.StatusOK)
	b.Type(addressLabel, "nobody")
	require.Equal(t, http.StatusBadRequest, b.Press(askButton))
	reloaded(t, b, http.StatusBadRequest)
	b.Type(addressLabel, address)
	require.Equal(t, http.StatusOK, b.Press(askButton))
	reloaded(t, b, http.StatusOK)
	mail := s.mail()
	require.Equal(t, http.StatusTooManyRequests, b.Press(againButton))
	reloaded(t, b, http.StatusTooManyRequests)
	require.Equal(t, http.StatusForbidden, b.Send(codeLabel, wrong(mail.Code, 1), signInButton))
	reloaded(t, b, http.StatusForbidden)
	require.Contains(t, b.Text(), "4 attempts are left", "no reload is an attempt")

	phone := browser.Open(t, "Alice's phone")
	phone.Visit(mail.URL)
	reloaded(t, phone, http.StatusOK)
	b.Visit(mail.URL)
	reloaded(t, b, http.StatusOK)
	require.Equal(t, http.StatusOK, b.Press(signInButton))
	reloaded(t, b, http.StatusOK)
	require.Contains(t, b.Text(), "Welcome back")
	require.Equal(t, http.StatusGone, phone.Press("Sign in on this device"))
	reloaded(t, phone, http.StatusGone)
	require.EqualValues(t, 1, s.uses.Load())
	require.Empty(t, s.mails, "nothing was sent again")
	require.Len(t, s.posts(), 6, "nor posted")
}

// All the way back and forth through a sign-in by code: each page is one that the browser can show.
func TestRule17_BackAndForthThroughASignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(*onetimehttp.Config) {}, nil)
	b := browser.Open(t, "Alice")
	mail := s.askFor(b, address)
	require.Equal(t, http.StatusForbidden, b.Send(codeLabel, wrong(mail.Code, 1), signInButton))
	require.Equal(t, http.StatusOK, b.Send(codeLabel, mail.Code, signInButton))
	require.Equal(t, "/home", b.Path())
	b.Back() // what it says is as old as the browser keeps it: it signs nobody in
	require.Equal(t, "/sign-in/code", b.Path())
	b.Reload()
	require.Contains(t, b.Text(), "You are already signed in.")
	for b.Path() != "/sign-in" {
		b.Back()
	}
	for b.Path() != "/home" {
		b.Forward()
	}
	require.Contains(t, b.Text(), "Welcome back")
	require.EqualValues(t, 1, s.uses.Load())
	require.Len(t, s.posts(), 3)
}

// Phones drop tabs to have their memory, while the mail is read: the page finds itself again, by its cookie alone.
func TestBrowser_TabThatWasDiscarded(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(*onetimehttp.Config) {}, nil)
	b := browser.Open(t, "Alice")
	mail := s.askFor(b, address)
	b, status := b.Discard()
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, b.Text(), "We sent a 6-digit code to "+address)
	require.Equal(t, http.StatusForbidden, b.Send(codeLabel, wrong(mail.Code, 1), signInButton))
	b, status = b.Discard()
	require.Equal(t, http.StatusForbidden, status)
	require.Contains(t, b.Text(), "4 attempts are left")
	require.Equal(t, http.StatusOK, b.Send(codeLabel, mail.Code, signInButton))
	require.Equal(t, "/home", b.Path())
	require.EqualValues(t, 1, s.uses.Load())
}

// Whoever comes back from the app of the mail finds the page as it was, types the code, and is signed in.
func TestBrowser_ReturnFromAnotherApp(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(*onetimehttp.Config) {}, nil)
	b := browser.Open(t, "Alice")
	mail := s.askFor(b, address)
	b.Type(codeLabel, mail.Code[:2])
	b.Away(func() { s.clock.Advance(time.Minute) })
	require.Equal(t, http.StatusOK, b.KeysLead(mail.Code[2:]), "where the cursor was")
	require.Equal(t, "/home", b.Path())

	// What was over meanwhile is told by itself.
	mail = s.askFor(b, address)
	require.Equal(t, http.StatusOK, b.Leads(func() { b.Away(func() { s.clock.Advance(11 * time.Minute) }) }))
	require.Contains(t, b.Text(), "This code or link has expired. Send a new one.")

	// So is that the link in the mail was opened in another tab of this browser.
	s.clock.Advance(time.Minute)
	mail = s.askFor(b, address)
	b.Leads(func() {
		b.Away(func() {
			tab := b.Tab("Alice, from the mail,")
			tab.Visit(mail.URL)
			tab.Press(signInButton)
		})
	})
	require.Contains(t, b.Text(), "You are already signed in.")
	require.EqualValues(t, 2, s.uses.Load())
}
