// Package code makes the codes that people type, and reads what they typed.
package code

import (
	"crypto/rand"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxLength is the most characters that a code has that is drawn. Those of package stateless have 13.
const MaxLength = 12

// maxTyped is how many bytes of a typed code are looked at: enough for a message that was pasted whole.
const maxTyped = 512

// An Alphabet is what codes are made of. The root package has the same values under the same names.
type Alphabet uint8

// Digits are 0 to 9. Crockford32 is Douglas Crockford's Base32.
const (
	Digits Alphabet = iota
	Crockford32
)

// Letters returns the letters of the alphabet in their order.
func (a Alphabet) Letters() string {
	if a == Crockford32 {
		return "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	}
	return "0123456789"
}

// Draw draws a code of n characters. Random bits that are no letter of the alphabet are thrown away: a remainder would
// prefer some.
func (a Alphabet) Draw(n int) string {
	letters := a.Letters()
	mask := byte(15)
	if len(letters) > 16 {
		mask = 31
	}
	var code [MaxLength]byte
	var bits [2 * MaxLength]byte
	for i := 0; i < n; {
		rand.Read(bits[:])
		for _, b := range bits {
			if b &= mask; int(b) < len(letters) && i < n {
				code[i] = letters[b]
				i++
			}
		}
	}
	return string(code[:n])
}

// Clean turns what a person typed, or pasted from a mail, into a code of n characters. It reports false where that is
// none, or could be more than one.
func (a Alphabet) Clean(typed string, n int) (string, bool) {
	if len(typed) > maxTyped || strings.ContainsFunc(typed, broken) {
		return "", false
	}
	if code, ok := a.cleanAlone(strings.TrimFunc(typed, around), n); ok {
		return code, true
	}
	return a.cleanSentence(typed, n)
}

// cleanAlone reads a code that nothing stands beside: white space, dashes and invisible characters may be in it.
func (a Alphabet) cleanAlone(typed string, n int) (string, bool) {
	code := make([]byte, 0, MaxLength)
	for _, r := range typed {
		if ignored(r) {
			continue
		}
		letter, ok := a.letter(r)
		if !ok || len(code) == n {
			return "", false
		}
		code = append(code, letter)
	}
	return string(code), len(code) == n
}

// cleanSentence reads a text that one code stands in, once or, as in a text message that browsers read, again: the only run
// of exactly n digits. In Crockford32 it is the only word of n letters that has a digit among them. What has no letters is no
// sentence, but digits that somebody mistyped.
func (a Alphabet) cleanSentence(typed string, n int) (string, bool) {
	if !strings.ContainsFunc(typed, unicode.IsLetter) {
		return "", false
	}
	apart := func(r rune) bool { return !unicode.IsDigit(r) }
	if a == Crockford32 {
		apart = func(r rune) bool { return !unicode.In(r, unicode.L, unicode.M, unicode.N) }
	}
	visible := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, typed)
	var found string
	for word := range strings.FieldsFuncSeq(visible, apart) {
		code, ok := a.cleanAlone(word, n)
		if !ok || !strings.ContainsFunc(word, unicode.IsDigit) {
			continue
		}
		if found != "" && found != code {
			return "", false
		}
		found = code
	}
	return found, found != ""
}

// broken reports whether no text has r: a control character that is no white space, or what is no UTF-8.
func broken(r rune) bool {
	return r == utf8.RuneError || unicode.IsControl(r) && !unicode.IsSpace(r)
}

// around reports whether r may stand at either end of a code: what is ignored in it, and punctuation of any script, where
// "<", ">" and the grave accent are used as such.
func around(r rune) bool { return ignored(r) || unicode.IsPunct(r) || r == '<' || r == '>' || r == '`' }

// ignored reports whether r is white space, a dash, or one of the invisible characters that come along with copied text.
func ignored(r rune) bool {
	return unicode.In(r, unicode.White_Space, unicode.Pd, unicode.Cf) || r == '\u2212'
}

// letter returns the letter of the alphabet that r stands for.
func (a Alphabet) letter(r rune) (byte, bool) {
	if 0xFF01 <= r && r <= 0xFF5E { // full-width forms of ASCII
		r -= 0xFF01 - '!'
	}
	if value, ok := Digit(r); ok {
		return '0' + value, true
	}
	if a != Crockford32 {
		return 0, false
	}
	if 'a' <= r && r <= 'z' {
		r -= 'a' - 'A'
	}
	switch {
	case r == 'O':
		return '0', true
	case r == 'I' || r == 'L':
		return '1', true
	case r < 'A' || r > 'Z' || r == 'U':
		return 0, false
	}
	return byte(r), true
}

// Digit returns the value of a decimal digit of any script. Unicode has them in runs of 0 to 9, alone or adjoining.
func Digit(r rune) (byte, bool) {
	if !unicode.IsDigit(r) {
		return 0, false
	}
	value := 0
	for unicode.IsDigit(r - 1) {
		r--
		value++
	}
	return byte(value % 10), true
}
