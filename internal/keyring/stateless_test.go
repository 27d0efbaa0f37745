package keyring_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/internal/fault"
	"github.com/seed-3f7b73d1/onetime/internal/keyring"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

func stateless(t *testing.T, key []byte, previous ...[]byte) *keyring.StatelessRing {
	t.Helper()
	r, err := keyring.NewStateless(key, previous)
	require.NoError(t, err)
	return r
}

func TestStateless_EveryUseDiffersByEveryInput(t *testing.T) {
	one, other := stateless(t, rig.Key('k', 32)).Keys[0], stateless(t, rig.Key('o', 32)).Keys[0]
	base := keyring.Slot{Form: "f", Purpose: "pp", Subject: "s", Binding: "b", Window: 1}
	seen := map[string]bool{}
	slots := []keyring.Slot{
		base, {"g", "pp", "s", "b", 1}, {"f", "p", "ps", "b", 1}, {"f", "pp", "sb", "", 1}, {"f", "pp", "s", "c", 1}, {"f", "pp", "s", "b", 2}, {"f", "pp", "s", "b", 256}, {"fp", "p", "s", "b", 1},
	}
	for _, s := range slots {
		for _, k := range []keyring.StatelessKey{one, other} {
			for _, value := range []string{k.Bits(s), k.Handle(s), k.Use(s)} {
				require.Len(t, value, 16)
				require.False(t, seen[value])
				seen[value] = true
			}
		}
	}
	require.Equal(t, one.Bits(base), stateless(t, rig.Key('k', 32)).Keys[0].Bits(base))
	for _, value := range []string{one.Account("pp", "s"), one.Account("p", "ps"), other.Account("pp", "s"), one.LinkUse("pps"), one.LinkUse("pp"), other.LinkUse("pps")} {
		require.Len(t, value, 16)
		require.False(t, seen[value])
		seen[value] = true
	}
}

func TestStateless_ALinkOpensForItsPurposeUnderAnyKeyOfTheRing(t *testing.T) {
	old, until := stateless(t, rig.Key('o', 32)), time.UnixMilli(1_800_000_000_123).UTC()
	both := stateless(t, rig.Key('n', 32), rig.Key('o', 32))
	sealed := old.Keys[0].SealLink("purpose", "alice", until)
	require.NotEqual(t, sealed, old.Keys[0].SealLink("purpose", "alice", until))
	require.Len(t, sealed, 1+12+32+16)
	subject, got, key, ok := both.OpenLink("purpose", sealed)
	require.True(t, ok)
	require.Equal(t, "alice", subject)
	require.Equal(t, until, got)
	require.Equal(t, old.Keys[0].LinkUse(sealed), key.LinkUse(sealed), "the key that sealed it")
	for name, shown := range map[string]string{"empty": "", "another version": "\x02" + sealed[1:], "cut": sealed[:len(sealed)-1], "one byte": sealed[:1], "longer": sealed + "\x00"} {
		_, _, _, ok := both.OpenLink("purpose", shown)
		require.False(t, ok, name)
	}
	_, _, _, ok = both.OpenLink("purpos", sealed)
	require.False(t, ok)
	_, _, _, ok = stateless(t, rig.Key('n', 32)).OpenLink("purpose", sealed)
	require.False(t, ok)
	require.Len(t, old.Keys[0].SealLink("purpose", strings.Repeat("a", 22), until), len(sealed), "filled up to 32 bytes")
	require.Len(t, old.Keys[0].SealLink("purpose", strings.Repeat("a", 23), until), len(sealed)+32)
}

func TestStateless_KeysAreChecked(t *testing.T) {
	_, err := keyring.NewStateless(rig.Key('k', 31), [][]byte{rig.Key('k', 31)})
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorContains(t, err, "stateless: key 1 of the ring has 31 bytes: want at least 32")
	require.ErrorContains(t, err, "stateless: keys 1 and 2 of the ring are the same")
}
