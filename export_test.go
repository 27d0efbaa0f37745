package onetime

// What tests see of the inside.
var (
	ScriptText = text
	Statuses   = map[string]int64{
		"OK": statusOK, "MISMATCH": statusMismatch, "NOT_FOUND": statusNotFound, "USED": statusUsed, "EXHAUSTED": statusExhausted,
		"THROTTLED": statusThrottled, "LOCKED": statusLocked, "DISABLED": statusDisabled,
	}
)

// Digit is digitValue.
func Digit(r rune) (byte, bool) { return digitValue(r) }

// Clean is Alphabet.clean.
func Clean(a Alphabet, typed string, n int) (string, bool) { return a.clean(typed, n) }

// PieceSize is pieceSize.
const PieceSize = pieceSize

// Frame is frame.
func Frame(parts ...string) string { return string(frame(nil, parts...)) }

// Subject is config.subject.
func Subject(m *Manager, typed string) (string, error) { return m.config.subject(typed) }

// NewCode is Manager.newCode.
func NewCode(m *Manager, subject string, decoy bool) string { return m.newCode(subject, decoy) }

// Tag is keyRing.tag.
func Tag(m *Manager, subject string) string { return m.ring.tag(m.policy.Purpose, subject) }

// A Place is a place; its parts can be set.
type Place struct{ Purpose, Tag, Binding string }

func (p Place) in() place { return place{p.Purpose, p.Tag, p.Binding} }

// NewPlace is Manager.place; no binding if it is empty.
func NewPlace(m *Manager, subject, binding string) Place {
	_, p, err := m.place(subject, settings{bound: binding != "", binding: binding})
	if err != nil {
		panic(err)
	}
	return Place{p.purpose, p.tag, p.binding}
}

// Digest, Seal and Open are those of the i-th key of the ring.
func Digest(m *Manager, i int, p Place, kind, secret string) string {
	return m.ring.keys[i].digest(p.in(), kind, secret)
}

func Seal(m *Manager, i int, p Place, kind, id, digest, subject string, payload []byte) string {
	return m.ring.keys[i].seal(p.in(), kind, id, digest, subject, payload)
}

func Open(m *Manager, i int, p Place, kind, id, digest, sealed string) (subject string, payload []byte, err error) {
	return m.ring.keys[i].open(p.in(), kind, id, digest, sealed)
}

// ReadToken is keyRing.readToken.
func ReadToken(m *Manager, token string) (p Place, nonce string, key int, err error) {
	in, nonce, key, err := m.ring.readToken(m.policy.Purpose, token)
	return Place{in.purpose, in.tag, in.binding}, nonce, key, err
}

// WriteToken is keySet.token of the i-th key of the ring.
func WriteToken(m *Manager, i int, p Place, nonce string) string {
	return m.ring.keys[i].token(p.in(), nonce)
}

// CheckInfo is Manager.checkInfo.
func CheckInfo(m *Manager, info string) error { return m.checkInfo(info) }
