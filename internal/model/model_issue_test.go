package model

import (
	"cmp"
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
	tie              string // the request that the code is tied to, empty for none
	group            string // empty without Idempotent
	known            bool   // with a credential of the subject
}

// issue returns the issue that is answered, and how long another is refused. It is the given one, which it fills in, or that
// of an earlier sending of the group. A second run of a call comes with the issue of the first.
func (m *model) issue(by *instance, q request, made *issue) (*issue, int64, *onetime.DeniedError) {
	p, at := by.policy, place{by.policy.Purpose, q.subject}
	r := m.at(at)
	if r == nil {
		r = &record{counts: none(), known: none(), challenges: map[string]*challenge{}}
	}
	c := r.challenges[q.binding]
	if c == nil {
		c = &challenge{}
	}
	sends, _, _ := limitsOf(p, q.known)
	counts := r.of(q.known)
	if before, denied := m.again(c, q, made); denied != nil || before != nil {
		return before, m.waits(counts.sends, sends), denied
	}
	// Locked comes before throttled. A link comes without its code instead.
	if denied := m.noCodes(r, p, q.known); denied != nil && q.code {
		if !q.token {
			m.reached("IssueOTP: " + reasons[denied.Reason] + ofKnown(q.known))
			return nil, 0, denied
		}
		q.code = false
		m.reached("IssueLink with code: yes, without it as codes are " + reasons[denied.Reason])
	}
	if wait := m.waits(counts.sends, sends); wait > 0 {
		m.reached("issue: throttled" + ofKnown(q.known))
		return nil, 0, &onetime.DeniedError{Reason: onetime.ErrThrottled, RetryAfter: ms(wait)}
	}
	if q.known && m.waits(r.sends, p.SendLimits) > 0 {
		m.reached("issue: yes, of a known browser while strangers are throttled")
	}
	m.charge(counts.sends, sends)

	*made = issue{
		place: at, binding: q.binding, id: made.id, at: m.now, key: by.ring[0], request: q.tie, payload: q.payload, coded: q.code,
		code: made.code, token: made.token,
	}
	if q.code {
		// A code lives no longer than the policy's codes, nor than its link.
		made.codeUntil = m.now + min(q.ttl, p.OTPTTL).Milliseconds()
	}
	if q.token {
		made.tokenUntil = m.now + q.ttl.Milliseconds()
	}
	m.replace(c, p, made)
	c.wrong, c.group, c.known, c.use = map[mark]bool{}, q.group, q.known, m.useAfterIssue(c)
	r.challenges[q.binding] = c
	m.makeRoom(r, q.binding)
	for _, known := range []bool{false, true} {
		sends, guesses, _ := limitsOf(p, known)
		m.forget(r.of(known).sends, sends)
		m.forget(r.of(known).guesses, guesses)
	}
	m.records[at] = r
	m.extend(r, made, q.known)
	return made, m.waits(counts.sends, sends), nil
}

func none() counts { return counts{sends: gcra{}, guesses: gcra{}} }

// again returns the issue that a call is answered with because it, or another sending of its group, was here before; or the
// refusal of a call whose issue has ended.
func (m *model) again(c *challenge, q request, made *issue) (*issue, *onetime.DeniedError) {
	if slices.Contains(c.replaced, made) {
		m.reached("late issue: not found, replaced")
		return nil, refusal(onetime.ErrNotFound)
	}
	for n, i := range c.issues {
		if i != made && (n > 0 || q.group == "" || q.group != c.group) {
			continue
		}
		if m.live(i) && c.use.call == 0 {
			return i, nil
		}
		if i == made {
			m.reached("late issue: not found, " + m.end(c, i))
			return nil, refusal(onetime.ErrNotFound)
		}
		m.reached("issue: a group is new after its issue was " + m.end(c, i))
	}
	return nil, nil
}

// end says why an issue that is still there is over.
func (m *model) end(c *challenge, i *issue) string {
	switch {
	case i.ended:
		return "ended"
	case c.use.call != 0:
		return "used"
	}
	return "expired"
}

// replace puts a new issue into a challenge and remembers those that it replaces.
func (m *model) replace(c *challenge, p onetime.Policy, made *issue) {
	kept := m.kept(c, p)
	gone := slices.DeleteFunc(slices.Clone(c.issues), func(i *issue) bool { return slices.Contains(kept, i) })
	c.replaced = append(gone, c.replaced...)
	c.replaced = c.replaced[:min(maxReplaced, len(c.replaced))]
	c.issues = append([]*issue{made}, kept...)
}

// kept are the issues that live on beside a new one of their challenge.
func (m *model) kept(c *challenge, p onetime.Policy) (kept []*issue) {
	if c.use.call != 0 { // an issue to a used challenge voids all of it
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

// useAfterIssue is that of a challenge that was not used. What was undone stays known.
func (m *model) useAfterIssue(c *challenge) use {
	if c.use.call != 0 && c.undone != 0 {
		m.reached("issue: what was undone before the use stays known")
	}
	return use{}
}

// makeRoom drops what is over, and the challenges that have to give way to that of a new issue.
func (m *model) makeRoom(r *record, binding string) {
	for b, c := range r.challenges {
		if b != binding && m.over(c) {
			delete(r.challenges, b)
			m.reached("issue: a dead challenge goes")
		}
	}
	for _, b := range m.waiting(r, binding) {
		if len(r.challenges) <= maxChallenges {
			return
		}
		if m.spared(r, binding, b) {
			m.reached("issue: of 17 challenges an older one of a known browser stays")
		}
		if m.hasEnded(r.challenges[b]) {
			m.reached("issue: of 17 challenges one that ended goes")
		} else {
			m.reached("issue: the oldest of 16 challenges goes")
		}
		delete(r.challenges, b)
	}
}

// spared reports whether a challenge that gives way is younger than one that does not, since a known browser asked for that.
func (m *model) spared(r *record, binding, way string) bool {
	for b, c := range r.challenges {
		if b != binding && c.known && !r.challenges[way].known && c.newest() < r.challenges[way].newest() {
			return true
		}
	}
	return false
}

// over reports whether an issue to another challenge sweeps one: nothing lives, and a late copy can do no harm any more.
func (m *model) over(c *challenge) bool {
	if slices.ContainsFunc(c.issues, m.live) {
		return false
	}
	if c.newest() > m.now-remembered {
		m.reached("issue: a dead challenge stays, issued to of late")
		return false
	}
	if c.use.call != 0 && c.use.at >= m.now-repeats {
		m.reached("issue: a dead challenge stays, used of late")
		return false
	}
	return true
}

func (m *model) hasEnded(c *challenge) bool {
	return c.use.call != 0 || !slices.ContainsFunc(c.issues, m.live)
}

// newest is when a challenge was last issued to, by the times that are stored, even where the clock stepped back.
func (c *challenge) newest() (at int64) {
	for _, i := range c.issues {
		at = max(at, i.at)
	}
	return at
}

// waiting are the bindings of the other challenges, in the order in which they give way: those that ended, then the oldest.
func (m *model) waiting(r *record, binding string) (bindings []string) {
	for b := range r.challenges {
		if b != binding {
			bindings = append(bindings, b)
		}
	}
	slices.SortFunc(bindings, func(a, b string) int { return m.givesWay(r.challenges[a], r.challenges[b]) })
	return bindings
}

// givesWay is less than 0 if a challenge gives way before another, and 0 where it is open which does.
func (m *model) givesWay(a, b *challenge) int {
	if a.known != b.known { // one of a known browser last of all
		if b.known {
			return -1
		}
		return 1
	}
	if m.hasEnded(a) != m.hasEnded(b) {
		if m.hasEnded(a) {
			return -1
		}
		return 1
	}
	return cmp.Compare(a.newest(), b.newest())
}

// extend moves the end of a record to the end of all that is in it, and of what has to be remembered of an issue. Never to
// an earlier time.
func (m *model) extend(r *record, made *issue, known bool) {
	for _, limits := range []gcra{r.sends, r.guesses, r.known.sends, r.known.guesses} {
		for _, tat := range limits {
			r.end = max(r.end, tat)
		}
	}
	if made != nil {
		r.end = max(r.end, made.codeUntil, made.tokenUntil, m.now+remembered)
	}
	if _, _, disabledAt := limitsOf(onetime.Policy{}, known); r.of(known).failures >= disabledAt {
		r.end = max(r.end, m.now+disabledFor)
	}
}
