package keyring_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

// A form opens for its purpose, subject and binding only, under any key of the ring, and is as long for any number of ids.
func TestForm_OpensForItsChallengeOnly(t *testing.T) {
	r := ring(t, rig.Key('k', 32), nil)
	c := challenge(r, "default", "alice@example.com", "cookie")
	var ids []string
	for n := range 7 {
		sealed := r.SealForm(c, ids)
		require.Len(t, sealed, 118)
		require.Equal(t, ids[:min(n, 5)], r.OpenForm(c, sealed)[:min(n, 5)])
		require.Len(t, r.OpenForm(c, sealed), min(n, 5))
		ids = append(ids, strings.Repeat(string(rune('a'+n)), 12))
	}
	sealed := r.SealForm(c, ids)
	require.NotEqual(t, sealed, r.SealForm(c, ids))
	for _, other := range []struct{ purpose, subject, binding string }{
		{"other", "alice@example.com", "cookie"}, {"default", "bob@example.com", "cookie"}, {"default", "alice@example.com", "another"},
	} {
		require.Empty(t, r.OpenForm(challenge(r, other.purpose, other.subject, other.binding), sealed))
	}
	for _, altered := range []string{"", "A", sealed[1:], sealed + "A", sealed[:60] + "\n" + sealed[60:], strings.Repeat("A", 118)} {
		require.Empty(t, r.OpenForm(c, altered))
	}
	require.Empty(t, ring(t, rig.Key('x', 32), nil).OpenForm(c, sealed))
	require.NotEqual(t, r.Request(c, ids[0]), r.Request(c, ids[1]))
	require.NotEqual(t, r.Request(c, ids[0]), r.Request(challenge(r, "default", "alice@example.com", "another"), ids[0]))
}
