package address

import (
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/seed-3f7b73d1/onetime/internal/fault"
)

// The digits of E.164: at most 15 (section 6.1). No country has numbers of fewer than 8 with its code.
const (
	minDigits = 8
	maxDigits = 15
	minBehind = 5 // digits behind a slash: an area code stands in front of it, no second number is behind it
)

// Phone returns the one spelling of a typed phone number, E.164: + and 8 to 15 digits, such as +15550100100 for
// 001 (555) 010-0100. It goes in again unchanged.
//
// What stands around the number goes, as in [Mail], and between the digits: blanks, dashes, dots, brackets of all kinds,
// one slash behind the area code, invisible characters. Digits of all scripts count. 00 in front is +. tel: in front
// goes, and what is percent-encoded behind it is decoded. (0) behind the country code goes, but for Italy, whose numbers
// keep it. Numbers without a country code are those of a table: see [National].
//
// All else is ErrInvalid of package onetime, and so are, by decision: letters, extensions and other parameters of tel:, a
// second number, line breaks, two signs. The error says what is wrong and holds nothing of the number. Whether a number
// is assigned, and who answers, is not looked at.
func Phone(typed string, opts ...Option) (string, error) {
	c, err := settings(opts)
	if err != nil {
		return "", err
	}
	if international(typed) {
		return typed, nil
	}
	text, err := legible("phone", typed)
	if err != nil {
		return "", err
	}
	if text, err = cutTel(text); err != nil {
		return "", err
	}
	n, err := scan(text)
	if err != nil {
		return "", err
	}
	if err := n.complete(c.national); err != nil {
		return "", err
	}
	phone := "+" + string(n.digits)
	if !international(phone) {
		return "", fault.Invalid("address: phone: want %d to %d digits, and none of the country code 0 in front", minDigits, maxDigits)
	}
	return phone, nil
}

// international reports whether s is E.164.
func international(s string) bool {
	if len(s) < 1+minDigits || len(s) > 1+maxDigits || s[0] != '+' || s[1] == '0' {
		return false
	}
	for i := 1; i < len(s); i++ {
		if s[i] < '0' || '9' < s[i] {
			return false
		}
	}
	return true
}

// cutTel returns the number of a tel: link, and s if it is none, without what stands around it. Brackets stay: scan has to
// see them.
func cutTel(s string) (string, error) {
	s = strings.TrimFunc(s, aroundNumber)
	encoded, found := cutScheme(s, "tel:")
	if !found {
		return s, nil
	}
	decoded, err := url.PathUnescape(encoded)
	if err != nil {
		return "", fault.InvalidBecause(err, "address: phone: want two hexadecimal digits behind each % of tel:")
	}
	if !utf8.ValidString(decoded) {
		return "", fault.Invalid("address: phone: want UTF-8")
	}
	return fold(decoded), nil
}

// aroundNumber reports whether r is a blank, a quotation mark, < or >, or punctuation.
func aroundNumber(r rune) bool {
	return blank(r) || unicode.In(r, unicode.Pi, unicode.Pf) || strings.ContainsRune("\"'`<>"+punctuation, r)
}

// A written number is what stands in a text.
type written struct {
	digits []byte
	plus   bool // the country code is there
	zero   int  // which digit is a single 0 in brackets, or -1
}

// scan reads the digits, and how they are written.
func scan(s string) (written, error) {
	n := written{zero: -1}
	opened, slash := -1, -1 // after how many digits
	for _, r := range s {
		digit, isDigit := digitOf(r)
		switch {
		case isDigit:
			n.digits = append(n.digits, digit)
		case r == '+' && !n.plus && len(n.digits) == 0:
			n.plus = true
		case unicode.Is(unicode.Ps, r):
			opened = len(n.digits)
		case unicode.Is(unicode.Pe, r):
			if opened >= 0 && opened == len(n.digits)-1 && n.digits[opened] == '0' {
				if n.zero >= 0 {
					return n, fault.Invalid("address: phone: want (0) once")
				}
				n.zero = opened
			}
			opened = -1
		case r == '/' && slash < 0:
			slash = len(n.digits)
		case between(r):
		case r == '+', r == '/':
			return n, fault.Invalid("address: phone: want one number, with + in front only")
		default:
			return n, fault.Invalid("address: phone: want the digits of one number, no letters, no extension")
		}
	}
	if slash >= 0 && len(n.digits)-slash < minBehind {
		return n, fault.Invalid("address: phone: want at least %d digits behind a slash", minBehind)
	}
	return n, nil
}

// between reports whether r may stand between digits: a blank that breaks no line, a dash or a dot.
func between(r rune) bool {
	if unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp) {
		return r == '\t'
	}
	return blank(r) || unicode.Is(unicode.Pd, r) || strings.ContainsRune(dashesAndDots, r)
}

// dashesAndDots are what Unicode does not count as dashes but keyboards offer as such, and dots of all heights.
const dashesAndDots = "\u2212\u02d7\u2043\u2500\u30fc\uff70" + ".\u00b7\u2022\u2024\u2027\u2219\u22c5\u30fb\uff65\u3002\uff61"

// digitOf returns the ASCII digit of a decimal digit of any script. Unicode has them in runs from 0 to 9.
func digitOf(r rune) (byte, bool) {
	if r < utf8.RuneSelf {
		return byte(r), '0' <= r && r <= '9'
	}
	for _, run := range unicode.Nd.R16 {
		if rune(run.Lo) <= r && r <= rune(run.Hi) {
			return '0' + byte((r-rune(run.Lo))%10), true
		}
	}
	for _, run := range unicode.Nd.R32 {
		if rune(run.Lo) <= r && r <= rune(run.Hi) {
			return '0' + byte((r-rune(run.Lo))%10), true
		}
	}
	return 0, false
}

// italy is the country code whose numbers keep the 0 in front.
const italy = "39"

// complete puts the country code in front of the digits, and takes (0) and the prefix of a national form out.
func (n *written) complete(national map[string]string) error {
	if !n.plus && strings.HasPrefix(string(n.digits), "00") {
		n.plus, n.digits, n.zero = true, n.digits[2:], max(n.zero-2, -1)
	}
	misplaced := n.zero > 0
	if n.plus {
		misplaced = n.zero == 0 || n.zero > 0 && n.zero != len(countryCode(string(n.digits)))
	}
	switch {
	case misplaced:
		return fault.Invalid("address: phone: want (0) right behind the country code")
	case !n.plus:
		return n.internationalize(national)
	case n.zero > 0 && string(n.digits[:n.zero]) != italy:
		n.digits = slices.Delete(n.digits, n.zero, n.zero+1)
	}
	return nil
}

// internationalize replaces the prefix of a national form by its country code.
func (n *written) internationalize(national map[string]string) error {
	digits, best, country := string(n.digits), -1, ""
	for prefix, of := range national {
		if len(prefix) > best && strings.HasPrefix(digits, prefix) {
			best, country = len(prefix), of
		}
	}
	if best < 0 {
		return fault.Invalid("address: phone: want + and the country code in front")
	}
	if country != italy || !strings.HasPrefix(digits, "0") {
		digits = digits[best:]
	}
	n.digits = []byte(country + digits)
	return nil
}

// countryCode returns the country code that a number without its + begins with, by the plan of E.164: one digit in
// zones 1 and 7, else two or three. It is empty where the digits are too few or begin with 0.
func countryCode(digits string) string {
	if digits == "" || digits[0] == '0' {
		return ""
	}
	length := 3
	switch {
	case digits[0] == '1', digits[0] == '7':
		length = 1
	case len(digits) >= 2 && strings.Contains(twoDigits, " "+digits[:2]+" "):
		length = 2
	}
	if len(digits) < length {
		return ""
	}
	return digits[:length]
}

// twoDigits are the country codes of two digits.
const twoDigits = " 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66" +
	" 81 82 84 86 90 91 92 93 94 95 98 "
