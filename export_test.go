package onetime

import (
	"github.com/seed-3f7b73d1/onetime/internal/code"
	"github.com/seed-3f7b73d1/onetime/internal/fault"
	"github.com/seed-3f7b73d1/onetime/internal/keyring"
	"github.com/seed-3f7b73d1/onetime/internal/script"
)

// What tests see of the inside.
var (
	ScriptText = scriptText
	Statuses   = statuses()
)

func statuses() map[string]int64 {
	numbers := map[string]int64{"OK": fault.OK}
	for _, s := range fault.Statuses {
		if s.Number != 0 {
			numbers[s.Lua] = s.Number
		}
	}
	return numbers
}

// Digit is code.Digit.
func Digit(r rune) (byte, bool) { return code.Digit(r) }

// Clean is Clean of a code.Alphabet.
func Clean(a Alphabet, typed string, n int) (string, bool) { return code.Alphabet(a).Clean(typed, n) }

// PieceSize is pieceSize.
const PieceSize = pieceSize

// Frame is keyring.Frame.
func Frame(parts ...string) string { return string(keyring.Frame(nil, parts...)) }

// Subject is config.subject.
func Subject(m *Manager, typed string) (string, error) { return m.config.subject(typed) }

// NewCode is Manager.newCode.
func NewCode(m *Manager, subject string, decoy bool) string { return m.newCode(subject, decoy) }

// Tag is that of a subject.
func Tag(m *Manager, subject string) string { return m.ring.Tag(m.config.policy.Purpose, subject) }

// A Place is a keyring.Challenge.
type Place = keyring.Challenge

// NewPlace is Manager.challenge; no binding if it is empty.
func NewPlace(m *Manager, subject, binding string) Place {
	_, c, err := m.challenge(subject, callOptions{bound: binding != "", binding: binding})
	if err != nil {
		panic(err)
	}
	return c
}

// Digest, Seal and Open are those of the i-th key of the ring.
func Digest(m *Manager, i int, p Place, kind, secret string) string {
	return m.ring.Keys[i].Digest(p, kind, secret)
}

func Seal(m *Manager, i int, p Place, kind, id, digest, subject string, payload []byte) string {
	return m.ring.Keys[i].Seal(p, kind, id, digest, subject, payload)
}

func Open(m *Manager, i int, p Place, kind, id, digest, sealed string) (subject string, payload []byte, err error) {
	return m.ring.Keys[i].Open(p, kind, id, digest, sealed)
}

// ReadToken is keyring.Ring.ReadToken.
func ReadToken(m *Manager, token string) (p Place, nonce string, key int, err error) {
	if p, nonce, key, err = m.ring.ReadToken(m.config.policy.Purpose, token); err != nil {
		err = denied(err)
	}
	return p, nonce, key, err
}

// WriteToken is Token of the i-th key of the ring.
func WriteToken(m *Manager, i int, p Place, nonce string) string {
	return m.ring.Keys[i].Token(p, nonce)
}

// CheckInfo is Manager.checkInfo.
func CheckInfo(m *Manager, info string) error { return m.checkInfo(info) }

// NewSettings is script.NewSettings.
var NewSettings = script.NewSettings
