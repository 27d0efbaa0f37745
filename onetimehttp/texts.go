package onetimehttp

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/seed-3f7b73d1/onetime/internal/plural"
)

// A Catalogue is the texts of the pages in one language by name; [English] has the names. What stands in braces, such as
// {service}, is replaced, and may come in any order. A name that ends in .zero, .one, .two, .few, .many or .other is the form
// of a text for a number, by the plural rules of Unicode CLDR; .other stands in for those that a Catalogue leaves out.
type Catalogue map[string]string

// English returns the English texts of this package.
func English() Catalogue { return maps.Clone(english) }

// forms are the ends of names of texts for a number, but for other.
var forms = []string{"zero", "one", "two", "few", "many"}

// builtin are the languages of this package.
var builtin = map[string]Catalogue{"en": english, "de": german, "fr": french, "es": spanish, "ar": arabic}

// texts are those of one language, with what stands in for them.
type texts struct {
	language string
	chain    []Catalogue // the best first
}

var inEnglish = texts{"en", []Catalogue{english}}

// textsOf returns the texts of a language that catalogues has, then those of the language without its region, then English.
func textsOf(catalogues map[string]Catalogue, language string) texts {
	t := texts{language: language}
	for name := language; name != ""; name, _ = cutLast(name) {
		if c, ok := catalogues[name]; ok {
			t.chain = append(t.chain, c)
		}
	}
	t.chain = append(t.chain, catalogues["en"])
	return t
}

// cutLast takes the last part off a tag or name: "pt" of "pt-br", "" of "pt".
func cutLast(tag string) (string, string) {
	at := strings.LastIndexAny(tag, "-.")
	if at < 0 {
		return "", ""
	}
	return tag[:at], tag[at+1:]
}

// say returns a text with pairs of a name in braces and what replaces it. All are replaced in one pass: what a service calls
// itself is not read again.
func (t texts) say(name string, pairs ...string) string { return put(t.raw(name), pairs) }

// count returns the form of a text for a number, which is {n}.
func (t texts) count(name string, n int, pairs ...string) string {
	number := []string{name + "." + plural.Category(t.language, n), name + ".other"}
	if n == 0 {
		number = slices.Insert(number, 0, name+".zero")
	}
	return put(t.raw(number...), append([]string{"n", strconv.Itoa(n)}, pairs...))
}

func put(text string, pairs []string) string {
	for i := 0; i+1 < len(pairs); i += 2 {
		pairs[i] = "{" + pairs[i] + "}"
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// raw returns the first of the texts that there is, in the best catalogue that has one of them.
func (t texts) raw(names ...string) string {
	for _, c := range t.chain {
		for _, name := range names {
			if text, ok := c[name]; ok {
				return text
			}
		}
	}
	return ""
}

// wait says how long to wait, rounded up: whoever waits as long as told must not be too early.
func (t texts) wait(seconds int) string {
	switch {
	case seconds <= 120:
		return t.count("seconds", max(seconds, 1))
	case seconds <= 120*60:
		return t.count("minutes", (seconds+59)/60)
	}
	return t.count("hours", (seconds+3599)/3600)
}

// direction is how a language is written.
func direction(language string) string {
	base, _, _ := strings.Cut(language, "-")
	if slices.Contains([]string{"ar", "fa", "he", "ur"}, base) {
		return "rtl"
	}
	return "ltr"
}

var languagePattern = regexp.MustCompile(`^[a-z]{2,3}(-[a-z0-9]{2,8})*$`)

// merge puts the texts of catalogues in the place of those that are there, and reports all that is wrong with them.
func merge(into, catalogues map[string]Catalogue) error {
	var errs []error
	for _, language := range slices.Sorted(maps.Keys(catalogues)) {
		name := strings.ToLower(language)
		if !languagePattern.MatchString(name) {
			errs = append(errs, fmt.Errorf("onetimehttp: WithTexts(%q): want a language such as de or pt-BR", language))
			continue
		}
		if wrong := catalogues[language].wrong(); len(wrong) > 0 {
			errs = append(errs, fmt.Errorf("onetimehttp: WithTexts(%q): want names of English, and in each text what English has in braces: %s", language, strings.Join(wrong, ", ")))
		}
		merged := maps.Clone(into[name])
		if merged == nil {
			merged = Catalogue{}
		}
		maps.Copy(merged, catalogues[language])
		into[name] = merged
	}
	return errors.Join(errs...)
}

var placeholder = regexp.MustCompile(`\{[a-z]*\}`)

func placeholders(text string) []string {
	return slices.Compact(slices.Sorted(slices.Values(placeholder.FindAllString(text, -1))))
}

// wrong returns the names of texts that cannot stand for those of English.
func (c Catalogue) wrong() (names []string) {
	for name, text := range c {
		model, known := english[name]
		stem, form := cutLast(name)
		if !known && slices.Contains(forms, form) {
			model, known = english[stem+".other"]
		}
		wanted, found := placeholders(model), placeholders(text)
		if slices.Contains([]string{"zero", "one", "two"}, form) { // "a minute", "no attempts"
			without := func(s string) bool { return s == "{n}" }
			wanted, found = slices.DeleteFunc(wanted, without), slices.DeleteFunc(found, without)
		}
		if !known || !slices.Equal(wanted, found) || text == "" || strings.ContainsAny(text, "\r\n\x00") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
