package sitetest

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var printedCurl = regexp.MustCompile(`(?m)^ +(curl .*)$`)

// Curls returns the lines that the program says to try with curl.
func (p *Program) Curls() []string {
	var lines []string
	for _, found := range printedCurl.FindAllStringSubmatch(p.Printed.String(), -1) {
		lines = append(lines, found[1])
	}
	return lines
}

// Curl runs a line of Curls in a shell, with words of it replaced, old and new in turn, and returns what it prints: the answer,
// and the status in a line of its own. It skips the test where there is no curl, but not in CI.
func Curl(t testing.TB, line string, replaced ...string) (answer, status string) {
	t.Helper()
	if _, err := exec.LookPath("curl"); err != nil && os.Getenv("CI") == "" {
		t.Skip("curl is missing")
	}
	line = strings.NewReplacer(replaced...).Replace(line)
	cmd := exec.Command("sh", "-c", strings.Replace(line, "curl", `curl -sS --noproxy '*' --max-time 120 -w '\n%{http_code}'`, 1))
	cmd.Env = []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")} // no .curlrc
	text, err := cmd.CombinedOutput()
	require.NoError(t, err, string(text))
	cut := strings.LastIndexByte(string(text), '\n')
	return string(text[:cut]), string(text[cut+1:])
}
