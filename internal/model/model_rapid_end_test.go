package model

import (
	"encoding/base64"
	"slices"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func (m *machine) cancelOne(t *rapid.T) {
	if len(m.issues) == 0 {
		t.Skip("nothing issued yet")
	}
	i := recent(t, "issue", m.issues)
	id, subject, what := i.id, i.subject, "nothing"
	switch rapid.IntRange(0, 9).Draw(t, "unknown") {
	case 8:
		id = base64.RawURLEncoding.EncodeToString([]byte("id of nobody"))
	case 9:
		subject = rapid.SampledFrom(subjects).Draw(t, "subject")
	default:
		if m.stored(i) {
			what = m.state(i)
		}
	}
	by, op := m.instanceOf(t, i.purpose), rapid.SampledFrom([]string{"Cancel", "CancelQuietly"}).Draw(t, "op")
	cancel := by.Cancel
	if op == "CancelQuietly" {
		cancel = by.CancelQuietly
	}
	err := cancel(t.Context(), spelled(t, subject), id)
	p := place{by.policy.Purpose, subject}
	m.last = p
	m.cancel(p, id, op == "CancelQuietly")
	m.keep(func(t *rapid.T, r reply) {
		m.cancel(p, id, op == "CancelQuietly")
		r.is(t, nil)
	})
	t.Logf("%s by %s: %q, %s: %v", op, by.name, subject, id, err)
	require.NoError(t, err)
	m.reached(op + ": " + what)
}

func (m *machine) revokeAll(t *rapid.T) {
	to := m.target(t)
	m.last = place{to.by.policy.Purpose, to.subject}
	what := "nothing"
	for _, i := range m.issues {
		if i.place == m.last && m.stored(i) {
			what = m.state(i)
		}
	}
	op := rapid.SampledFrom([]string{"Revoke", "Erase"}).Draw(t, "op")
	end := to.by.Revoke
	if op == "Erase" {
		end = to.by.Erase
	}
	m.calls++
	err := end(t.Context(), spelled(t, to.subject))
	p, call := m.last, m.calls
	m.revoke(p, op == "Erase", call)
	m.keep(func(t *rapid.T, r reply) {
		m.revoke(p, op == "Erase", call)
		r.is(t, nil)
	})
	t.Logf("%s by %s: %q: %v", op, to.by.name, to.subject, err)
	require.NoError(t, err)
	m.reached(op + ": " + what)
}

// stored reports whether an issue is in its record and may verify or be given back.
func (m *machine) stored(i *issue) bool {
	r := m.at(i.place)
	return r != nil && r.challenges[i.binding] != nil && slices.Contains(r.challenges[i.binding].issues, i) && m.live(i)
}

// state names what a stored issue is.
func (m *machine) state(i *issue) string {
	if m.usedBy(i) != 0 {
		return "used"
	}
	return "live"
}

func (m *machine) unlockOne(t *rapid.T) {
	to := m.target(t)
	m.last = place{to.by.policy.Purpose, to.subject}
	what := "nothing"
	if r := m.at(m.last); r != nil {
		if m.waits(r.sends, to.by.policy.SendLimits) > 0 {
			what = "throttled"
		}
		if denied := m.noCodes(r, to.by.policy, false); denied != nil {
			what = reasons[denied.Reason]
		}
	}
	err := to.by.Unlock(t.Context(), spelled(t, to.subject))
	p := m.last
	m.unlock(p)
	m.keep(func(t *rapid.T, r reply) {
		m.unlock(p)
		r.is(t, nil)
	})
	t.Logf("Unlock by %s: %q: %v", to.by.name, to.subject, err)
	require.NoError(t, err)
	m.reached("Unlock: " + what)
}
