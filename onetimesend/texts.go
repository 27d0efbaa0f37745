package onetimesend

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-3f7b73d1/onetime/internal/plural"
)

// A Catalogue is texts of one language by name; [English] has the names. What stands in braces, such as {service}, is
// replaced, and may come in any order. A name that ends in .one, .two, .few, .many or .other is the form of a text for a
// number, by the plural rules of Unicode CLDR; .other stands in for those that a Catalogue leaves out.
type Catalogue map[string]string

// English returns the English texts of this package.
func English() Catalogue { return maps.Clone(builtin["en"]) }

// A Texts is catalogues by language. It is immutable.
type Texts struct{ catalogues map[string]Catalogue }

var defaultTexts = &Texts{builtin}

var builtin = map[string]Catalogue{"en": english, "de": german, "fr": french, "es": spanish, "ar": arabic}

var languagePattern = regexp.MustCompile(`^[a-z]{2,3}(-[a-z0-9]{2,8})*$`)

// NewTexts returns the texts of this package with those of catalogues in their place. A Catalogue may be partial: what it
// lacks is said by the language without its region, and then in English. An error, [ErrInvalid], names all texts that
// English does not have, or that lack what English has in braces.
func NewTexts(catalogues map[string]Catalogue) (*Texts, error) {
	t := &Texts{maps.Clone(builtin)}
	var errs []error
	for _, language := range slices.Sorted(maps.Keys(catalogues)) {
		name := strings.ToLower(language)
		if !languagePattern.MatchString(name) {
			errs = append(errs, invalid("NewTexts(%q): want a language such as de or pt-BR", language))
			continue
		}
		if wrong := catalogues[language].wrong(); len(wrong) > 0 {
			errs = append(errs, invalid("NewTexts(%q): want names of English, and in each text what English has in braces: %s", language, strings.Join(wrong, ", ")))
		}
		merged := maps.Clone(t.catalogues[name])
		if merged == nil {
			merged = Catalogue{}
		}
		maps.Copy(merged, catalogues[language])
		t.catalogues[name] = merged
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return t, nil
}

// Languages returns the languages that have a catalogue, in lower case and sorted.
func (t *Texts) Languages() []string { return slices.Sorted(maps.Keys(t.orDefault().catalogues)) }

func (t *Texts) orDefault() *Texts {
	if t == nil {
		return defaultTexts
	}
	return t
}

var placeholder = regexp.MustCompile(`\{[a-z]*\}`)

func placeholders(text string) []string {
	return slices.Compact(slices.Sorted(slices.Values(placeholder.FindAllString(text, -1))))
}

// wrong returns the names of texts that cannot stand for those of English.
func (c Catalogue) wrong() (names []string) {
	for name, text := range c {
		model, known := english[name]
		if stem, form, found := cutLast(name, "."); !known && found && slices.Contains([]string{"two", "few", "many"}, form) {
			model, known = english[stem+".other"]
		}
		same := slices.Equal(placeholders(model), placeholders(text))
		if form := name[strings.LastIndexByte(name, '.')+1:]; form == "one" || form == "two" {
			same = same || len(placeholders(text)) == 0 // "a minute"
		}
		if !known || !same || text == "" || strings.ContainsAny(text, "\r\n\x00") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func cutLast(text, separator string) (before, after string, found bool) {
	if i := strings.LastIndex(text, separator); i >= 0 {
		return text[:i], text[i+len(separator):], true
	}
	return text, "", false
}

// chain returns the catalogues to look into for a language, the best first, and the language of the best.
func (t *Texts) chain(language string) (found []Catalogue, best string) {
	t = t.orDefault()
	for name := strings.ToLower(language); name != ""; {
		if c, ok := t.catalogues[name]; ok {
			if found = append(found, c); best == "" {
				best = name
			}
		}
		shorter, _, cut := cutLast(name, "-")
		if !cut {
			break
		}
		name = shorter
	}
	if best == "" {
		best = "en"
	}
	return append(found, t.catalogues["en"]), best
}

// speech is the texts of one message in its language.
type speech struct {
	catalogues []Catalogue
	language   string
	escape     func(string) string // of each text, before anything is put into it; nil: none
}

func (m Message) speech() speech {
	catalogues, language := m.Texts.chain(m.Language)
	return speech{catalogues: catalogues, language: language}
}

// rightToLeft reports whether the language is written from right to left.
func (s speech) rightToLeft() bool {
	base, _, _ := strings.Cut(s.language, "-")
	return slices.Contains([]string{"ar", "dv", "fa", "he", "ku", "ps", "sd", "ug", "ur", "yi"}, base)
}

// raw returns the first of the names that the best catalogue has, else the next catalogue's.
func (s speech) raw(names ...string) string {
	for _, c := range s.catalogues {
		for _, name := range names {
			text, ok := c[name]
			if ok && s.escape != nil {
				text = s.escape(text)
			}
			if ok {
				return text
			}
		}
	}
	return ""
}

// say returns a text with pairs of a placeholder and what replaces it. All are replaced in one pass: what a service calls
// itself is not read again.
func (s speech) say(name string, pairs ...string) string {
	return strings.NewReplacer(pairs...).Replace(s.raw(name))
}

// duration says how long, rounded up: 30 s are not 0 minutes.
func (s speech) duration(d time.Duration) string {
	unit, n := "minutes", ceil(d, time.Minute)
	switch {
	case d > 48*time.Hour:
		unit, n = "days", ceil(d, 24*time.Hour)
	case d > 120*time.Minute:
		unit, n = "hours", ceil(d, time.Hour)
	}
	return strings.ReplaceAll(s.raw(unit+"."+plural.Category(s.language, n), unit+".other"), "{n}", strconv.Itoa(n))
}

func ceil(d, unit time.Duration) int { return int(max(1, (d+unit-1)/unit)) }
