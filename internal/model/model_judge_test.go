package model

import (
	"slices"

	"github.com/seed-3f7b73d1/onetime"
)

// verifyCode judges a code and returns the issue it belongs to.
func (m *model) verifyCode(by *instance, subject, binding, code string, call int) (*issue, *onetime.DeniedError) {
	p, r := by.policy, m.at(place{by.policy.Purpose, subject})
	var c *challenge
	if r != nil {
		c = r.challenges[binding]
	}
	var right *issue
	pending, known := false, false
	for _, i := range c.first(p.Keep) {
		if !m.liveCode(i) {
			continue
		}
		pending = true
		if right == nil && i.code == code && slices.Contains(by.ring, i.key) {
			right = i
		}
	}
	for _, key := range by.ring {
		known = known || c != nil && c.wrong[mark{key, code}]
	}
	if known && right == nil {
		m.reached("VerifyOTP: mismatch, charged before")
		return nil, m.mismatch(r, c, p)
	}
	if denied := m.noCodes(r, p); denied != nil {
		return nil, denied
	}
	switch {
	case !pending:
		return nil, refusal(onetime.ErrNotFound)
	case c.usedBy != 0:
		return nil, refusal(onetime.ErrUsed)
	case c.left(p) == 0:
		return nil, refusal(onetime.ErrExhausted)
	case right != nil:
		if known {
			m.reached("VerifyOTP: yes, charged as a wrong code before")
		}
		c.usedBy, r.failures = call, 0
		return right, nil
	}
	c.wrong[mark{by.ring[0], code}] = true
	r.failures++
	if r.failures == disabledAt {
		m.reached("VerifyOTP: mismatch, and disabled")
	}
	m.charge(r.guesses, p.GuessLimits)
	m.extend(r, nil)
	return nil, m.mismatch(r, c, p)
}

// mismatch says what a wrong code leaves.
func (m *model) mismatch(r *record, c *challenge, p onetime.Policy) *onetime.DeniedError {
	return &onetime.DeniedError{
		Reason: onetime.ErrMismatch, AttemptsLeft: c.left(p), RetryAfter: ms(m.waits(r.guesses, p.GuessLimits)),
	}
}

// A presentation is how a token is shown.
type presentation struct {
	subject, binding string // expected, and shown; empty: not given
	foreign          bool   // IgnoreBinding
}

// verifyToken judges the token of an issue. A call of 0 inspects.
func (m *model) verifyToken(by *instance, i *issue, shown presentation, call int) *onetime.DeniedError {
	p := by.policy
	if i.purpose != p.Purpose || !slices.Contains(by.ring, i.key) {
		return refusal(onetime.ErrMismatch) // the MAC is of another purpose or key
	}
	if shown.subject != "" && shown.subject != i.subject {
		return refusal(onetime.ErrSubject)
	}
	if shown.binding != i.binding && !shown.foreign {
		return refusal(onetime.ErrBinding)
	}
	r := m.at(i.place)
	if r == nil {
		return refusal(onetime.ErrNotFound)
	}
	c := r.challenges[i.binding]
	if !m.has(c, i, p.Keep) || !m.liveToken(i) {
		return refusal(onetime.ErrNotFound)
	}
	if c.usedBy != 0 {
		return refusal(onetime.ErrUsed)
	}
	if call != 0 {
		if denied := m.noCodes(r, p); denied != nil {
			m.reached("VerifyToken: yes, while codes are " + reasons[denied.Reason])
		}
		if c.left(p) == 0 {
			m.reached("VerifyToken: yes, while codes are exhausted")
		}
		c.usedBy, r.failures = call, 0
	}
	return nil
}

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
	if c.usedBy != 0 && c.usedBy != call {
		return refusal(onetime.ErrUsed)
	}
	c.usedBy, i.undone = 0, true
	return nil
}

// revoke ends all issues of a place, or the one with the id.
func (m *model) revoke(p place, id string) {
	r := m.at(p)
	if r == nil {
		return
	}
	for _, c := range r.challenges {
		for _, i := range c.issues {
			i.ended = i.ended || id == "" || i.id == id
		}
	}
}

func (m *model) unlock(p place) {
	if r := m.at(p); r != nil {
		r.failures, r.sends, r.guesses = 0, gcra{}, gcra{}
	}
}

// status leaves the order of challenges open. The issues of each stand newest first.
func (m *model) status(by *instance, subject string) onetime.Status {
	p, r := by.policy, m.at(place{by.policy.Purpose, subject})
	if r == nil {
		return onetime.Status{}
	}
	s := onetime.Status{
		Failures: r.failures, Disabled: r.failures >= disabledAt,
		SendIn: ms(m.waits(r.sends, p.SendLimits)), GuessIn: ms(m.waits(r.guesses, p.GuessLimits)),
	}
	for _, c := range r.challenges {
		for _, i := range c.first(p.Keep) {
			if !m.live(i) {
				continue
			}
			pending := onetime.Pending{
				ID: i.id, Code: m.liveCode(i), Token: m.liveToken(i), Bound: i.binding != "", Used: c.usedBy != 0,
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
