package onetimehttp

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// An address comes back as it was, whatever the subject, and is not held again where it is the subject.
func TestStored_AddressComesBackWhole(t *testing.T) {
	addresses := []string{"a@b", "alice@example.com", "Alice.S@Example.COM", "+15550100", "é@example.com", "\x7f", strings.Repeat("Ab", 127), strings.Repeat("é", 127)}
	for n := range 254 {
		addresses = append(addresses, strings.Repeat("z", n)+"@")
	}
	for _, address := range addresses {
		for _, subject := range []string{"7", "user-17", address, strings.ToLower(address), strings.ToUpper(address), strings.Repeat("s", 512), "f0b1a9f4-5b9c-4f6e-9d3e-8d1d0f0a4c11"} {
			payload := store(subject, address)
			require.Equal(t, address, string(stored(subject, payload)), "%q of %q", address, subject)
			if len(subject) == len(address) && subject == strings.ToLower(address) && len(address) > 20 {
				require.NotContains(t, string(payload), address)
				require.Equal(t, asSubject, payload[0])
			}
			if len(subject) <= subjectRoom && payload[0] == asASCII {
				require.LessOrEqual(t, len(subject)+len(payload), 273)
				require.Len(t, storeDecoy(nobody(address), address), len(subject)+len(payload)-subjectRoom, "a decoy's is as long")
			}
		}
		require.Len(t, nobody(address), subjectRoom)
		require.LessOrEqual(t, subjectRoom+len(storeDecoy(nobody(address), address)), 273)
	}
}

// What a program itself stored with a link is given to it as it is.
func TestStored_OtherPayloadsStayAsTheyAre(t *testing.T) {
	made := store("user-17", "alice@example.com")
	for _, payload := range []string{
		"", "alice@example.com", "\xf9", "\xf8", "\xfa", "\xfaalice", "\x00", string(made[:len(made)-1]), string(made) + "\x00",
		string(asASCII) + strings.Repeat("\xff", 90), string(made[:20]) + "\x01" + string(made[21:]), strings.Repeat("x", 4096),
	} {
		require.Equal(t, payload, string(stored("user-17", []byte(payload))), "%q", payload)
	}
	require.Nil(t, stored("user-17", nil))
}
