package link_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/internal/fault"
	"github.com/seed-3f7b73d1/onetime/internal/link"
)

func TestSplitBase_TheTokenGoesBetweenHeadAndTail(t *testing.T) {
	for base, want := range map[string]string{
		"https://example.com":            "https://example.com/?token=T",
		"https://example.com/a?x=1#part": "https://example.com/a?x=1&token=T#part",
		"http://localhost:8080/a":        "http://localhost:8080/a?token=T",
	} {
		head, tail, err := link.SplitBase("x", base)
		require.NoError(t, err)
		require.Equal(t, want, head+"T"+tail)
	}
	longest := "https://example.com/"
	_, _, err := link.SplitBase("x", longest+strings.Repeat("a", 2000-len(longest)))
	require.NoError(t, err)
}

func TestSplitBase_Refused(t *testing.T) {
	for base, want := range map[string]string{
		"": "want an absolute https URL", "/a": "want an absolute https URL", "https://": "want an absolute https URL", "https://a\"b/": "want an absolute https URL",
		"https://u@example.com": "want no user information", "http://example.com": `scheme "http": want https, or http on localhost`,
		"https://example.com?token=1": `want an escaped query without the parameter "token"`, "https://example.com?a=>": `want an escaped query without the parameter "token"`, "https://example.com?a=%zz": `want an escaped query without the parameter "token"`,
		"https://example.com/" + strings.Repeat("a", 1981): "2001 bytes: want at most 2000",
	} {
		_, _, err := link.SplitBase("x: y", base)
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.EqualError(t, err, "x: y: "+want)
	}
}
