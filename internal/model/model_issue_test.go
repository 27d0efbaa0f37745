package model

import (
	"math"
	"slices"
	"time"

	"github.com/seed-3f7b73d1/onetime"
)

// A request is what an issue is asked for. At least one of code and token is set.
type request struct {
	subject, binding string
	code, token      bool
	ttl              time.Duration
	payload          string
	decoy            bool
}

// issue returns the issue made and how long another is refused.
func (m *model) issue(by *instance, q request) (*issue, int64, *onetime.DeniedError) {
	p, at := by.policy, place{by.policy.Purpose, q.subject}
	r := m.at(at)
	if r == nil {
		r = &record{sends: gcra{}, guesses: gcra{}, challenges: map[string]*challenge{}}
	}
	// Locked comes before throttled. A link comes without its code instead.
	if denied := m.noCodes(r, p); denied != nil && q.code {
		if !q.token {
			return nil, 0, denied
		}
		q.code = false
		m.reached("IssueLink with code: yes, without it as codes are " + reasons[denied.Reason])
	}
	if wait := m.waits(r.sends, p.SendLimits); wait > 0 {
		return nil, 0, &onetime.DeniedError{Reason: onetime.ErrThrottled, RetryAfter: ms(wait)}
	}
	m.charge(r.sends, p.SendLimits)

	made := &issue{place: at, binding: q.binding, at: m.now, key: by.ring[0], payload: q.payload}
	if q.code {
		// A code lives no longer than the policy's codes, nor than its link.
		made.codeUntil = m.now + min(q.ttl, p.OTPTTL).Milliseconds()
	}
	if q.token {
		made.tokenUntil = m.now + q.ttl.Milliseconds()
	}
	kept := m.kept(r.challenges[q.binding], p)
	m.makeRoom(r, q.binding)
	m.forget(r.sends, p.SendLimits)
	m.forget(r.guesses, p.GuessLimits)
	r.challenges[q.binding] = &challenge{issues: append([]*issue{made}, kept...), wrong: map[mark]bool{}}
	m.records[at] = r
	m.extend(r, made)
	return made, m.waits(r.sends, p.SendLimits), nil
}

// kept are the issues that live on beside a new one of their challenge.
func (m *model) kept(c *challenge, p onetime.Policy) (kept []*issue) {
	if c == nil {
		return nil
	}
	if c.usedBy != 0 { // an issue to a used challenge voids all of it
		m.reached("issue: a used challenge ends")
		return nil
	}
	exhausted := c.left(p) == 0
	for _, i := range c.issues {
		if !m.live(i) || len(kept) == p.Keep-1 {
			continue
		}
		if exhausted && m.liveCode(i) {
			m.reached("issue: an exhausted code of before stays dead")
		}
		if exhausted || !m.liveCode(i) { // the attempts of the new issue are not for it
			i.codeUntil = 0
		}
		if !m.liveToken(i) {
			i.tokenUntil = 0
		}
		if m.live(i) {
			kept = append(kept, i)
		}
	}
	return kept
}

// makeRoom drops what is dead, and a challenge that has to give way to a new one.
func (m *model) makeRoom(r *record, binding string) {
	delete(r.challenges, binding)
	for b, c := range r.challenges {
		if !slices.ContainsFunc(c.issues, m.live) {
			delete(r.challenges, b)
			m.reached("issue: a dead challenge goes")
		}
	}
	if len(r.challenges) < maxChallenges {
		return
	}
	delete(r.challenges, r.oldest()[0])
	m.reached("issue: the oldest of 16 challenges goes")
}

// oldest are the bindings of the challenges whose last issue is oldest: of the same millisecond there may be several.
func (r *record) oldest() (bindings []string) {
	least := int64(math.MaxInt64)
	for b, c := range r.challenges {
		last := int64(0)
		for _, i := range c.issues {
			last = max(last, i.at) // by the times that are stored, even where the clock stepped back
		}
		if last < least {
			least, bindings = last, nil
		}
		if last == least {
			bindings = append(bindings, b)
		}
	}
	return bindings
}

// extend moves the end of a record to the end of all that is in it. Never to an earlier time.
func (m *model) extend(r *record, made *issue) {
	for _, limits := range []gcra{r.sends, r.guesses} {
		for _, tat := range limits {
			r.end = max(r.end, tat)
		}
	}
	if made != nil {
		r.end = max(r.end, made.codeUntil, made.tokenUntil)
	}
	if r.failures >= disabledAt {
		r.end = max(r.end, m.now+disabledFor)
	}
}
