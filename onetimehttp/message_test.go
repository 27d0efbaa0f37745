package onetimehttp_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

// A bound is an origin-bound one-time code.
type bound struct{ host, embedded, code string }

// parseBound follows the steps of "Parsing" in WICG, Origin-bound one-time codes delivered via SMS.
func parseBound(message string) (b bound, err error) {
	message = strings.ReplaceAll(strings.ReplaceAll(message, "\r\n", "\n"), "\r", "\n")
	line := message[strings.LastIndexByte(message, '\n')+1:]
	token := func(marker byte) (string, error) {
		if line == "" || line[0] != marker {
			return "", fmt.Errorf("no %c where it belongs", marker)
		}
		line = line[1:]
		end := strings.IndexAny(line, "\t\n\f\r ")
		if end < 0 {
			end = len(line)
		}
		found := line[:end]
		line = line[end:]
		if found == "" {
			return "", fmt.Errorf("nothing behind %c", marker)
		}
		return found, nil
	}
	space := func() bool {
		had := strings.HasPrefix(line, " ")
		line = strings.TrimPrefix(line, " ")
		return had
	}
	if b.host, err = token('@'); err != nil {
		return bound{}, err
	}
	if !space() {
		return bound{}, errors.New("no space behind the host")
	}
	if b.code, err = token('#'); err != nil {
		return bound{}, err
	}
	if space() {
		b.embedded, _ = token('%') // anything else is ignored
	}
	return b, nil
}

func TestSMS_TheParserIsThatOfTheSpecification(t *testing.T) {
	for message, want := range map[string]bound{
		"747723 is your ExampleCo authentication code.\n\n@example.com #747723":                    {"example.com", "", "747723"},
		"747723 is your ExampleCo authentication code.\n\n@example.com #747723 %ecommerce.example": {"example.com", "ecommerce.example", "747723"},
		"@example.com #747723 %ecommerce.example $future":                                          {"example.com", "ecommerce.example", "747723"},
		"a\r\n@example.com #747723 $future":                                                        {"example.com", "", "747723"},
		"a\r@example.com #747723":                                                                  {"example.com", "", "747723"},
	} {
		b, err := parseBound(message)
		require.NoError(t, err, message)
		require.Equal(t, want, b, message)
	}
	for _, message := range []string{
		"", "747723", "something @example.com #747723", "#747723 %ecommerce.example @example.com", "@example.com code #747723", "@example.com  #747723",
		"@example.com #747723\n", "@example.com #747723\nThanks", "@example.com\n#747723", "@ #747723", "@example.com #", "@example.com#747723", "@example.com\t#747723",
	} {
		_, err := parseBound(message)
		require.Error(t, err, "%q", message)
	}
}

func TestSMS_EndsWithTheCodeBoundToTheOrigin(t *testing.T) {
	t.Parallel()
	hostile := onetimehttp.English()
	hostile["sms.code"] = "%s @evil.example #000000 %s\n@evil.example #000000"
	languages := map[string]onetimehttp.Catalogue{"en": onetimehttp.English(), "de": german, "x-lines": reworded("\n@evil.example #000000\n"), "x-end": hostile}
	for _, c := range []struct {
		origin, host, name string
		alphabet           onetime.Alphabet
	}{
		{"https://example.com", "example.com", "Example", onetime.Digits},
		{"https://sign-in.example.com:8443", "sign-in.example.com", "@evil.example #000000", onetime.Crockford32},
		{"http://localhost:8080", "localhost", "%embedded.example", onetime.Digits},
	} {
		s := newSite(t, texts(languages), func(with *setup) {
			with.config.Origin, with.config.Name = c.origin, c.name
			with.manager = append(with.manager, onetime.WithAlphabet(c.alphabet), onetime.WithCodeLength(8), onetime.WithSendLimits())
		})
		for language := range languages {
			v := s.visitor()
			v.header = http.Header{"Accept-Language": {language}}
			m := v.asks(phone)
			require.Equal(t, language, m.Language)
			b, err := parseBound(m.SMS())
			require.NoError(t, err, m.SMS())
			require.Equal(t, bound{c.host, "", m.Code}, b, m.SMS())
			require.NotContains(t, m.SMS(), "token=", "a code is short enough to type")
		}
	}
}

func TestSMS_LinkOnly(t *testing.T) {
	s := newSite(t, func(with *setup) { with.config.Secrets = onetimehttp.LinkOnly })
	m := s.visitor().asks(phone)
	require.Equal(t, "Sign in to Example: "+m.URL, m.SMS())
}

// Somebody who tests a Sender makes messages by hand.
func TestMessage_MadeByHand(t *testing.T) {
	m := onetimehttp.Message{Service: "Example", Code: "123456", URL: "https://example.com/in?token=x", CodeExpiresIn: 5 * time.Minute, ExpiresIn: time.Hour}
	require.Equal(t, "Sign in to Example", m.Subject())
	require.Contains(t, m.Text(), "123456")
	require.Contains(t, m.SMS(), "123456 is your code for Example.")
	require.NotContains(t, m.SMS(), "@", "bound to no origin")
	_, err := m.HTML()
	require.NoError(t, err)
}

func TestMessage_Texts(t *testing.T) {
	for secrets, want := range map[onetimehttp.Secrets]string{
		onetimehttp.LinkAndCode: "Somebody, hopefully you, asked to sign in to Example.\n\nTo sign in, open this link within 10 minutes:\nURL\n\nYour code is CODE. It is good for 5 minutes.\n\n" +
			"If it was not you, ignore this message, and give the code to nobody.\n",
		onetimehttp.CodeOnly: "Somebody, hopefully you, asked to sign in to Example.\n\nYour code is CODE. It is good for 5 minutes.\n\nIf it was not you, ignore this message, and give the code to nobody.\n",
		onetimehttp.LinkOnly: "Somebody, hopefully you, asked to sign in to Example.\n\nTo sign in, open this link within 10 minutes:\nURL\n\nIf it was not you, ignore this message, and give the code to nobody.\n",
	} {
		s := newSite(t, func(with *setup) { with.config.Secrets = secrets })
		m := s.visitor().asks(alice)
		require.Equal(t, "Sign in to Example", m.Subject())
		text := m.Text()
		for secret, name := range map[string]string{m.URL: "URL", m.Code: "CODE"} {
			if secret != "" {
				text = strings.ReplaceAll(text, secret, name)
			}
		}
		require.Equal(t, want, text)

		body, err := m.HTML()
		require.NoError(t, err)
		page, err := parse(body)
		require.NoError(t, err, body)
		require.Equal(t, m.Code != "", strings.Contains(page.text, "Your code is "+m.Code+"."))
		links := page.all("a")
		if m.URL == "" {
			require.Empty(t, links)
		} else {
			require.Equal(t, m.URL, links[0].attr["href"])
			require.Contains(t, page.text, m.URL, "to be copied")
		}
		require.Equal(t, m.Subject(), page.one(t, "title").text)
		require.NotContains(t, body, "<style", "many mail programs drop it")
		for _, e := range page.inside {
			require.NotContains(t, []string{"script", "img", "link", "iframe", "form"}, e.name, "nothing loads")
			require.NotContains(t, e.attr["style"], "url(")
		}
	}
}

// Minutes are rounded up: 30 s are not 0 minutes.
func TestMessage_Minutes(t *testing.T) {
	s := newSite(t, func(with *setup) {
		with.manager = append(with.manager, onetime.WithOTPTTL(61*time.Second), onetime.WithTokenTTL(30*time.Second))
	})
	m := s.visitor().asks(alice)
	require.Equal(t, 30*time.Second, m.CodeExpiresIn, "a code lives no longer than its link")
	require.Contains(t, m.Text(), "good for 1 minutes")
	require.Contains(t, m.Text(), "within 1 minutes")
}

func TestMessage_HostileNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		`<script>alert(1)</script>`, `"><img src=//evil.example>`, `{{.Code}}`, `%s%d%!%n`, `=?utf-8?q?evil?=`, `Bcc: victim@example.com`, "Ex\u202eample",
		strings.Repeat("a", 100), "日本",
	} {
		s := newSite(t, func(with *setup) { with.config.Name = name })
		v := s.visitor()
		m := v.asks(alice)
		harmless(t, v.get(start))
		require.Contains(t, v.seen.page().one(t, "h1").text, name)
		v.get(path(t, m.URL))
		harmless(t, v.seen)
		require.Equal(t, "Sign in to "+name, m.Subject())
		require.False(t, strings.ContainsFunc(m.Subject(), func(r rune) bool { return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp) }))
		require.Contains(t, m.Text(), "asked to sign in to "+name+".")
		body, err := m.HTML()
		require.NoError(t, err)
		page, err := parse(body)
		require.NoError(t, err)
		require.Contains(t, page.text, "asked to sign in to "+name+".")
		for _, e := range page.inside {
			require.NotContains(t, []string{"script", "img"}, e.name)
		}
	}
}

// A link of the Manager's base, whatever stands in it, is one link of the mail.
func TestMessage_LinkBaseWithQuery(t *testing.T) {
	s := newSite(t, func(with *setup) {
		with.manager = append(with.manager, onetime.WithLinkBase(origin+link+"?lang=de&x='%22%3Cscript%3E#top"))
	})
	m := s.visitor().asks(alice)
	body, err := m.HTML()
	require.NoError(t, err)
	page, err := parse(body)
	require.NoError(t, err)
	u, err := url.Parse(page.one(t, "a").attr["href"])
	require.NoError(t, err)
	want, err := url.Parse(m.URL)
	require.NoError(t, err)
	require.Equal(t, want.Query(), u.Query())
	require.Empty(t, page.all("script"))
}

func TestMessage_PrintsNoSecret(t *testing.T) {
	t.Parallel()
	m := newSite(t).visitor().asks(alice).Message
	const want = "onetimehttp.Message(default)"
	secrets := []string{m.Code, m.URL, token(t, m.URL)}
	quiet := func(text, how string) {
		t.Helper()
		require.Contains(t, text, want, how)
		for _, secret := range secrets {
			require.NotContains(t, text, secret, how)
			require.NotContains(t, text, fmt.Sprintf("%x", secret), how)
		}
	}
	shapes := map[string]any{
		"value": m, "pointer": &m, "slice": []onetimehttp.Message{m}, "pointers": []*onetimehttp.Message{&m}, "any": []any{m}, "map": map[string]onetimehttp.Message{"k": m},
		"field": struct{ Message onetimehttp.Message }{m}, "pointer field": struct{ M *onetimehttp.Message }{&m}, "embedded": sent{stored, m},
	}
	for shape, value := range shapes {
		for _, verb := range "vsqdxXtbcoOUeEfFgG" {
			for _, flags := range []string{"", "+", "#", " ", "-", "0", "+#", "20", ".2"} {
				quiet(fmt.Sprintf("%"+flags+string(verb), value), fmt.Sprintf("%s %%%s%c", shape, flags, verb))
			}
		}
		quiet(fmt.Sprint(value), shape)
		quiet(fmt.Errorf("%v", value).Error(), shape)
		encoded, err := json.Marshal(value)
		require.NoError(t, err)
		quiet(string(encoded), shape+" in JSON")
		encoded, err = json.Marshal(map[string]any{"m": value})
		require.NoError(t, err)
		quiet(string(encoded), shape+" in JSON")
		for name, handler := range map[string]func(*bytes.Buffer) slog.Handler{
			"text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
			"JSON": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
		} {
			var out bytes.Buffer
			slog.New(handler(&out)).Info("sent", "message", value)
			slog.New(handler(&out)).With("message", value).WithGroup("g").Info("sent", slog.Any("again", value))
			quiet(out.String(), shape+" in slog "+name)
		}
	}
}
