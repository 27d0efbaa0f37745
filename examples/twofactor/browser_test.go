package main

import (
	"bytes"
	"image/png"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/examples/internal/browser"
)

// What the pages call their parts.
const (
	appLabel      = "Code of the app"
	recoveryLabel = "Recovery code"
	setUpButton   = "Set up an app"
	onButton      = "Turn it on"
	keptButton    = "I have kept them"
	lostLink      = "My phone is lost"
	lostButton    = "Sign in and remove the app"
)

// firstIn shows the first factor in a browser.
func (s *scene) firstIn(b *browser.Browser) {
	s.t.Helper()
	b.Visit(s.Origin)
	b.Press("Sign in")
	b.Type("E-mail address or phone number", alice)
	mail := s.Visitor().Mails(1, func() { b.Press("Send me a code or a link") })[0]
	require.Equal(s.t, http.StatusOK, b.Send("Code of 6 digits", mail.Code, "Sign in"))
	s.pass()
}

func (s *scene) pass() {
	s.t.Helper()
	s.Clock.Advance(time.Minute)
	browser.Tell(s.t, "a minute passes")
}

// setUpIn sets up an app in a browser, by what a phone sees of the screen, and returns the phone and the recovery codes.
func (s *scene) setUpIn(b *browser.Browser) (p *phone, codes []string) {
	s.t.Helper()
	b.Press(setUpButton)
	seen, err := png.Decode(bytes.NewReader(b.Screenshot("svg")))
	require.NoError(s.t, err)
	p = scan(s.t, decode(s.t, seen), s.Clock.Now)
	b.Type(appLabel, p.code())
	s.Visitor().Mails(1, func() { require.Equal(s.t, http.StatusOK, b.Press(onButton)) })
	for line := range strings.Lines(b.Text()) {
		if fields := strings.Fields(line); len(fields) > 0 && strings.Count(fields[len(fields)-1], "-") == 4 {
			codes = append(codes, fields[len(fields)-1])
		}
	}
	require.Len(s.t, codes, recoveryCodes)
	s.pass()
	return p, codes
}

func TestBrowser_SetsUpAnAppSignsInAndLosesThePhone(t *testing.T) {
	t.Parallel()
	s := open(t)
	b := browser.Open(t, "Alice")
	s.firstIn(b)
	require.Contains(t, b.Text(), "You are signed in as "+alice)
	b.Examine("twofactor-home")
	b.Press("Your authenticator app")
	b.Examine("twofactor-off")
	b.Press(setUpButton)
	b.Examine("twofactor-setup")
	b.Type(appLabel, "12345")
	require.Equal(t, http.StatusBadRequest, b.Press(onButton))
	b.Examine("twofactor-setup-refused")
	b.Press("Leave it off")
	p, codes := s.setUpIn(b)
	b.Examine("twofactor-codes")
	b.Press(keptButton)
	require.Contains(t, b.Text(), "10 recovery codes are left.")
	b.Examine("twofactor-on")
	b.Press("Make new recovery codes")
	b.Examine("twofactor-renew")

	phone := browser.Open(t, "Alice, elsewhere,")
	s.firstIn(phone)
	require.Equal(t, byApp.Action, phone.Path())
	phone.Examine("twofactor-second")
	phone.Type(appLabel, p.wrong())
	require.Equal(t, http.StatusForbidden, phone.Press("Sign in"))
	phone.Examine("twofactor-second-refused")
	phone.Type(appLabel, p.code())
	require.Equal(t, http.StatusOK, phone.Press("Sign in"))
	require.Contains(t, phone.Text(), "You are signed in as "+alice)

	again := browser.Open(t, "Alice, without her phone,")
	s.firstIn(again)
	again.Press("Use a recovery code")
	again.Examine("twofactor-recovery")
	again.Press("Use the app")
	again.Press(lostLink)
	again.Examine("twofactor-lost")
	again.Type(recoveryLabel, codes[0])
	require.Equal(t, http.StatusOK, again.Press(lostButton))
	require.Contains(t, again.Text(), "It is off")
	phone.Visit(s.Origin)
	require.Contains(t, phone.Text(), "You are not signed in.")
	require.Equal(t, http.StatusGone, again.Visit(s.Origin+byApp.page(strings.Repeat("A", 76))))
	again.Examine("twofactor-problem")
}

func TestBrowser_ScriptSwitchedOff(t *testing.T) {
	t.Parallel()
	s := open(t)
	b := browser.Open(t, "Alice")
	b.SwitchScriptOff()
	s.firstIn(b)
	b.Press("Your authenticator app")
	p, _ := s.setUpIn(b)
	b.Press(keptButton)
	b.Press("To the first page")
	b.Press("Sign out")
	s.firstIn(b)
	require.Equal(t, byApp.Action, b.Path())
	b.Type(appLabel, p.code())
	require.Equal(t, http.StatusOK, b.Press("Sign in"))
	require.Contains(t, b.Text(), "You are signed in as "+alice)
}
