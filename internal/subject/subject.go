// Package subject has the rules of what names a subject and a purpose.
package subject

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/seed-3f7b73d1/onetime/address"
	"github.com/seed-3f7b73d1/onetime/internal/fault"
)

const maxBytes = 512

var purposePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// IsPurpose reports whether a name is one of a purpose.
func IsPurpose(name string) bool { return purposePattern.MatchString(name) }

// Own returns the one spelling that a normaliser makes of all spellings of a subject. Its errors begin with the name of the
// package that asks.
func Own(pkg, typed string, normalize func(string) (string, error)) (string, error) {
	if !utf8.ValidString(typed) {
		return "", fault.Invalid("%s: subject: want valid UTF-8", pkg)
	}
	own, err := normalize(typed)
	if err != nil {
		return "", fault.InvalidBecause(err, pkg+": subject: refused by the normaliser")
	}
	if len(own) < 1 || len(own) > maxBytes {
		return "", fault.Invalid("%s: subject: %d bytes: want 1 to %d", pkg, len(own), maxBytes)
	}
	if !utf8.ValidString(own) || strings.ContainsFunc(own, unicode.IsControl) {
		return "", fault.Invalid("%s: subject: want valid UTF-8 without control characters", pkg)
	}
	return own, nil
}

// Same is the normaliser that leaves each spelling as it is.
func Same(typed string) (string, error) { return typed, nil }

// Normalize is the normaliser that Managers have by default. The root's WithNormalizer says what it does.
func Normalize(typed string) (string, error) {
	if strings.ContainsAny(typed, "@\uff20\ufe6b") {
		spelling := strings.Map(func(r rune) rune {
			if 'A' <= r && r <= 'Z' {
				r += 'a' - 'A'
			}
			return r
		}, strings.TrimSpace(typed))
		if mail, err := address.Mail(spelling); err == nil {
			return mail, nil
		}
		return spelling, nil
	}
	seen := strings.TrimLeftFunc(typed, func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) })
	if strings.HasPrefix(seen, "+") || strings.HasPrefix(seen, "\uff0b") {
		if phone, err := address.Phone(typed); err == nil {
			return phone, nil
		}
	}
	return typed, nil
}
