package api

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSeal_OpensForItsUseWithItsKeysOnly(t *testing.T) {
	t.Parallel()
	old, err := newSealer([][]byte{bytes.Repeat([]byte("a"), 32)})
	require.NoError(t, err)
	both, err := newSealer([][]byte{bytes.Repeat([]byte("b"), 32), bytes.Repeat([]byte("a"), 32)})
	require.NoError(t, err)
	in := verification{Service: "login", Subject: "alice@example.com", Expires: 17}
	text := old.seal("a use", in)
	var out verification
	require.NoError(t, both.open("a use", text, &out))
	require.Equal(t, in, out)
	require.ErrorIs(t, both.open("another use", text, &out), errSeal)
	require.ErrorIs(t, old.open("a use", both.seal("a use", in), &out), errSeal, "the first key seals")
	for _, bad := range []string{"", "A", text[1:], text + "A", text + "\n", strings.Repeat("A", maxSealed+1), strings.Repeat("A", 60)} {
		require.ErrorIs(t, old.open("a use", bad, &out), errSeal)
	}
}

func TestSeal_EveryTextIsAnotherAndLengthsAreFew(t *testing.T) {
	t.Parallel()
	s, err := newSealer([][]byte{bytes.Repeat([]byte("a"), 32)})
	require.NoError(t, err)
	seen, lengths := map[string]bool{}, map[int]bool{}
	for n := range 100 {
		text := s.seal("a use", verification{Subject: strings.Repeat("x", n)})
		require.False(t, seen[text[:16]])
		seen[text[:16]], lengths[len(text)] = true, true
	}
	require.Len(t, lengths, 1)
}
