package model

import (
	"slices"
	"time"

	"github.com/seed-3f7b73d1/onetime"
)

// A gcra holds the theoretical arrival time of each limit, named by its Per in milliseconds: two Managers that differ in
// Burst share it, two that differ in Per do not.
type gcra map[int64]int64

// rate returns the time in which a limit refills one event, rounded up, and a whole burst.
func rate(l onetime.Limit) (one, burst int64) {
	n := int64(l.Burst)
	one = (l.Per.Milliseconds() + n - 1) / n
	return one, one * n
}

// tat returns the theoretical arrival time of a limit. What the limit cannot have produced (the clock stepped back, or
// the settings changed) is cut so that the next event passes.
func (m *model) tat(times gcra, l onetime.Limit) (tat int64, cut bool) {
	one, burst := rate(l)
	if tat = times[l.Per.Milliseconds()]; tat > m.now+burst {
		return m.now + burst - one, true
	}
	return tat, false
}

// waits is how long the tightest of the limits refuses the next event.
func (m *model) waits(times gcra, limits []onetime.Limit) (longest int64) {
	for _, l := range limits {
		one, burst := rate(l)
		tat, _ := m.tat(times, l)
		longest = max(longest, tat+one-burst-m.now)
	}
	return longest
}

// charge counts an event in all of the limits.
func (m *model) charge(times gcra, limits []onetime.Limit) {
	for _, l := range limits {
		one, _ := rate(l)
		tat, cut := m.tat(times, l)
		times[l.Per.Milliseconds()] = max(tat, m.now) + one
		if cut {
			m.reached("limit: cut")
		}
	}
}

// forget drops full limits that are none of the policy's any more.
func (m *model) forget(times gcra, limits []onetime.Limit) {
	for per, tat := range times {
		if tat <= m.now && !slices.ContainsFunc(limits, func(l onetime.Limit) bool { return l.Per == ms(per) }) {
			delete(times, per)
			m.reached("limit: dropped")
		}
	}
}

func ms(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

func moment(at int64) time.Time { return time.UnixMilli(at) }
