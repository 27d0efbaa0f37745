package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

func TestPassword_WhatIsAcceptable(t *testing.T) {
	const address = "annabel@example.com"
	for password, want := range map[string]string{
		"correct horse battery":       "",
		"fifteen letters":             "",
		"fourteen chars":              "too short",
		strings.Repeat("ä", 15):       "", // 15 characters, 30 bytes
		strings.Repeat("a\u0308", 14): "too short",
		strings.Repeat("木", 64):       "",
		strings.Repeat("x", 256):      "",
		strings.Repeat("x", 257):      "too long",
		strings.Repeat("木", 257):      "too long",
		strings.Repeat("x", 100_000):  "too long",
		"🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑": "",
		address:                             "your address",
		strings.ToUpper(address) + "1":      "your address",
		"annabel annabel annabel 1":         "your address",
		"Example Example 2026!":             "our name",
		"annabel buys eggs on Friday":       "",
		"with a tab\tin the middle":         "cannot be typed",
		"with a NUL\x00 in the middle":      "cannot be typed",
		"with broken \xff UTF-8 in it":      "cannot be typed",
		"":                                  "too short",
		"               ":                   "",
		"nothing but lower case and blanks": "",
	} {
		err := acceptable(password, address)
		if want == "" {
			require.NoError(t, err, "%.40q", password)
			continue
		}
		require.ErrorContains(t, err, want, "%.40q", password)
		var refusal onetimehttp.Refusal
		require.ErrorAs(t, err, &refusal)
	}
	// Short names are in many words.
	require.NoError(t, acceptable("a bad day at the beach", "a@b.example"))
}

func TestPassword_HashMatchesThePasswordAlone(t *testing.T) {
	p := newPasswords(cheap)
	ctx := t.Context()
	one, err := p.hash(ctx, first)
	require.NoError(t, err)
	two, err := p.hash(ctx, first)
	require.NoError(t, err)
	require.NotEqual(t, one, two, "each has a salt of its own")
	require.Regexp(t, `^\$argon2id\$v=19\$m=8,t=1,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`, one)
	for password, want := range map[string]bool{first: true, second: false, first + " ": false, "": false, "\x00": false} {
		for _, hash := range []string{one, two} {
			got, err := p.matches(ctx, hash, password)
			require.NoError(t, err)
			require.Equal(t, want, got, "%q", password)
		}
	}
	// One character, typed in two ways.
	composed, err := p.hash(ctx, "Gr\u00fc\u00dfe aus der K\u00fcche")
	require.NoError(t, err)
	got, err := p.matches(ctx, composed, "Gru\u0308\u00dfe\u00a0aus der Ku\u0308che")
	require.NoError(t, err)
	require.True(t, got)
}

// A hash that was made at another cost is still understood, and one that is none is no answer.
func TestPassword_HashSaysWhatItCost(t *testing.T) {
	ctx := t.Context()
	old, err := newPasswords(cost{passes: 2, kibibytes: 16, lanes: 2}).hash(ctx, first)
	require.NoError(t, err)
	p := newPasswords(cheap)
	right, err := p.matches(ctx, old, first)
	require.NoError(t, err)
	require.True(t, right)
	for _, broken := range []string{"x", "$argon2id$", strings.Replace(old, "v=19", "v=16", 1), strings.Replace(old, "argon2id", "argon2i", 1), old[:40], old + "$x"} {
		_, err := p.matches(ctx, broken, first)
		require.Error(t, err, broken)
	}
}

// What passwords cost in the program: RFC 9106 4, second choice.
func TestPassword_CostIsThatOfTheRFC(t *testing.T) {
	require.Equal(t, cost{passes: 3, kibibytes: 1 << 16, lanes: 4}, rfc9106)
	require.Equal(t, 16, saltSize)
	require.Equal(t, 32, hashSize)
}

// Where there is no password it is as much work to say no.
func TestPassword_OfNobodyCostsAsMuch(t *testing.T) {
	p := newPasswords(cheap)
	require.Regexp(t, `^\$argon2id\$v=19\$m=8,t=1,p=1\$`, p.nobody)
	right, err := p.matches(t.Context(), "", first)
	require.NoError(t, err)
	require.False(t, right)

	for range cap(p.turns) {
		p.turns <- struct{}{} // all places are taken
	}
	hash := cheap.hash(first, make([]byte, saltSize))
	for _, of := range []string{"", hash} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		_, err := p.matches(ctx, of, first)
		require.ErrorIs(t, err, context.DeadlineExceeded, "it waits for a place to hash in")
	}
}
