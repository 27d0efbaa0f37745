package code_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/internal/code"
)

func TestCleaning_Digits(t *testing.T) {
	for _, c := range []struct{ name, typed, want string }{ // want is empty if it cannot be a code
		{"as issued", "123456", "123456"},
		{"leading zeros", "000001", "000001"},
		{"space in the middle", "123 456", "123456"},
		{"spaces around", "  123456\t\r\n", "123456"},
		{"vertical tab and form feed", "123\v456\f", "123456"},
		{"spaced out", "1 2 3 4 5 6", "123456"},
		{"hyphen", "123-456", "123456"},
		{"soft hyphen", "123\u00ad456", "123456"},
		{"Unicode hyphen", "123\u2010456", "123456"},
		{"non-breaking hyphen", "123\u2011456", "123456"},
		{"figure dash", "123\u2012456", "123456"},
		{"en dash", "123\u2013456", "123456"},
		{"em dash", "123\u2014456", "123456"},
		{"minus sign", "123\u2212456", "123456"},
		{"full-width hyphen", "123\uff0d456", "123456"},
		{"no-break space", "123\u00a0456", "123456"},
		{"narrow no-break space", "123\u202f456", "123456"},
		{"figure space", "123\u2007456", "123456"},
		{"thin space", "123\u2009456", "123456"},
		{"ideographic space", "123\u3000456", "123456"},
		{"line separator", "123\u2028456", "123456"},
		{"next line", "123456\u0085", "123456"},
		{"zero-width space", "\u200b123\u200b456", "123456"},
		{"zero-width joiner", "1\u200d2\u200c3456", "123456"},
		{"word joiner", "123\u2060456", "123456"},
		{"byte order mark", "\ufeff123456", "123456"},
		{"marks of direction", "\u200e123456\u200f", "123456"},
		{"embeddings of direction", "\u202a123456\u202c", "123456"},
		{"isolates of direction", "\u2066123456\u2069", "123456"},
		{"full-width", "\uff11\uff12\uff13\uff14\uff15\uff16", "123456"},
		{"Arabic-Indic", "\u0661\u0662\u0663\u0664\u0665\u0666", "123456"},
		{"extended Arabic-Indic", "\u06f0\u06f1\u06f2\u06f7\u06f8\u06f9", "012789"},
		{"Devanagari", "\u0966\u0967\u0968\u096d\u096e\u096f", "012789"},
		{"Bengali", "\u09e6\u09e7\u09e8\u09ed\u09ee\u09ef", "012789"},
		{"Thai", "\u0e50\u0e51\u0e52\u0e57\u0e58\u0e59", "012789"},
		{"mathematical bold", "\U0001d7ce\U0001d7cf\U0001d7d0\U0001d7d5\U0001d7d6\U0001d7d7", "012789"},
		{"mathematical double-struck", "\U0001d7d8\U0001d7d9\U0001d7da\U0001d7df\U0001d7e0\U0001d7e1", "012789"},
		{"mathematical monospace", "\U0001d7f6\U0001d7f7\U0001d7f8\U0001d7fd\U0001d7fe\U0001d7ff", "012789"},
		{"segmented", "\U0001fbf0\U0001fbf1\U0001fbf2\U0001fbf7\U0001fbf8\U0001fbf9", "012789"},
		{"scripts mixed", "1\u0662\uff13\u096a\u09eb\U0001d7d4", "123456"},
		{"512 bytes", "123456" + strings.Repeat(" ", 506), "123456"},
		{"512 bytes, non-ASCII", strings.Repeat("\u3000", 168) + "  123456", "123456"},
		{"full stop behind", "012345.", "012345"},
		{"in brackets", "(012345)", "012345"},
		{"in angle brackets", "<012345>", "012345"},
		{"quotes", `"123456"`, "123456"},
		{"curly quotes", "\u201c123456\u201d", "123456"},
		{"low quotes", "\u201e123456\u201c", "123456"},
		{"guillemets", "\u00ab\u00a0123456\u00a0\u00bb", "123456"},
		{"corner brackets", "\u300c123456\u300d", "123456"},
		{"apostrophes", "'123456'", "123456"},
		{"grave accents", "`123456`", "123456"},
		{"bold as in Markdown", "**123456**", "123456"},
		{"underscores around", "_123456_", "123456"},
		{"ideographic full stop", "123456\u3002", "123456"},
		{"full-width full stop", "\uff11\uff12\uff13\uff14\uff15\uff16\uff0e", "123456"},
		{"danda", "123456\u0964", "123456"},
		{"Arabic full stop", "\u0661\u0662\u0663\u0664\u0665\u0666\u06d4", "123456"},
		{"Ethiopic full stop", "123456\u1362", "123456"},
		{"colon before, comma behind", ": 123-456, ", "123456"},

		{"513 bytes", "123456" + strings.Repeat(" ", 507), ""},
		{"513 bytes, fewer characters", strings.Repeat("\u3000", 169) + "123456", ""},
		{"empty", "", ""},
		{"only spaces and dashes", " - \u200b ", ""},
		{"too short", "12345", ""},
		{"too long", "1234567", ""},
		{"too long, spaced", "123 456 7", ""},
		{"a letter", "12345a", ""},
		{"O for 0", "12345O", ""},
		{"l for 1", "l23456", ""},
		{"full-width letter", "12345\uff21", ""},
		{"full stop", "123.456", ""},
		{"underscore", "123_456", ""},
		{"plus", "+12345", ""},
		{"plus before a code", "+123456", ""},
		{"apostrophe", "123'456", ""},
		{"seven, apart", "123456 7", ""},
		{"seven, with a dash", "123456-7", ""},
		{"seven, in brackets", "(1234567)", ""},
		{"punctuation alone", "...", ""},
		{"zero byte", "123456\x00", ""},
		{"zero byte in brackets", "(123456\x00)", ""},
		{"escape", "\x1b123456", ""},
		{"superscripts", "12345\u00b2", ""},
		{"circled digits", "12345\u2460", ""},
		{"Roman numerals", "12345\u2160", ""},
		{"vulgar fraction", "12345\u00bd", ""},
		{"Han numerals", "12345\u4e00", ""},
		{"combining mark", "123456\u0301", ""},
		{"keycap", "12345\ufe0f\u20e36", ""},
		{"replacement character", "123456\ufffd", ""},
		{"not UTF-8", "123456\xff", ""},
		{"half of a character", "123456\xe2\x80", ""},
	} {
		got, ok := code.Digits.Clean(c.typed, 6)
		if c.want == "" {
			require.False(t, ok, c.name)
			continue
		}
		require.True(t, ok, c.name)
		require.Equal(t, c.want, got, c.name)
	}
}

func TestCleaning_Crockford32(t *testing.T) {
	for _, c := range []struct{ name, typed, want string }{
		{"as issued", "0123456789AB", "0123456789AB"},
		{"all letters, first half", "CDEFGHJKMNPQ", "CDEFGHJKMNPQ"},
		{"all letters, second half", "RSTVWXYZ0000", "RSTVWXYZ0000"},
		{"lower case", "abcdefghjkmn", "ABCDEFGHJKMN"},
		{"lower case, second half", "pqrstvwxyz00", "PQRSTVWXYZ00"},
		{"look-alikes", "OoIiLl000000", "001111000000"},
		{"grouped", "ABCD-EFGH JKMN", "ABCDEFGHJKMN"},
		{"full-width", "\uff21\uff22\uff43\uff44ABCDEFGH", "ABCDABCDEFGH"},
		{"full-width look-alikes", "\uff2f\uff4f\uff29\uff49\uff2c\uff4cABCDEF", "001111ABCDEF"},
		{"digits of other scripts", "\u0661\u0662\uff13ABCDEFGHJ", "123ABCDEFGHJ"},

		{"U", "UBCDEFGHJKMN", ""},
		{"u", "uBCDEFGHJKMN", ""},
		{"full-width U", "\uff35BCDEFGHJKMN", ""},
		{"check symbols", "ABCDEFGHJKM*", ""},
		{"tilde", "ABCDEFGHJKM~", ""},
		{"before A", "ABCDEFGHJKM@", ""},
		{"after Z", "ABCDEFGHJKM[", ""},
		{"before a", "ABCDEFGHJKM`", ""},
		{"after z", "ABCDEFGHJKM{", ""},
		{"before 0", "ABCDEFGHJKM/", ""},
		{"after 9", "ABCDEFGHJKM:", ""},
		{"before full-width A", "ABCDEFGHJKM\uff20", ""},
		{"beyond full-width", "ABCDEFGHJKM\uff5f", ""},
		{"Kelvin sign", "\u212aBCDEFGHJKMN", ""},
		{"long s", "\u017fBCDEFGHJKMN", ""},
		{"dotless i", "\u0131BCDEFGHJKMN", ""},
		{"Cyrillic A", "\u0410BCDEFGHJKMN", ""},
		{"Greek O", "\u039fBCDEFGHJKMN", ""},
		{"umlaut", "ÄBCDEFGHJKMN", ""},
		{"too short", "ABCDEFGHJKM", ""},
		{"too long", "ABCDEFGHJKMNP", ""},
		{"full stop behind", "ABCDEFGHJKMN.", "ABCDEFGHJKMN"},
		{"in brackets", "(abcd-efgh-jkmn)", "ABCDEFGHJKMN"},
		{"grave accents", "`ABCDEFGHJKMN`", "ABCDEFGHJKMN"},
		{"512 bytes", "ABCDEFGHJKMN" + strings.Repeat(" ", 500), "ABCDEFGHJKMN"},
		{"513 bytes", "ABCDEFGHJKMN" + strings.Repeat(" ", 501), ""},
	} {
		got, ok := code.Crockford32.Clean(c.typed, 12)
		if c.want == "" {
			require.False(t, ok, c.name)
			continue
		}
		require.True(t, ok, c.name)
		require.Equal(t, c.want, got, c.name)
	}
}

// A sentence is understood where one code stands in it, and where there is a choice it is not.
func TestCleaning_Sentences(t *testing.T) {
	for _, c := range []struct {
		name     string
		alphabet code.Alphabet
		typed    string
		want     string
	}{
		{"as in a mail", code.Digits, "Your code is 012345.", "012345"},
		{"two lines, with the minutes", code.Digits, "Your code is 012345. It is good for 10 minutes.\nIgnore it if it was not you.", "012345"},
		{"as in a text message", code.Digits, "012345 is your code for Example.\n\n@example.com #012345", "012345"},
		{"without blanks", code.Digits, "\u8a8d\u8a3c\u30b3\u30fc\u30c9\u306f012345\u3067\u3059\u3002", "012345"},
		{"right to left", code.Digits, "\u200f\u0631\u0645\u0632\u0643 \u0660\u0661\u0662\u0663\u0664\u0665.", "012345"},
		{"invisible characters in the code", code.Digits, "Code: 012\u200b345", "012345"},
		{"a soft hyphen in the code", code.Digits, "Code: 012\u00ad345", "012345"},
		{"shorter and longer numbers beside it", code.Digits, "Code 012345, call 1234567 before 12:30 on 2026-11-29", "012345"},
		{"512 bytes", code.Digits, strings.Repeat("a", 506) + "012345", "012345"},
		{"513 bytes", code.Digits, strings.Repeat("a", 507) + "012345", ""},
		{"two codes", code.Digits, "Your code is 012345, not 543210.", ""},
		{"a longer number only", code.Digits, "Your code is 0123456.", ""},
		{"a shorter number only", code.Digits, "Your code is 01234.", ""},
		{"in two groups", code.Digits, "Your code is 012 345.", ""},
		{"no number", code.Digits, "Your code is a secret.", ""},
		{"zero byte", code.Digits, "Your code is 012345.\x00", ""},
		{"escape", code.Digits, "Your \x1b[1mcode\x1b[0m is 012345.", ""},
		{"delete", code.Digits, "Your code is 012345.\x7f", ""},
		{"a C1 control", code.Digits, "Your code is 012345.\u0080", ""},
		{"not UTF-8", code.Digits, "Your code is 012345.\xff", ""},

		{"letters", code.Crockford32, "Your code is 7K3M9Q.", "7K3M9Q"},
		{"lower case and look-alikes", code.Crockford32, "Your code is 7k3moi.", "7K3M01"},
		{"digits alone", code.Crockford32, "Your code is 012345.", "012345"},
		{"a word of the same length", code.Crockford32, "Please see 7K3M9Q.", "7K3M9Q"},
		{"only words", code.Crockford32, "Banana Orange!", ""},
		{"look-alikes are no digits", code.Crockford32, "Please use fooled.", ""},
		{"two words with digits", code.Crockford32, "7K3M9Q or ABCDE1", ""},
		{"part of a word", code.Crockford32, "Code: 7K3M9QA", ""},
		{"accents are letters", code.Crockford32, "Code: \u00c47K3M9Q", ""},
		{"and so are combining marks", code.Crockford32, "Code: 7K3M9Q\u0301", ""},
		{"U", code.Crockford32, "Your code is U7K3M9.", ""},
		{"zero byte", code.Crockford32, "Your code is 7K3M9Q.\x00", ""},
	} {
		got, ok := c.alphabet.Clean(c.typed, 6)
		require.Equal(t, c.want != "", ok, c.name)
		require.Equal(t, c.want, got, c.name)
	}
}

// Unicode keeps the digits of a script in ascending order without gaps (its stability policy): the place in the run
// tells the value.
func TestCleaning_EveryDecimalDigitHasItsValue(t *testing.T) {
	var runs [][2]rune
	add := func(lo, hi rune) {
		if last := len(runs) - 1; last >= 0 && runs[last][1]+1 == lo {
			runs[last][1] = hi
			return
		}
		runs = append(runs, [2]rune{lo, hi})
	}
	for _, r := range unicode.Nd.R16 {
		require.EqualValues(t, 1, r.Stride)
		add(rune(r.Lo), rune(r.Hi))
	}
	for _, r := range unicode.Nd.R32 {
		require.EqualValues(t, 1, r.Stride)
		add(rune(r.Lo), rune(r.Hi))
	}
	require.Greater(t, len(runs), 50)
	for _, run := range runs {
		require.Zero(t, (run[1]-run[0]+1)%10, "%U", run)
		for r := run[0]; r <= run[1]; r++ {
			value, ok := code.Digit(r)
			require.True(t, ok, "%U", r)
			require.EqualValues(t, (r-run[0])%10, value, "%U", r)
			got, ok := code.Digits.Clean(string(r)+"12345", 6)
			require.True(t, ok, "%U", r)
			require.Equal(t, string('0'+(r-run[0])%10)+"12345", got, "%U", r)
		}
		for _, r := range []rune{run[0] - 1, run[1] + 1} {
			_, ok := code.Digit(r)
			require.False(t, ok, "%U", r)
		}
	}
}

func TestDraw_HasTheLengthAndTheLettersOfTheAlphabet(t *testing.T) {
	for alphabet, letters := range map[code.Alphabet]string{code.Digits: "0123456789", code.Crockford32: "0123456789ABCDEFGHJKMNPQRSTVWXYZ"} {
		require.Equal(t, letters, alphabet.Letters())
		seen := map[rune]bool{}
		for n := 1; n <= code.MaxLength; n++ {
			for range 200 { // a letter of 32 is missing among 15600 with a chance of 1e-213
				drawn := alphabet.Draw(n)
				require.Len(t, drawn, n)
				for _, letter := range drawn {
					require.Contains(t, letters, string(letter))
					seen[letter] = true
				}
				cleaned, ok := alphabet.Clean(drawn, n)
				require.True(t, ok)
				require.Equal(t, drawn, cleaned)
			}
		}
		require.Len(t, seen, len(letters))
	}
}
