package address_test

import (
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/unicode/runenames"

	"github.com/seed-3f7b73d1/onetime/address"
)

// What people and programs type. Run one with go test -run xxx -fuzz '^FuzzMail$' -fuzztime 60s ./address .

var mailSeeds = []string{
	"alice@example.com", " Alice@Example.COM,", "<alice@example.com>", "mailto:a%40example.com?subject=x", "Ann <ann@example.com>",
	`"Lee, Ann" <ann@example.com>`, "ann@example.com <ann@example.com>", "ann@bücher.example", "ann@BU\u0308CHER。example", "ann@xn--bcher-kva.example",
	"ａｎｎ＠ｅｘａｍｐｌｅ．ｃｏｍ", "a@[10.0.0.5]", "a@[IPv6:::1]", "root@localhost", "\u212Aate@example.com", "H\u0331@example.com", "'ann@example.com'",
	"'ann@example.com", "ann@☃.1.example", "ann@1.xn--n3h.example", "ann@faß.example", "ann@GROẞ.example",
	"ann@\u0646\u0627\u0645\u0647\u200c\u0627\u06cc.example",
	"ann@\u0915\u094d\u200d", "\u202aann@example.com\u202c", "ann@exam\u00adple.com", "ann@\u05d0\u05d1.example", "ann@a.\u05d01", "ann@xn--abc-.com",
	"a\u0316\u0301\u0327@example.com", "ann@10.0.0.5", `"ann lee"@example.com`, "ann(x)@example.com", "=?utf-8?q?a?= <ann@example.com>",
	"ann@a\u0327\u0301b.example", "\u1100\u1161\u11a8@\u1100\u1161.example", "ann@example.com»", "ann@\u2f868.example", "ann@a\u00b7.example",
}

// mailboxOf is what RFC 5322, as package net/mail reads it, and IDNA say of a text that is an address without a quoted
// local part. Two texts are one mailbox if and only if it gives the same for both.
func mailboxOf(typed string) (string, bool) {
	read, err := mail.ParseAddress(typed)
	if err != nil || strings.Count(read.Address, "@") != 1 || strings.HasSuffix(read.Address, "]") {
		return "", false
	}
	local, domain, _ := strings.Cut(read.Address, "@")
	if last, _ := utf8.DecodeLastRuneInString(domain); !unicode.In(last, unicode.L, unicode.M, unicode.N) {
		return "", false // punctuation behind the address, which net/mail takes for a part of it
	}
	first, _ := utf8.DecodeRuneInString(local)
	if !unicode.IsPrint(first) || first == '\u2800' || unicode.In(first, unicode.M, unicode.Other_Default_Ignorable_Code_Point) {
		return "", false // invisible in front of the address, which net/mail takes for a part of it
	}
	if strings.ContainsFunc(read.Address, fullWidth) {
		return "", false // these are ASCII here
	}
	ascii, err := idna.Lookup.ToASCII(strings.ReplaceAll(domain, "\u1e9e", "\u00df"))
	if err != nil {
		return "", false
	}
	local = norm.NFC.String(local)
	for capital := 'A'; capital <= 'Z'; capital++ {
		local = strings.ReplaceAll(local, string(capital), strings.ToLower(string(capital)))
	}
	return norm.NFC.String(local) + "@" + ascii, true
}

func fullWidth(r rune) bool { return '\uff01' <= r && r <= '\uff5e' }

func FuzzMail(f *testing.F) {
	known := 0
	for _, typed := range mailSeeds {
		f.Add(typed, true)
		f.Add(typed, false)
		if _, ok := mailboxOf(typed); ok {
			known++
		}
	}
	require.Greater(f, known, 15, "mailboxOf judges")
	f.Fuzz(func(t *testing.T, typed string, local bool) {
		var opts []address.Option
		if local {
			opts = append(opts, address.AllowLocal())
		}
		got, err := address.Mail(typed, opts...)
		if err != nil {
			require.Empty(t, got)
			invalid(t, err, "want", "")
			return
		}
		again, err := address.Mail(got, opts...)
		require.NoError(t, err, "%+q became %+q", typed, got)
		require.Equal(t, got, again, "normalised is normalised")
		around, err := address.Mail("\u200b"+got, opts...) // never on the fast path
		require.NoError(t, err, "%+q", got)
		require.Equal(t, got, around)
		if want, ok := mailboxOf(typed); ok {
			require.Equal(t, want, got, "another mailbox")
		}

		name, domain, _ := strings.Cut(got, "@")
		require.Equal(t, 1, strings.Count(got, "@"))
		require.LessOrEqual(t, len(name), 64)
		require.LessOrEqual(t, len(got), 254)
		require.True(t, norm.NFC.IsNormalString(got))
		if strings.HasPrefix(domain, "[") {
			require.True(t, local)
			return
		}
		require.Regexp(t, `^[a-z0-9-]+(\.[a-z0-9-]+)*$`, domain)
		require.True(t, local || strings.Contains(domain, "."))
		read, err := mail.ParseAddress(got)
		require.NoError(t, err)
		require.Equal(t, got, read.Address)
		if shown, err := idna.Lookup.ToUnicode(domain); err == nil {
			if other, err := address.Mail(name+"@"+shown, opts...); err == nil {
				require.Equal(t, got, other, "the U-label is another mailbox")
			}
		}
	})
}

// named returns the digit that Unicode's name of a character tells: ARABIC-INDIC DIGIT THREE.
func named(t *testing.T, r rune) string {
	words := strings.FieldsFunc(runenames.Name(r), func(r rune) bool { return r == ' ' || r == '-' })
	values := strings.Fields("ZERO ONE TWO THREE FOUR FIVE SIX SEVEN EIGHT NINE")
	at := slices.Index(values, words[len(words)-1])
	require.GreaterOrEqual(t, at, 0, "%U", r)
	return string(rune('0' + at))
}

var (
	bracketedZero = regexp.MustCompile(`\p{Ps}[^0-9]*0[^0-9]*\p{Pe}`)
	phoneSeeds    = []string{
		"+15550100100", "0015550100100", "+1 (0)555 0100100", "tel:+15550100100", "＋１５５５０１００１００", "+1\u2011555\u202f010\u20090100", "030 5550100",
		"(0)30 5550100", "+39 (0)6 5550100", "+49 30/5550100", "+49 30 5550100/01", "tel:%2B15550100100", "<tel:+15550100100>", "+1 555 0100100 x12",
		"++15550100100", "+0305550100", "(0)049305550100", "+\u0661\u0665\u0665\u0665\u0660\u0661\u0660\u0660\u0661\u0660\u0660", "+353 (0)1 5550 1001",
		"+49 (0)(0)30 5550100", "+\U0001d7cf5550100100", "49 (0)30 5550100",
	}
)

func FuzzPhone(f *testing.F) {
	for _, typed := range phoneSeeds {
		f.Add(typed, true)
		f.Add(typed, false)
	}
	f.Fuzz(func(t *testing.T, typed string, national bool) {
		var opts []address.Option
		if national {
			opts = append(opts, germany)
		}
		got, err := address.Phone(typed, opts...)
		if err != nil {
			require.Empty(t, got)
			invalid(t, err, "want", "")
			return
		}
		require.Regexp(t, `^\+[1-9][0-9]{7,14}$`, got)
		again, err := address.Phone(got)
		require.NoError(t, err)
		require.Equal(t, got, again, "normalised is normalised")
		if strings.Contains(typed, "%") {
			return // percent-encoded
		}

		// The digits are those that were typed, all and in order, but for what stands for + and (0).
		var digits strings.Builder
		text := strings.Map(func(r rune) rune {
			if unicode.Is(unicode.Nd, r) {
				digit := named(t, r)
				digits.WriteString(digit)
				return rune(digit[0])
			}
			return r
		}, typed)
		want := digits.String()
		plus := strings.ContainsAny(typed, "+＋")
		if !plus && strings.HasPrefix(want, "00") {
			plus, want = true, want[2:]
		}
		switch {
		case plus && want != got[1:]:
			require.Regexp(t, bracketedZero, text)
			at := 0
			for at < len(want) && at < len(got)-1 && want[at] == got[1+at] {
				at++
			}
			at = min(at, 3)
			for want[at] != '0' {
				at--
			}
			require.Equal(t, got[1:], want[:at]+want[at+1:], "another number")
		case !plus:
			require.True(t, national)
			require.Equal(t, got, "+49"+strings.TrimPrefix(want, "0"), "another number")
		}
	})
}
