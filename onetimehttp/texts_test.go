package onetimehttp_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

// german is a catalogue of some texts of one's own.
var german = onetimehttp.Catalogue{
	"start.title":      "Anmelden bei {service}",
	"code.label.other": "Code aus {n} Ziffern",
	"already":          "Eine Nachricht ist schon unterwegs. Die nächste kann in {wait} verschickt werden.",
	"seconds.other":    "{n} Sekunden",
	"error.wrong":      "Dieser Code gilt nicht.",
	"left.other":       "Noch {n} Versuche.",
	"error.malformed":  "Das ist kein ganzer Code oder Link. Sehen Sie noch einmal nach.",
	"link.for":         "Dieser Link meldet Sie als {account} an.",
}

// reworded is English with a mark, as another language.
func reworded(mark string) onetimehttp.Catalogue {
	all := onetimehttp.English()
	for name, text := range all {
		all[name] = mark + text
	}
	return all
}

func texts(all map[string]onetimehttp.Catalogue) func(*setup) {
	return func(with *setup) { with.options = append(with.options, onetimehttp.WithTexts(all)) }
}

func TestTexts_LanguageThatTheBrowserLikesBest(t *testing.T) {
	t.Parallel()
	s := newSite(t, texts(map[string]onetimehttp.Catalogue{"de": german, "pt-BR": reworded("br "), "pt": reworded("pt "), "zh-Hant": reworded("zh ")}))
	for accept, want := range map[string]string{
		"":                                    "en",
		"de":                                  "de",
		"DE":                                  "de",
		"de-AT":                               "de",
		"de-AT,de;q=0.9,en;q=0.8":             "de",
		"en-GB,en;q=0.9,de;q=0.8":             "en",
		"sv,de;q=0.5":                         "de",
		"sv;q=1, en;q=0.3 ,\tde ; q=0.7":      "de",
		"en;q=0.2, de;q=0.2":                  "en",
		"de;q=0":                              "en",
		"de;q=0, pt;q=0.1":                    "pt",
		"de;q=x, pt;q=0.1":                    "pt",
		"de;q=1e999":                          "en",
		"de;q=NaN":                            "en",
		"de;q=-1":                             "en",
		"pt-BR":                               "pt-br",
		"pt-br;q=0.4,pt;q=0.5":                "pt",
		"pt-PT":                               "pt",
		"zh-Hant-TW":                          "zh-hant",
		"zh-Hans-CN":                          "en",
		"zh":                                  "en",
		"*":                                   "en",
		"sv-FR":                               "en",
		"-,;,;;q=1,--de":                      "en",
		`de"><script>alert(1)</script>`:       "en",
		"../de":                               "en",
		strings.Repeat("sv,", 20000) + "de":   "de",
		strings.Repeat("d", 100000) + ",de-a": "de",
	} {
		v := s.visitor()
		v.header = http.Header{"Accept-Language": {accept}}
		require.Equal(t, want, v.get(start).page().one(t, "html").attr["lang"], "%.60q", accept)
	}
}

// A header of a megabyte, which net/http lets through, must not cost more than reading it.
func TestLanguage_LongTagsAreCheap(t *testing.T) {
	all := map[string]onetimehttp.Catalogue{}
	for i := range 20 {
		all[fmt.Sprintf("l%c", 'a'+i)] = german
	}
	s := newSite(t, texts(all))
	v := s.visitor()
	v.header = http.Header{"Accept-Language": {strings.Repeat("a-", 4000000) + "a"}}
	began := time.Now()
	v.get(start)
	require.Less(t, time.Since(began), patient, "some ms, unless each prefix of the tag is looked up: that takes many minutes")
}

// Messages have languages of their own: a mail in French is of use beside a page in English.
func TestTexts_MessagesHaveTheLanguageThatTheBrowserLikesBestOfTheirs(t *testing.T) {
	own, err := onetimesend.NewTexts(map[string]onetimesend.Catalogue{"pt": {}})
	require.NoError(t, err)
	s := newSite(t, texts(map[string]onetimehttp.Catalogue{"nl": german}), func(with *setup) {
		with.manager = append(with.manager, onetime.WithSendLimits())
		with.options = append(with.options, onetimehttp.WithMessageTexts(own))
	})
	for accept, want := range map[string][2]string{
		"": {"en", "en"}, "fr-CA,en;q=0.5": {"fr", "fr"}, "nl,de;q=0.5": {"nl", "de"}, "pt-BR": {"en", "pt"}, "ar": {"ar", "ar"}, "sv": {"en", "en"},
	} {
		v := s.visitor()
		v.header = http.Header{"Accept-Language": {accept}}
		m := v.asks(alice)
		require.Equal(t, want, [2]string{v.seen.page().one(t, "html").attr["lang"], m.Language}, accept)
		require.Same(t, own, m.Texts)
	}
}

func TestTexts_PagesProblemsAndMessages(t *testing.T) {
	s := newSite(t, texts(map[string]onetimehttp.Catalogue{"de": german}))
	v := s.visitor()
	v.header = http.Header{"Accept-Language": {"de-CH"}}
	m := v.asks(alice)
	require.Equal(t, "de", m.Language)

	require.Equal(t, "Code aus 6 Ziffern", v.seen.page().one(t, "label").text)
	require.Equal(t, "Dieser Code gilt nicht. Noch 4 Versuche.", v.submit("code", wrong(m.Code, 1)).said())
	require.Contains(t, v.again().noted(), "Die nächste kann in 30 Sekunden verschickt werden.")
	program := asProgram(v)
	program.header.Set("Accept-Language", "de")
	require.Equal(t, "Das ist kein ganzer Code oder Link. Sehen Sie noch einmal nach.", program.json(link, "token", "x").problem().Detail)
	v.get(path(t, m.URL))
	require.Contains(t, v.seen.page().text, "Dieser Link meldet Sie als A•••@example.com an.")
}

// English can be replaced, too, and stands in for all other languages.
// How long to wait is told in a unit that people can use, never too short, and never "1 hours".
func TestTexts_WaitIsToldInAUnitThatFits(t *testing.T) {
	for wait, want := range map[time.Duration]string{
		time.Second:                   "1 second",
		120 * time.Second:             "120 seconds",
		120*time.Second + 1:           "3 minutes",
		10 * time.Minute:              "10 minutes",
		10*time.Minute + 1:            "11 minutes",
		2 * time.Hour:                 "120 minutes",
		2*time.Hour + 1:               "3 hours",
		14*time.Hour + 24*time.Minute: "15 hours",
	} {
		wait = (wait + time.Millisecond - 1).Truncate(time.Millisecond) // limits are in whole milliseconds
		s := newSite(t, func(with *setup) {
			with.manager = append(with.manager, onetime.WithSendLimits(onetime.Limit{Burst: 1, Per: wait}), onetime.WithGuessLimits(onetime.Limit{Burst: 1, Per: wait}))
		})
		v := s.visitor()
		m := v.asks(alice)
		require.Equal(t, "A message was already sent. The next one can be sent in "+want+".", v.again().noted())
		v.submit("code", wrong(m.Code, 1))
		require.Equal(t, "Try again in "+want+".", v.submit("code", m.Code).noted())
	}
}

func TestTexts_EnglishReplaced(t *testing.T) {
	s := newSite(t, texts(map[string]onetimehttp.Catalogue{"en": reworded("Our "), "de": german}))
	v := s.visitor()
	for _, accept := range []string{"", "en", "sv"} {
		v.header = http.Header{"Accept-Language": {accept}}
		require.Equal(t, "Our Sign in to Example", v.get(start).page().one(t, "h1").text)
	}
}

func TestTexts_WrongCataloguesAreRefused(t *testing.T) {
	t.Parallel()
	with := func(name, text string) onetimehttp.Catalogue {
		c := maps.Clone(german)
		c[name] = text
		return c
	}
	s := newSite(t)
	config := newSetup(s).config
	config.Sender = func(context.Context, onetimesend.Recipient, onetimehttp.Message) (onetimesend.Delivery, error) {
		return onetimesend.Delivery{}, nil
	}
	create := func(c onetimehttp.Catalogue) error {
		_, err := onetimehttp.New(s.manager, config, onetimehttp.WithTexts(map[string]onetimehttp.Catalogue{"xx": c}))
		return err
	}
	require.NoError(t, create(german))
	require.NoError(t, create(nil), "English stands in for all of it")
	for name, catalogue := range map[string]onetimehttp.Catalogue{
		"start.titel":      with("start.titel", "Anmelden"),
		"start.title":      with("start.title", "Anmelden"),
		"code.label.other": with("code.label.other", "Code aus {wait} Zeichen"),
		"code.label.few":   with("code.label.few", "Code aus Zeichen"),
		"code.title.one":   with("code.title.one", "Code"),
		"already":          with("already", "{n}"),
		"link.for":         with("link.for", "{account}: {service}"),
		"error.gone":       with("error.gone", ""),
		"error.denied":     with("error.denied", "Das\ngilt nicht."),
	} {
		err := create(catalogue)
		require.ErrorContains(t, err, `"xx"`, name)
		require.ErrorContains(t, err, name)
		require.NotContains(t, err.Error(), "seconds.other", "what is right is not named")
	}
	for _, language := range []string{"", "d", "de_AT", "deutsch-"} {
		_, err := onetimehttp.New(s.manager, config, onetimehttp.WithTexts(map[string]onetimehttp.Catalogue{language: german}))
		require.ErrorContains(t, err, "want a language", language)
	}
}

func TestTexts_AreCopied(t *testing.T) {
	own, english := maps.Clone(german), onetimehttp.English()
	s := newSite(t, texts(map[string]onetimehttp.Catalogue{"de": own}))
	own["start.submit"], english["start.submit"] = "changed", "changed"
	for _, language := range []string{"de", "en"} {
		v := s.visitor()
		v.header = http.Header{"Accept-Language": {language}}
		require.NotContains(t, v.get(start).body, "changed")
	}
	require.NotEqual(t, english, onetimehttp.English())
}

// The languages of this package hold the rules that those of others must hold, and say all that a person meets on the way.
func TestTexts_LanguagesOfThePackage(t *testing.T) {
	for language, want := range map[string][3]string{
		"de": {"ltr", "Code aus 6 Ziffern", "Dieser Code ist falsch. 4 Versuche bleiben."},
		"fr": {"ltr", "Code à 6 chiffres", "Ce code est faux. Il reste 4 essais."},
		"es": {"ltr", "Código de 6 cifras", "Este código es incorrecto. Quedan 4 intentos."},
		"ar": {"rtl", "رمز من 6 أرقام", "هذا الرمز خاطئ. بقيت 4 محاولات."},
	} {
		s := newSite(t)
		v := s.visitor()
		v.header = http.Header{"Accept-Language": {language}}
		m := v.asks(alice)
		require.Equal(t, want[0], v.seen.page().one(t, "html").attr["dir"])
		require.Equal(t, want[1], v.seen.page().one(t, "label").text)
		require.Equal(t, want[2], v.submit("code", wrong(m.Code, 1)).said())
		english, theirs := s.visitor(), v.get(path(t, m.URL))
		require.NotEqual(t, english.get(start).page().one(t, "h1").text, theirs.page().one(t, "h1").text)
	}
	s := newSite(t)
	v := s.visitor()
	v.header = http.Header{"Accept-Language": {"ar"}}
	m := v.asks(alice)
	for left, want := range []string{"بقيت 4 محاولات.", "بقيت 3 محاولات.", "بقيت محاولتان.", "بقيت محاولة واحدة.", "لم تبق أي محاولة: أرسل رمزًا جديدًا."} {
		require.Contains(t, v.submit("code", wrong(m.Code, left+1)).said(), want)
	}
}
