package onetimesend_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

func TestSMS_LastLineBindsTheCode(t *testing.T) {
	each(t, func(t *testing.T, language string) {
		m := message(func(m *onetimesend.Message) { m.Language = language })
		lines := strings.Split(m.SMS(), "\n")
		require.Len(t, lines, 2)
		require.Equal(t, "@www.example.com #123456", lines[1])
		require.NotContains(t, m.SMS(), "token=", "a code is short enough to type")

		m.AppHash = "FA+9qCX9VSu"
		require.True(t, strings.HasSuffix(m.SMS(), "\nFA+9qCX9VSu"))
		require.NotContains(t, m.SMS(), "@", "one or the other")

		m.AppHash, m.Host = "", ""
		require.NotContains(t, m.SMS(), "\n")
		m.Code = ""
		require.True(t, strings.HasSuffix(m.SMS(), ": "+link))
	})
	require.Equal(t, "123456 is your code for Example. Never share it.\n@www.example.com #123456", message().SMS())
}

// Names cannot add a last line of their own, even in a message that Check would refuse.
func TestSMS_NamesAddNoLine(t *testing.T) {
	for _, end := range []string{"\n@evil.example #000000", "\r\n@evil.example #000000", "\u2028@evil.example #000000"} {
		m := message(func(m *onetimesend.Message) { m.Brand.Name += end; m.Action = end })
		lines := strings.FieldsFunc(m.SMS(), func(r rune) bool { return strings.ContainsRune("\r\n\u2028", r) })
		require.Len(t, lines, 2)
		require.Equal(t, "@www.example.com #123456", lines[1])
	}
}

func TestVoice_SaysTheDigitsTwice(t *testing.T) {
	each(t, func(t *testing.T, language string) {
		m := message(func(m *onetimesend.Message) { m.Language = language })
		require.Equal(t, 2, strings.Count(m.Voice(), "1, 2, 3, 4, 5, 6"))
	})
}

func TestSegments(t *testing.T) {
	for _, c := range []struct {
		text string
		want int
	}{
		{"", 1}, {long("a", 160), 1}, {long("a", 161), 2}, {long("a", 306), 2}, {long("a", 307), 3},
		{long("é", 160), 1}, {long("€", 80), 1}, {long("€", 81), 2}, {long("a", 159) + "€", 2},
		{long("a", 152) + "€" + long("a", 152), 3}, {long("€", 153), 3}, // a pair is not cut
		{long("ç", 70), 1}, {long("ç", 71), 2}, {long("ç", 134), 2}, {long("ç", 135), 3}, {long("a", 70) + "ç", 2},
		{long("😀", 35), 1}, {long("😀", 36), 2}, {long("😀", 66), 2}, {long("😀", 67), 3}, {long("م", 70), 1},
	} {
		require.Equal(t, c.want, onetimesend.Segments(c.text), "%.20q of %d bytes", c.text, len(c.text))
	}
}

// The longest service name for which an SMS of a code of six digits, for a host of 15 characters, is one segment, by language.
// docs/sending.md says the figures.
func TestSMS_LongestNameInOneSegment(t *testing.T) {
	longest := map[string]int{}
	each(t, func(t *testing.T, language string) {
		m := message(func(m *onetimesend.Message) { m.Language, m.Code = language, "888888" })
		require.Len(t, m.Host, 15)
		for m.Brand.Name = "a"; onetimesend.Segments(m.SMS()) == 1; m.Brand.Name += "a" {
			longest[language] = len(m.Brand.Name)
		}
		t.Logf("%s: %d characters", language, longest[language])
	})
	docs, err := os.ReadFile("../docs/sending.md")
	require.NoError(t, err)
	require.Contains(t, strings.Join(strings.Fields(string(docs)), " "), fmt.Sprintf("English %d, German %d, French %d, Spanish %d, Arabic %d.",
		longest["en"], longest["de"], longest["fr"], longest["es"], longest["ar"]))
}

func TestTexts_LongSMSNamesTheLanguages(t *testing.T) {
	var texts *onetimesend.Texts
	require.Empty(t, texts.LongSMS(message()))
	require.Equal(t, []string{"ar"}, texts.LongSMS(message(func(m *onetimesend.Message) { m.Brand.Name = long("a", 40) })))
	require.Equal(t, languages, texts.LongSMS(message(func(m *onetimesend.Message) { m.Brand.Name = long("ł", 40) })))
	require.Equal(t, []string{"de", "fr"}, texts.LongSMS(message(func(m *onetimesend.Message) { m.Brand.Name = "Łódź" })), "70 characters")
}

func TestSMS_ReportsWhereNameAndHostDoNotFitOneSegment(t *testing.T) {
	c := onetimesend.GatewayConfig{URL: "https://sms.example", DangerouslyWithoutBudget: true}
	with := func(name string) onetimesend.GatewayConfig {
		m := message(func(m *onetimesend.Message) { m.Brand.Name = name })
		c.OneSegment = &m
		return c
	}
	_, err := onetimesend.SMS(nil, with("Example"))
	require.NoError(t, err)
	_, err = onetimesend.SMS(nil, with("Łódź"))
	require.ErrorIs(t, err, onetimesend.ErrInvalid)
	require.ErrorContains(t, err, "GatewayConfig.OneSegment: more than one segment in de, fr: want a shorter name or host")
	_, err = onetimesend.Voice(nil, with("Example"))
	require.ErrorContains(t, err, "GatewayConfig.OneSegment: a call has no segments")
}
