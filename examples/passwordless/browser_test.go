package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	chromium "github.com/seed-3f7b73d1/onetime/examples/internal/browser"
)

// What the pages call their parts.
const (
	addressLabel = "E-mail address or phone number"
	askButton    = "Send me a code or a link"
	codeLabel    = "Code of 6 digits"
	signInButton = "Sign in"
	hereButton   = "Sign in on this device"
	againButton  = "Send another one"
)

// A stage is the program on a Redis whose clock the test moves.
type stage struct {
	*program
	redis *miniredis.Miniredis
	now   time.Time
	mails int // that were read
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{redis: miniredis.RunT(t), now: time.Now()}
	s.redis.SetTime(s.now)
	s.program = start(t, command("REDIS_URL=redis://"+s.redis.Addr()))
	return s
}

// pass lets time pass.
func (s *stage) pass(d time.Duration) {
	s.t.Helper()
	s.now = s.now.Add(d)
	s.redis.SetTime(s.now)
	s.redis.FastForward(d)
	chromium.Tell(s.t, d.String()+" pass")
}

// mail waits for the next mail.
func (s *stage) mail() letter {
	s.t.Helper()
	s.mails++
	var letters []letter
	wait(s.t, "a mail arrives", func() bool { letters = s.browser().inbox(); return len(letters) >= s.mails })
	require.Len(s.t, letters, s.mails)
	return letters[0]
}

// ask asks for a mail to Alice and returns it.
func (s *stage) ask(b *chromium.Browser) letter {
	s.t.Helper()
	require.Equal(s.t, http.StatusOK, b.Visit(s.origin+"/sign-in"))
	b.Type(addressLabel, alice)
	require.Equal(s.t, http.StatusOK, b.Press(askButton))
	return s.mail()
}

// webmail serves a page of another site that shows a mail's link, and returns its address.
func webmail(t *testing.T, link string) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Webmail</title>`+
			`<main><h1>Sign in to Example</h1><p>Open <a href="%s">the link</a></p></main></html>`, link)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/mail" // on 127.0.0.1: another site than localhost
}

func signedIn(t *testing.T, b *chromium.Browser) {
	t.Helper()
	require.Equal(t, "/", b.Path())
	require.Contains(t, b.Text(), "You are signed in as "+alice+".")
}

func TestBrowser_CodeTypedWithSpaces(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	b := chromium.Open(t, "Alice")
	b.Visit(s.origin + "/")
	require.Contains(t, b.Text(), "You are not signed in.")
	b.Press(signInButton)
	b.Type(addressLabel, " Alice@EXAMPLE.com ")
	require.Equal(t, http.StatusOK, b.Press(askButton))
	code := s.mail().code

	b.Type(codeLabel, other(code))
	require.Equal(t, http.StatusForbidden, b.Press(signInButton))
	require.Contains(t, b.Text(), "This code does not work. Look again, or ask for a new one.")
	b.Type(codeLabel, " "+code[:3]+" "+code[3:]+" ")
	require.Equal(t, http.StatusOK, b.Press(signInButton))
	signedIn(t, b)
}

func TestBrowser_LinkInTheSameBrowser(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	b := chromium.Open(t, "Alice")
	mail := s.ask(b)
	b.Visit(webmail(t, mail.link))
	require.Equal(t, http.StatusOK, b.Press("the link"))
	require.Contains(t, b.Text(), "This link signs you in as a•••@example.com.")
	b.Press(signInButton)
	signedIn(t, b)
}

func TestBrowser_LinkInAnotherBrowser(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	desktop, phone := chromium.Open(t, "Alice's desktop"), chromium.Open(t, "Alice's phone")
	mail := s.ask(desktop)
	phone.Visit(webmail(t, mail.link))
	require.Equal(t, http.StatusOK, phone.Press("the link"))
	require.Contains(t, phone.Text(), "You asked for it in another browser, or somebody else did.")
	require.Empty(t, phone.Focused(), "Enter alone does not sign in")
	phone.Press(hereButton)
	signedIn(t, phone)
	desktop.Visit(s.origin + "/")
	require.Contains(t, desktop.Text(), "You are not signed in.")
}

func TestBrowser_LinkOpenedTwice(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	b := chromium.Open(t, "Alice")
	mail := s.ask(b)
	require.Equal(t, http.StatusOK, b.Visit(mail.link))
	require.Equal(t, http.StatusOK, b.Visit(mail.link))
	b.Press(signInButton)
	signedIn(t, b)
	require.Equal(t, http.StatusGone, b.Visit(mail.link))
	require.Contains(t, b.Text(), "This does not work any more. Ask for a new one.")
	b.Press("Start again")
	require.Equal(t, "/sign-in", b.Path())
}

func TestBrowser_ScannerFollowsEverythingFirst(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	b, scanner := chromium.Open(t, "Alice"), chromium.Open(t, "the scanner")
	mail := s.ask(b)
	seen, next := map[string]bool{}, []string{mail.link}
	for len(next) > 0 {
		address := next[0]
		next = next[1:]
		if seen[address] || !strings.HasPrefix(address, s.origin) {
			continue
		}
		seen[address] = true
		scanner.Visit(address)
		next = append(next, scanner.Addresses()...)
	}
	scanner.Visit(mail.link)
	require.NotEmpty(t, seen)

	require.Equal(t, http.StatusOK, b.Visit(mail.link))
	b.Press(signInButton)
	signedIn(t, b)
}

func TestBrowser_Resend(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	b := chromium.Open(t, "Alice")
	first := s.ask(b)
	require.Equal(t, http.StatusTooManyRequests, b.Press(againButton))
	require.Contains(t, b.Text(), "A message was already sent. The next one can be sent in 30 seconds.")
	s.pass(30 * time.Second)
	require.Equal(t, http.StatusOK, b.Press(againButton))
	second := s.mail()

	b.Type(codeLabel, first.code)
	require.Equal(t, http.StatusForbidden, b.Press(signInButton))
	require.Equal(t, http.StatusGone, chromium.Open(t, "the first link").Visit(first.link))
	b.Type(codeLabel, second.code)
	require.Equal(t, http.StatusOK, b.Press(signInButton))
	signedIn(t, b)
}

func TestBrowser_Expired(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	b := chromium.Open(t, "Alice")
	mail := s.ask(b)
	s.pass(5*time.Minute + time.Second)
	b.Type(codeLabel, mail.code)
	require.Equal(t, http.StatusForbidden, b.Press(signInButton))
	require.Contains(t, b.Text(), "This code does not work. Look again, or ask for a new one.")
	require.Equal(t, http.StatusOK, b.Visit(mail.link), "links live for ten minutes")
	s.pass(5 * time.Minute)
	require.Equal(t, http.StatusGone, b.Press(signInButton))
	require.Equal(t, http.StatusGone, b.Visit(mail.link))
	require.Contains(t, b.Text(), "This does not work any more. Ask for a new one.")
	b.Press("Start again")
	b.Type(addressLabel, alice)
	b.Press(askButton)
	b.Type(codeLabel, s.mail().code)
	b.Press(signInButton)
	signedIn(t, b)
}

// lock types wrong codes until codes are locked, and returns the last mail.
func (s *stage) lock(b *chromium.Browser) letter {
	s.t.Helper()
	mail := s.ask(b)
	for n := range 10 {
		if n == 5 {
			s.pass(30 * time.Second)
			b.Press(againButton)
			mail = s.mail()
		}
		b.Type(codeLabel, fmt.Sprintf("%06d", (int(mail.code[0])+n*7+1)%1000000))
		require.Equal(s.t, http.StatusForbidden, b.Press(signInButton))
	}
	b.Type(codeLabel, mail.code)
	require.Equal(s.t, http.StatusTooManyRequests, b.Press(signInButton))
	return mail
}

func TestBrowser_LockedCodesAndTheLinkThatWorks(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	b := chromium.Open(t, "Alice")
	mail := s.lock(b)
	require.Contains(t, b.Text(), "Too many wrong codes. Wait a while, or use a link.")
	require.Contains(t, b.Text(), "Try again in 6 minutes.")
	b.Visit(mail.link)
	b.Press(signInButton)
	signedIn(t, b)
}

func TestBrowser_ScriptSwitchedOff(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	b, phone := chromium.Open(t, "Alice"), chromium.Open(t, "Alice's phone")
	b.SwitchScriptOff()
	phone.SwitchScriptOff()
	mail := s.ask(b)
	b.Type(codeLabel, other(mail.code))
	require.Equal(t, http.StatusForbidden, b.Press(signInButton))
	b.Type(codeLabel, mail.code)
	b.Press(signInButton)
	signedIn(t, b)
	b.Press("Sign out")
	require.Contains(t, b.Text(), "You are not signed in.")

	s.pass(30 * time.Second)
	mail = s.ask(b)
	require.Equal(t, http.StatusOK, phone.Visit(mail.link))
	phone.Press(hereButton)
	signedIn(t, phone)
	require.Equal(t, http.StatusGone, b.Visit(mail.link))
	b.Press("Start again")
	s.pass(30 * time.Second)
	mail = s.ask(b)
	b.Visit(mail.link)
	b.Press(signInButton)
	signedIn(t, b)
}

func TestBrowser_KeyboardAlone(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	b := chromium.Open(t, "Alice")
	b.Visit(s.origin + "/")
	b.Keys(chromium.Tab)
	require.Equal(t, "<a> Sign in", b.Focused())
	b.Enter()
	require.Equal(t, "<input> address", b.Focused(), "at once")
	b.Keys(alice)
	b.Enter()
	require.Equal(t, "<input> code", b.Focused(), "at once")
	mail := s.mail()
	b.Keys(other(mail.code))
	b.Enter()
	require.Equal(t, "<input> code", b.Focused(), "again")
	b.Keys(mail.code[:3] + " " + mail.code[3:] + chromium.Tab)
	require.Equal(t, "<button> Sign in", b.Focused())
	b.Enter()
	signedIn(t, b)

	s.pass(30 * time.Second)
	mail = s.ask(b)
	b.Visit(mail.link)
	require.Equal(t, "<button> Sign in", b.Focused(), "at once")
	phone := chromium.Open(t, "Alice's tablet")
	phone.Visit(mail.link)
	require.Empty(t, phone.Focused(), "Enter alone does not sign in")
	phone.Keys(chromium.Tab)
	require.Equal(t, "<button> Sign in on this device", phone.Focused())
	phone.Enter()
	signedIn(t, phone)
}

func TestBrowser_BackAfterSuccess(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	b := chromium.Open(t, "Alice")
	mail := s.ask(b)
	b.Type(codeLabel, mail.code)
	b.Press(signInButton)
	signedIn(t, b)
	b.Back()
	t.Logf("%s: %s", b.Path(), b.Text())
	require.NotContains(t, b.Text(), mail.code)
	b.Back()
	t.Logf("%s: %s", b.Path(), b.Text())
	b.Visit(s.origin + "/")
	signedIn(t, b)

	s.pass(30 * time.Second)
	mail = s.ask(b)
	b.Visit(mail.link)
	b.Press(signInButton)
	signedIn(t, b)
	b.Back()
	t.Logf("%s: %s", b.Path(), b.Text())
}

func TestBrowser_FieldsHelpToFillThemIn(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	b := chromium.Open(t, "Alice")
	b.Visit(s.origin + "/sign-in")
	address := b.Attributes(addressLabel)
	for name, want := range map[string]string{"inputmode": "email", "autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"} {
		require.Equal(t, want, address[name], name)
	}
	b.Type(addressLabel, alice)
	b.Press(askButton)
	code := b.Attributes(codeLabel)
	for name, want := range map[string]string{"inputmode": "numeric", "autocomplete": "one-time-code", "spellcheck": "false"} {
		require.Equal(t, want, code[name], name)
	}
}

// Another site cannot sign a browser in to the account of whoever made the site, though it has a link of that account.
func TestBrowser_OtherSiteCannotPost(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	mail := s.ask(chromium.Open(t, "Mallory"))
	_, token := s.browser().open(mail.link)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Kittens</title><main><h1>Kittens</h1>`+
			`<form method="post" action="%s/sign-in/link"><input type="hidden" name="token" value="%s"><input type="hidden" name="here" value="yes"><button style="font-size: 2rem">More</button></form></main></html>`,
			s.origin, token)
	}))
	t.Cleanup(server.Close)
	b := chromium.Open(t, "the victim")
	b.Visit(server.URL + "/kittens")
	require.Equal(t, http.StatusForbidden, b.Press("More"))
	require.Contains(t, b.Text(), "This came from another site.")
	b.Visit(s.origin + "/")
	require.Contains(t, b.Text(), "You are not signed in.")
}
