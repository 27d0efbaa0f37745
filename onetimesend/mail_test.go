package onetimesend_test

import (
	"html"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

var (
	tags      = regexp.MustCompile(`<[^>]*>`)
	paragraph = regexp.MustCompile(`(?s)<p[^>]*>(.*?)</p>`)
)

// shown is what a browser shows of HTML.
func shown(source string) string { return html.UnescapeString(tags.ReplaceAllString(source, "")) }

func TestMail_CodeStandsFirstAloneOnItsLine(t *testing.T) {
	each(t, func(t *testing.T, language string) {
		m := message(func(m *onetimesend.Message) { m.Language = language; m.Brand.Footer = "Example Ltd\n1 Main Street" })
		text := blocks(m.Text())
		require.Equal(t, code, text[1], "behind the line that says what it is for")
		require.Equal(t, 1, strings.Count(m.Text(), code))

		body, err := m.HTML()
		require.NoError(t, err)
		rows := paragraph.FindAllStringSubmatch(body, -1)
		require.Equal(t, code, shown(rows[2][1]), "behind the name and what it is for")
		require.Equal(t, 1, strings.Count(body, code))
		require.Less(t, strings.Index(body, code), strings.Index(body, "href="))
	})
}

func TestMail_URLStandsLastInOnePiece(t *testing.T) {
	each(t, func(t *testing.T, language string) {
		m := message(func(m *onetimesend.Message) { m.Language = language; m.Brand.Footer = "Example Ltd" })
		require.True(t, strings.HasSuffix(m.Text(), "\n\n"+link+"\n"))
		body, err := m.HTML()
		require.NoError(t, err)
		rows := paragraph.FindAllStringSubmatch(body, -1)
		require.Equal(t, link, rows[len(rows)-1][1])
		require.Contains(t, body, `<a href="`+link+`"`)
	})
}

func TestMail_SaysNothingOfWhatIsMissing(t *testing.T) {
	each(t, func(t *testing.T, language string) {
		onlyCode := message(func(m *onetimesend.Message) { m.Language, m.URL, m.ExpiresIn = language, "", 0 })
		onlyLink := message(func(m *onetimesend.Message) { m.Language, m.Code, m.CodeExpiresIn = language, "", 0 })
		require.NotContains(t, onlyCode.Text(), "http")
		require.NotContains(t, onlyLink.Text(), code)
		require.Contains(t, onlyLink.Text(), link)
		for _, m := range []onetimesend.Message{onlyCode, onlyLink} {
			body, err := m.HTML()
			require.NoError(t, err)
			require.NotRegexp(t, `[{}]|%!`, m.Text()+m.Subject()+m.SMS()+m.Voice()+body)
			require.Equal(t, m.Code != "", strings.Contains(body, code))
			require.Equal(t, m.URL != "", strings.Contains(body, "<a "))
			require.NotContains(t, body, "<img")
			require.NotContains(t, body, "url(")
		}
	})
}

func TestMail_TaskAndActionChooseTheWords(t *testing.T) {
	each(t, func(t *testing.T, language string) {
		said := map[string]bool{}
		for task := onetimesend.SignIn; task <= onetimesend.Confirm; task++ {
			m := message(func(m *onetimesend.Message) { m.Language, m.Task = language, task })
			said[blocks(m.Text())[0]] = true
			said[m.Subject()] = true
			require.Contains(t, m.Text(), "Example")
		}
		require.Len(t, said, 8, "each task has a subject and a first line of its own")

		const action = "transfer of 200 EUR to Ann"
		m := message(func(m *onetimesend.Message) { m.Language, m.Action = language, action })
		body, err := m.HTML()
		require.NoError(t, err)
		require.Contains(t, blocks(m.Text())[0], action, "what is approved stands before the code")
		for _, text := range []string{m.Subject(), m.SMS(), m.Voice(), shown(body)} {
			require.Contains(t, text, action)
		}
		m.Code, m.CodeExpiresIn = "", 0
		require.Contains(t, m.Text(), action, "with a link alone, too")
		require.Contains(t, m.SMS(), action)
	})
}

func TestMail_TwoToOneInboxHaveDifferentSubjects(t *testing.T) {
	each(t, func(t *testing.T, language string) {
		seen := map[string]bool{}
		for i := range 100 {
			seen[message(func(m *onetimesend.Message) { m.Language, m.ID = language, strconv.Itoa(i) }).Subject()] = true
		}
		require.Len(t, seen, 100)
		m := message(func(m *onetimesend.Message) { m.Language = language })
		require.Regexp(t, `^[B-Z]{5}$`, m.Reference())
		require.Contains(t, m.Subject(), m.Reference())
		require.NotContains(t, message(func(m *onetimesend.Message) { m.Language = language }).Subject(), code)
		require.Contains(t, message(func(m *onetimesend.Message) { m.Language, m.CodeInSubject = language, true }).Subject(), code)
	})
}

func TestMail_SaysWhoAsked(t *testing.T) {
	each(t, func(t *testing.T, language string) {
		m := message(func(m *onetimesend.Message) {
			m.Language, m.Browser, m.Place = language, "Firefox on Windows", "Köln, Deutschland"
			m.IssuedAt = time.Date(2026, 11, 29, 14, 3, 7, 0, time.UTC)
		})
		body, err := m.HTML()
		require.NoError(t, err)
		for _, text := range []string{m.Text(), shown(body)} {
			for _, want := range []string{"2026-11-29 14:03 UTC", "Firefox on Windows", "Köln, Deutschland"} {
				require.Contains(t, text, want)
			}
		}
		m.Browser, m.Place, m.IssuedAt = "", "", time.Time{}
		require.Len(t, blocks(m.Text()), 6, "what is not known is not said")
	})
}

// A stranger who asks for a code in somebody's name must not write into that mail.
func TestMail_WhoAskedCanBeNoLinkAndNoLine(t *testing.T) {
	for given, want := range map[string]string{
		"https://evil.example/login":                  "https evil example login",
		"Firefox 141.0 on Windows":                    "Firefox 141.0 on Windows",
		"a\r\nBcc: eve@evil.example":                  "a Bcc eve evil example",
		"<b>x</b>\x00":                                "b x b",
		"\u202etxet\u2066":                            "txet",
		"Call us: www.evil.example. " + long("a", 99): "Call us www evil example " + long("a", 35),
	} {
		m := message(func(m *onetimesend.Message) { m.Browser = given })
		require.Contains(t, m.Text(), "\n\nBrowser: "+want+"\n\n", "%q", given)
	}
	require.NotContains(t, message(func(m *onetimesend.Message) { m.Browser = "://" }).Text(), "Browser")
}

func long(text string, n int) string { return strings.Repeat(text, n) }

func TestBrowserName_IsOneOfAFewWords(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:141.0) Gecko/20100101 Firefox/141.0":                                                       "Firefox on Windows",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15":                  "Safari on macOS",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/123.0 Mobile/15E148 Safari/604.1": "Chrome on iPhone",
		"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/123.0.0.0 Mobile Safari/537.36":                        "Chrome on Android",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/123.0.0.0 Safari/537.36 Edg/123.0":              "Edge on Windows",
		"curl/8.5.0":              "",
		"evil.example on Windows": "Windows",
	} {
		require.Equal(t, want, onetimesend.BrowserName(agent))
	}
}

func TestMail_LanguageAndDirection(t *testing.T) {
	each(t, func(t *testing.T, language string) {
		body, err := message(func(m *onetimesend.Message) { m.Language = language + "-X1" }).HTML()
		require.NoError(t, err)
		direction := map[bool]string{true: "rtl", false: "ltr"}[language == "ar"]
		require.Contains(t, body, `<html lang="`+language+`" dir="`+direction+`">`)
		require.Contains(t, body, "<bdi>Example</bdi>")
	})
	body, err := message(func(m *onetimesend.Message) { m.Language = "tlh" }).HTML()
	require.NoError(t, err)
	require.Contains(t, body, `<html lang="en" dir="ltr">`)
}

func TestMail_HostileNamesAreText(t *testing.T) {
	for _, name := range []string{`<script>alert(1)</script>`, `"><img src=//evil.example>`, `{code}{{.Code}}%s`, `=?utf-8?q?evil?=`, "日本"} {
		m := message(func(m *onetimesend.Message) { m.Brand.Name, m.Action, m.Brand.Footer = name, name, name })
		require.NoError(t, m.Check())
		body, err := m.HTML()
		require.NoError(t, err)
		require.NotRegexp(t, `<script|<img`, body)
		require.Contains(t, shown(body), name)
		require.Contains(t, m.Subject(), name)
		require.Contains(t, m.Text(), name)
	}
}

func TestMessage_CheckRefuses(t *testing.T) {
	for name, change := range map[string]func(*onetimesend.Message){
		"nothing to say":      func(m *onetimesend.Message) { m.Code, m.URL = "", "" },
		"no name":             func(m *onetimesend.Message) { m.Brand.Name = "" },
		"blank name":          func(m *onetimesend.Message) { m.Brand.Name = "  " },
		"name of two lines":   func(m *onetimesend.Message) { m.Brand.Name = "Example\r\nBcc: eve@example.net" },
		"NUL in the name":     func(m *onetimesend.Message) { m.Brand.Name = "Example\x00" },
		"turned name":         func(m *onetimesend.Message) { m.Brand.Name = "Ex\u202eample" },
		"line separator":      func(m *onetimesend.Message) { m.Brand.Name = "Ex\u2028ample" },
		"no UTF-8":            func(m *onetimesend.Message) { m.Brand.Name = "Ex\xffample" },
		"long name":           func(m *onetimesend.Message) { m.Brand.Name = long("a", 101) },
		"action of two lines": func(m *onetimesend.Message) { m.Action = "a\nb" },
		"long action":         func(m *onetimesend.Message) { m.Action = long("a", 201) },
		"spoken code":         func(m *onetimesend.Message) { m.Code = "12 34" },
		"code of two lines":   func(m *onetimesend.Message) { m.Code = "123456\n" },
		"script":              func(m *onetimesend.Message) { m.URL = "javascript:alert(1)" },
		"URL of two lines":    func(m *onetimesend.Message) { m.URL = link + "\n" },
		"URL with a blank":    func(m *onetimesend.Message) { m.URL = link + " x" },
		"long URL":            func(m *onetimesend.Message) { m.URL = link + long("a", 2048) },
		"dead code":           func(m *onetimesend.Message) { m.CodeExpiresIn = 0 },
		"unknown task":        func(m *onetimesend.Message) { m.Task = 4 },
		"host with a code":    func(m *onetimesend.Message) { m.Host = "evil.example #000000" },
		"host with a line":    func(m *onetimesend.Message) { m.Host = "example.com\n" },
		"app hash":            func(m *onetimesend.Message) { m.AppHash = "short" },
		"logo":                func(m *onetimesend.Message) { m.Brand.Logo = "http://example.com/logo.png" },
		"accent":              func(m *onetimesend.Message) { m.Brand.Accent = "red;background:url(//evil.example)" },
		"footer":              func(m *onetimesend.Message) { m.Brand.Footer = "a\r\nb" },
	} {
		err := message(change).Check()
		require.ErrorIs(t, err, onetimesend.ErrInvalid, name)
		require.NotContains(t, err.Error(), code, name)
		require.NotContains(t, err.Error(), "token", name)
	}
	require.NoError(t, message().Check())
}

// A colour that white text cannot be read on is refused, with the figure.
func TestBrand_ContrastIsChecked(t *testing.T) {
	for accent, want := range map[string]string{"#ffd54f": "1.4 to 1", "#ffffff": "1.0 to 1", "#777777": "4.5 to 1"} {
		err := onetimesend.Brand{Name: "Example", Accent: accent}.Check()
		require.ErrorIs(t, err, onetimesend.ErrInvalid)
		require.ErrorContains(t, err, want)
	}
	for _, accent := range []string{"", "#767676", "#1a56b0", "#000000", "#1A56B0"} {
		require.NoError(t, onetimesend.Brand{Name: "Example", Accent: accent}.Check())
	}
}
