package keyring_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/internal/fault"
	"github.com/seed-3f7b73d1/onetime/internal/keyring"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

func TestNew_BothEdgesOfTheKeys(t *testing.T) {
	key := func(i, size int) []byte { return rig.Key(byte('a'+i), size) }
	previous := func(n int) (keys [][]byte) {
		for i := range n {
			keys = append(keys, key(i+1, 32))
		}
		return keys
	}
	for _, c := range []struct {
		name     string
		key      []byte
		previous [][]byte
		naming   []byte
		want     []string // the errors
	}{
		{name: "the shortest", key: key(0, 32)},
		{name: "a longer one", key: key(0, 33)},
		{name: "too short", key: key(0, 31), want: []string{"onetime: the key has 31 bytes: want at least 32"}},
		{name: "none", want: []string{"onetime: the key has 0 bytes: want at least 32"}},
		{name: "naming", key: key(0, 32), naming: key(25, 32)},
		{name: "naming too short", key: key(0, 32), naming: key(25, 31), want: []string{"onetime: WithNamingKey: 31 bytes: want at least 32"}},
		{name: "naming empty", key: key(0, 32), naming: []byte{}, want: []string{"onetime: WithNamingKey: 0 bytes: want at least 32"}},
		{name: "8 keys", key: key(0, 32), previous: previous(7), naming: key(25, 32)},
		{name: "9 keys", key: key(0, 32), previous: previous(8), naming: key(25, 32),
			want: []string{"onetime: WithPreviousKeys: 8 keys: want at most 7"}},
		{name: "previous without naming", key: key(0, 32), previous: previous(1),
			want: []string{"onetime: WithPreviousKeys: wants WithNamingKey, or the names of records change with the key"}},
		{name: "twice the same", key: key(0, 32), previous: [][]byte{key(1, 32), key(0, 32), key(1, 32)}, naming: key(25, 32),
			want: []string{"onetime: keys 1 and 3 of the ring are the same", "onetime: keys 2 and 4 of the ring are the same"}},
		{name: "everything", key: key(0, 1), previous: [][]byte{key(1, 2)}, naming: key(25, 3), want: []string{
			"onetime: key 1 of the ring has 1 bytes: want at least 32", "onetime: key 2 of the ring has 2 bytes: want at least 32",
			"onetime: WithNamingKey: 3 bytes: want at least 32",
		}},
	} {
		r, err := keyring.New(c.key, c.previous, c.naming)
		if c.want != nil {
			require.EqualError(t, err, strings.Join(c.want, "\n"), c.name)
			require.ErrorIs(t, err, fault.ErrInvalid, c.name)
			require.Nil(t, r, c.name)
			continue
		}
		require.NoError(t, err, c.name)
		require.Len(t, r.Keys, 1+len(c.previous), c.name)
	}
}

func TestToken_IsReadByEveryKeyOfTheRing(t *testing.T) {
	r := ring(t, rig.Key('k', 32), rig.Key('n', 32), rig.Key('p', 32), rig.Key('q', 32))
	nonce := "0123456789abcdef"
	for _, binding := range []string{"", "cookie"} {
		want := challenge(r, "default", "alice@example.com", binding)
		for i, key := range r.Keys {
			token := key.Token(want, nonce)
			require.Len(t, token, 76)
			got, gotNonce, gotKey, err := r.ReadToken("default", token)
			require.NoError(t, err)
			require.Equal(t, want, got)
			require.Equal(t, nonce, gotNonce)
			require.Equal(t, i, gotKey)
		}
	}
}

func TestToken_AnyBitChangedOrMovedIsRefused(t *testing.T) {
	r := ring(t, rig.Key('k', 32), rig.Key('n', 32), rig.Key('p', 32))
	token := r.Keys[0].Token(challenge(r, "default", "alice@example.com", "cookie"), "0123456789abcdef")
	refused := func(name string, r *keyring.Ring, purpose, token string, want error) {
		t.Helper()
		c, nonce, key, err := r.ReadToken(purpose, token)
		require.ErrorIs(t, err, want, name)
		require.Zero(t, c, name)
		require.Empty(t, nonce, name)
		require.Zero(t, key, name)
	}
	refused("purpose", r, "login", token, fault.ErrMismatch)
	refused("key", ring(t, rig.Key('x', 32), rig.Key('n', 32)), "default", token, fault.ErrMismatch)
	raw, err := keyring.Encoding.DecodeString(token)
	require.NoError(t, err)
	for i := range 8 * len(raw) {
		altered := append([]byte(nil), raw...)
		altered[i/8] ^= 1 << (i % 8)
		want := fault.ErrMismatch
		if i < 8 {
			want = fault.ErrMalformed // the version
		}
		refused("bit", r, "default", keyring.Encoding.EncodeToString(altered), want)
	}
}

func TestToken_HasOneSpelling(t *testing.T) {
	r := ring(t, rig.Key('k', 32), nil)
	token := r.Keys[0].Token(challenge(r, "default", "alice@example.com", ""), "0123456789abcdef")
	for name, other := range map[string]string{
		"empty": "", "cut": token[:75], "a group less": token[:72], "longer": token + "A", "a group more": token + "AAAA",
		"padded": token + "=", "padding inside": token[:75] + "=", "a line break inside": token[:38] + "\n" + token[39:],
		"four line breaks at the end": token[:72] + "\n\n\n\n", "the other alphabet": token[:75] + "+", "a space": token[:75] + " ",
	} {
		_, _, _, err := r.ReadToken("default", other)
		require.ErrorIs(t, err, fault.ErrMalformed, name)
	}
}

func TestChallenge_NamesItsRecordAndItsFields(t *testing.T) {
	c := keyring.Challenge{Purpose: "login", Tag: "0123456789abcdef", Binding: keyring.Unbound}
	require.Equal(t, "app:login:{MDEyMzQ1Njc4OWFiY2RlZg}", c.RecordKey("app"))
	require.Empty(t, c.Scope())
	c.Binding = "8 bytes."
	require.Equal(t, "app:login:{MDEyMzQ1Njc4OWFiY2RlZg}", c.RecordKey("app"))
	require.Equal(t, ":8 bytes.", c.Scope())
}

func TestTicket_OpensUnderEveryKeyOfTheRingForItsPurpose(t *testing.T) {
	old, other := ring(t, rig.Key('p', 32), rig.Key('n', 32)), ring(t, rig.Key('x', 32), rig.Key('n', 32))
	r := ring(t, rig.Key('k', 32), rig.Key('n', 32), rig.Key('p', 32))
	ticket := keyring.Ticket{Challenge: challenge(r, "default", "alice@example.com", "cookie"), Issue: "the issue id", Call: "that call id"}
	for _, sealing := range []*keyring.Ring{r, old} {
		sealed := sealing.SealTicket(ticket)
		require.Len(t, sealed, 12+16+8+12+12+16)
		got, ok := r.OpenTicket("default", sealed)
		require.True(t, ok)
		require.Equal(t, ticket, got)
		for name, open := range map[string]func() (keyring.Ticket, bool){
			"purpose": func() (keyring.Ticket, bool) { return r.OpenTicket("login", sealed) },
			"key":     func() (keyring.Ticket, bool) { return other.OpenTicket("default", sealed) },
			"cut":     func() (keyring.Ticket, bool) { return r.OpenTicket("default", sealed[:len(sealed)-1]) },
			"longer": func() (keyring.Ticket, bool) {
				return r.OpenTicket("default", append(sealed[:len(sealed):len(sealed)], 0))
			},
			"empty": func() (keyring.Ticket, bool) { return r.OpenTicket("default", nil) },
		} {
			got, ok := open()
			require.False(t, ok, name)
			require.Zero(t, got, name)
		}
	}
	// Anyone who holds the key can seal what has another size: it is no ticket.
	for _, wrong := range []keyring.Ticket{
		{Challenge: ticket.Challenge, Issue: ticket.Issue},
		{Challenge: ticket.Challenge, Issue: ticket.Issue, Call: ticket.Call + "x"},
	} {
		_, ok := r.OpenTicket("default", r.SealTicket(wrong))
		require.False(t, ok)
	}
}

func TestRandom_HasTheSizeAndDiffers(t *testing.T) {
	for _, size := range []int{1, 12, 16, 32} {
		require.Len(t, keyring.Random(size), size)
	}
	require.NotEqual(t, keyring.Random(32), keyring.Random(32))
}

// What was copied along behind a token is dropped, unless the token could go on with it.
func TestToken_WhatHangsOnBehind(t *testing.T) {
	r := ring(t, rig.Key('k', 32), nil)
	c := challenge(r, "default", "alice@example.com", "cookie")
	token := r.Keys[0].Token(c, strings.Repeat("n", 16))
	for _, behind := range []string{
		"", ".", ")", ">", " ", "\n", "\r\n", "\t", `"`, "'", "\u201d", "\u00bb.", "\u3002", "\u0964", "\u00a0", "\u200b", "\u2069", ").\n\n> ",
		strings.Repeat(" ", 512-len(token)),
	} {
		got, nonce, key, err := r.ReadToken("default", token+behind)
		require.NoError(t, err, "%q", behind)
		require.Equal(t, c, got)
		require.Equal(t, strings.Repeat("n", 16), nonce)
		require.Zero(t, key)
	}
	for _, behind := range []string{
		"A", "z", "0", "-", "_", "=", "==", ".A", " and so on", ")_", "\nA", "\x00", ".\x00", "\x1b", "\x7f", "\u0080", "\xff", "\ufffd",
		strings.Repeat(" ", 512-len(token)+1),
	} {
		_, _, _, err := r.ReadToken("default", token+behind)
		require.ErrorIs(t, err, fault.ErrMalformed, "%q", behind)
	}
	for _, before := range []string{".", "(", "<", " ", "\n"} {
		_, _, _, err := r.ReadToken("default", before+token)
		require.ErrorIs(t, err, fault.ErrMalformed, "%q", before)
		_, _, _, err = r.ReadToken("default", token[:75]+before)
		require.ErrorIs(t, err, fault.ErrMalformed, "%q", before)
	}
}
