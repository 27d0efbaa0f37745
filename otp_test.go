package onetime_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
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
		{"64 bytes", "123456" + strings.Repeat(" ", 58), "123456"},
		{"64 bytes, non-ASCII", strings.Repeat("\u3000", 19) + " 123456", "123456"},

		{"65 bytes", "123456" + strings.Repeat(" ", 59), ""},
		{"65 bytes, fewer characters", strings.Repeat("\u3000", 19) + "  123456", ""},
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
		{"quotes", `"123456"`, ""},
		{"zero byte", "123456\x00", ""},
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
		got, ok := onetime.Clean(onetime.Digits, c.typed, 6)
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
		{"65 bytes", "ABCDEFGHJKMN" + strings.Repeat(" ", 53), ""},
	} {
		got, ok := onetime.Clean(onetime.Crockford32, c.typed, 12)
		if c.want == "" {
			require.False(t, ok, c.name)
			continue
		}
		require.True(t, ok, c.name)
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
			value, ok := onetime.Digit(r)
			require.True(t, ok, "%U", r)
			require.EqualValues(t, (r-run[0])%10, value, "%U", r)
			got, ok := onetime.Clean(onetime.Digits, string(r)+"12345", 6)
			require.True(t, ok, "%U", r)
			require.Equal(t, string('0'+(r-run[0])%10)+"12345", got, "%U", r)
		}
		for _, r := range []rune{run[0] - 1, run[1] + 1} {
			_, ok := onetime.Digit(r)
			require.False(t, ok, "%U", r)
		}
	}
}

func TestVerifyOTP_TakesWhatPeopleType(t *testing.T) {
	m, _ := onetimetest.New(t, onetime.WithAlphabet(onetime.Crockford32), onetime.WithCodeLength(8))
	otp, err := m.IssueOTP(t.Context(), "a")
	require.NoError(t, err)
	spelling := " " + strings.ToLower(otp.Code[:4]) + "\u2013\u200b" + strings.NewReplacer("0", "o", "1", "l").Replace(otp.Code[4:]) + "\u00a0\n"
	_, err = m.VerifyOTP(t.Context(), "a", spelling)
	require.NoError(t, err)
}

func TestVerifyOTP_MalformedCodeAsksNothingOfRedis(t *testing.T) {
	m := offline(t)
	for _, code := range []string{"", " ", "12345", "1234567", "abcdef", "12345\x00", "\xff", strings.Repeat("1", 65), strings.Repeat(" ", 59) + "123456",
		strings.Repeat("1", 1<<20)} {
		v, err := m.VerifyOTP(t.Context(), "alice@example.com", code)
		require.Equal(t, &onetime.DeniedError{Reason: onetime.ErrMalformed}, err)
		require.Equal(t, onetime.Verification{}, v)
	}
}

var alphabets = map[onetime.Alphabet]string{
	onetime.Digits:      "0123456789",
	onetime.Crockford32: "0123456789ABCDEFGHJKMNPQRSTVWXYZ",
}

func TestNewCode_HasTheLengthAndLettersOfThePolicy(t *testing.T) {
	for alphabet, letters := range alphabets {
		for n := 6; n <= 12; n++ {
			m := offline(t, onetime.WithAlphabet(alphabet), onetime.WithCodeLength(n))
			for range 100 {
				code := onetime.NewCode(m, "a", false)
				require.Len(t, code, n)
				require.Empty(t, strings.Trim(code, letters), code)
				clean, ok := onetime.Clean(alphabet, code, n)
				require.True(t, ok)
				require.Equal(t, code, clean)
			}
		}
	}
}

// Chi-square over all letters and over those of each place. The bound is that of seven standard deviations (Wilson and
// Hilferty): of all comparisons together good randomness fails once in 10^10 runs. A remainder of a byte, where six digits come up 26 times in
// 256 and four 25 times, is seen.
func TestNewCode_IsUniform(t *testing.T) {
	const draws, length = 50_000, 12
	for alphabet, letters := range alphabets {
		m := offline(t, onetime.WithAlphabet(alphabet), onetime.WithCodeLength(length))
		var places [length][256]int
		var total, pairs [256]int
		seen := make(map[string]bool, draws)
		for range draws {
			code := onetime.NewCode(m, "a", false)
			seen[code] = true
			for i := range length {
				places[i][code[i]]++
				total[code[i]]++
			}
			a, b := strings.IndexByte(letters, code[0]), strings.IndexByte(letters, code[1])
			pairs[(b-a+len(letters))%len(letters)]++
		}
		if alphabet == onetime.Crockford32 {
			require.GreaterOrEqual(t, len(seen), draws-1, "codes of 2^60 were drawn twice")
		}
		freedom := float64(len(letters) - 1)
		bound := freedom * math.Pow(1-2/(9*freedom)+7*math.Sqrt(2/(9*freedom)), 3)
		chi := func(counts [256]int, of string, n int) (sum float64) {
			expected := float64(n) / float64(len(of))
			for _, c := range []byte(of) {
				d := float64(counts[c]) - expected
				sum += d * d / expected
			}
			return sum
		}
		require.Less(t, chi(total, letters, draws*length), bound)
		for i := range places {
			require.Less(t, chi(places[i], letters, draws), bound, "place %d", i)
		}
		var steps []byte
		for i := range letters {
			steps = append(steps, byte(i))
		}
		require.Less(t, chi(pairs, string(steps), draws), bound, "from one letter to the next")
	}
}

func fixed(codes map[string]string, until time.Time) onetime.Option {
	return onetime.WithDangerouslyFixedCodes(codes, until)
}

func soon() time.Time { return time.Now().Add(time.Hour) }

func TestFixedCodes_AreIssuedChargedAndUsedOnce(t *testing.T) {
	ctx := t.Context()
	m, clock := onetimetest.New(t, fixed(map[string]string{" Reviewer@Example.com": "424 242", "+1": "111111"}, soon()))
	_, err := m.VerifyOTP(ctx, "reviewer@example.com", "424242")
	refused(t, err, onetime.ErrNotFound)

	for _, subject := range []string{"reviewer@example.com", "REVIEWER@example.com"} {
		otp, err := m.IssueOTP(ctx, subject)
		require.NoError(t, err)
		require.Equal(t, "424242", otp.Code)
		_, err = m.IssueOTP(ctx, subject)
		refused(t, err, onetime.ErrThrottled)
		_, err = m.VerifyOTP(ctx, subject, "424243")
		require.Equal(t, 4, refused(t, err, onetime.ErrMismatch).AttemptsLeft)

		v, err := m.VerifyOTP(ctx, subject, "424242")
		require.NoError(t, err)
		require.True(t, v.FixedCode)
		require.Equal(t, "reviewer@example.com", v.Subject)
		_, err = m.VerifyOTP(ctx, subject, "424242")
		refused(t, err, onetime.ErrUsed)
		clock.Advance(time.Minute)
	}

	otp, err := m.IssueOTP(ctx, "+1")
	require.NoError(t, err)
	require.Equal(t, "111111", otp.Code)
	_, err = m.VerifyOTP(ctx, "+1", "424242")
	refused(t, err, onetime.ErrMismatch)
}

func TestFixedCodes_OfALink(t *testing.T) {
	m, _ := onetimetest.New(t, onetime.WithLinkBase("https://example.com/"), fixed(map[string]string{"a": "424242"}, soon()))
	link, err := m.IssueLink(t.Context(), "a", onetime.WithCode())
	require.NoError(t, err)
	require.Equal(t, "424242", link.Code)
	v, err := m.VerifyToken(t.Context(), link.Token)
	require.NoError(t, err)
	require.False(t, v.FixedCode, "a token is never fixed")
	require.NoError(t, v.Undo(t.Context()))
	v, err = m.VerifyOTP(t.Context(), "a", link.Code)
	require.NoError(t, err)
	require.True(t, v.FixedCode)
}

func TestFixedCodes_OthersHaveRandomOnes(t *testing.T) {
	m, _ := onetimetest.New(t, fixed(map[string]string{"a": "424242424242"}, soon()), onetime.WithCodeLength(12))
	otp, err := m.IssueOTP(t.Context(), "b")
	require.NoError(t, err)
	require.NotEqual(t, "424242424242", otp.Code)
	v, err := m.VerifyOTP(t.Context(), "b", otp.Code)
	require.NoError(t, err)
	require.False(t, v.FixedCode)
}

func TestFixedCodes_NotForADecoy(t *testing.T) {
	m, _ := onetimetest.New(t, fixed(map[string]string{"a": "424242"}, soon()))
	otp, err := m.IssueOTP(t.Context(), "a", onetime.AsDecoy())
	require.NoError(t, err)
	require.Empty(t, otp.Code)
	_, err = m.VerifyOTP(t.Context(), "a", "424242")
	require.Equal(t, 4, refused(t, err, onetime.ErrMismatch).AttemptsLeft)
}

// In a bubble of synctest the local clock stands still until it is slept on.
func TestFixedCodes_RandomFromTheEndOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const code = "424242424242"
		m := offline(t, fixed(map[string]string{"a": code}, soon()), onetime.WithCodeLength(12))
		require.Equal(t, code, onetime.NewCode(m, "a", false))
		require.NotEqual(t, code, onetime.NewCode(m, "a", true), "a decoy")
		time.Sleep(time.Hour - 1)
		require.Equal(t, code, onetime.NewCode(m, "a", false))
		time.Sleep(time.Nanosecond)
		require.NotEqual(t, code, onetime.NewCode(m, "a", false))
	})
}

func TestFixedCodes_EndAtMost30DaysAhead(t *testing.T) {
	const month = 30 * 24 * time.Hour
	const want = "onetime: WithDangerouslyFixedCodes: want an end at most 720h0m0s ahead"
	synctest.Test(t, func(t *testing.T) {
		for until, want := range map[time.Time]string{
			time.Now().Add(month):          "",
			time.Now().Add(month + 1):      want,
			time.Now().AddDate(1000, 0, 0): want,
			time.Now():                     "",
			time.Now().Add(-1000 * month):  "",
			time.Now().Add(month).In(time.FixedZone("east", 14*3600)): "",
			{}: want,
		} {
			_, err := onetime.New(untouched{t: t}, onetimetest.Key, fixed(map[string]string{"a": "424242"}, until))
			if want == "" {
				require.NoError(t, err)
				continue
			}
			bad(t, err, want)
		}
	})
}

func TestFixedCodes_OverBeforeTheyBegan(t *testing.T) {
	m, _ := onetimetest.New(t, fixed(map[string]string{"a": "424242424242"}, time.Now().Add(-time.Hour)), onetime.WithCodeLength(12))
	otp, err := m.IssueOTP(t.Context(), "a")
	require.NoError(t, err)
	require.NotEqual(t, "424242424242", otp.Code)
	_, err = m.VerifyOTP(t.Context(), "a", "424242424242")
	refused(t, err, onetime.ErrMismatch)
	v, err := m.VerifyOTP(t.Context(), "a", otp.Code)
	require.NoError(t, err)
	require.False(t, v.FixedCode)
}

func TestFixedCodes_WrongOnesAreRefusedWithoutTellingThem(t *testing.T) {
	const subject, code = "alice@example.com", "424242"
	const codes = "onetime: WithDangerouslyFixedCodes: want codes of 6 characters of the alphabet"
	const key = "onetime: WithDangerouslyFixedCodes: a key is not a subject"
	cause := errors.New(subject)
	refuse := onetime.WithNormalizer(func(string) (string, error) { return "", cause })
	for name, c := range map[string]struct {
		opts []onetime.Option
		want string
	}{
		"none":              {[]onetime.Option{fixed(nil, soon())}, ""},
		"one":               {[]onetime.Option{fixed(map[string]string{subject: code}, soon())}, ""},
		"same code twice":   {[]onetime.Option{fixed(map[string]string{subject: code, "Alice@example.com": "424-242"}, soon())}, ""},
		"too long":          {[]onetime.Option{fixed(map[string]string{subject: code + "4"}, soon())}, codes},
		"too short":         {[]onetime.Option{fixed(map[string]string{subject: code[:5]}, soon())}, codes},
		"empty":             {[]onetime.Option{fixed(map[string]string{subject: ""}, soon())}, codes},
		"letters":           {[]onetime.Option{fixed(map[string]string{subject: "42424A"}, soon())}, codes},
		"other length":      {[]onetime.Option{fixed(map[string]string{subject: code}, soon()), onetime.WithCodeLength(7)}, strings.Replace(codes, "6", "7", 1)},
		"length set before": {[]onetime.Option{onetime.WithCodeLength(7), fixed(map[string]string{subject: code}, soon())}, strings.Replace(codes, "6", "7", 1)},
		"U":                 {[]onetime.Option{onetime.WithAlphabet(onetime.Crockford32), fixed(map[string]string{subject: "42424U"}, soon())}, codes},
		"after its end":     {[]onetime.Option{fixed(map[string]string{subject: "1"}, time.Now().Add(-time.Hour))}, codes},
		"two codes for one": {[]onetime.Option{fixed(map[string]string{subject: code, "Alice@example.com": "424243"}, soon())},
			"onetime: WithDangerouslyFixedCodes: two codes for one subject"},
		"no subject":     {[]onetime.Option{fixed(map[string]string{"": code}, soon())}, key},
		"not UTF-8":      {[]onetime.Option{fixed(map[string]string{subject + "\xff": code}, soon())}, key},
		"control":        {[]onetime.Option{fixed(map[string]string{subject + "\x00": code}, soon())}, key},
		"not normalised": {[]onetime.Option{fixed(map[string]string{subject: code}, soon()), refuse}, key},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := onetime.New(untouched{t: t}, onetimetest.Key, c.opts...)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			bad(t, err, c.want)
			text := fmt.Sprintf("%v %+v %s %q", err, err, err, err)
			require.NotContains(t, text, "alice")
			require.NotContains(t, text, "4242")
			if name == "not normalised" {
				require.ErrorIs(t, err, cause)
			}
		})
	}

	t.Run("Purpose with another length", func(t *testing.T) {
		m := offline(t, fixed(map[string]string{subject: code}, soon()))
		_, err := m.Purpose("default", onetime.WithCodeLength(7))
		bad(t, err, strings.Replace(codes, "6", "7", 1))
		login, err := m.Purpose("login", onetime.WithCodeLength(7), fixed(nil, soon()))
		require.NoError(t, err)
		require.Len(t, onetime.NewCode(login, subject, false), 7)
		require.Equal(t, code, onetime.NewCode(m, subject, false))
	})
}
