package keyring_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

// A session opens for its purpose only, under any key of the ring.
func TestSession_OpensForItsPurposeOnly(t *testing.T) {
	r := ring(t, rig.Key('k', 32), nil)
	sealed := r.SealSession("default", []byte("alice@example.com"))
	require.NotEqual(t, sealed, r.SealSession("default", []byte("alice@example.com")))
	plain, ok := r.OpenSession("default", sealed)
	require.True(t, ok)
	require.Equal(t, "alice@example.com", string(plain))
	_, ok = r.OpenSession("other", sealed)
	require.False(t, ok)
	for _, altered := range []string{"", "A", sealed[1:], sealed + "A", sealed[:20] + "\n" + sealed[20:], strings.Repeat("A", len(sealed))} {
		_, ok = r.OpenSession("default", altered)
		require.False(t, ok, altered)
	}
	_, ok = ring(t, rig.Key('x', 32), nil).OpenSession("default", sealed)
	require.False(t, ok)
}

// The request of an issue is that of its id, its person and its browser.
func TestRequest_IsOfTheIssueAndTheChallenge(t *testing.T) {
	r := ring(t, rig.Key('k', 32), nil)
	c := challenge(r, "default", "alice@example.com", "cookie")
	require.NotEqual(t, r.Request(c, "aaaaaaaaaaaa"), r.Request(c, "bbbbbbbbbbbb"))
	require.NotEqual(t, r.Request(c, "aaaaaaaaaaaa"), r.Request(challenge(r, "default", "alice@example.com", "another"), "aaaaaaaaaaaa"))
}
