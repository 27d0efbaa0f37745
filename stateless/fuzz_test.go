package stateless_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/stateless"
)

// sealed is the token of a link that the Manager of the tests made at the start of its clock, for Alice and 30 days. A constant,
// since each process of a fuzz run would make another.
const sealed = "ARYdakY9atTifgRCxvhqw2T-gTrkY0TPHJ8NefBRRmrJWU7pjwSKbmzDKNRdi7q7esrS041kVR4Zp0riOQ"

// Nobody without the key makes a link of anything.
func FuzzOpenLink_WhatWasNotSealedIsRefused(f *testing.F) {
	m, _ := manager(f)
	const right = sealed
	f.Add("newsletter", right)
	f.Add("newsletter", right+"=")
	f.Add("reset", right)
	f.Add("newsletter", "")
	f.Fuzz(func(t *testing.T, purpose, shown string) {
		proof, err := m.OpenLink(purpose, shown)
		if purpose == "newsletter" && shown == right {
			require.NoError(t, err)
			require.Equal(t, alice, proof.Subject)
			return
		}
		require.Error(t, err)
		require.Zero(t, proof)
	})
}

// Whatever is typed and shown: a yes is the code in some spelling with the handle in its one spelling, and is judged once.
func FuzzVerify_OnlyTheCodeWithItsHandleVerifies(f *testing.F) {
	judged := 0
	m, _ := manager(f, stateless.WithDigits(6, guardFunc(func(a stateless.Attempt) error {
		judged++
		if !a.Right {
			return stateless.ErrMismatch
		}
		return nil
	})))
	right := code(f, m)
	f.Add(alice, "session", right.Code, right.Handle)
	f.Add(strings.ToUpper(alice), "session", right.Code[:3]+" "+right.Code[3:], right.Handle)
	f.Add("\xff", strings.Repeat("b", 513), "12345", "x")
	f.Fuzz(func(t *testing.T, subject, binding, typed, handle string) {
		judged = 0
		proof, err := m.Verify(t.Context(), "sign-in", subject, binding, typed, stateless.WithHandle(handle))
		require.LessOrEqual(t, judged, 1)
		if err != nil {
			require.Zero(t, proof)
			return
		}
		require.Equal(t, 1, judged)
		require.Equal(t, []string{right.Handle, "session", alice, right.ID}, []string{handle, binding, proof.Subject, proof.ID})
		digits := strings.Map(func(r rune) rune {
			if unicode.IsDigit(r) {
				return r
			}
			return -1
		}, typed)
		require.GreaterOrEqual(t, len(digits), 6)
	})
}
