package rig

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
)

// Alice is the subject of tests that need one.
const Alice = "alice@example.com"

// MustOTP issues a code to Alice.
func MustOTP(t *testing.T, m *onetime.Manager, opts ...onetime.IssueOption) onetime.OTP {
	t.Helper()
	otp, err := m.IssueOTP(t.Context(), Alice, opts...)
	require.NoError(t, err)
	return otp
}

// MustToken issues a token to Alice.
func MustToken(t *testing.T, m *onetime.Manager, opts ...onetime.IssueOption) onetime.Token {
	t.Helper()
	token, err := m.IssueToken(t.Context(), Alice, opts...)
	require.NoError(t, err)
	return token
}

// MustLink issues a link with a code to Alice.
func MustLink(t *testing.T, m *onetime.Manager, opts ...onetime.IssueOption) onetime.Link {
	t.Helper()
	link, err := m.IssueLink(t.Context(), Alice, append(opts, onetime.WithCode())...)
	require.NoError(t, err)
	return link
}

// VerifyOTP verifies a code of Alice and returns how that ended.
func VerifyOTP(t *testing.T, m *onetime.Manager, code string, opts ...onetime.VerifyOption) error {
	t.Helper()
	_, err := m.VerifyOTP(t.Context(), Alice, code, opts...)
	return err
}

// VerifyToken verifies a token and returns how that ended.
func VerifyToken(t *testing.T, m *onetime.Manager, token string, opts ...onetime.VerifyOption) error {
	t.Helper()
	_, err := m.VerifyToken(t.Context(), token, opts...)
	return err
}

// ManyGuesses lets as many wrong codes be evaluated as tests want.
var ManyGuesses = onetime.WithGuessLimits(onetime.Limit{Burst: 100, Per: time.Second})

// MustStatus returns the Status of a subject.
func MustStatus(t *testing.T, m *onetime.Manager, subject string) onetime.Status {
	t.Helper()
	status, err := m.Status(t.Context(), subject)
	require.NoError(t, err)
	return status
}

// Operations are all calls that ask Redis something, by name, on a Manager with a link base. What they verify comes from setup.
func Operations(t *testing.T, setup, m *onetime.Manager) map[string]func() error {
	t.Helper()
	ctx := t.Context()
	token, err := setup.IssueToken(ctx, "alice@example.com")
	require.NoError(t, err)
	return map[string]func() error{
		"IssueOTP":      func() error { _, err := m.IssueOTP(ctx, "alice@example.com"); return err },
		"IssueToken":    func() error { _, err := m.IssueToken(ctx, "alice@example.com"); return err },
		"IssueLink":     func() error { _, err := m.IssueLink(ctx, "alice@example.com", onetime.WithCode()); return err },
		"VerifyOTP":     func() error { _, err := m.VerifyOTP(ctx, "alice@example.com", "123456"); return err },
		"VerifyToken":   func() error { _, err := m.VerifyToken(ctx, token.Value); return err },
		"InspectToken":  func() error { _, err := m.InspectToken(ctx, token.Value); return err },
		"Cancel":        func() error { return m.Cancel(ctx, "alice@example.com", token.ID) },
		"CancelQuietly": func() error { return m.CancelQuietly(ctx, "alice@example.com", token.ID) },
		"Revoke":        func() error { return m.Revoke(ctx, "alice@example.com") },
		"Erase":         func() error { return m.Erase(ctx, "alice@example.com") },
		"Unlock":        func() error { return m.Unlock(ctx, "alice@example.com") },
		"Status":        func() error { _, err := m.Status(ctx, "alice@example.com"); return err },
	}
}

// Key returns a key of n bytes c.
func Key(c byte, n int) []byte { return bytes.Repeat([]byte{c}, n) }
