package main

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/examples/internal/browser"
	"github.com/seed-3f7b73d1/onetime/examples/internal/mails"
	"github.com/seed-3f7b73d1/onetime/examples/internal/mailtest"
	"github.com/seed-3f7b73d1/onetime/examples/internal/sitetest"
)

const alice, nobody = "alice@example.com", "malla@example.com"

func TestMain(m *testing.M) {
	if !sitetest.AsProgram(main) {
		os.Exit(browser.Run(m))
	}
}

func open(t testing.TB) (*sitetest.Site, *signIn) {
	t.Helper()
	s := sitetest.New(t, alice)
	in, handler, err := newSignIn(t.Context(), s.Site)
	require.NoError(t, err)
	server := &http.Server{Handler: handler}
	go server.Serve(s.Listener)
	t.Cleanup(func() {
		require.NoError(t, server.Close())
		require.NoError(t, in.queue.Close(context.Background()))
	})
	return s, in
}

func TestProgram_SignsIn(t *testing.T) {
	p := sitetest.Run(t)
	v := p.Visitor()
	require.Contains(t, v.Get("/").Text, "You are not signed in.")
	sent := v.Mails(1, func() {
		shown := v.Submit(v.Get("/sign-in"), "address", " Alice@EXAMPLE.com")
		require.Equal(t, "/sign-in/code", shown.Path)
	})[0]
	require.Equal(t, "/sign-in/code", v.Get("/sign-in/code").Path, "the page can be loaded again")
	v.Submit(v.Get("/sign-in/code"), "code", sent.Code)
	require.Equal(t, alice, v.SignedIn())
	p.End()
	require.NotContains(t, p.Printed.String(), "ERROR")
}

// What is answered to somebody without an account differs in nothing but the address, the random values and the date.
func TestCustom_KnownAndUnknownAreAnsweredAlike(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	seen := func(address string) (all []string) {
		v := s.Visitor()
		for _, step := range [][]string{
			{"/sign-in", "address", address}, {"/sign-in", "address", address}, {"/sign-in/code", "code", "000000"},
			{"/sign-in/code", "code", "000001"}, {"/sign-in/code", "code", "nonsense"},
		} {
			shown := v.Post(step[0], step[1:]...)
			shown.Header.Del("Date")
			text := strings.ReplaceAll(shown.Text, address, "somebody")
			shown.Header.Del("Content-Length")
			all = append(all, shown.Path, text, http.StatusText(shown.Status))
			for name, values := range shown.Header {
				if name != "Set-Cookie" {
					all = append(all, name+": "+strings.Join(values, ", "))
				}
			}
		}
		return all
	}
	require.ElementsMatch(t, seen(alice), seen(nobody))
}

func TestCustom_BothHalvesOfADoubleClickSignIn(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	v := s.Visitor()
	sent := v.Mails(1, func() {
		for range 2 {
			require.Equal(t, "/sign-in/code", v.Post("/sign-in", "address", alice).Path)
		}
	})[0]
	for range 2 {
		require.Equal(t, "/", v.Post("/sign-in/code", "code", sent.Code).Path)
		require.Equal(t, alice, v.SignedIn())
	}
	v.Post("/sign-out")
	require.Equal(t, "/sign-in", v.Post("/sign-in/code", "code", sent.Code).Path, "Back signs nobody in")
	require.Empty(t, v.SignedIn())
}

// A code is of no use in another browser, not even with all that the other one can send.
func TestCustom_ACodeWorksInItsBrowserOnly(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	v, thief := s.Visitor(), s.Visitor()
	sent := v.Mails(1, func() { v.Post("/sign-in", "address", alice) })[0]
	require.Equal(t, "/sign-in", thief.Post("/sign-in/code", "code", sent.Code).Path)
	s.Clock.Advance(time.Minute)
	thief.Mails(1, func() { thief.Post("/sign-in", "address", alice) })
	require.Equal(t, http.StatusForbidden, thief.Post("/sign-in/code", "code", sent.Code).Status)
	require.Empty(t, thief.SignedIn())
	v.Post("/sign-in/code", "code", sent.Code)
	require.Equal(t, alice, v.SignedIn())
}

// A session that cannot begin gives the code back.
func TestCustom_AStrangerLocksNoKnownBrowserOut(t *testing.T) {
	t.Parallel()
	s, in := open(t)
	home := s.Visitor()
	signsIn := func() {
		sent := home.Mails(1, func() { home.Submit(home.Get("/sign-in"), "address", alice) })[0]
		home.Submit(home.Get("/sign-in/code"), "code", sent.Code)
		require.Equal(t, alice, home.SignedIn())
	}
	signsIn()
	stranger := s.Visitor()
	lock := func() bool {
		status, err := in.codes.Status(t.Context(), alice)
		require.NoError(t, err)
		return status.SendIn > 0
	}
	for range 20 {
		if !lock() {
			stranger.Post("/sign-in", "address", alice)
		}
	}
	require.True(t, lock())
	require.NoError(t, in.codes.Revoke(t.Context(), alice))
	require.Contains(t, s.Visitor().Post("/sign-in", "address", alice).Text, "Wait a while")
	home.Post("/sign-out")
	signsIn()
}

func TestCustom_AFailedLookupGivesTheCodeBack(t *testing.T) {
	t.Parallel()
	s, in := open(t)
	v := s.Visitor()
	sent := v.Mails(1, func() { v.Post("/sign-in", "address", alice) })[0]
	known := in.Accounts
	in.Accounts = sitetest.New(t).Accounts // nobody
	require.Equal(t, http.StatusServiceUnavailable, v.Post("/sign-in/code", "code", sent.Code).Status)
	require.Empty(t, v.SignedIn())
	in.Accounts = known
	v.Post("/sign-in/code", "code", sent.Code)
	require.Equal(t, alice, v.SignedIn())
}

func TestCustom_RedisAwayIsNeverAYes(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	v := s.Visitor()
	sent := v.Mails(1, func() { v.Post("/sign-in", "address", alice) })[0]
	s.FailRedis(func() error { return errors.New("connection refused") })
	require.Equal(t, http.StatusServiceUnavailable, v.Post("/sign-in/code", "code", sent.Code).Status)
	require.Equal(t, http.StatusServiceUnavailable, v.Post("/sign-in", "address", alice).Status)
	require.Empty(t, v.SignedIn())
}

// A mail that bounces for good leaves a decoy, which answers as before.
func TestCustom_AFailedDeliveryIsADecoy(t *testing.T) {
	t.Parallel()
	s := sitetest.New(t, alice)
	refusing := mailtest.Receive(t, func(m *mailtest.Server) { m.Refuse = errors.New("no such mailbox") })
	sender, err := mails.New("smtp://"+refusing.Addr, "Example <sign-in@example.com>")
	require.NoError(t, err)
	s.Mails = sender
	in, handler, err := newSignIn(t.Context(), s.Site)
	require.NoError(t, err)
	go http.Serve(s.Listener, handler)
	v := s.Visitor()
	require.Equal(t, "/sign-in/code", v.Post("/sign-in", "address", alice).Path)
	require.NoError(t, in.queue.Close(t.Context()), "it was tried")
	status, err := in.codes.Status(t.Context(), alice)
	require.NoError(t, err)
	require.Len(t, status.Pending, 1)
	require.Equal(t, http.StatusForbidden, v.Post("/sign-in/code", "code", "000000").Status)
}

func TestCustom_OtherSitesPostNothing(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	r, err := http.NewRequest(http.MethodPost, s.Origin+"/sign-in", strings.NewReader("address="+alice))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", "https://evil.example")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, http.StatusForbidden, answer.StatusCode)
}

func TestBrowser_Custom(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	b := browser.Open(t, "Alice")
	b.Visit(s.Origin)
	b.Press("Sign in")
	b.Examine("custom-start")
	b.Type("E-mail address", alice)
	sent := s.Visitor().Mails(1, func() { b.Press("Send me a code") })[0]
	b.Examine("custom-code")
	b.Type("Code of 6 digits", "000000")
	require.Equal(t, http.StatusForbidden, b.Press("Sign in"))
	b.Examine("custom-code-wrong")
	require.Equal(t, http.StatusForbidden, b.Reload(), "which tries nothing")
	b.Type("Code of 6 digits", sent.Code)
	b.Press("Sign in")
	require.Contains(t, b.Text(), "You are signed in as "+alice+".")
	b.Examine("custom-home")
	b.Back()
	require.Equal(t, codePage, b.Path(), "no page of the browser's own")
	b.Forward()
	require.Contains(t, b.Text(), "You are signed in as "+alice+".")
}
