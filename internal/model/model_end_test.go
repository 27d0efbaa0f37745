package model

import "github.com/seed-3f7b73d1/onetime"

// undo takes back the use of an issue by a call.
func (m *model) undo(by *instance, i *issue, call int) *onetime.DeniedError {
	r := m.at(i.place)
	if r == nil {
		return refusal(onetime.ErrNotFound)
	}
	c := r.challenges[i.binding]
	if !m.has(c, i, by.policy.Keep) || !m.live(i) {
		return refusal(onetime.ErrNotFound)
	}
	if c.use.call == 0 {
		return nil
	}
	if c.use.call == call && c.use.repeated {
		m.reached("Undo: used, since another sending was answered yes")
	}
	if c.use.call != call || c.use.repeated {
		return refusal(onetime.ErrUsed)
	}
	c.use, c.undone, i.undone = use{}, call, true
	return nil
}

// cancel ends the issue of an id. Quietly it makes a decoy of it, unless it was used.
func (m *model) cancel(p place, id string, quietly bool) {
	r := m.at(p)
	if r == nil {
		return
	}
	for _, c := range r.challenges {
		for _, i := range c.issues {
			switch {
			case i.id != id:
			case quietly && c.use.call == 0:
				i.quiet = true
			default:
				i.ended = true
			}
		}
	}
}

// revoke ends all issues of a place. A second run of the last call that ended something does nothing.
func (m *model) revoke(p place, erase bool, call int) {
	r := m.at(p)
	if r == nil || len(r.challenges) == 0 {
		return
	}
	if r.revoked == call {
		m.reached("late Revoke or Erase: known")
		return
	}
	r.revoked = call
	for _, c := range r.challenges {
		for _, i := range c.issues {
			i.ended = true
		}
		if erase {
			c.use, c.undone, c.wrong, c.group = use{}, 0, map[mark]bool{}, ""
		}
	}
}

func (m *model) unlock(p place) {
	if r := m.at(p); r != nil {
		r.counts, r.known = none(), none()
	}
}

// status leaves the order of challenges open. The issues of each stand newest first.
func (m *model) status(by *instance, subject string) onetime.Status {
	p, r := by.policy, m.at(place{by.policy.Purpose, subject})
	if r == nil {
		return onetime.Status{}
	}
	locks := func(known bool) onetime.Locks {
		sends, guesses, disabledAt := limitsOf(p, known)
		counts := r.of(known)
		return onetime.Locks{
			Failures: counts.failures, Disabled: counts.failures >= disabledAt,
			SendIn: ms(m.waits(counts.sends, sends)), GuessIn: ms(m.waits(counts.guesses, guesses)),
		}
	}
	s := onetime.Status{Locks: locks(false), Known: locks(true)}
	for _, c := range r.challenges {
		for _, i := range c.first(p.Keep) {
			if !m.live(i) {
				continue
			}
			pending := onetime.Pending{
				ID: i.id, Code: m.liveCode(i), Token: m.liveToken(i), Bound: i.binding != "", Used: c.use.call != 0,
				AttemptsLeft: c.left(p), IssuedAt: moment(i.at),
			}
			for _, until := range []int64{i.codeUntil, i.tokenUntil} {
				if m.alive(i, until) {
					pending.ExpiresIn = max(pending.ExpiresIn, ms(until-m.now))
				}
			}
			s.Pending = append(s.Pending, pending)
		}
	}
	return s
}
