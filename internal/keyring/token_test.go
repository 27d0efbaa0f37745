package keyring_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/internal/fault"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

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
