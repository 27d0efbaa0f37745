package rig

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
)

// WrongCodes returns n different codes of the length that are not code.
func WrongCodes(code string, n int) []string {
	var codes []string
	for i := 0; len(codes) < n; i++ {
		if c := fmt.Sprintf("%0*d", len(code), i); c != code {
			codes = append(codes, c)
		}
	}
	return codes
}

// Refused requires a refusal with a reason and returns it.
func Refused(t testing.TB, err, reason error) *onetime.DeniedError {
	t.Helper()
	require.ErrorIs(t, err, reason)
	require.ErrorIs(t, err, onetime.ErrDenied)
	var denied *onetime.DeniedError
	require.ErrorAs(t, err, &denied)
	return denied
}

// Undecided requires an error that is neither a refusal nor bad input.
func Undecided(t testing.TB, err error) {
	t.Helper()
	require.Error(t, err)
	require.NotErrorIs(t, err, onetime.ErrDenied)
	require.NotErrorIs(t, err, onetime.ErrInvalid)
}

// Invalid requires bad input, with exactly this text.
func Invalid(t testing.TB, err error, text string) {
	t.Helper()
	require.EqualError(t, err, text)
	require.ErrorIs(t, err, onetime.ErrInvalid)
	require.NotErrorIs(t, err, onetime.ErrDenied)
}
