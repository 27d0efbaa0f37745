package onetimehttp_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
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
	for _, c := range []struct {
		origin, host, name string
		alphabet           onetime.Alphabet
	}{
		{"https://example.com", "example.com", "Example", onetime.Digits},
		{"https://sign-in.example.com:8443", "sign-in.example.com", "@evil.example #000000", onetime.Crockford32},
		{"http://localhost:8080", "localhost", "%embedded.example", onetime.Digits},
	} {
		s := newSite(t, func(with *setup) {
			with.config.Origin, with.config.Name = c.origin, c.name
			with.manager = append(with.manager, onetime.WithAlphabet(c.alphabet), onetime.WithCodeLength(8), onetime.WithSendLimits())
		})
		for _, language := range []string{"en", "de", "fr", "es", "ar"} {
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
	m := newSite(t, func(with *setup) { with.config.Origin = "http://[::1]:8080" }).visitor().asks(phone)
	require.Empty(t, m.Host, "an address of IPv6 cannot be bound to")
	require.NoError(t, m.Check())
}

// What people see of who asked, of the service and of what it is for is in the message.
func TestMessage_SaysWhatTheFlowKnows(t *testing.T) {
	for secrets, task := range map[onetimehttp.Secrets]onetimesend.Task{
		onetimehttp.LinkAndCode: onetimesend.SignIn, onetimehttp.CodeOnly: onetimesend.VerifyAddress, onetimehttp.LinkOnly: onetimesend.ResetPassword,
	} {
		s := newSite(t, func(with *setup) { with.config.Secrets, with.config.Task = secrets, task })
		v := s.visitor()
		v.header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0 <script>")
		before := time.Now()
		m := v.asks(alice)
		require.NoError(t, m.Check())
		status, err := s.manager.Status(t.Context(), "user-17")
		require.NoError(t, err)
		require.Equal(t, status.Pending[0].ID, m.ID)
		require.Equal(t, "default", m.Purpose)
		require.Equal(t, onetimesend.Brand{Name: "Example"}, m.Brand)
		require.Equal(t, onetimesend.BrowserName(v.header.Get("User-Agent")), m.Browser)
		require.NotEmpty(t, m.Browser)
		require.Equal(t, "example.com", m.Host)
		require.Equal(t, task, m.Task)
		require.WithinRange(t, m.IssuedAt, before, time.Now())
		require.Equal(t, secrets != onetimehttp.LinkOnly, m.Code != "")
		require.Equal(t, secrets != onetimehttp.CodeOnly, m.URL != "")
		body, err := m.HTML()
		require.NoError(t, err)
		require.NotContains(t, body, "script")
	}
}

func TestMessage_TwoMailsToOneInboxHaveDifferentSubjects(t *testing.T) {
	s := newSite(t)
	v := s.visitor()
	first := v.asks(alice)
	s.clock.Advance(time.Minute)
	second := v.asks(alice)
	require.NotEqual(t, first.Subject(), second.Subject(), "or mail programs fold the newer one under the older")
}

// A phone number is sent an SMS, anything else a mail, in the spelling that is stored: its host may tell spellings apart.
func TestMessage_GoesByTheChannelOfTheStoredAddress(t *testing.T) {
	for deliverTo, want := range map[string]sent{
		"Alice.S@Example.com": {to: "Alice.S@Example.com", way: onetimesend.ChannelMail}, "ann@bücher.example": {to: "ann@bücher.example", way: onetimesend.ChannelMail},
		"+15550100": {to: "+15550100", way: onetimesend.ChannelSMS}, "+1 (555) 0100": {to: "+15550100", way: onetimesend.ChannelSMS},
		"tel:+1-555-0100": {to: "+15550100", way: onetimesend.ChannelSMS}, "user-17": {to: "user-17", way: onetimesend.ChannelMail},
	} {
		s := newSite(t, func(with *setup) {
			with.config.Lookup = func(context.Context, string) (string, string, bool, error) { return "user-17", deliverTo, true, nil }
		})
		m := s.visitor().asks(alice)
		require.Equal(t, want, sent{to: m.to, way: m.way}, deliverTo)
	}
}

func TestMessage_HostileNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		`<script>alert(1)</script>`, `"><img src=//evil.example>`, `{{.Code}}`, `%s%d%!%n`, `{service}{code}`, `=?utf-8?q?evil?=`, `Bcc: victim@example.com`,
		strings.Repeat("a", 100), "日本",
	} {
		s := newSite(t, func(with *setup) { with.config.Name = name })
		v := s.visitor()
		m := v.asks(alice)
		harmless(t, v.get(start))
		require.Contains(t, v.seen.page().one(t, "h1").text, name)
		v.get(path(t, m.URL))
		harmless(t, v.seen)
		require.NoError(t, m.Check())
		require.Contains(t, m.Subject(), name)
		require.Contains(t, m.Text(), name)
	}
}

// A link of the Manager's base, whatever stands in it, is one that can be sent, in one piece.
func TestMessage_LinkBaseWithQuery(t *testing.T) {
	s := newSite(t, func(with *setup) {
		with.manager = append(with.manager, onetime.WithLinkBase(origin+link+"?lang=de&x='%22%3Cscript%3E#top"))
	})
	m := s.visitor().asks(alice)
	require.NoError(t, m.Check())
	require.Contains(t, m.Text(), "\n"+m.URL+"\n")
}

func TestMessage_PrintsNoSecret(t *testing.T) {
	m := newSite(t).visitor().asks(alice)
	for _, text := range []string{fmt.Sprintf("%v %+v %#v %s %q", m, m, m, m, m), fmt.Sprint(&m), fmt.Sprintf("%+v", []onetimehttp.Message{m.Message})} {
		for _, secret := range []string{m.Code, m.URL, token(t, m.URL)} {
			require.NotContains(t, text, secret)
		}
	}
}
