package address

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/seed-3f7b73d1/onetime/internal/fault"
)

// The limits of RFC 5321, sections 4.5.3.1.1 and 4.5.3.1.3, in bytes.
const (
	maxMail  = 254 // a path of 256, without its angle brackets
	maxLocal = 64
)

// Mail returns the one spelling of a typed e-mail address: ann@xn--bcher-kva.example for Ann@BÜCHER.example. It is 3 to
// 254 bytes long, of which at most 64 stand in front of the @, and goes in again unchanged.
//
// What stands around the address goes: white space, control, format and other invisible characters, quotation marks,
// brackets, punctuation. Three forms hold more than the address:
//
//   - Ann Lee <ann@example.com>, as mail programs copy it. The name is dropped. If it holds an @ it must be the same
//     address, as in ann@example.com <ann@example.com>; another one is refused, since one of the two would be wrong.
//   - mailto:ann@example.com?subject=Hi, as browsers copy it. What begins with ? is dropped, and the percent-encoding that
//     RFC 6068 demands in front of it is decoded, once.
//   - <ann@example.com>, with either or both of the brackets.
//
// All else is ErrInvalid of package onetime, and so are, by decision: quoted local parts, comments, dots at either end of
// a local part or side by side, more than one address, domains without a dot, localhost, address literals (see
// [AllowLocal]), a domain that ends in a number. The error says what is wrong and holds nothing of the address.
func Mail(typed string, opts ...Option) (string, error) {
	c, err := settings(opts)
	if err != nil {
		return "", err
	}
	if plain(typed) {
		return typed, nil
	}
	text, err := legible("mail", typed)
	if err != nil {
		return "", err
	}
	bare, name, named, err := cutName(trim(text))
	if err != nil {
		return "", err
	}
	mail, err := mailbox(bare, c)
	if err != nil {
		return "", err
	}
	if named && strings.Contains(name, "@") {
		if same, err := mailbox(name, c); err != nil || same != mail {
			return "", fault.Invalid("address: mail: want one address, and no other in the name")
		}
	}
	return mail, nil
}

// plain reports whether s is an address in its one spelling, of ASCII without A-labels, as almost all are. It must not say
// yes where mailbox would say anything but s.
func plain(s string) bool {
	at := strings.IndexByte(s, '@')
	if at < 1 || at > maxLocal || len(s) > maxMail || s[0] == '.' || s[at-1] == '.' {
		return false
	}
	for i := range at {
		if c := s[i]; !atext(c) || 'A' <= c && c <= 'Z' || c == '.' && s[i+1] == '.' {
			return false
		}
	}
	domain := s[at+1:]
	for i := range len(domain) {
		c := domain[i]
		if (c < 'a' || 'z' < c) && (c < '0' || '9' < c) && c != '.' && (c != '-' || i > 0 && domain[i-1] == '-') {
			return false
		}
	}
	return checkDomain(domain, false) == ""
}

// atext reports whether c may stand in a local part that is not quoted: RFC 5322's atext, and the dot.
func atext(c byte) bool {
	switch c {
	case '.', '!', '#', '$', '%', '&', '\'', '*', '+', '-', '/', '=', '?', '^', '_', '`', '{', '|', '}', '~':
		return true
	}
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// legible returns what was typed with ASCII for full-width forms. kind stands in the error.
func legible(kind, typed string) (string, error) {
	switch {
	case len(typed) > maxTyped:
		return "", fault.Invalid("address: %s: want at most %d bytes as typed", kind, maxTyped)
	case !utf8.ValidString(typed):
		return "", fault.Invalid("address: %s: want UTF-8", kind)
	}
	return fold(typed), nil
}

// cutName parts Name <address>. named reports whether there is a name.
func cutName(s string) (bare, name string, named bool, err error) {
	inner, closed := strings.CutSuffix(s, ">")
	name, bare, opened := strings.Cut(inner, "<")
	switch {
	case !opened:
		return trim(inner), "", false, nil
	case name == "":
		return trim(bare), "", false, nil
	case !closed, strings.ContainsFunc(name, func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp) }):
		return "", "", false, fault.Invalid("address: mail: want a name on one line, and <address> behind it")
	}
	return trim(bare), trim(name), true, nil
}

// mailbox returns the one spelling of an address without a name.
func mailbox(s string, c config) (string, error) {
	s, err := cutMailto(s)
	if err != nil {
		return "", err
	}
	local, domain, found := strings.Cut(s, "@")
	if !found || strings.Contains(domain, "@") {
		return "", fault.Invalid("address: mail: want one @")
	}
	if local, err = localPart(local); err != nil {
		return "", err
	}
	if domain, err = domainPart(domain, c.local); err != nil {
		return "", err
	}
	if len(local)+1+len(domain) > maxMail {
		return "", fault.Invalid("address: mail: want at most %d bytes", maxMail)
	}
	return local + "@" + domain, nil
}

// cutMailto returns the address of a mailto: link, and s if it is none.
func cutMailto(s string) (string, error) {
	encoded, found := cutScheme(s, "mailto:")
	if !found {
		return s, nil
	}
	encoded, _, _ = strings.Cut(encoded, "?")
	if strings.HasPrefix(encoded, "//") {
		return "", fault.Invalid("address: mail: want the address right behind mailto:")
	}
	decoded, err := url.PathUnescape(encoded)
	if err != nil {
		return "", fault.InvalidBecause(err, "address: mail: want two hexadecimal digits behind each % of mailto:")
	}
	if !utf8.ValidString(decoded) {
		return "", fault.Invalid("address: mail: want UTF-8")
	}
	return trim(fold(decoded)), nil
}

// localPart returns the one spelling of what stands in front of the @.
func localPart(s string) (string, error) {
	for _, r := range s {
		// U+037E, U+1FEF and U+212A are ; ` and K by NFC. Nobody has them in an address.
		if r >= utf8.RuneSelf && norm.NFC.String(string(r))[0] < utf8.RuneSelf {
			return "", fault.Invalid("address: mail: want no look-alikes of ASCII in front of the @")
		}
	}
	s = lower(norm.NFC.String(s))
	s = norm.NFC.String(s) // a small letter may take a mark that its capital does not: H and U+0331
	switch {
	case s == "":
		return "", fault.Invalid("address: mail: want a name in front of the @")
	case len(s) > maxLocal:
		return "", fault.Invalid("address: mail: want at most %d bytes in front of the @", maxLocal)
	case strings.HasPrefix(s, "."), strings.HasSuffix(s, "."), strings.Contains(s, ".."):
		return "", fault.Invalid("address: mail: want single dots, and between other characters, in front of the @")
	}
	first := true
	for _, r := range s {
		if text := checkLocal(r, first); text != "" {
			return "", fault.Invalid("address: mail: %s", text)
		}
		first = r == '.'
	}
	return s, nil
}

// checkLocal returns what is wrong with a character of a local part; first tells that it begins a part between dots.
func checkLocal(r rune, first bool) string {
	switch {
	case blank(r):
		return "want no blanks and no invisible characters in front of the @"
	case r < utf8.RuneSelf:
		if !atext(byte(r)) {
			return "want no quotation marks, brackets, commas, colons or backslashes in front of the @"
		}
	case first && unicode.In(r, unicode.Ps, unicode.Pi, unicode.Pf):
		return "want quotation marks and brackets in pairs around the address"
	case first && unicode.Is(unicode.M, r):
		return "want a letter in front of each combining mark"
	case !unicode.IsPrint(r), r == utf8.RuneError: // unassigned and private characters may become anything
		return "want known characters in front of the @"
	case r == '\u3002', r == '\uff61', strings.ContainsAny(norm.NFKD.String(string(r)), " @.,:;<>()[]\\\""):
		// Programs that use NFKC, NFKD or IDNA on the whole address would read other parts.
		return "want no look-alikes of dots, @ and brackets in front of the @"
	}
	return ""
}

// lower makes small letters of ASCII's capitals. Unicode's folding makes one of two mailboxes (CVE-2019-19844).
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, s)
}
