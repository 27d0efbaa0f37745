package model

import (
	"slices"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/core"
	"github.com/seed-3f7b73d1/onetime/internal/once"
)

func (m *numberMachine) lateAnswer(t *rapid.T, status int64, values []any, want taken, denied *onetime.DeniedError, clock bool) {
	name := "clock"
	if !clock {
		name = "yes"
		if denied != nil {
			name = reasons[denied.Reason]
		}
	}
	got := append(slices.Clone(statuses), "clock")[status-1]
	require.Equal(t, name, got)
	m.reached("late numbers: " + got)
	if got == "yes" {
		require.Equal(t, []any{int64(want.match + 1), want.at}, values[:2])
		if len(values) > 2 {
			require.Equal(t, m.names[want.call], values[2])
		}
	}
}

func (m *numberMachine) runLate(t *rapid.T) {
	if len(m.copies) == 0 {
		t.Skip("nothing sent yet")
	}
	one := recent(t, "copy", m.copies[max(0, len(m.copies)-40):])
	m.unique(t, one.place)
	m.last = one.place
	values, err := one.run().Slice()
	require.NoError(t, err)
	require.Equal(t, one.id, values[0])
	t.Logf("late copy of %x: %v", one.id, values[1:])
	one.judge(t, values[1].(int64), values[2:])
}

func (m *numberMachine) sendAgain(t *rapid.T) {
	if len(m.proofs) == 0 {
		t.Skip("nothing used yet")
	}
	recent(t, "proof", m.proofs).again(t)
}

func (m *numberMachine) undoOne(t *rapid.T) {
	if len(m.proofs) == 0 {
		t.Skip("nothing used yet")
	}
	p := recent(t, "proof", m.proofs)
	_, challenge, err := core.Of(p.by.Manager).Challenge(p.subject, "")
	require.NoError(t, err)
	ticket := once.Ticket{Challenge: challenge, Kind: p.use.Number.Kind, Secret: p.use.Number.Secret, Call: p.use.Call}
	m.last = p.place
	err = once.Undo(t.Context(), core.Of(p.by.Manager), "Undo", ticket)
	give := func() *onetime.DeniedError { return m.undoes(p) }
	denied := give()
	m.copies = append(m.copies, lateNumber{m.server.last, p.place, func(t *rapid.T, status int64, _ []any) {
		m.lateAnswer(t, status, []any{int64(1), int64(0)}, taken{}, give(), false)
	}})
	t.Logf("Undo of call %d: %v, model %v", p.call, err, denied)
	what := "yes"
	if denied != nil {
		what = reasons[denied.Reason]
		require.ErrorIs(t, err, denied.Reason)
	} else {
		require.NoError(t, err)
	}
	m.reached("Undo of a number: " + what)
}

// undoes gives a use back. The number is then as if it had not been used, but to the row.
func (m *numberMachine) undoes(p numberProof) *onetime.DeniedError {
	key := number{owned{p.place, p.use.Number.Secret}, p.use.Number.Number}
	denied := m.giveBack(p.place, p.use.Number.Secret, p.call)
	if s := m.spent[key]; denied == nil && s.call == p.call && !s.written {
		delete(m.spent, key)
	}
	return denied
}
