package subject_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/internal/fault"
	"github.com/seed-3f7b73d1/onetime/internal/subject"
)

func TestNormalize_OneSpelling(t *testing.T) {
	for typed, want := range map[string]string{
		" Alice@EXAMPLE.com ": "alice@example.com", "\uff21lice\uff20example.com": "alice@example.com", "@Bob:example.org ": "@bob:example.org",
		"+49 30 123456": "+4930123456", "\uff0b49 30 123456": "+4930123456", "\u200e+49 30 123456": "+4930123456", "+abc": "+abc", "Account 1": "Account 1", "": "",
	} {
		got, err := subject.Normalize(typed)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	got, err := subject.Same(" A@B ")
	require.NoError(t, err)
	require.Equal(t, " A@B ", got)
}

func TestOwn_NamesTheLimitAndThePackage(t *testing.T) {
	cause := errors.New("alice@example.com")
	for want, c := range map[string]struct {
		typed string
		own   string
		err   error
	}{
		"x: subject: want valid UTF-8":                            {"\xff", "a", nil},
		"x: subject: refused by the normaliser":                   {"a", "a", cause},
		"x: subject: 0 bytes: want 1 to 512":                      {"a", "", nil},
		"x: subject: 513 bytes: want 1 to 512":                    {"a", strings.Repeat("a", 513), nil},
		"x: subject: want valid UTF-8 without control characters": {"a", "a\x7f", nil},
	} {
		_, err := subject.Own("x", c.typed, func(string) (string, error) { return c.own, c.err })
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.EqualError(t, err, want)
	}
	own, err := subject.Own("x", "A", func(string) (string, error) { return strings.Repeat("a", 512), nil })
	require.NoError(t, err)
	require.Len(t, own, 512)
}

func TestIsPurpose(t *testing.T) {
	for name, want := range map[string]bool{"a": true, "0._-": true, strings.Repeat("a", 64): true, "": false, "A": false, "-a": false, "a b": false, "a\n": false, strings.Repeat("a", 65): false} {
		require.Equal(t, want, subject.IsPurpose(name), name)
	}
}
