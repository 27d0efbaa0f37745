package model_test

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"slices"

	"github.com/anishathalye/porcupine"

	"github.com/seed-3f7b73d1/onetime"
)

// A name stands for an id, and so for the issue or the use of that id, or for a wrong code, a request or a group. 0 is none.
type name uint16

// A call is what a caller asks of one record. go-redis may send it several times; its copies are equal.
type call struct {
	op        string // the method
	id        name   // that Redis knows it by: of an issue the ID, of an Undo that of the call it undoes
	challenge int    // 0 the unbound one, 1 the bound one
	shown     name   // at a verification: the issue whose code or token was shown, or the wrong code
	issue     name   // of an Undo and a Cancel
	requests  [2]name
	group     name // that it is a sending of
	numbers   [2]counted
}

// An answer is what of the result of a call does not depend on how fast it came.
type answer struct {
	reason   error  // of a refusal
	left     int    // AttemptsLeft
	wait     bool   // RetryAfter or ResendIn is more than 0
	code     bool   // what was issued has a code
	issue    name   // that was made, or of a Verification
	use      name   // Call of a Verification
	repeated bool   // another sending of the group was first
	match    int    // of a Use, from 1 on
	status   status // see summary
}

// A record is the sequential model of what is kept of a purpose and subject. No time passes in it: nothing expires, no
// limit refills, so that a limit is a number of events, and no challenge is swept. It knows two. It is compared by ==.
type record struct {
	sends, guesses, failures uint16 // sends and guesses since the last Unlock
	revoke                   name   // the last Revoke or Erase that ended something
	challenges               [2]challenge
	charged                  name // the last wrong code that was charged as a Use
	secrets                  [secrets]secretUse
}

type challenge struct {
	use, group name // the call that used it, 0 if none did, and its group
	repeated   bool // another sending of that was answered yes
	undone     name // the last call that was undone
	marks      [16]mark
	slots      [5]slot
	issued     name    // group of the newest issue
	replaced   [8]name // issues, the last that was replaced first
}

// A mark is a wrong code, and the request it was typed under.
type mark struct{ code, request name }

// A slot is an issue, the newest first. One without secrets was cancelled, revoked or erased.
type slot struct {
	issue       name
	request     name
	code, token bool
	answered    bool // with a code
	quiet       bool // cancelled quietly: nothing matches it
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

const disabledAt = 85 // of strangers: no call shows a credential

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
	case "Cancel", "CancelQuietly", "Revoke", "Erase":
		return r, r.end(c)
	case "Unlock":
		r.sends, r.guesses, r.failures = 0, 0, 0
		return r, answer{}
	case "Status":
		return r, answer{status: r.status(p)}
	case "Use":
		return r, r.useNumber(p, c)
	case "GiveBack":
		return r, r.giveBack(c)
	case "Lose":
		return record{}, answer{}
	}
	panic(c.op)
}

func (r *record) issue(p onetime.Policy, c call) answer {
	ch := &r.challenges[c.challenge]
	if before, known := r.issuedBefore(p, c); known {
		return before
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

	kept, replaced := []slot{{issue: c.id, request: c.requests[0], code: code, token: token, answered: code}}, []name{}
	for _, s := range ch.slots {
		s.code = s.code && ch.charged() < p.MaxAttempts
		switch {
		case s.live() && ch.use == 0 && len(kept) < p.Keep:
			kept = append(kept, s)
		case s.issue != 0:
			replaced = append(replaced, s.issue)
		}
	}
	before := ch.replaced
	*ch = challenge{undone: ch.undone, issued: c.group}
	copy(ch.slots[:], kept)
	copy(ch.replaced[:], append(replaced, before[:]...))
	return answer{code: code, wait: full(r.sends, p.SendLimits), issue: c.id}
}

// issuedBefore answers a call that was here before, or another sending of whose group was.
func (r *record) issuedBefore(p onetime.Policy, c call) (answer, bool) {
	ch := &r.challenges[c.challenge]
	if slices.Contains(ch.replaced[:], c.id) {
		return answer{reason: onetime.ErrNotFound}, true
	}
	for i, s := range ch.slots {
		own, alive := s.issue == c.id, s.live() && ch.use == 0
		switch group := i == 0 && c.group != 0 && ch.issued == c.group; {
		case (own || group) && alive:
			return answer{code: s.answered, wait: full(r.sends, p.SendLimits), issue: s.issue, repeated: !own}, true
		case own:
			return answer{reason: onetime.ErrNotFound}, true
		}
	}
	return answer{}, false
}

func (r *record) verifyCode(p onetime.Policy, c call) answer {
	ch := &r.challenges[c.challenge]
	right := ch.live(func(s slot) bool {
		return s.issue == c.shown && s.code && !s.quiet && slices.Contains(c.requests[:], s.request)
	})
	known := slices.ContainsFunc(c.requests[:], func(request name) bool {
		return slices.Contains(ch.marks[:], mark{c.shown, request})
	})
	locked := full(r.guesses, p.GuessLimits)
	switch {
	case ch.undone == c.id:
		return answer{reason: onetime.ErrNotFound}
	case right && ch.repeats(c):
		return r.repeat(c)
	case known && !right:
		return answer{reason: onetime.ErrMismatch, left: max(0, p.MaxAttempts-ch.charged()), wait: locked}
	case r.disabled():
		return answer{reason: onetime.ErrDisabled}
	case locked:
		return answer{reason: onetime.ErrLocked, wait: true}
	case !ch.live(func(s slot) bool { return s.code }):
		return answer{reason: onetime.ErrNotFound}
	case ch.use != 0:
		return answer{reason: onetime.ErrUsed}
	case ch.charged() >= p.MaxAttempts:
		return answer{reason: onetime.ErrExhausted}
	case right:
		return r.success(c)
	}
	ch.marks[ch.charged()] = mark{c.shown, c.requests[0]}
	slices.SortFunc(ch.marks[:ch.charged()], func(a, b mark) int {
		return cmp.Or(int(a.code)-int(b.code), int(a.request)-int(b.request))
	})
	r.failures++
	r.guesses++
	return answer{reason: onetime.ErrMismatch, left: p.MaxAttempts - ch.charged(), wait: full(r.guesses, p.GuessLimits)}
}

func (r *record) verifyToken(c call) answer {
	ch := &r.challenges[c.challenge]
	right := ch.live(func(s slot) bool { return s.issue == c.shown && s.token && !s.quiet })
	switch {
	case ch.undone == c.id || !right:
		return answer{reason: onetime.ErrNotFound}
	case ch.repeats(c):
		return r.repeat(c)
	case ch.use != 0:
		return answer{reason: onetime.ErrUsed}
	case c.op == "InspectToken":
		return answer{issue: c.shown}
	}
	return r.success(c)
}

// repeats reports whether a right secret was used by this call, or by another sending of its group.
func (c *challenge) repeats(by call) bool {
	return c.use != 0 && (c.use == by.id || by.group != 0 && c.group == by.group)
}

func (r *record) repeat(c call) answer {
	ch := &r.challenges[c.challenge]
	another := ch.use != c.id
	ch.repeated = ch.repeated || another
	return answer{issue: c.shown, use: ch.use, repeated: another}
}

func (r *record) success(c call) answer {
	ch := &r.challenges[c.challenge]
	ch.use, ch.group, ch.repeated = c.id, c.group, false
	r.failures = 0
	return answer{issue: c.shown, use: c.id}
}

func (r *record) undo(c call) answer {
	ch := &r.challenges[c.challenge]
	switch {
	case !ch.live(func(s slot) bool { return s.issue == c.issue && s.live() }):
		return answer{reason: onetime.ErrNotFound}
	case ch.use != 0 && (ch.use != c.id || ch.repeated):
		return answer{reason: onetime.ErrUsed}
	case ch.use != 0:
		ch.use, ch.group, ch.undone = 0, 0, c.id
	}
	return answer{}
}

// end is Cancel or CancelQuietly of one issue, or Revoke or Erase of all.
func (r *record) end(c call) answer {
	all := c.op == "Revoke" || c.op == "Erase"
	if all && r.revoke == c.id { // a repeat
		return answer{}
	}
	for i := range r.challenges {
		ch := &r.challenges[i]
		for j := range ch.slots {
			switch s := &ch.slots[j]; {
			case s.issue == 0 || !all && s.issue != c.issue:
			case c.op == "CancelQuietly" && ch.use == 0:
				s.quiet = true
			default:
				s.code, s.token = false, false
			}
			if all && ch.slots[j].issue != 0 {
				r.revoke = c.id
			}
		}
		if c.op == "Erase" {
			*ch = challenge{slots: ch.slots, replaced: ch.replaced}
		}
	}
	return answer{}
}

func (r *record) status(p onetime.Policy) status {
	var all []pending
	for i, ch := range r.challenges {
		for _, s := range ch.slots {
			if s.live() {
				all = append(all, pending{s.issue, s.code, s.token, i == 1, ch.use != 0, max(0, p.MaxAttempts-ch.charged())})
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

// charged is how many wrong codes are marked.
func (c *challenge) charged() int {
	if n := slices.Index(c.marks[:], mark{}); n >= 0 {
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
	return fmt.Sprintf("%s %d in challenge %d, shown %d, issue %d, requests %d, group %d, numbers %v",
		c.op, c.id, c.challenge, c.shown, c.issue, c.requests, c.group, c.numbers)
}

func (a answer) String() string {
	text := fmt.Sprintf("left %d, wait %t, code %t, issue %d, use %d, repeated %t, failures %d, disabled %t, throttled %t, locked %t",
		a.left, a.wait, a.code, a.issue, a.use, a.repeated, a.status.failures, a.status.disabled, a.status.throttled, a.status.locked)
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
