package keyring_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

const alice, bob = "alice@example.com", "bob@example.com"

var issued = time.Unix(1_800_000_000, 999_999_999)

// The format may change with its version only: browsers keep credentials for months.
func TestBrowserCredential_Format(t *testing.T) {
	naming := rig.Key('n', 32)
	credential := ring(t, rig.Key('k', 32), naming).BrowserCredential(alice, issued)
	head := "\x01\x6b\x49\xd2\x00"
	want := head + rig.Golden(t, naming, "naming", 16, "browser", alice, head)
	require.Equal(t, base64.RawURLEncoding.EncodeToString([]byte(want)), credential)
	require.Len(t, credential, 28)
	require.NotContains(t, credential, ".")
}

func TestBrowserCredential_OutlivesTheRingButNotItsNamingKey(t *testing.T) {
	naming := rig.Key('n', 32)
	credential := ring(t, rig.Key('k', 32), naming).BrowserCredential(alice, issued)
	require.True(t, ring(t, rig.Key('z', 32), naming).KnowsBrowser(alice, credential, time.Time{}, issued))
	require.False(t, ring(t, rig.Key('k', 32), rig.Key('m', 32)).KnowsBrowser(alice, credential, time.Time{}, issued))
}

func TestKnowsBrowser_OfTheSubjectWithinItsTime(t *testing.T) {
	r := ring(t, rig.Key('k', 32), rig.Key('n', 32))
	credential := r.BrowserCredential(alice, issued)
	at := issued.Truncate(time.Second)
	for name, c := range map[string]struct {
		subject    string
		since, now time.Time
		known      bool
	}{
		"its time":             {alice, at, issued, true},
		"another's":            {bob, at, issued, false},
		"spelled otherwise":    {strings.ToUpper(alice), at, issued, false},
		"issued before since":  {alice, at.Add(1), issued, false},
		"a clock 5 min behind": {alice, time.Time{}, at.Add(-5 * time.Minute), true},
		"a clock further away": {alice, time.Time{}, at.Add(-5*time.Minute - 1), false},
		"a clock 6 min behind": {alice, time.Time{}, at.Add(-6 * time.Minute), false},
		"a year later":         {alice, at, at.AddDate(1, 0, 0), true},
	} {
		require.Equal(t, c.known, r.KnowsBrowser(c.subject, credential, c.since, c.now), name)
	}
}

func TestKnowsBrowser_NoAlteredOneIsKnown(t *testing.T) {
	r := ring(t, rig.Key('k', 32), rig.Key('n', 32))
	credential := r.BrowserCredential(alice, issued)
	knows := func(credentials string) bool { return r.KnowsBrowser(alice, credentials, time.Time{}, issued) }
	require.True(t, knows(credential))
	raw, err := base64.RawURLEncoding.DecodeString(credential)
	require.NoError(t, err)
	for i := range raw {
		for bit := range 8 {
			altered := append([]byte{}, raw...)
			altered[i] ^= 1 << bit
			require.False(t, knows(base64.RawURLEncoding.EncodeToString(altered)), "byte %d, bit %d", i, bit)
		}
	}
	for _, text := range []string{
		"", ".", "...", credential[1:], credential + "A", credential + "=", " " + credential, credential + "\n", credential[:27] + "\n",
		strings.ToLower(credential), strings.Repeat("A", 28), strings.Repeat(".", 100_000), strings.Repeat("A", 100_000), credential + "," + credential,
		base64.StdEncoding.EncodeToString(append(raw, 0)), "\xff\xfe" + credential[2:],
	} {
		require.False(t, knows(text), "%.40q", text)
	}
}

func TestKnowsBrowser_AnyOfTheFirstFour(t *testing.T) {
	r := ring(t, rig.Key('k', 32), rig.Key('n', 32))
	mine := r.BrowserCredential(alice, issued)
	other := func(i int) string { return r.BrowserCredential(fmt.Sprintf("person %d", i), issued) }
	for place := range 6 {
		list := []string{other(0), other(1), other(2), other(3), other(4)}
		list = append(list[:place], append([]string{mine}, list[place:]...)...)
		require.Equal(t, place < 4, r.KnowsBrowser(alice, strings.Join(list, "."), time.Time{}, issued), place)
	}
	require.True(t, r.KnowsBrowser(alice, "garbage."+mine, time.Time{}, issued), "what is none hides none")
	require.True(t, r.KnowsBrowser(alice, "."+r.BrowserCredential(alice, issued.AddDate(1, 0, 0))+"."+mine, time.Time{}, issued))
}

func TestAddBrowser_NewestFirstOneEachAtMostFour(t *testing.T) {
	r := ring(t, rig.Key('k', 32), rig.Key('n', 32))
	of := func(subject string, minute int) string {
		return r.BrowserCredential(subject, issued.Add(time.Duration(minute)*time.Minute))
	}
	list := ""
	for i, subject := range []string{"a", "b", "a", "c", "a", "d", "b"} {
		list = r.AddBrowser(subject, of(subject, i), list)
	}
	require.Equal(t, strings.Join([]string{of("b", 6), of("d", 5), of("a", 4), of("c", 3)}, "."), list)
	require.Equal(t, strings.Join([]string{of("e", 7), of("b", 6), of("d", 5), of("a", 4)}, "."), r.AddBrowser("e", of("e", 7), list))
	require.Equal(t, of("a", 1), r.AddBrowser("a", of("a", 1), of("a", 0)+"."+of("a", 3)+".garbage..<script>"), "what can be none does not stay")
	for _, junk := range []string{strings.Repeat("<", 28), strings.Repeat("\n", 28), "; Domain=example.com; Path=/", strings.Repeat("_", 28), of("b", 0)[:26] + "\r\n"} {
		require.Equal(t, of("a", 1), r.AddBrowser("a", of("a", 1), junk), "%q", junk)
	}
}
