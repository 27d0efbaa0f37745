package model

import (
	"fmt"
	"slices"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/once"
)

// guess shows wrong codes. A patient one waits while they are locked.
func (m *numberMachine) guess(t *rapid.T, tries int, patient bool) {
	by := rapid.SampledFrom(m.instances).Draw(t, "instance")
	c := judged{place: place{by.policy.Purpose, rapid.SampledFrom(subjects).Draw(t, "subject")}, mode: once.Verify}
	for range tries {
		if denied := m.ask(t, by, c); denied != nil && denied.Reason == onetime.ErrLocked && patient {
			m.move(t, denied.RetryAfter.Milliseconds())
		}
	}
}

// crowd uses a number of many secrets, so that those of before are forgotten.
func (m *numberMachine) crowd(t *rapid.T) {
	by := rapid.SampledFrom(m.instances).Draw(t, "instance")
	p := place{by.policy.Purpose, rapid.SampledFrom(subjects).Draw(t, "subject")}
	for range maxSecrets + 2 {
		m.crowds[p]++
		n := once.Number{Kind: once.Counter, Secret: fmt.Sprintf("%08d", m.crowds[p]), Number: 1}
		if m.ask(t, by, judged{place: p, mode: once.Verify, numbers: []once.Number{n}}) != nil {
			return
		}
	}
}

func (m *numberMachine) unlockOne(t *rapid.T) {
	by := rapid.SampledFrom(m.instances).Draw(t, "instance")
	m.last = place{by.policy.Purpose, rapid.SampledFrom(subjects).Draw(t, "subject")}
	require.NoError(t, by.Unlock(t.Context(), m.last.subject))
	m.unlockNumbers(m.last)
}

// flush loses Redis.
func (m *numberMachine) flush(t *rapid.T) {
	require.NoError(t, m.server.FlushAll(t.Context()).Err())
	m.lose()
	m.lost++
	t.Logf("Redis is lost")
}

// unique lets a moment pass while something was used right now: of two uses at one time either is the older one.
func (m *numberMachine) unique(t *rapid.T, p place) {
	for a := m.of(p); a != nil && !a.alone(m.now); {
		m.move(t, 1)
		a = m.of(p)
	}
}

func (a *account) alone(at int64) bool {
	for _, r := range a.secrets {
		if r.since == at {
			return false
		}
	}
	return true
}

func (m *numberMachine) move(t *rapid.T, d int64) {
	m.server.move(t, d)
	m.now = m.server.now
	m.latest = max(m.latest, m.now)
	for p := range m.accounts {
		m.of(p)
	}
}

func (m *numberMachine) wait(t *rapid.T) {
	const second, day = 1000, 24 * 60 * 60 * 1000
	m.move(t, rapid.OneOf(rapid.Int64Range(1, second), rapid.Int64Range(1, 60*second), rapid.Int64Range(1, 11*60*second),
		rapid.SampledFrom([]int64{31 * day, 401 * day})).Draw(t, "wait"))
}

func (m *numberMachine) stepBack(t *rapid.T) {
	m.move(t, -rapid.SampledFrom([]int64{1, 29_000, 61_000, 60 * 60 * 1000}).Draw(t, "back"))
}

// waitEdge lets time pass until just before, at, or just after something happens by itself.
func (m *numberMachine) waitEdge(t *rapid.T) {
	var edges []int64
	for p, a := range m.accounts {
		edges = append(edges, a.end)
		for _, by := range m.instances {
			if by.policy.Purpose == p.purpose {
				edges = append(edges, m.now+m.waits(a.guesses, by.policy.GuessLimits))
			}
		}
		for _, r := range a.secrets {
			edges = append(edges, r.use.at+repeats, r.since+kept(r.kind))
		}
	}
	edges = append(edges, (m.now/30_000+1)*30_000, (m.now/15_000+2)*15_000)
	slices.Sort(edges)
	edges = slices.Compact(slices.DeleteFunc(edges, func(at int64) bool { return at <= m.now }))
	edge := edges[rapid.OneOf(rapid.Just(0), rapid.IntRange(0, len(edges)-1)).Draw(t, "edge")]
	m.move(t, max(1, edge-m.now+rapid.Int64Range(-1, 1).Draw(t, "beside")))
}

// compare wants Status and the ends of the records to be what the ledger knows.
func (m *numberMachine) compare(t *rapid.T) {
	ends := m.server.ends(t)
	for _, purpose := range purposes {
		var want []int64
		for _, subject := range subjects {
			if a := m.of(place{purpose, subject}); a != nil {
				want = append(want, a.end-start)
			}
		}
		slices.Sort(want)
		require.Equal(t, want, endsOf(purpose, ends), "ends of the records of %s", purpose)
	}
	for _, by := range m.instances {
		if by.policy.Purpose != m.last.purpose {
			continue
		}
		want := onetime.Status{}
		if a := m.of(m.last); a != nil {
			want.Locks = onetime.Locks{Failures: a.failures, Disabled: a.failures >= strangersDisabledAt, GuessIn: ms(m.waits(a.guesses, by.policy.GuessLimits))}
		}
		got, err := by.Status(t.Context(), m.last.subject)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}
