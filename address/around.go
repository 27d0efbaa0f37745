package address

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxTyped bounds what is looked at: the longest address in NFD, percent-encoded or with a name in front.
const maxTyped = 1024

const (
	zwnj = '\u200c'
	zwj  = '\u200d'
)

// blank reports whether r shows nothing: white space, control and format characters, fillers, variation selectors.
func blank(r rune) bool {
	if r < utf8.RuneSelf {
		return r <= ' ' || r == 0x7f
	}
	return r == '\u2800' || // the empty pattern of Braille
		unicode.In(r, unicode.Cc, unicode.Cf, unicode.Z, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// punctuation is what ends a sentence or a list item. No address ends in it.
const punctuation = ",.;:!?\u2026\u3001\u3002\uff61\u060c\u061b\u061f\u0964"

// closes reports whether r ends a quotation or a bracket.
func closes(r rune) bool {
	return unicode.In(r, unicode.Pe, unicode.Pi, unicode.Pf) || strings.ContainsRune("\"'`", r)
}

// opens reports whether r begins a quotation or a bracket. Some languages begin with the mark by which others end.
func opens(r rune) bool {
	return unicode.In(r, unicode.Ps, unicode.Pi, unicode.Pf) || strings.ContainsRune("\"'`", r)
}

// fold makes ASCII of full-width forms, which keyboards for Chinese, Japanese and Korean type.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case '\uff01' <= r && r <= '\uff5e':
			return r - '\uff01' + '!'
		case r == '\u3000':
			return ' '
		}
		return r
	}, s)
}

// trim returns s without what people and programs put around an address. What may begin a local part (' ` { and what
// is not ASCII) goes only where its other half stood at the end, where no address has it: 'ann@example.com' is quoted,
// but 'ann@example.com is another mailbox.
func trim(s string) string {
	var closed string // the closing marks that went
	for {
		before := len(s)
		s = trimBlanks(s)
		if last, n := utf8.DecodeLastRuneInString(s); strings.ContainsRune(punctuation, last) {
			s = s[:len(s)-n]
		} else if closes(last) && (last != ']' || strings.LastIndexByte(s, '[') < 1) { // that of a literal stays
			s, closed = s[:len(s)-n], closed+string(last)
		}
		if first, n := utf8.DecodeRuneInString(s); opens(first) {
			at := half(first, closed)
			if at >= 0 {
				_, width := utf8.DecodeRuneInString(closed[at:])
				closed = closed[:at] + closed[at+width:]
			}
			if at >= 0 || strings.ContainsRune("\"([", first) {
				s = s[n:]
			}
		} else if s != "" && strings.ContainsRune(",;:", first) {
			s = s[n:]
		}
		if len(s) == before {
			return s
		}
	}
}

// half returns where in closed the other half of an opening mark is, or -1.
func half(open rune, closed string) int {
	switch open {
	case '"', '\'', '`':
		return strings.IndexRune(closed, open)
	case '(':
		return strings.IndexByte(closed, ')')
	case '[':
		return strings.IndexByte(closed, ']')
	case '{':
		return strings.IndexByte(closed, '}')
	}
	if closed == "" {
		return -1
	}
	return 0 // „“ ‚‘ «» »« 「」: any that closes
}

// trimBlanks returns s without blanks at both ends. A joiner behind a combining mark stays: there it is part of a word
// (RFC 5892, appendix A), and IDNA judges it.
func trimBlanks(s string) string {
	s = strings.TrimLeftFunc(s, blank)
	for s != "" {
		last, n := utf8.DecodeLastRuneInString(s)
		if !blank(last) {
			break
		}
		if last == zwj || last == zwnj {
			if behind, _ := utf8.DecodeLastRuneInString(s[:len(s)-n]); unicode.Is(unicode.M, behind) && !blank(behind) {
				break
			}
		}
		s = s[:len(s)-n]
	}
	return s
}

// cutScheme returns s without a scheme such as mailto: in front, and whether it was there.
func cutScheme(s, scheme string) (string, bool) {
	if len(s) < len(scheme) || !strings.EqualFold(s[:len(scheme)], scheme) {
		return s, false
	}
	return s[len(scheme):], true
}
