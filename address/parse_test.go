package address_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/address"
)

func TestParse_DecidesBetweenMailAndPhone(t *testing.T) {
	for typed, want := range map[string]address.Address{
		" Ann@Example.com,":           {Kind: address.KindMail, Value: "ann@example.com"},
		"ann＠example．com":             {Kind: address.KindMail, Value: "ann@example.com"},
		"mailto:ann%40example.com":    {Kind: address.KindMail, Value: "ann@example.com"},
		"<mailto:ann%40example.com>":  {Kind: address.KindMail, Value: "ann@example.com"},
		"Ann <ann@example.com>":       {Kind: address.KindMail, Value: "ann@example.com"},
		"15550100100@example.com":     {Kind: address.KindMail, Value: "15550100100@example.com"},
		"+15550100100@example.com":    {Kind: address.KindMail, Value: "+15550100100@example.com"},
		"+1 (0)555 010-0100":          {Kind: address.KindPhone, Value: "+15550100100"},
		"tel:+15550100100":            {Kind: address.KindPhone, Value: "+15550100100"},
		"<TEL:+15550100100>":          {Kind: address.KindPhone, Value: "+15550100100"},
		"\u0660\u0660 1 555 010-0100": {Kind: address.KindPhone, Value: "+15550100100"},
		"030 5550100":                 {Kind: address.KindPhone, Value: "+49305550100"},
	} {
		got, err := address.Parse(typed, germany)
		require.NoError(t, err, typed)
		require.Equal(t, want, got, typed)
		again, err := address.Parse(got.Value)
		require.NoError(t, err)
		require.Equal(t, got, again)
	}
	local, err := address.Parse("root@localhost", address.AllowLocal())
	require.NoError(t, err)
	require.Equal(t, "root@localhost", local.Value)
}

func TestParse_Refused(t *testing.T) {
	for typed, want := range map[string]string{
		"":                       "address: want an e-mail address or a phone number",
		"not an address":         "address: want an e-mail address or a phone number",
		"alice":                  "address: want an e-mail address or a phone number",
		"+":                      "address: want an e-mail address or a phone number",
		"+1 555 0100100 ext. 12": "address: want an e-mail address or a phone number",
		"not@an@address":         "address: mail: want one @",
		"@bob:example.org":       "address: mail: want a name in front",
		"tel:ann":                "address: phone: want the digits",
		"0305550100":             "address: phone: want + and the country code",
		"ann@localhost":          "address: mail: want a public domain",
		"ann\xff@example.com":    "address: mail or phone: want UTF-8",
	} {
		got, err := address.Parse(typed)
		require.Error(t, err, typed)
		require.Zero(t, got)
		invalid(t, err, want, typed)
	}
}

func TestAddress_ShowsItsKindOnly(t *testing.T) {
	for _, c := range []struct {
		address address.Address
		want    string
	}{
		{address.Address{Kind: address.KindMail, Value: "ann@example.com"}, "address.Address(mail)"},
		{address.Address{Kind: address.KindPhone, Value: "+15550100100"}, "address.Address(phone)"},
		{address.Address{}, "address.Address(none)"},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			require.Equal(t, c.want, fmt.Sprintf(verb, c.address))
			require.NotContains(t, fmt.Sprintf(verb, &c.address), "ann@")
		}
		encoded, err := json.Marshal(map[string]address.Address{"to": c.address})
		require.NoError(t, err)
		require.Equal(t, `{"to":"`+c.want+`"}`, string(encoded))
	}
}
