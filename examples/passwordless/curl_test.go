package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/examples/internal/mailtest"
	"github.com/seed-3f7b73d1/onetime/examples/internal/sitetest"
)

// A newcomer with a shell: the program as go builds it, and nothing but curl.
func TestProgram_CurlDoesTheWholeFlow(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "passwordless")
	built, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput()
	require.NoError(t, err, string(built))
	cmd := sitetest.Command(context.Background())
	cmd.Path, cmd.Args = binary, []string{binary}
	p := sitetest.Start(t, cmd)

	if _, err := exec.LookPath("curl"); err != nil {
		// The same without curl.
		b := p.Visitor()
		mail := b.Ask("/sign-in", alice, alice)
		b.Post("/sign-in/code", "address", alice, "code", mail.Code)
		require.Equal(t, alice, b.SignedIn())
		return
	}
	home := t.TempDir()
	curl := func(args ...string) string {
		t.Helper()
		jar := filepath.Join(home, "cookies")
		cmd := exec.Command("curl", append([]string{"-sS", "-L", "--max-time", "120", "-b", jar, "-c", jar}, args...)...)
		cmd.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH")} // no .curlrc and no proxy
		text, err := cmd.CombinedOutput()
		require.NoError(t, err, string(text))
		return string(text)
	}
	// look waits for a mail and returns the newest.
	look := func(mails int) sitetest.Letter {
		t.Helper()
		var letters []sitetest.Letter
		mailtest.Wait(t, "a mail arrives", func() bool {
			letters = sitetest.Letters(curl(p.Origin + "/inbox"))
			return len(letters) == mails
		})
		return letters[0]
	}
	require.Contains(t, curl(p.Origin), "You are not signed in.")

	// By code.
	asked := curl("-d", "address="+alice, p.Origin+"/sign-in")
	require.Contains(t, asked, `name="code"`)
	code := look(1).Code
	require.Contains(t, curl("-d", "address="+alice, "-d", "code="+other(code), p.Origin+"/sign-in/code"), `role="alert"`)
	require.Contains(t, curl("-d", "address="+alice, "-d", "code="+code, p.Origin+"/sign-in/code"), "You are signed in as <strong>"+alice)
	require.Contains(t, curl("-d", "", p.Origin+"/sign-out"), "You are not signed in.")

	// By link.
	require.Contains(t, curl("-d", "address="+bob, p.Origin+"/sign-in"), `name="code"`)
	link := look(2).Link
	require.Contains(t, curl(link), "b•••@example.com")
	_, token, _ := strings.Cut(link, "?token=")
	require.Contains(t, curl("-d", "token="+token, p.Origin+"/sign-in/link"), "You are signed in as <strong>"+bob)

	// As a program, in JSON.
	answer := curl("-H", "Content-Type: application/json", "-d", `{"address": "carol@example.com"}`, p.Origin+"/sign-in")
	require.True(t, strings.HasPrefix(answer, `{"code_expires_in":`), answer)
}
