package rig

import (
	"time"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/core"
	"github.com/seed-3f7b73d1/onetime/internal/fault"
	"github.com/seed-3f7b73d1/onetime/internal/keyring"
)

// Statuses are the numbers of the scripts' answers by their names in lua/common.lua.
var Statuses = statuses()

func statuses() map[string]int64 {
	numbers := map[string]int64{"OK": fault.OK, "CLOCK": fault.Clock}
	for _, s := range fault.Statuses {
		if s.Number != 0 {
			numbers[s.Lua] = s.Number
		}
	}
	return numbers
}

// Subject returns the one spelling that stands for all spellings of a subject.
func Subject(m *onetime.Manager, typed string) (string, error) { return core.Of(m).Subject(typed) }

// Tag is that of a subject in its own spelling.
func Tag(m *onetime.Manager, subject string) string {
	inside := core.Of(m)
	return inside.Ring.Tag(inside.Purpose, subject)
}

// Challenge returns the challenge of a subject, that of a binding unless it is empty. It panics on a subject or binding
// that the Manager refuses.
func Challenge(m *onetime.Manager, subject, binding string) keyring.Challenge {
	_, c, err := core.Of(m).Challenge(subject, binding)
	if err != nil {
		panic(err)
	}
	return c
}

// Digest is that of the Manager's key i.
func Digest(m *onetime.Manager, i int, c keyring.Challenge, kind, request, secret string) string {
	return core.Of(m).Ring.Keys[i].Digest(c, kind, request, secret)
}

// Seal is that of the Manager's key i.
func Seal(m *onetime.Manager, i int, c keyring.Challenge, id, subject string, payload []byte) string {
	return core.Of(m).Ring.Keys[i].Seal(c, id, subject, payload)
}

// Open is that of the Manager's key i.
func Open(m *onetime.Manager, i int, c keyring.Challenge, id, sealed string) (subject string, payload []byte, err error) {
	return core.Of(m).Ring.Keys[i].Open(c, id, sealed)
}

// ReadToken takes a token of the Manager's purpose apart.
func ReadToken(m *onetime.Manager, token string) (c keyring.Challenge, nonce string, key int, err error) {
	inside := core.Of(m)
	return inside.Ring.ReadToken(inside.Purpose, token)
}

// WriteToken is the token that the Manager's key i makes of a nonce.
func WriteToken(m *onetime.Manager, i int, c keyring.Challenge, nonce string) string {
	return core.Of(m).Ring.Keys[i].Token(c, nonce)
}

// BrowserCredential returns one of the subject, made at a time.
func BrowserCredential(m *onetime.Manager, subject string, at time.Time) string {
	return core.Of(m).Ring.BrowserCredential(subject, at)
}
