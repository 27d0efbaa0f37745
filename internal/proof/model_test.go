package proof

import (
	"math"
	"slices"
	"time"

	"github.com/seed-3f7b73d1/onetime"
)

/*
A model states the rules of onetime in plain Go: what each operation answers and what it leaves behind. It is written from
the design and the doc comments and not from the scripts, so that a mistake would have to be made twice. It keeps secrets
as they are and nothing of how Redis stores them. Times and durations are milliseconds of Redis's clock.
*/
type model struct {
	now     int64
	records map[place]*record
	reached func(what string)
}

// A place is where a record is.
type place struct{ purpose, subject string }

// A record is what is known of a place.
type record struct {
	sends, guesses gcra
	failures       int                   // consecutive wrong codes
	challenges     map[string]*challenge // by binding, empty if unbound
	end            int64                 // the TTL lets it go
}

// A challenge is what one requester has outstanding.
type challenge struct {
	issues []*issue      // newest first; some may be dead
	wrong  map[mark]bool // wrong codes charged since the last issue
	usedBy int           // the call that used it; 0: none
}

// A mark remembers a wrong code by its digest, so under a key: the first of the instance that was asked.
type mark struct{ key, code string }

// An issue is one send. The machine fills in id and secrets, which onetime draws.
type issue struct {
	place
	binding     string
	id          string
	at          int64
	key         string // of the instance that issued
	payload     string
	code, token *secret // nil: without
	ended       bool    // cancelled or revoked

	undone, dead bool // once, for the outcomes
}

// A secret is a code or a token. Its value is empty if nobody was told: that of a decoy.
type secret struct {
	value string
	until int64
}

// An instance is a Manager as the model sees it: settings, and the keys it knows, the one it issues with first.
type instance struct {
	*onetime.Manager
	name   string
	policy onetime.Policy
	ring   []string
	fixed  map[string]string
}

const (
	disabledAt    = 100
	disabledFor   = 400 * 24 * 60 * 60 * 1000
	tolerance     = 10 * 1000 // a secret from further ahead is dead
	maxChallenges = 16
)

func refusal(reason error) *onetime.DeniedError { return &onetime.DeniedError{Reason: reason} }

// at returns the record of a place, nil if there is none.
func (m *model) at(p place) *record {
	r := m.records[p]
	if r != nil && r.end <= m.now {
		delete(m.records, p)
		m.reached("record: ended")
		if r.failures > 0 {
			m.reached("record: ended with failures")
		}
		return nil
	}
	return r
}

func (m *model) alive(s *secret, i *issue) bool {
	if s == nil || i.ended || m.now >= s.until {
		return false
	}
	if i.at > m.now+tolerance {
		m.reached("secret: too far ahead of the clock")
		return false
	}
	return true
}

func (m *model) liveCode(i *issue) bool  { return m.alive(i.code, i) }
func (m *model) liveToken(i *issue) bool { return m.alive(i.token, i) }
func (m *model) live(i *issue) bool      { return m.liveCode(i) || m.liveToken(i) }

// first returns the issues that verify under a policy.
func (c *challenge) first(keep int) []*issue {
	if c == nil {
		return nil
	}
	return c.issues[:min(keep, len(c.issues))]
}

func (c *challenge) left(p onetime.Policy) int { return max(0, p.MaxAttempts-len(c.wrong)) }

// codes says why no code is evaluated or issued, whatever it is; nil if codes are.
func (m *model) codes(r *record, p onetime.Policy) *onetime.DeniedError {
	if r == nil {
		return nil
	}
	if r.failures >= disabledAt {
		return refusal(onetime.ErrDisabled)
	}
	if wait := m.waits(r.guesses, p.GuessLimits); wait > 0 {
		return &onetime.DeniedError{Reason: onetime.ErrLocked, RetryAfter: ms(wait)}
	}
	return nil
}

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
	if denied := m.codes(r, p); denied != nil && q.code {
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
		made.code = &secret{until: m.now + min(q.ttl, p.OTPTTL).Milliseconds()}
	}
	if q.token {
		made.token = &secret{until: m.now + q.ttl.Milliseconds()}
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
			i.code = nil
		}
		if !m.liveToken(i) {
			i.token = nil
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
		for _, s := range []*secret{made.code, made.token} {
			if s != nil {
				r.end = max(r.end, s.until)
			}
		}
	}
	if r.failures >= disabledAt {
		r.end = max(r.end, m.now+disabledFor)
	}
}

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
		if right == nil && i.code.value == code && slices.Contains(by.ring, i.key) {
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
	if denied := m.codes(r, p); denied != nil {
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
	if !slices.Contains(c.first(p.Keep), i) || !m.liveToken(i) {
		return refusal(onetime.ErrNotFound)
	}
	if c.usedBy != 0 {
		return refusal(onetime.ErrUsed)
	}
	if call != 0 {
		if denied := m.codes(r, p); denied != nil {
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
	if !slices.Contains(c.first(by.policy.Keep), i) || !m.live(i) {
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

// status leaves the order of issues of the same age open.
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
			for _, s := range []*secret{i.code, i.token} {
				if m.alive(s, i) {
					pending.ExpiresIn = max(pending.ExpiresIn, ms(s.until-m.now))
				}
			}
			s.Pending = append(s.Pending, pending)
		}
	}
	return s
}
