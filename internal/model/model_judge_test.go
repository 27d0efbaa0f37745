package model

import (
	"slices"

	"github.com/seed-3f7b73d1/onetime"
)

// A typedCode is a code as it is shown.
type typedCode struct {
	subject, binding, code string
	requests               []string // one, empty, for none
	group                  string   // empty without Idempotent
	known                  bool     // with a credential of the subject
}

// A success is what a Verification tells of a use.
type success struct {
	issue    *issue
	call     int
	repeated bool
}

// verifyCode judges a code.
func (m *model) verifyCode(by *instance, s typedCode, call int) (success, *onetime.DeniedError) {
	p, r := by.policy, m.at(place{by.policy.Purpose, s.subject})
	var c *challenge
	if r != nil {
		c = r.challenges[s.binding]
	}
	var right, match *issue
	pending, charged := false, false
	for _, i := range c.first(p.Keep) {
		pending = pending || m.liveCode(i)
		if !i.matches(i.codeUntil) || i.code != s.code || !slices.Contains(by.ring, i.key) {
			continue
		}
		if !slices.Contains(s.requests, i.request) {
			m.reached("VerifyOTP: not its request")
			continue
		}
		if right == nil && m.liveCode(i) {
			right, match = i, i
		}
		if match == nil {
			match = i
		}
	}
	if denied := m.wasUndone(c, call); denied != nil {
		return success{}, denied
	}
	if match != nil && m.repeats(c, s.group, call) {
		return m.repeat(r, c, match, s.group, call), nil
	}
	for _, key := range by.ring {
		for _, tie := range s.requests {
			charged = charged || c != nil && c.wrong[mark{key, tie, s.code}]
		}
	}
	if charged && right == nil {
		m.reached("VerifyOTP: mismatch, charged before")
		return success{}, m.mismatch(r, c, p, s.known)
	}
	if denied := m.noCodes(r, p, s.known); denied != nil {
		return success{}, denied
	}
	switch {
	case !pending:
		return success{}, refusal(onetime.ErrNotFound)
	case c.use.call != 0:
		return success{}, refusal(onetime.ErrUsed)
	case c.left(p) == 0:
		return success{}, refusal(onetime.ErrExhausted)
	case right != nil:
		if charged {
			m.reached("VerifyOTP: yes, charged as a wrong code before")
		}
		if other := m.noCodes(r, p, !s.known); other != nil && s.known {
			m.reached("VerifyOTP: yes, of a known browser while codes of strangers are " + reasons[other.Reason])
		}
		return m.use(r, c, right, s.group, call), nil
	}
	c.wrong[mark{by.ring[0], s.requests[0], s.code}] = true
	_, guesses, disabledAt := limitsOf(p, s.known)
	counts := r.of(s.known)
	if counts.failures++; counts.failures == disabledAt {
		m.reached("VerifyOTP: mismatch, and disabled" + ofKnown(s.known))
	}
	m.charge(counts.guesses, guesses)
	m.extend(r, nil, s.known)
	return success{}, m.mismatch(r, c, p, s.known)
}

// mismatch says what a wrong code leaves.
func (m *model) mismatch(r *record, c *challenge, p onetime.Policy, known bool) *onetime.DeniedError {
	_, guesses, _ := limitsOf(p, known)
	return &onetime.DeniedError{
		Reason: onetime.ErrMismatch, AttemptsLeft: c.left(p), RetryAfter: ms(m.waits(r.of(known).guesses, guesses)),
	}
}

// wasUndone refuses a second run of the call that was undone last.
func (m *model) wasUndone(c *challenge, call int) *onetime.DeniedError {
	if c == nil || call == 0 || c.undone != call {
		return nil
	}
	m.reached("late verification: not found, undone")
	return refusal(onetime.ErrNotFound)
}

// repeats reports whether a challenge was used by this call, or by another sending of its group less than a minute ago.
func (m *model) repeats(c *challenge, group string, call int) bool {
	if c == nil || c.use.call == 0 || call == 0 {
		return false
	}
	if c.use.call == call {
		return true
	}
	if group == "" || c.use.group != group {
		return false
	}
	far := max(m.now-c.use.at, c.use.at-m.now)
	if far > repeats {
		m.reached("verification: of a group, too late")
	}
	return far <= repeats
}

// repeat answers as the use was answered, whether or not the secret has expired since.
func (m *model) repeat(r *record, c *challenge, match *issue, group string, call int) success {
	if c.use.call != call {
		c.use.repeated = true
		if !m.live(match) {
			m.reached("verification: yes, repeated, expired since the use")
		}
	}
	m.keepGroup(r, group)
	return success{match, c.use.call, c.use.call != call}
}

func (m *model) use(r *record, c *challenge, i *issue, group string, call int) success {
	c.use = use{call: call, at: m.now, group: group}
	r.failures, r.known.failures = 0, 0 // whoever it was
	m.keepGroup(r, group)
	return success{i, call, false}
}

// keepGroup keeps a record as long as repeats are answered, the last after exactly that time.
func (m *model) keepGroup(r *record, group string) {
	if group != "" {
		r.end = max(r.end, m.now+repeats+1)
	}
}

// A presentation is how a token is shown.
type presentation struct {
	subject, binding string // expected, and shown; empty: not given
	foreign          bool   // IgnoreBinding
	group            string // empty without Idempotent
}

// verifyToken judges the token of an issue. A call of 0 inspects.
func (m *model) verifyToken(by *instance, i *issue, shown presentation, call int) (success, *onetime.DeniedError) {
	p := by.policy
	if i.purpose != p.Purpose || !slices.Contains(by.ring, i.key) {
		return success{}, refusal(onetime.ErrMismatch) // the MAC is of another purpose or key
	}
	if shown.subject != "" && shown.subject != i.subject {
		return success{}, refusal(onetime.ErrSubject)
	}
	if shown.binding != i.binding && !shown.foreign {
		return success{}, refusal(onetime.ErrBinding)
	}
	r := m.at(i.place)
	if r == nil {
		return success{}, refusal(onetime.ErrNotFound)
	}
	c := r.challenges[i.binding]
	match := m.has(c, i, p.Keep) && i.matches(i.tokenUntil)
	if denied := m.wasUndone(c, call); denied != nil {
		return success{}, denied
	}
	if match && m.repeats(c, shown.group, call) {
		return m.repeat(r, c, i, shown.group, call), nil
	}
	if !match || !m.liveToken(i) {
		return success{}, refusal(onetime.ErrNotFound)
	}
	if c.use.call != 0 {
		return success{}, refusal(onetime.ErrUsed)
	}
	if call == 0 {
		return success{issue: i}, nil
	}
	if denied := m.noCodes(r, p, false); denied != nil {
		m.reached("VerifyToken: yes, while codes are " + reasons[denied.Reason])
	}
	if c.left(p) == 0 {
		m.reached("VerifyToken: yes, while codes are exhausted")
	}
	return m.use(r, c, i, shown.group, call), nil
}

func ofKnown(known bool) string {
	if known {
		return " for known browsers"
	}
	return ""
}
