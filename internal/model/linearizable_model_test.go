package model_test

import (
	"fmt"
	"hash/maphash"
	"slices"

	"github.com/anishathalye/porcupine"

	"github.com/seed-3f7b73d1/onetime"
)

// A name stands for an id, and so for the issue or the use of that id, or for a wrong code. 0 is none.
type name uint16

// A call is what a caller asks of one record. go-redis may send it several times; its copies are equal.
type call struct {
	op        string // the method
	id        name   // that Redis knows it by: of an issue the ID, of an Undo that of the call it undoes
	challenge int    // 0 the unbound one, 1 the bound one
	shown     name   // at a verification: the issue whose code or token was shown, or the wrong code
	issue     name   // of an Undo and a Cancel
}

// An answer is what of the result of a call does not depend on how fast it came.
type answer struct {
	reason error  // of a refusal
	left   int    // AttemptsLeft
	wait   bool   // RetryAfter or ResendIn is more than 0
	code   bool   // what was issued has a code
	issue  name   // of a Verification
	status status // see summary
}

// A record is the sequential model of what is kept of a purpose and subject. No time passes in it: nothing expires and no
// limit refills, so a limit is a number of events. It knows two challenges. It is compared by ==.
type record struct {
	sends, guesses, failures uint16 // sends and guesses since the last Unlock
	revoke                   name   // the last that ended something
	challenges               [2]challenge
}

type challenge struct {
	use    name // the call that used it
	undone bool // that call
	marks  [16]name
	slots  [5]slot
}

// A slot is an issue, the newest first. One without secrets was cancelled or revoked.
type slot struct {
	issue       name
	code, token bool
	answered    bool // with a code
}

// A status is what Status says, without times and in an order that rests on none.
type status struct {
	failures                    int
	disabled, throttled, locked bool
	pending                     [10]pending
}

type pending struct {
	issue                    name
	code, token, bound, used bool
	left                     int
}

const disabledAt = 100

// next returns the record after a call, and its answer.
func (r record) next(p onetime.Policy, c call) (record, answer) {
	switch c.op {
	case "IssueOTP", "IssueToken", "IssueLink":
		return r, r.issue(p, c)
	case "VerifyOTP":
		return r, r.verifyCode(p, c)
	case "VerifyToken", "InspectToken":
		return r, r.verifyToken(c)
	case "Undo":
		return r, r.undo(c)
	case "Cancel", "Revoke":
		return r, r.end(c)
	case "Unlock":
		r.sends, r.guesses, r.failures = 0, 0, 0
		return r, answer{}
	case "Status":
		return r, answer{status: r.status(p)}
	}
	panic(c.op)
}

func (r *record) issue(p onetime.Policy, c call) answer {
	ch := &r.challenges[c.challenge]
	for _, s := range ch.slots {
		if s.issue == c.id { // a repeat
			return answer{code: s.answered, wait: full(r.sends, p.SendLimits)}
		}
	}
	code, token := c.op != "IssueToken", c.op != "IssueOTP"
	if code && r.disabled() || code && full(r.guesses, p.GuessLimits) {
		switch code = false; {
		case token: // comes without
		case r.disabled():
			return answer{reason: onetime.ErrDisabled}
		default:
			return answer{reason: onetime.ErrLocked, wait: true}
		}
	}
	if full(r.sends, p.SendLimits) {
		return answer{reason: onetime.ErrThrottled, wait: true}
	}
	r.sends++

	kept := []slot{{c.id, code, token, code}}
	for _, s := range ch.slots {
		s.code = s.code && ch.charged() < p.MaxAttempts
		if s.live() && !ch.used() && len(kept) < p.Keep {
			kept = append(kept, s)
		}
	}
	if ch.used() {
		ch.use = 0
	}
	ch.marks, ch.slots = [16]name{}, [5]slot{}
	copy(ch.slots[:], kept)
	for i := range r.challenges {
		if !r.challenges[i].live(slot.live) {
			r.challenges[i] = challenge{} // an issue drops what is dead
		}
	}
	return answer{code: code, wait: full(r.sends, p.SendLimits)}
}

func (r *record) verifyCode(p onetime.Policy, c call) answer {
	ch := &r.challenges[c.challenge]
	right := ch.live(func(s slot) bool { return s.issue == c.shown && s.code })
	known := slices.Contains(ch.marks[:], c.shown)
	locked := full(r.guesses, p.GuessLimits)
	switch {
	case ch.use == c.id && right && !ch.undone: // a repeat
		return answer{issue: c.shown}
	case ch.use == c.id && ch.undone:
		return answer{reason: onetime.ErrNotFound}
	case known && !right:
		return answer{reason: onetime.ErrMismatch, left: max(0, p.MaxAttempts-ch.charged()), wait: locked}
	case r.disabled():
		return answer{reason: onetime.ErrDisabled}
	case locked:
		return answer{reason: onetime.ErrLocked, wait: true}
	case !ch.live(func(s slot) bool { return s.code }):
		return answer{reason: onetime.ErrNotFound}
	case ch.used():
		return answer{reason: onetime.ErrUsed}
	case ch.charged() >= p.MaxAttempts:
		return answer{reason: onetime.ErrExhausted}
	case right:
		return r.success(c)
	}
	ch.marks[ch.charged()] = c.shown
	slices.SortFunc(ch.marks[:ch.charged()], func(a, b name) int { return int(a) - int(b) })
	r.failures++
	r.guesses++
	return answer{reason: onetime.ErrMismatch, left: p.MaxAttempts - ch.charged(), wait: full(r.guesses, p.GuessLimits)}
}

func (r *record) verifyToken(c call) answer {
	ch := &r.challenges[c.challenge]
	right := ch.live(func(s slot) bool { return s.issue == c.shown && s.token })
	switch {
	case ch.use == c.id && right && !ch.undone: // a repeat
		return answer{issue: c.shown}
	case ch.use == c.id && ch.undone || !right:
		return answer{reason: onetime.ErrNotFound}
	case ch.used():
		return answer{reason: onetime.ErrUsed}
	case c.op == "InspectToken":
		return answer{issue: c.shown}
	}
	return r.success(c)
}

func (r *record) success(c call) answer {
	r.challenges[c.challenge].use, r.challenges[c.challenge].undone = c.id, false
	r.failures = 0
	return answer{issue: c.shown}
}

func (r *record) undo(c call) answer {
	ch := &r.challenges[c.challenge]
	switch {
	case !ch.live(func(s slot) bool { return s.issue == c.issue && s.live() }):
		return answer{reason: onetime.ErrNotFound}
	case ch.used() && ch.use != c.id:
		return answer{reason: onetime.ErrUsed}
	case ch.used():
		ch.undone = true
	}
	return answer{}
}

// end is Cancel of one issue, or Revoke of all.
func (r *record) end(c call) answer {
	if c.op == "Revoke" && r.revoke == c.id { // a repeat
		return answer{}
	}
	for i := range r.challenges {
		for j := range r.challenges[i].slots {
			s := &r.challenges[i].slots[j]
			if s.issue == 0 || c.op == "Cancel" && s.issue != c.issue {
				continue
			}
			s.code, s.token = false, false
			if c.op == "Revoke" {
				r.revoke = c.id
			}
		}
	}
	return answer{}
}

func (r *record) status(p onetime.Policy) status {
	var all []pending
	for i, ch := range r.challenges {
		for _, s := range ch.slots {
			if s.live() {
				all = append(all, pending{s.issue, s.code, s.token, i == 1, ch.used(), max(0, p.MaxAttempts-ch.charged())})
			}
		}
	}
	return summary(int(r.failures), r.disabled(), full(r.sends, p.SendLimits), full(r.guesses, p.GuessLimits), all)
}

func summary(failures int, disabled, throttled, locked bool, all []pending) status {
	slices.SortFunc(all, func(a, b pending) int { return int(a.issue) - int(b.issue) })
	s := status{failures: failures, disabled: disabled, throttled: throttled, locked: locked}
	copy(s.pending[:], all)
	return s
}

func (r *record) disabled() bool { return r.failures >= disabledAt }

func (c *challenge) used() bool { return c.use != 0 && !c.undone }

// charged is how many wrong codes are marked.
func (c *challenge) charged() int {
	if n := slices.Index(c.marks[:], 0); n >= 0 {
		return n
	}
	return len(c.marks)
}

func (c *challenge) live(is func(slot) bool) bool { return slices.ContainsFunc(c.slots[:], is) }

func (s slot) live() bool { return s.code || s.token }

// full tells whether so many events leave no room for another. In the seconds of a test nothing is refilled.
func full(events uint16, limits []onetime.Limit) bool {
	return slices.ContainsFunc(limits, func(l onetime.Limit) bool { return int(events) >= l.Burst })
}

func (c call) String() string {
	return fmt.Sprintf("%s %d in challenge %d, shown %d, issue %d", c.op, c.id, c.challenge, c.shown, c.issue)
}

func (a answer) String() string {
	text := fmt.Sprintf("left %d, wait %t, code %t, issue %d, failures %d, disabled %t, throttled %t, locked %t",
		a.left, a.wait, a.code, a.issue, a.status.failures, a.status.disabled, a.status.throttled, a.status.locked)
	if a.reason != nil {
		text = a.reason.Error() + ", " + text
	}
	for _, p := range a.status.pending {
		if p.issue != 0 {
			text += fmt.Sprintf(", pending %+v", p)
		}
	}
	return text
}

// A rule alters what a call leaves behind, to see whether histories tell.
type rule func(before record, c call, a answer, after *record)

// sequential is the model as porcupine takes it. The output of an operation is an *answer, nil for a copy of a command
// whose answer nobody saw: any will do, but what it did has happened.
func sequential(p onetime.Policy, altered rule) porcupine.Model {
	seed := maphash.MakeSeed()
	return porcupine.Model{
		Init: func() any { return record{} },
		Step: func(state, input, output any) (bool, any) {
			before, c := state.(record), input.(call)
			after, want := before.next(p, c)
			if seen := output.(*answer); seen != nil && *seen != want {
				return false, nil
			}
			if altered != nil {
				altered(before, c, want, &after)
			}
			return true, after
		},
		Hash: func(state any) uint64 { return maphash.Comparable(seed, state.(record)) },
		DescribeOperation: func(input, output any) string {
			if seen := output.(*answer); seen != nil {
				return fmt.Sprintf("%s: %s", input, *seen)
			}
			return fmt.Sprintf("%s: nobody saw", input)
		},
		DescribeState: func(state any) string { return fmt.Sprintf("%+v", state) },
	}
}
