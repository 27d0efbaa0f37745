package onetime

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/seed-3f7b73d1/onetime/address"
	"github.com/seed-3f7b73d1/onetime/internal/fault"
)

const maxSubject = 512 // bytes

// subject returns the one spelling that stands for all spellings of a subject.
func (c *config) subject(typed string) (string, error) {
	if !utf8.ValidString(typed) {
		return "", invalid("subject: want valid UTF-8")
	}
	subject, err := c.normalize(typed)
	if err != nil {
		return "", fault.InvalidBecause(err, "onetime: subject: refused by the normaliser")
	}
	if len(subject) < 1 || len(subject) > maxSubject {
		return "", invalid("subject: %d bytes: want 1 to %d", len(subject), maxSubject)
	}
	if !utf8.ValidString(subject) || strings.ContainsFunc(subject, unicode.IsControl) {
		return "", invalid("subject: want valid UTF-8 without control characters")
	}
	return subject, nil
}

// WithNormalizer sets what makes one subject of the spellings of an address. It is given any valid UTF-8, empty and
// over-long too, and what it returns must be a subject. By default
//   - a subject that contains @ is what [address.Mail] makes of it; what that refuses, a user id such as @bob:example.org,
//     loses white space at both ends and has its ASCII letters lower-cased, no others, since Unicode folding makes two
//     people one (CVE-2019-19844);
//   - a subject that begins with + is what [address.Phone] makes of it, or stays as it is;
//   - every other stays as it is.
//
// nil switches that off: then each spelling has limits of its own. An error of the normaliser is wrapped and not printed.
func WithNormalizer(normalize func(subject string) (string, error)) Option {
	if normalize == nil {
		normalize = func(subject string) (string, error) { return subject, nil }
	}
	return Option{func(c *config) error {
		c.normalize = normalize
		return nil
	}}
}

func normalizeAddress(subject string) (string, error) {
	if strings.ContainsAny(subject, "@\uff20\ufe6b") {
		spelling := strings.Map(func(r rune) rune {
			if 'A' <= r && r <= 'Z' {
				r += 'a' - 'A'
			}
			return r
		}, strings.TrimSpace(subject))
		if mail, err := address.Mail(spelling); err == nil {
			return mail, nil
		}
		return spelling, nil
	}
	seen := strings.TrimLeftFunc(subject, func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) })
	if strings.HasPrefix(seen, "+") || strings.HasPrefix(seen, "\uff0b") {
		if phone, err := address.Phone(subject); err == nil {
			return phone, nil
		}
	}
	return subject, nil
}
