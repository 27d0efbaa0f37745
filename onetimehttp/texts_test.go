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

// german is a whole catalogue.
var german = onetimehttp.Catalogue{
	"start.title":   "Anmelden bei %s",
	"start.address": "E-Mail-Adresse oder Telefonnummer",
	"start.submit":  "Code oder Link schicken",

	"code.title":  "Code eingeben",
	"code.sent":   "Wenn es zu dieser Adresse ein Konto gibt, ist eine Nachricht unterwegs. Sie gilt einige Minuten.",
	"code.label":  "Code aus %d Zeichen",
	"code.digits": "Code aus %d Ziffern",
	"code.submit": "Anmelden",
	"code.again":  "Noch eine Nachricht schicken",
	"code.link":   "Oder öffnen Sie den Link in der Nachricht.",
	"already":     "Eine Nachricht ist schon unterwegs. Die nächste kann in %s verschickt werden.",

	"sent.title": "Sehen Sie in Ihre Nachrichten",
	"sent.link":  "Wenn es zu dieser Adresse ein Konto gibt, ist ein Link unterwegs. Öffnen Sie ihn in diesem Browser.",

	"link.title":  "Anmelden bei %s",
	"link.for":    "Dieser Link meldet Sie als %s an.",
	"link.submit": "Anmelden",
	"link.other":  "Angefordert wurde er in einem anderen Browser, von Ihnen oder von jemand anderem. Sie melden sich hier an, auf diesem Gerät.",
	"link.here":   "Auf diesem Gerät anmelden",
	"link.not":    "Das sind nicht Sie, oder Sie haben nichts angefordert? Schließen Sie diese Seite: Es geschieht nichts.",

	"error.title": "Das hat nicht geklappt",
	"error.back":  "Von vorn beginnen",
	"wait":        "Versuchen Sie es in %s wieder.",
	"seconds":     "%d Sekunden",
	"minutes":     "%d Minuten",
	"hours":       "%d Stunden",

	"error.refused":    "Dieser Code gilt nicht. Sehen Sie noch einmal nach, oder fordern Sie einen neuen an.",
	"error.address":    "Prüfen Sie die Adresse.",
	"error.too-long":   "Diese Adresse ist zu lang. Eine Adresse hat höchstens 254 Zeichen.",
	"error.malformed":  "Das ist kein ganzer Code oder Link. Sehen Sie noch einmal nach.",
	"error.mismatch":   "Das stimmt nicht. Sehen Sie noch einmal nach.",
	"error.gone":       "Das gilt nicht mehr. Fordern Sie eine neue Nachricht an.",
	"error.binding":    "Öffnen Sie den Link in dem Browser, in dem Sie ihn angefordert haben, oder fordern Sie einen neuen an.",
	"error.subject":    "Das ist für ein anderes Konto. Fordern Sie eine neue Nachricht an.",
	"error.throttled":  "Sie haben zu oft angefragt. Warten Sie eine Weile.",
	"error.locked":     "Zu viele falsche Codes. Warten Sie eine Weile, oder nehmen Sie einen Link.",
	"error.disabled":   "Codes sind für Sie abgeschaltet. Nehmen Sie einen Link, oder bitten Sie uns um Hilfe.",
	"error.denied":     "Das gilt nicht. Fordern Sie eine neue Nachricht an.",
	"error.undecided":  "Das lässt sich gerade nicht sagen. Versuchen Sie es wieder; wenn das nicht hilft, fordern Sie eine neue Nachricht an.",
	"error.cross-site": "Das kam von einer fremden Seite.",
	"error.too-large":  "Das ist zu lang.",
	"error.media-type": "Schicken Sie ein Formular oder JSON.",
	"error.form":       "Dieses Formular ist nicht lesbar. In JSON sind address, code und token Zeichenketten.",
	"error.no-cookie":  "Dieser Browser hat nichts angefordert, oder er behält keine Cookies. Fordern Sie eine neue Nachricht an.",
	"error.too-many":   "Zu viele Anfragen aus Ihrem Netz. Warten Sie eine Weile.",
	"error.method":     "Diese Seite ist so nicht erreichbar.",
	"error.not-done":   "Das ließ sich gerade nicht erledigen. Versuchen Sie es wieder.",
	"error.lost":       "Das ließ sich gerade nicht erledigen. Fordern Sie eine neue Nachricht an.",
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
		"fr,de;q=0.5":                         "de",
		"fr;q=1, en;q=0.3 ,\tde ; q=0.7":      "de",
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
		"fr-FR":                               "en",
		"-,;,;;q=1,--de":                      "en",
		`de"><script>alert(1)</script>`:       "en",
		"../de":                               "en",
		strings.Repeat("fr,", 20000) + "de":   "de",
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
		"": {"en", "en"}, "fr-CA,en;q=0.5": {"en", "fr"}, "nl,de;q=0.5": {"nl", "de"}, "pt-BR": {"en", "pt"}, "ar": {"en", "ar"}, "sv": {"en", "en"},
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
	require.Equal(t, "Dieser Code gilt nicht. Sehen Sie noch einmal nach, oder fordern Sie einen neuen an.", v.submit("code", wrong(m.Code, 1)).said())
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
		time.Second:                   "2 seconds",
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
	for _, accept := range []string{"", "en", "fr"} {
		v.header = http.Header{"Accept-Language": {accept}}
		require.Equal(t, "Our Sign in to Example", v.get(start).page().one(t, "h1").text)
	}
}

func TestTexts_WrongCataloguesAreRefused(t *testing.T) {
	t.Parallel()
	without := func(name string) onetimehttp.Catalogue {
		c := maps.Clone(german)
		delete(c, name)
		return c
	}
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
	for name, catalogue := range map[string]onetimehttp.Catalogue{
		"sent.link":    without("sent.link"),
		"start.titel":  with("start.titel", "Anmelden"),
		"start.title":  with("start.title", "Anmelden"),
		"code.label":   with("code.label", "Code aus %s Zeichen"),
		"already":      with("already", "%d"),
		"link.for":     with("link.for", "%s: %s"),
		"error.gone":   with("error.gone", "Das gilt zu 100 % nicht mehr."),
		"error.denied": with("error.denied", "%n"),
	} {
		err := create(catalogue)
		require.ErrorContains(t, err, `"xx"`, name)
		require.ErrorContains(t, err, name)
		require.NotContains(t, err.Error(), "code.sent", "what is right is not named")
	}
	nothing := create(nil)
	for name := range onetimehttp.English() {
		require.ErrorContains(t, nothing, name, "all that is missing")
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
