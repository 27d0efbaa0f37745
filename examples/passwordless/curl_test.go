package main

import (
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A newcomer with a shell: the program as go builds it, and nothing but curl.
func TestProgram_CurlDoesTheWholeFlow(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "passwordless")
	built, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput()
	require.NoError(t, err, string(built))
	cmd := command()
	cmd.Path, cmd.Args = binary, []string{binary}
	p := start(t, cmd)

	if _, err := exec.LookPath("curl"); err != nil {
		// The same without curl.
		b := p.browser()
		mail := b.ask(alice, alice)
		b.post("/sign-in/code", "address", alice, "code", mail.code)
		require.Equal(t, alice, b.signedIn())
		return
	}
	home := t.TempDir()
	curl := func(args ...string) string {
		t.Helper()
		jar := filepath.Join(home, "cookies")
		cmd := exec.Command("curl", append([]string{"-sS", "-L", "--max-time", "20", "-b", jar, "-c", jar}, args...)...)
		cmd.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH")} // no .curlrc and no proxy
		text, err := cmd.CombinedOutput()
		require.NoError(t, err, string(text))
		return string(text)
	}
	// look waits for a mail and returns the newest.
	look := func(mails int) (article string) {
		t.Helper()
		wait(t, "a mail arrives", func() bool {
			found := articles.FindAllString(curl(p.origin+"/inbox"), -1)
			if len(found) > 0 {
				article = found[0]
			}
			return len(found) == mails
		})
		return article
	}
	require.Contains(t, curl(p.origin), "You are not signed in.")

	// By code.
	require.Contains(t, curl("-d", "address="+alice, p.origin+"/sign-in"), `name="code"`)
	code := shown.FindStringSubmatch(look(1))
	require.NotNil(t, code)
	require.Contains(t, curl("-d", "address="+alice, "-d", "code="+other(code[1]), p.origin+"/sign-in/code"), `role="alert"`)
	require.Contains(t, curl("-d", "address="+alice, "-d", "code="+code[1], p.origin+"/sign-in/code"), "You are signed in as <strong>"+alice)
	require.Contains(t, curl("-d", "", p.origin+"/sign-out"), "You are not signed in.")

	// By link.
	require.Contains(t, curl("-d", "address="+bob, p.origin+"/sign-in"), `name="code"`)
	link := linked.FindStringSubmatch(look(2))
	require.NotNil(t, link)
	asked := curl(html.UnescapeString(link[1]))
	require.Contains(t, asked, "b•••@example.com")
	token := tokenField.FindStringSubmatch(asked)
	require.NotNil(t, token)
	require.Contains(t, curl("-d", "token="+token[1], p.origin+"/sign-in/link"), "You are signed in as <strong>"+bob)

	// As a program, in JSON.
	answer := curl("-H", "Content-Type: application/json", "-d", `{"address": "carol@example.com"}`, p.origin+"/sign-in")
	require.True(t, strings.HasPrefix(answer, `{"code_expires_in":`), answer)
}
