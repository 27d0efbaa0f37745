package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/examples/internal/browser"
)

// strangersScript is what docs/http.md shows that a stranger can do with an address.
func strangersScript(t testing.TB) string {
	t.Helper()
	docs, err := os.ReadFile("../../docs/http.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(docs), "\n## Known browsers\n")
	require.True(t, found, "docs/http.md has no section \"Known browsers\"")
	_, script, found := strings.Cut(section, "\n```sh\n")
	require.True(t, found, "the section has no script")
	script, _, found = strings.Cut(script, "```\n")
	require.True(t, found, "the script has no end")
	return script
}

// lock runs the script until it has typed the ten wrong codes that lock Alice's: once, unless it guessed one. Where it sleeps the
// clock is moved.
func (s *stage) lock() {
	s.t.Helper()
	if _, err := exec.LookPath("curl"); err != nil && os.Getenv("CI") == "" {
		s.t.Skip("curl is missing")
	}
	clock := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		d, err := time.ParseDuration(strings.TrimPrefix(r.URL.Path, "/") + "s")
		if err == nil {
			s.pass(d)
		}
	}))
	s.t.Cleanup(clock.Close)
	home := s.t.TempDir()
	require.NoError(s.t, os.WriteFile(filepath.Join(home, "sleep"), []byte("#!/bin/sh\nexec curl -sS --max-time 120 "+clock.URL+"/$1\n"), 0o700))
	script := strings.ReplaceAll(strangersScript(s.t), "http://localhost:8080", s.Origin)
	require.Contains(s.t, script, s.Origin)
	require.Contains(s.t, script, alice)
	for wrong := 0; wrong < 10; {
		var said []byte
		s.Visitor().Mails(2, func() {
			cmd := exec.Command("sh", "-e", "-c", script)
			cmd.Dir, cmd.Env = home, []string{"HOME=" + home, "PATH=" + home + ":" + os.Getenv("PATH")} // no .curlrc and no proxy
			var err error
			said, err = cmd.CombinedOutput()
			require.NoError(s.t, err, string(said))
		})
		browser.Tell(s.t, "a stranger's script is told "+string(said))
		more := strings.Count(string(said), `"code_mismatch"`)
		require.Positive(s.t, more, string(said))
		wrong += more
	}
}

// A stranger who locks codes keeps out no browser that its person has signed in with before.
func TestBrowser_AStrangerLocksNoKnownBrowserOut(t *testing.T) {
	t.Parallel()
	s, b, phone := open(t), browser.Open(t, "Alice"), browser.Open(t, "Alice's new phone")
	b.Send(codeLabel, s.ask(b).Code, signInButton)
	signedIn(t, b)
	b.Press("Sign out")
	require.Contains(t, b.Text(), "You are not signed in.")
	s.pass(30 * time.Second)
	s.lock()

	mail := s.ask(b)
	require.NotEmpty(t, mail.Code)
	require.Equal(t, http.StatusOK, b.Send(codeLabel, mail.Code, signInButton))
	signedIn(t, b)
	b.Press("Sign out")

	mail = s.ask(phone)
	require.Empty(t, mail.Code, "a new browser gets a link only")
	require.Contains(t, phone.Text(), "Check your messages")
	phone.Visit(mail.Link)
	phone.Press(signInButton)
	signedIn(t, phone)

	// It also learns what became of its message elsewhere, by the poll of its page.
	s.pass(30 * time.Second)
	mail = s.ask(b)
	phone.Visit(mail.Link)
	require.Equal(t, http.StatusOK, phone.Press(hereButton))
	b.Shows("This code or link was used in another browser.")
}
