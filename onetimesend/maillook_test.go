package onetimesend_test

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"html"
	"html/template"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/internal/child"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

// sheetSource is a page that shows mails side by side, measures them, and writes into itself what is wrong with them.
//
//go:embed testdata/sheet.html
var sheetSource string

var (
	sheet      = template.Must(template.New("sheet").Parse(sheetSource))
	sheetFound = regexp.MustCompile(`<pre id="found">([^<]+)</pre>`)
)

// A frame is one mail on the sheet, on a screen of a width.
type frame struct {
	Name, Code, Mail string
	Width            int
}

// frames are mails as they are sent, on a phone and in a window, and one that has the longest of all, on the smallest phone.
func frames(t testing.TB) (frames []frame) {
	add := func(name string, width int, m onetimesend.Message) {
		require.NoError(t, m.Check())
		body, err := m.HTML()
		require.NoError(t, err)
		frames = append(frames, frame{name, m.Code, body, width})
	}
	usual := func(m *onetimesend.Message) {
		m.Browser, m.Place, m.IssuedAt = "Firefox on Windows", "Oslo, Norway", time.Date(2026, 11, 29, 14, 3, 0, 0, time.UTC)
		m.Brand.Footer = "Example Ltd\n1 Main Street, Springfield"
	}
	for _, width := range []int{390, 600} {
		for _, language := range languages {
			add(language, width, message(usual, func(m *onetimesend.Message) { m.Language = language }))
		}
	}
	for _, language := range languages {
		add("the longest in "+language, 320, message(usual, func(m *onetimesend.Message) {
			m.Language, m.Code, m.Action, m.Task = language, long("W", 64), long("a", 200), onetimesend.ResetPassword
			m.Brand = onetimesend.Brand{Name: long("W", 100), Footer: long("W", 500), Accent: "#000000"}
		}))
		add("ten digits in "+language, 320, message(usual, func(m *onetimesend.Message) {
			m.Language, m.Code, m.Task = language, "0123456789", onetimesend.ResetPassword
		}))
	}
	return frames
}

// Nothing is cut off, too faint or too small to tap, and the code stands alone, large and in line. The pictures go to the
// folder of ONETIME_PICTURES, if it is set.
func TestMail_CanBeReadOnAPhoneInTheDarkAndFromRightToLeft(t *testing.T) {
	if testing.Short() {
		t.Skip("left out: tests in a browser take their time")
	}
	program := chromium(t)
	dir, err := child.Dir()
	require.NoError(t, err)
	all := frames(t)
	var source bytes.Buffer
	require.NoError(t, sheet.Execute(&source, all))
	page := filepath.Join(dir, "sheet.html")
	require.NoError(t, os.WriteFile(page, source.Bytes(), 0o600))
	for scheme, setting := range map[string]string{"dark": "0", "light": "1"} {
		ctx, cancel := context.WithTimeout(t.Context(), rig.Patience)
		defer cancel()
		args := []string{
			"--headless=new", "--disable-gpu", "--hide-scrollbars", "--window-size=3120,4000", "--user-data-dir=" + filepath.Join(dir, scheme),
			"--no-first-run", "--disable-extensions", "--disable-component-update", "--disable-background-networking",
			"--host-resolver-rules=MAP * ~NOTFOUND", "--blink-settings=preferredColorScheme=" + setting, "--dump-dom", "file://" + page,
		}
		if pictures := os.Getenv("ONETIME_PICTURES"); pictures != "" {
			args = append([]string{"--screenshot=" + filepath.Join(pictures, "mail-"+scheme+".png")}, args...)
		}
		if os.Geteuid() == 0 {
			args = append([]string{"--no-sandbox"}, args...) // it refuses to run as root with one
		}
		browser := exec.CommandContext(ctx, program, args...)
		child.Bind(browser)
		dom, err := browser.Output()
		require.NoError(t, err)
		found := sheetFound.FindSubmatch(dom)
		require.NotNil(t, found, "the sheet was not measured")
		var result struct {
			Scheme string
			Mails  int
			Wrong  []string
		}
		require.NoError(t, json.Unmarshal([]byte(html.UnescapeString(string(found[1]))), &result))
		require.Equal(t, scheme, result.Scheme)
		require.Equal(t, len(all), result.Mails)
		require.Empty(t, result.Wrong, scheme)
	}
}

// chromium returns where it is. Without it the test is left out, but not in CI.
func chromium(t testing.TB) string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		require.FailNow(t, "no chromium on PATH: CI must look at the mails in a browser, which .ci/run installs")
	}
	t.Skip("left out: no chromium on PATH")
	return ""
}
