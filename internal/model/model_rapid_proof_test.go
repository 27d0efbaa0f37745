package model

import (
	"context"
	"slices"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed-3f7b73d1/onetime"
)

// proved compares a Verification with the use that it is of.
func (m *machine) proved(t *rapid.T, op string, got onetime.Verification, s success, by *instance, fixed bool, again func(*rapid.T)) {
	i := s.issue
	require.Equal(t, []any{i.subject, i.purpose, i.id, i.payload, moment(i.at), fixed, m.names[s.call], s.call != 0, s.repeated},
		[]any{got.Subject, got.Purpose, got.ID, string(got.Payload), got.IssuedAt, got.FixedCode, got.Call(), got.Used(), got.Repeated})
	m.proofs = append(m.proofs, &proof{got, by, i, s.call, again})
	for what, so := range map[string]bool{
		"under a key that is not the first":  i.key != by.ring[0],
		"of an older issue":                  i != m.records[i.place].challenges[i.binding].issues[0],
		"with a payload":                     i.payload != "",
		"of a fixed code":                    fixed,
		"after an Undo":                      i.undone,
		"dead before the clock stepped back": i.dead && m.live(i),
		"repeated":                           s.repeated,
	} {
		if so {
			m.reached(op + ": yes, " + what)
		}
	}
}

// sendAgain makes a call once more that was answered yes: another sending, with another id.
func (m *machine) sendAgain(t *rapid.T) {
	if len(m.proofs) == 0 {
		t.Skip("nothing verified yet")
	}
	recent(t, "proof", m.proofs).again(t)
}

func (m *machine) undoOne(t *rapid.T) {
	if len(m.proofs) == 0 {
		t.Skip("nothing verified yet")
	}
	proofs := slices.DeleteFunc(slices.Clone(m.proofs), func(p *proof) bool { return !m.stored(p.issue) })
	if len(proofs) == 0 || rapid.IntRange(0, 4).Draw(t, "ended") == 4 {
		proofs = m.proofs
	}
	p := recent(t, "proof", proofs)
	undo, by := p.Undo, p.by
	if p.call != 0 && rapid.IntRange(0, 3).Draw(t, "ticket") == 3 {
		by = rapid.SampledFrom(m.of(p.issue.purpose)).Draw(t, "instance")
		ticket, m := p.UndoTicket(), by.Manager
		undo = func(ctx context.Context) error { return m.UndoTicket(ctx, ticket) }
	}
	err := undo(t.Context())
	if p.call == 0 {
		require.ErrorIs(t, err, onetime.ErrInvalid)
		m.reached("Undo: of an inspection")
		return
	}
	if !slices.Contains(by.ring, p.by.ring[0]) {
		require.ErrorIs(t, err, onetime.ErrInvalid)
		m.reached("Undo: by a ticket under an unknown key")
		return
	}
	op := "Undo again"
	if m.usedBy(p.issue) == p.call {
		op = "Undo"
	}
	m.last = p.issue.place
	denied := m.undo(by, p.issue, p.call)
	m.keep(func(t *rapid.T, r reply) { r.is(t, m.undo(by, p.issue, p.call)) })
	t.Logf("Undo by %s: of call %d, %q, %q: %v, model %v", by.name, p.call, p.issue.subject, p.issue.binding, err, denied)
	if m.same(t, op, err, denied) && by != p.by {
		m.reached("Undo: by a ticket of another instance")
	}
}
