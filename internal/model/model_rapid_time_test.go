package model

import (
	"slices"

	"pgregory.net/rapid"
)

// move lets time pass, or steps the clock back if d is negative.
func (m *machine) move(t *rapid.T, d int64) {
	m.server.move(t, d)
	m.now = m.server.now
	for p := range m.records {
		m.at(p)
	}
	for _, i := range m.issues {
		i.dead = i.dead || !m.live(i)
	}
}

func (m *machine) wait(t *rapid.T) {
	const second, day = 1000, 24 * 60 * 60 * 1000
	moment, while := rapid.Int64Range(1, second), rapid.Int64Range(1, 60*second)
	d := rapid.OneOf(moment, moment, while, while, rapid.Int64Range(1, day), rapid.SampledFrom([]int64{31 * day, 399 * day, 401 * day})).Draw(t, "wait")
	t.Logf("%d ms pass", d)
	m.move(t, d)
}

// waitEdge lets time pass until just before, at, or just after something happens by itself.
func (m *machine) waitEdge(t *rapid.T) {
	edges := m.edges()
	if len(edges) == 0 {
		t.Skip("nothing will happen")
	}
	far := len(edges) - 1
	edge := edges[rapid.OneOf(rapid.Just(0), rapid.IntRange(0, min(3, far)), rapid.IntRange(0, far)).Draw(t, "edge")]
	d := edge - m.now + rapid.Int64Range(-1, 1).Draw(t, "beside")
	t.Logf("%d ms pass, to the edge at %d", d, edge-start)
	m.move(t, d)
}

func (m *machine) stepBack(t *rapid.T) {
	d := rapid.OneOf(rapid.Int64Range(1, 2*tolerance), rapid.SampledFrom([]int64{1, tolerance, tolerance + 1, 60 * 60 * 1000})).Draw(t, "back")
	t.Logf("the clock steps back %d ms", d)
	m.move(t, -d)
}

// edges are the times to come at which an answer changes.
func (m *machine) edges() (edges []int64) {
	for p, r := range m.records {
		edges = append(edges, r.end)
		for _, by := range m.of(p.purpose) {
			for _, known := range []bool{false, true} {
				sends, guesses, _ := limitsOf(by.policy, known)
				edges = append(edges, m.now+m.waits(r.of(known).sends, sends), m.now+m.waits(r.of(known).guesses, guesses))
			}
		}
		for _, c := range r.challenges {
			edges = append(edges, c.newest()+remembered)
			if c.use.call != 0 {
				edges = append(edges, c.use.at+repeats, c.use.at+repeats+1)
			}
			for _, i := range c.issues {
				edges = append(edges, i.at-tolerance, i.codeUntil, i.tokenUntil)
			}
		}
	}
	slices.Sort(edges)
	return slices.Compact(slices.DeleteFunc(edges, func(at int64) bool { return at <= m.now }))
}
