package model_test

import (
	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/once"
)

// secrets is how many of them callers use: two of an app, one of a token that counts, one set of recovery codes.
const secrets = 4

var kinds = [secrets]string{once.Step, once.Step, once.Counter, once.Index}

// A counted number is one that a code matches, with what the caller's row has used.
type counted struct {
	shown        bool
	secret       int
	number, used int64
}

// A secretUse is what Redis remembers of a secret: its last use, what is used, and what was before that use. It forgets
// nothing in the seconds of a test, unless it is lost.
type secretUse struct {
	known              bool
	use, group, undone name
	told               bool // another sending of the group was answered yes
	number             int64
	used, before       int64
}

func (n counted) takenBy(known int64) bool {
	if kinds[n.secret] == once.Index {
		return known>>n.number&1 == 1
	}
	return n.number < known
}

// useNumber judges a code whose numbers count once. All steps are in the window.
func (r *record) useNumber(p onetime.Policy, c call) answer {
	mine, sent, free, gone := 0, 0, 0, false
	for i, n := range c.numbers {
		if !n.shown {
			continue
		}
		s := &r.secrets[n.secret]
		last := s.use != 0 && s.number == n.number
		switch {
		case s.undone == c.id:
			return answer{reason: onetime.ErrNotFound}
		case last && s.use == c.id:
			mine = or(mine, i+1)
		case last && c.group != 0 && s.group == c.group:
			sent = or(sent, i+1)
		case n.takenBy(n.used) || n.takenBy(s.used):
			gone = true
		default:
			free = or(free, i+1)
		}
	}
	locked := full(r.guesses, p.GuessLimits)
	switch match := or(mine, sent); {
	case match > 0:
		s := &r.secrets[c.numbers[match-1].secret]
		s.told = s.told || mine == 0
		return answer{use: s.use, repeated: mine == 0, match: match}
	case r.charged == c.id:
		return answer{reason: onetime.ErrMismatch, left: r.left(p), wait: locked}
	case r.disabled():
		return answer{reason: onetime.ErrDisabled}
	case locked:
		return answer{reason: onetime.ErrLocked, wait: true}
	case free == 0 && gone:
		return answer{reason: onetime.ErrUsed}
	case free == 0:
		r.failures++
		r.guesses++
		r.charged = c.id
		return answer{reason: onetime.ErrMismatch, left: r.left(p), wait: full(r.guesses, p.GuessLimits)}
	}
	n := c.numbers[free-1]
	s := &r.secrets[n.secret]
	*s = secretUse{known: true, use: c.id, group: c.group, undone: s.undone, number: n.number, used: s.used, before: s.used}
	if kinds[n.secret] == once.Index {
		s.used |= 1 << n.number
	} else {
		s.before, s.used = max(s.before, n.used), n.number+1
	}
	r.failures = 0
	return answer{use: c.id, match: free}
}

// giveBack undoes the use of a secret.
func (r *record) giveBack(c call) answer {
	s := &r.secrets[c.numbers[0].secret]
	switch {
	case !s.known:
		return answer{reason: onetime.ErrNotFound}
	case s.use == 0 && s.undone == c.id:
		return answer{}
	case s.use != c.id || s.told:
		return answer{reason: onetime.ErrUsed}
	}
	*s = secretUse{known: true, undone: c.id, used: s.before, before: s.before}
	return answer{}
}

func or(found, i int) int {
	if found > 0 {
		return found
	}
	return i
}

// left is how many wrong codes are evaluated until the limit is empty or codes are disabled.
func (r *record) left(p onetime.Policy) int {
	return min(p.GuessLimits[0].Burst-int(r.guesses), disabledAt-int(r.failures))
}
