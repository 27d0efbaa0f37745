package address_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/address"
)

func TestRule16_25SpellingsAreOneMailbox(t *testing.T) {
	one(t, address.Mail, "alice@example.com", []string{
		"Alice@Example.COM",
		" \t\u00a0alice@example.com\u3000\r\n",
		"\x00alice@example.com\x7f",
		"\u200balice@example.com\u200b",
		"\ufeffalice@example.com",
		"\u200ealice@example.com\u200f",
		"\u202aalice@example.com\u202c",
		"\u202balice@example.com",
		"\u2068alice@example.com\u2069",
		"alice@example.com\u00ad",
		"\u2060alice@example.com\u2060",
		"alice@example.com\u200d",
		"alice@example.com\ufe0f",
		"\U000e0001alice@example.com\U000e0061",
		"\u3164alice@example.com\u2800",
		"ａｌｉｃｅ＠ｅｘａｍｐｌｅ．ｃｏｍ",
		"ＡＬＩＣＥ＠example。com",
		"<alice@example.com>",
		"＜alice@example.com＞",
		"< alice@example.com >,",
		"<alice@example.com",
		"mailto:alice@example.com",
		"<MAILTO:Alice@example.com>",
		"mailto:%20alice@example.com",
		"mailto: alice%40example.com?subject=Hi&cc=bob@example.com",
		"alice@example.com,",
		", alice@example.com",
		";alice@example.com;",
		": alice@example.com",
		"alice@example.com.",
		"alice@example.com;",
		"alice@example.com...",
		"alice@example.com。",
		"alice@example.com?!",
		`"alice@example.com"`,
		"'alice@example.com'",
		"`alice@example.com`.",
		"“alice@example.com”,",
		"„alice@example.com“",
		"«alice@example.com»",
		"「alice@example.com」",
		"(alice@example.com)",
		"[alice@example.com]",
		"({alice@example.com})",
		"（alice@example.com）",
		"Alice <alice@example.com>",
		`"Lee, Alice" <alice@example.com>;`,
		"'Alice Lee' <alice@example.com>",
		"愛麗絲 <alice@example.com>",
		"alice@example.com <alice@example.com>",
		`"Alice@Example.com" <alice@example.com>`,
		"alice@example.com<mailto:alice@example.com>",
		"alice@exampl\u24d4.com", // IDNA maps circled letters, as it does for mail servers
	})
}

func TestRule16_25SpellingsOfAnInternationalDomainAreOneMailbox(t *testing.T) {
	one(t, address.Mail, "ann@xn--bcher-kva.example", []string{
		"ann@bücher.example",
		"ann@BÜCHER.example",
		"ann@Bücher.Example",
		"ANN@BÜCHER.EXAMPLE",
		"ann@bu\u0308cher.example",
		"ann@BU\u0308CHER.example",
		"ann@bücher。example",
		"ann@bücher．example",
		"ann@bücher｡example",
		"ann@bücher.example.",
		"ann@bücher.example。",
		"ann@XN--BCHER-KVA.example",
		"ann@xn--bCHer-kVa.EXAMPLE",
		"ann@Xn--Bcher-Kva.example",
		"ann＠bücher．example",
		"ａｎｎ＠ｂüｃｈｅｒ．ｅｘａｍｐｌｅ",
		"ann＠ｘｎ－－ｂｃｈｅｒ－ｋｖａ．ｅｘａｍｐｌｅ",
		"\u2068ann@bücher.example\u2069",
		" ann@bücher.example\n",
		"<ann@bücher.example>",
		"mailto:ann@b%C3%BCcher.example",
		"mailto:ann@b%c3%bccher.example?body=x",
		"Ann <ann@bücher.example>",
		"ann@xn--bcher-kva.example <ann@bücher.example>",
		"“ann@bücher.example”",
		"ann@bücher.example,",
	})
}

func TestMail_LocalPartsAreNFCAndOnlyASCIIIsLowerCased(t *testing.T) {
	one(t, address.Mail, "jos\u00e9@example.com", []string{"jose\u0301@example.com", "JOSe\u0301@example.com", "JOS\u00e9@EXAMPLE.com"})
	one(t, address.Mail, "jos\u00c9@example.com", []string{"JOSE\u0301@example.com", "JOS\u00c9@example.com"})
	one(t, address.Mail, "\u1e96@example.com", []string{"h\u0331@example.com", "H\u0331@example.com"}) // has no capital of its own
	one(t, address.Mail, "\uac00@example.com", []string{"\u1100\u1161@example.com"})
	one(t, address.Mail, "\u03a9@example.com", []string{"\u2126@example.com"}) // Ohm
	one(t, address.Mail, "用户@example.com", nil)
	one(t, address.Mail, "a+b@example.com", []string{"mailto:A+b@example.com", "mailto:a%2Bb@example.com"})
	one(t, address.Mail, "a!#$%&'*+-/=?^_`{|}~.b@example.com", []string{"ａ！＃＄％＆＇＊＋－／＝？＾＿｀｛｜｝～．ｂ@example.com"})
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	one(t, address.Mail, letters+"@"+letters+".example", []string{strings.ToUpper(letters + "@" + letters + ".example")})
	one(t, address.Mail, "az@example.com", []string{"AZ@example.com", "Az@example.com", "aZ@example.com"})
	one(t, address.Mail, "a\u0316b.c\u0316@example.com", nil) // does not compose
}

func TestRule16_TwoMailboxesAreNeverOne(t *testing.T) {
	spelling := make(map[string]string)
	for _, typed := range []string{
		"kate@example.com", "sam@example.com", "in@example.com",
		"\u017fam@example.com", "\u0131n@example.com", "\u0130n@example.com", // CVE-2019-19844
		"\u0430nn@example.com", "ann@example.com", "ann@ex\u0430mple.com", // Cyrillic
		"ann+tag@example.com", "a.nn@example.com", "ann.@example.com", "ann-@example.com",
		"'ann@example.com", "`ann@example.com", "{ann@example.com", "'{ann@example.com", "''ann@example.com", "/ann@example.com",
		"ann%40example.com@example.org", "ann@example.com.example.org", "ann!example.com@example.org",
		"\U0001d41a\U0001d427\U0001d427@example.com", "\uff71@example.com", "\u30a2@example.com",
		"\u00df@example.com", "ss@example.com", "\u1e9e@example.com", "SS@example.org",
		"ann@fa\u00df.example", "ann@fass.example", "ann@\u03c3.example", "ann@\u03c2.example",
		"ann@\u0928\u092e\u0938\u094d\u200d\u0924\u0947.example", "ann@\u0928\u092e\u0938\u094d\u0924\u0947.example",
		"ann@example.co", "ann@example.c\u00f3m", "ann@sub.example.com", "ann@example-com.example",
		"jos\u00e9@example.com", "jos\u00c9@example.com", "jose@example.com",
		"(ann@example.org", "«ann@example.ch»", "‘'ann@example.net’", "'“ann@example.net", "\"'ann@example.se\"",
	} {
		got, err := address.Mail(typed)
		if err != nil {
			invalid(t, err, "want", typed)
			continue
		}
		require.Empty(t, spelling[got], "%+q", typed)
		spelling[got] = typed
	}
	for typed, want := range map[string]string{
		"'ann@example.com": "'ann@example.com", "''ann@example.com'": "'ann@example.com", "'ann@example.com)": "'ann@example.com",
		"{ann@example.com'": "{ann@example.com", "\"'ann@example.com\"": "'ann@example.com", "('ann@example.com')": "ann@example.com",
		"“'ann@example.com”": "'ann@example.com", "`ann@example.com'": "`ann@example.com", "\"'ann@example.com'": "ann@example.com", "<'ann@example.com>": "'ann@example.com", "?ann@example.com?": "?ann@example.com",
	} {
		got, err := address.Mail(typed)
		require.NoError(t, err, typed)
		require.Equal(t, want, got, typed)
	}
}

func TestMail_CapitalSharpSIsOneDomainWithEveryVersionOfUnicode(t *testing.T) {
	one(t, address.Mail, "ann@xn--grob-xna.example", []string{"ann@großb.example", "ann@GROẞB.example"})
}

func TestMail_JoinersStandWhereIDNALetsThem(t *testing.T) {
	one(t, address.Mail, "ann@xn--mgba3gch31f060k.example", []string{
		"ann@\u0646\u0627\u0645\u0647\u200c\u0627\u06cc.example", "\u200cann@\u0646\u0627\u0645\u0647\u200c\u0627\u06cc.example\u200c\u200d",
	})
	for _, typed := range []string{"ann@exam\u200dple.com", "ann@\u200cexample.com", "ann@example\u200d.com", "an\u200dn@example.com"} {
		_, err := address.Mail(typed)
		invalid(t, err, "want", typed)
	}
	// Behind a virama a joiner is part of the word.
	with, err := address.Mail("ann@\u0915\u094d\u200d", address.AllowLocal())
	require.NoError(t, err)
	without, err := address.Mail("ann@\u0915\u094d", address.AllowLocal())
	require.NoError(t, err)
	require.NotEqual(t, with, without)
	one(t, address.Mail, without, []string{"ann@\u0915\u094d\u200b", "ann@\u0915\u094d\u00a0"}, address.AllowLocal())
}

func TestMail_WhatIsNoDomainInALabelsIsNoneInULabels(t *testing.T) {
	for typed, label := range map[string]string{
		"ann@a\u2135.example":                               "ann@xn--a-0hc.example",
		"ann@a" + strings.Repeat("\u0316", 31) + ".example": "ann@xn--a-4cbaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa49p.example",
	} {
		for _, typed := range []string{typed, label} {
			_, err := address.Mail(typed)
			invalid(t, err, "want a domain that IDNA allows", typed)
		}
	}
}

func TestMail_Refused(t *testing.T) {
	label63, label64 := strings.Repeat("l", 63), strings.Repeat("l", 64)
	for want, all := range map[string][]string{
		"want one @": {
			"", "x", "not an address", "@@", "a@b@example.com", "ann＠b@example.com", "a@example.com,b@example.com", "a@example.com b@example.com",
			"ann\ufe6bexample.com", "ann%40example.com", "mailto:", "mailto:?to=ann@example.com", "mailto:ann%2540example.com",
			"[ann@example.com](mailto:ann@example.com)", "mailto:a@example.com,b@example.com", "<>", "\u200b", "Ann <>", "Ann <ann>",
		},
		"want no blanks and no invisible characters in front": {
			"an n@example.com", `"ann lee"@example.com`, "ann @example.com", "an\u200bn@example.com", "an\u00adn@example.com", "ann\u200d@example.com",
			"an\u202en@example.com",
			"an\u034fn@example.com", "an\ufe0fn@example.com", "an\U000e0061n@example.com", "an\u3164n@example.com", "an\u2800n@example.com",
			"an\x00n@example.com", "an\r\nn@example.com", "an\u0085n@example.com", "an\u3000n@example.com", "Ann ann@example.com",
			"mailto:an%00n@example.com", "mailto:an%E2%80%8Bn@example.com",
		},
		"want no blanks and no invisible characters behind": {
			"ann@exam ple.com", "ann@ example.com", "ann@exam\u200bple.com", "ann@exam\u00adple.com", "ann@exam\u2060ple.com", "ann@exam\ufe0fple.com",
			"ann@exam\u034fple.com", "ann@exam\x00ple.com", "ann@example.com\r\nBcc: bob", "ann@example.com (Ann)", "mailto:ann@example.com%0D%0ABcc:x",
			"ann@exam\U000e0061ple.com", "ann@\ufeffexample.com",
		},
		"want no quotation marks": {
			`"ann"@example.com`, `a"b"@example.com`, `a\b@example.com`, "a,b@example.com", "a:b@example.com", "a;b@example.com",
			"(x)ann@example.com", "ann(x)@example.com", "a[b]@example.com", "mailto:mailto:ann@example.com", "xmailto:ann@example.com",
			"＂ann＂@example.com",
		},
		"want no look-alikes of ASCII": {
			"\u212Aate@example.com", "a\u037eb@example.com", "\u1fefann@example.com", "\u212A\u0327@example.com", "mailto:%E2%84%AAate@example.com",
		},
		"want no look-alikes of dots": {
			"a\u3002b@example.com", "a\uff61b@example.com", "a\ufe6bb@example.com", "a\u2024b@example.com", "a\u2026b@example.com", "a\ufe52b@example.com",
			"a\u2474b@example.com", "a\u00b4b@example.com", "a\u226fb@example.com", "a>\u0338b@example.com",
		},
		"want known characters": {"a\ufffdb@example.com", "a\ue000b@example.com", "a\uffffb@example.com", "a\u0378b@example.com"},
		"want a letter in front of each combining mark": {
			"\u0301ann@example.com", "ann.\u0301b@example.com", "<\u0338ann@example.com>", "mailto:\u0301ann@example.com",
		},
		"want quotation marks and brackets in pairs": {"“ann@example.com", "«ann@example.com", "「ann@example.com"},
		"want a name in front of the @":              {"@example.com", "@", "mailto:@example.com"},
		"want at most 64 bytes in front of the @":    {strings.Repeat("a", 65) + "@example.com", strings.Repeat("\u00e9", 33) + "@example.com"},
		"want single dots":                           {".ann@example.com", "ann.@example.com", "a..b@example.com", "．ann@example.com"},
		"want a domain that IDNA allows": {
			"ann@exam_ple.com", "ann@-example.com", "ann@example-.com", "ann@ex--ample.com", "ann@xn--abc-.com", "ann@xn--a.com",
			"ann@xn--bcher-kvb.example", "ann@\u0301example.com", "ann@\u05d0a.com", "ann@\u0663.com", "ann@a\u2260b.com", "ann@a/b.com", "ann@a%b.com",
			"ann@example.com:25", "ann@a\u2488com", "ann@\ufdfa.com", "ann@a\U000e1234b.com", "ann@\u2100.com", "ann@a\ufe6b.com", "ann@a\u2024com",
			"ann@xn--a-ecp.com", "ann@example.com-", "ann@example.-com", "ann@xn--9999999999999.com", "ann@(x)example.com", "ann@exam'ple.com", "ann@exam\u037eple.com",
		},
		"want no empty part":         {"ann@example..com", "ann@.example.com", "ann@。example.com", "ann@a.。com", "ann@xn--.com"},
		"want a domain behind the @": {"ann@", "ann@.", "ann@,", "mailto:ann@?x"},
		"want at most 63 bytes":      {"ann@" + label64 + ".com", "ann@example." + label64, "ann@" + strings.Repeat("ü", 60) + ".com"},
		"want at most 254 bytes":     {"ann@" + strings.Repeat(label63+".", 3) + strings.Repeat("l", 59)},
		"want a domain that does not end in a number": {
			"ann@10.0.0.5", "ann@example.123", "ann@127.1", "ann@0x7f.0x1", "ann@example.0x", "ann@１２７．０．０．１", "ann@2130706433",
		},
		"want a public domain": {"root@localhost", "ann@app.localhost", "ann@APP.LOCALHOST.", "ann@mail",
			"ann@xn--bcher-kva", "ann@com."},
		"want a domain, not an address":  {"a@[10.0.0.5]", "a@[IPv6:::1]", "a@[x]", "a@［10.0.0.5］"},
		"want one address, and no other": {"ann@example.com <eve@example.org>", "eve@ <ann@example.com>", `"@" <ann@example.com>`},
		"want a name on one line, and <address> behind it": {"Ann\r\nBcc: x <ann@example.com>", "Ann <ann@example.com", "a<b@example.com",
			"a<b>@example.com", "Ann <ann@example.com> x", "Ann\x00 <ann@example.com>", "Ann\u2028 <ann@example.com>"},
		"want the address right behind":    {"mailto://ann@example.com"},
		"want two hexadecimal digits":      {"mailto:100%@example.com", "mailto:an%4xn@example.com"},
		"want UTF-8":                       {"ann\xff@example.com", "\xc0\x80ann@example.com", "mailto:an%ffn@example.com"},
		"want at most 1024 bytes as typed": {strings.Repeat(" ", 1024) + "ann@example.com"},
	} {
		for _, typed := range all {
			got, err := address.Mail(typed)
			require.Error(t, err, "%+q gave %+q", typed, got)
			require.Empty(t, got)
			invalid(t, err, want, typed)
		}
	}
}

func TestMail_Limits(t *testing.T) {
	local, label := strings.Repeat("a", 64), strings.Repeat("l", 63)
	longest := local + "@" + label + "." + label + "." + strings.Repeat("l", 61)
	require.Len(t, longest, 254)
	one(t, address.Mail, longest, []string{strings.ToUpper(longest), strings.Repeat(" ", 1024-254) + longest})
	one(t, address.Mail, "a@b.c", nil)
	_, err := address.Mail(longest + "l")
	invalid(t, err, "want at most 254 bytes", longest+"l")
}

func TestAllowLocal_LetsLocalDomainsAndLiteralsIn(t *testing.T) {
	local := address.AllowLocal()
	one(t, address.Mail, "root@localhost", []string{"Root@LOCALHOST.", "<root@localhost>", "ｒｏｏｔ＠ｌｏｃａｌｈｏｓｔ"}, local)
	one(t, address.Mail, "ann@app.localhost", nil, local)
	one(t, address.Mail, "ann@xn--bcher-kva", []string{"ann@BÜCHER"}, local)
	one(t, address.Mail, "a@[10.0.0.5]", []string{"A@[10.0.0.5].", "<a@[10.0.0.5]>", "(a@［10.0.0.5］)", "mailto:a@%5B10.0.0.5%5D"}, local)
	one(t, address.Mail, "a@[IPv6:2001:db8::5]", []string{"a@[ipv6:2001:DB8:0:0:0:0:0:5]", "'a@[IPV6:2001:0db8::0005]'"}, local)
	one(t, address.Mail, "ann@example.com", []string{"[ann@example.com]"}, local)
	for _, typed := range []string{"a@[10.0.0.5", "a@[10.0.0]", "a@[010.0.0.5]", "a@[::1]", "a@[IPv6:10.0.0.5]", "a@[IPv6:fe80::1%eth0]",
		"a@[x:y]", "a@[]", "a@[10.0.0.5]x", "a@[[10.0.0.5]]"} {
		_, err := address.Mail(typed, local)
		invalid(t, err, "want [IPv4] or [IPv6:…]", typed)
	}
	for _, typed := range []string{"a@10.0.0.5", "a@127", "a@", "a@exam ple", "a@-", "a@.."} {
		_, err := address.Mail(typed, local)
		invalid(t, err, "want", typed)
	}
}

func TestMail_TheUsualSpellingTakesNoMemory(t *testing.T) {
	for _, typed := range []string{"alice@example.com", "a.n-n+tag_1@mail.example-1.co.uk"} {
		require.Zero(t, testing.AllocsPerRun(100, func() {
			if _, err := address.Mail(typed); err != nil {
				t.Fatal(err)
			}
		}))
	}
}
