package address_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/address"
)

func TestRule16_25SpellingsAreOneNumber(t *testing.T) {
	one(t, address.Phone, "+15550100100", []string{
		"0015550100100",
		"00 1 555 0100100",
		"+1 (0)555 0100100",
		"+1 ( 0 ) 555 0100100",
		"001 (0) 555 0100100",
		"tel:+15550100100",
		"TEL:+1-555-010-0100",
		"<tel:+15550100100>",
		"tel:%2B1%20555%200100100",
		"+1 555 010 0100",
		"+1-555-010-0100",
		"+1.555.010.0100",
		"+1 555/0100100",
		"+1 (555) 010-0100",
		"(+1) 555 0100100",
		"0 (0) 1 555 0100100",
		"+)1 555 0100100",
		"+1 (0))555 0100100",
		"+1 [555] {010} 【0100】",
		"+ 1 555 0100100",
		"+1\u2011555\u2011010\u20110100",
		"+1\u2013555\u20130100100",
		"+1\u2014555\u22120100100",
		"+1\u202f555\u202f0100100",
		"+1\u2009555\u20090100100",
		"+1\u00a0555\u00a00100100",
		"+1\u3000555\u30fc0100100",
		"+1\t555\t0100100",
		"+1\u00b7555\u30fb0100100",
		"\u202a+15550100100\u202c",
		"\u2066+1 555\u200b010\u00ad0100\u2069",
		"\ufeff+15550100100\r\n",
		"＋１５５５０１００１００",
		"００１－（５５５）０１００１００",
		"+\u0661\u0665\u0665\u0665\u0660\u0661\u0660\u0660\u0661\u0660\u0660", // Arabic-Indic
		"+\u06f1\u06f5\u06f5\u06f5\u06f0\u06f1\u06f0\u06f0\u06f1\u06f0\u06f0", // Persian
		"+\u0967\u096b\u096b\u096b 0100100",                                   // Devanagari
		"+\U0001d7cf\U0001d7d3\U0001d7d3\U0001d7d3 0100100",                   // mathematical
		"“+1 555 0100100”,",
		"'+1 555 0100100'.",
		"'+15550100100", // as spreadsheets keep it
		"(+1 555 0100100)",
	})
}

func TestPhone_Limits(t *testing.T) {
	one(t, address.Phone, "+12345678", []string{"0012345678"})
	one(t, address.Phone, "+123456789012345", []string{"00 123456789012345"})
	one(t, address.Phone, "+493055501", []string{"+49 30/55501"})
	_, err := address.Phone("-", italy, address.National(map[string]string{"": "39"}))
	invalid(t, err, "want 8 to 15 digits", "-")
}

func TestPhone_ItalyKeepsItsZeroAndOthersDoNot(t *testing.T) {
	one(t, address.Phone, "+39065550100", []string{"+39 06 5550100", "+39 (0)6 5550100", "0039 (0) 6 5550100"})
	one(t, address.Phone, "+39065550100", []string{"06 5550100", "(06) 5550100", "(0)65550100"}, italy)
	one(t, address.Phone, "+393335550100", []string{"333 555 0100"}, italy)
	one(t, address.Phone, "+49305550100", []string{"+49 (0)30 5550100", "0049(0)305550100"})
	one(t, address.Phone, "+3780549555010", []string{"+378 (0549) 555010"}) // San Marino: no (0)
	one(t, address.Phone, "+353155501001", []string{"+353 (0)1 5550 1001"})
	one(t, address.Phone, "+74955550100", []string{"+7 (0)495 5550100"})
}

func TestNational_MakesNumbersOfTheTableInternational(t *testing.T) {
	one(t, address.Phone, "+49305550100", []string{
		"030 5550100", "(030) 555 01 00", "030/5550100", "(0)30 5550100", "0 30 5550100", "０３０ー５５５０１００", "tel:030-5550100", "0049 30 5550100",
	}, germany)
	one(t, address.Phone, "+15550100100", []string{"555 010 0100", "1 555 010 0100", "(555) 010-0100"}, northAmerica)
	one(t, address.Phone, "+36155501001", []string{"06 1 555 01001"}, address.National(map[string]string{"06": "36", "0": "49"})) // the longest prefix
	one(t, address.Phone, "+74955550100", []string{"8 495 555-01-00"}, address.National(map[string]string{"8": "7"}))
	one(t, address.Phone, "+2250755501001", []string{"07 55501001"}, address.National(map[string]string{"": "225"})) // no trunk prefix there
	_, err := address.Phone("555 010 0100", germany)
	invalid(t, err, "want + and the country code", "555 010 0100")
	_, err = address.Phone("030 5550100", germany, address.National(nil))
	invalid(t, err, "want + and the country code", "030 5550100")
}

func TestNational_BadTables(t *testing.T) {
	for want, table := range map[string]map[string]string{
		`address: National("00"): want a prefix of digits, not 00`:         {"00": "49"},
		`address: National("+"): want a prefix of digits, not 00`:          {"+": "49", "0": "49"},
		`address: National("0": "+49"): want a country code such as 49`:    {"0": "+49"},
		`address: National("0": ""): want a country code such as 49`:       {"0": ""},
		`address: National("0": "049"): want a country code such as 49`:    {"0": "049"},
		`address: National("0": "4930"): want a country code such as 49`:   {"0": "4930"},
		`address: National("0": "35"): want a country code such as 49`:     {"0": "35"},
		`address: National("0": "\u0661"): want a country code such as 49`: {"0": "\u0661"},
		`address: National("\u0660"): want a prefix of digits, not 00`:     {"\u0660": "49"},
	} {
		national := address.National(table)
		_, err := address.Phone("+15550100100", national)
		invalid(t, err, "want", "+15550100100")
		require.ErrorContains(t, err, strings.ReplaceAll(strings.ReplaceAll(want, `\u0661`, "\u0661"), `\u0660`, "\u0660"))
		_, err = address.Mail("ann@example.com", national)
		invalid(t, err, "National", "ann@example.com")
		_, err = address.Parse("ann@example.com", national)
		invalid(t, err, "National", "ann@example.com")
	}
}

func TestNational_CopiesTheTable(t *testing.T) {
	table := map[string]string{"0": "49"}
	national := address.National(table)
	table["0"] = "43"
	one(t, address.Phone, "+49305550100", []string{"030 5550100"}, national, address.Option{})
}

func TestPhone_Refused(t *testing.T) {
	for want, all := range map[string][]string{
		"want the digits of one number": {
			"x", "+1 555 0100100 x12", "+1 555 0100100 ext. 12", "+15550100100;ext=12", "tel:+15550100100;ext=12", "tel:+15550100100;phone-context=example.com",
			"tel:030-5550100;phone-context=+49", "1-800-FLOWERS", "+1 555 0100100#12", "+15550100100,12", "+15550100100*12", "+1 555\n0100100",
			"+1 555 0100100\r\n+1 555 0100101", "+1 555 \u20280100100", "Tel.: +15550100100", "sms:+15550100100", "+1555\u00b20100100", "+1555\u24610100100",
			"+一五五五0100100", "+1\ufe0f\u20e3 5550100100", "ann@example.com", "+1\x00555 0100100", "+15550100100 or 0101", "+1<555>0100100", "tel:tel:+15550100100",
			"+1\u03055550100100", "tel:", "tel:+1%0A5550100100", "+1%20555%200100100",
		},
		"want one number, with + in front only": {"++15550100100", "+1+5550100100", "15550100100+", "+1 555 0100100 +1 555 0100101", "00+15550100100",
			"+1/555/0100100", "//+15550100100"},
		"want + and the country code": {"", "5550100100", "0305550100", "15550100100", "(", "\u200b", "tel:030-5550100"},
		"want 8 to 15 digits": {
			"+", "+1234567", "+1234567890123456", "+0305550100", "+0015550100100", "00015550100100", "+1 (0) 555010",
			"00", "+00" + strings.Repeat("1", 900),
		},
		"want (0) right behind": {"+4 (0)95550100", "+493 (0)05550100", "+1 555 (0)100100", "+15550100100 (0)", "49 (0)30 5550100",
			"+(0)495550100", "001 555(0)100100"},
		"want (0) once":                         {"+49 (0)(0)30 5550100", "(0)(0)305550100"},
		"want at least 5 digits behind a slash": {"+49 30 5550100/01", "+49 30 5550100/", "/+49"},
		"want two hexadecimal digits":           {"tel:+1%5", "tel:%zz5550100"},
		"want UTF-8":                            {"+1555\xff0100100", "tel:+1%ff5550100100"},
		"want at most 1024 bytes as typed":      {"+1" + strings.Repeat(" ", 1024) + "5550100100"},
	} {
		for _, typed := range all {
			got, err := address.Phone(typed)
			require.Error(t, err, "%+q gave %+q", typed, got)
			require.Empty(t, got)
			invalid(t, err, want, typed)
		}
	}
	_, err := address.Phone("1 (0)5550100100", germany)
	invalid(t, err, "want (0) right behind", "1 (0)5550100100")
}

func TestRule16_TwoNumbersAreNeverOne(t *testing.T) {
	spelling := make(map[string]string)
	for _, typed := range []string{
		"+15550100100", "+15550100101", "+155501001000", "+1555010010", "+49305550100", "+490305550100", "+39065550100", "+3965550100",
		"+4930555010001", "+49 30 5550100/01", "+49 (0)305550101", "5550100100",
	} {
		got, err := address.Phone(typed)
		if err != nil {
			invalid(t, err, "want", typed)
			continue
		}
		require.Empty(t, spelling[got], typed)
		spelling[got] = typed
	}
}

func TestPhone_DigitsOfEveryScriptCount(t *testing.T) {
	digits := 0
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !unicode.Is(unicode.Nd, r) {
			continue
		}
		digits++
		value := named(t, r)
		got, err := address.Phone("+1555010010" + string(r))
		require.NoError(t, err, "%U", r)
		require.Equal(t, "+1555010010"+value, got, "%U", r)
	}
	require.Greater(t, digits, 600)
}

func TestPhone_TheUsualSpellingTakesNoMemory(t *testing.T) {
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if _, err := address.Phone("+15550100100"); err != nil {
			t.Fatal(err)
		}
	}))
}
