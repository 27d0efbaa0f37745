package onetime

// PieceSize is pieceSize.
const PieceSize = pieceSize

// NewCode is Manager.newCode.
func NewCode(m *Manager, subject string, decoy bool) string { return m.newCode(subject, decoy) }
