package onetime

import "github.com/seed-3f7b73d1/onetime/internal/subject"

// subject returns the one spelling that stands for all spellings of a subject.
func (c *config) subject(typed string) (string, error) {
	return subject.Own("onetime", typed, c.normalize)
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
func WithNormalizer(normalize func(typed string) (string, error)) Option {
	if normalize == nil {
		normalize = subject.Same
	}
	return Option{func(c *config) error {
		c.normalize = normalize
		return nil
	}}
}
