package onetime

// NewCode is Manager.newCode.
func NewCode(m *Manager, subject string, decoy bool) string { return m.newCode(subject, decoy) }
