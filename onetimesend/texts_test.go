package onetimesend_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

func TestTexts_EveryLanguageSaysEverythingWithoutEnglish(t *testing.T) {
	texts, err := onetimesend.NewTexts(nil)
	require.NoError(t, err)
	require.Equal(t, languages, texts.Languages())
	// Replaced by a mark, English must not show through.
	marked := onetimesend.English()
	for name, text := range marked {
		marked[name] = text + " ENGLISH"
	}
	texts, err = onetimesend.NewTexts(map[string]onetimesend.Catalogue{"en": marked})
	require.NoError(t, err)
	each(t, func(t *testing.T, language string) {
		for task := onetimesend.SignIn; task <= onetimesend.Confirm; task++ {
			for _, action := range []string{"", "that"} {
				for _, life := range []time.Duration{time.Minute, 2 * time.Minute, 5 * time.Minute, 11 * time.Minute, 3 * time.Hour, 72 * time.Hour} {
					m := message(func(m *onetimesend.Message) {
						m.Language, m.Texts, m.Task, m.Action = language, texts, task, action
						m.CodeExpiresIn, m.ExpiresIn, m.Browser, m.Place, m.IssuedAt = life, life, "b", "p", time.Unix(1e9, 0)
					})
					onlyLink := m
					onlyLink.Code = ""
					body, err := m.HTML()
					require.NoError(t, err)
					all := m.Subject() + m.Text() + m.SMS() + m.Voice() + body + onlyLink.Text() + onlyLink.SMS()
					require.Equal(t, language == "en", strings.Contains(all, "ENGLISH"))
				}
			}
		}
	})
}

func TestTexts_PartialCatalogueFallsBack(t *testing.T) {
	texts, err := onetimesend.NewTexts(map[string]onetimesend.Catalogue{
		"de-CH": {"button.sign-in": "Aamälde"}, "nl": {"subject.sign-in": "Inloggen bij {service}"},
	})
	require.NoError(t, err)
	swiss := message(func(m *onetimesend.Message) { m.Texts, m.Language = texts, "de-ch" })
	body, err := swiss.HTML()
	require.NoError(t, err)
	require.Contains(t, body, "Aamälde")
	require.Contains(t, swiss.Text(), "Ihr Code für die Anmeldung bei Example:")
	dutch := message(func(m *onetimesend.Message) { m.Texts, m.Language, m.ID = texts, "nl-NL", "" })
	require.Equal(t, "Inloggen bij Example", dutch.Subject())
	require.Contains(t, dutch.Text(), "Your code to sign in to Example:")
}

func TestTexts_CatalogueThatCannotStandForEnglishIsRefused(t *testing.T) {
	for name, catalogue := range map[string]onetimesend.Catalogue{
		"unknown name":    {"mail.greeting": "Hello"},
		"no code":         {"sms.code": "Code for {service}"},
		"unknown braces":  {"button.sign-in": "Sign in, {name}"},
		"two lines":       {"button.sign-in": "Sign\nin"},
		"empty":           {"button.sign-in": ""},
		"unknown plural":  {"minutes.some": "{n} minutes"},
		"unknown form of": {"button.few": "x"},
	} {
		_, err := onetimesend.NewTexts(map[string]onetimesend.Catalogue{"de": catalogue})
		require.ErrorIs(t, err, onetimesend.ErrInvalid, name)
		require.ErrorContains(t, err, slices.Collect(maps.Keys(catalogue))[0], name)
	}
	_, err := onetimesend.NewTexts(map[string]onetimesend.Catalogue{"German!": {}})
	require.ErrorIs(t, err, onetimesend.ErrInvalid)
}

func TestTexts_Plurals(t *testing.T) {
	slavic, err := onetimesend.NewTexts(map[string]onetimesend.Catalogue{
		"pl": {"minutes.one": "{n} minuta", "minutes.few": "{n} minuty", "minutes.many": "{n} minut", "minutes.other": "{n} minuty"},
		"ru": {"minutes.one": "{n} минута", "minutes.few": "{n} минуты", "minutes.many": "{n} минут", "minutes.other": "{n} минуты"},
		"ja": {"minutes.other": "{n}分"},
	})
	require.NoError(t, err)
	for _, c := range []struct {
		language string
		minutes  int
		want     string
	}{
		{"en", 1, "1 minute."}, {"en", 2, "2 minutes."}, {"fr", 1, "1 minute."}, {"fr", 2, "2 minutes."}, {"de", 1, "1 Minute."}, {"es", 5, "5 minutos."},
		{"ar", 1, "دقيقة واحدة"}, {"ar", 2, "دقيقتين"}, {"ar", 3, "3 دقائق"}, {"ar", 10, "10 دقائق"}, {"ar", 11, "11 دقيقة"}, {"ar", 100, "100 دقيقة"},
		{"pl", 1, "1 minuta"}, {"pl", 2, "2 minuty"}, {"pl", 5, "5 minut"}, {"pl", 12, "12 minut"}, {"pl", 22, "22 minuty"},
		{"ru", 21, "21 минута"}, {"ru", 3, "3 минуты"}, {"ru", 11, "11 минут"}, {"ja", 1, "1分"},
	} {
		m := message(func(m *onetimesend.Message) {
			m.Language, m.Texts, m.CodeExpiresIn = c.language, slavic, time.Duration(c.minutes)*time.Minute-time.Second
		})
		require.Contains(t, m.Text(), c.want, "%s %d", c.language, c.minutes)
	}
	require.Contains(t, message(func(m *onetimesend.Message) { m.CodeExpiresIn = time.Second }).Text(), "1 minute", "never 0")
	require.Contains(t, message(func(m *onetimesend.Message) { m.CodeExpiresIn = 25 * time.Hour }).Text(), "25 hours")
	require.Contains(t, message(func(m *onetimesend.Message) { m.CodeExpiresIn = 49 * time.Hour }).Text(), "3 days")
}
