package model

import (
	"slices"
	"time"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/once"
)

/*
A ledger states the rules of numbers that count once in plain Go: time steps, counters, indexes of recovery codes. It is
written from the design and the doc comments, as the model is. Redis may be lost, and so may the write of the caller's row:
what each of them knows stands apart.
*/
type ledger struct {
	*model
	accounts map[place]*account
}

// An account is what Redis remembers of a person's numbers.
type account struct {
	guesses  gcra
	failures int
	charged  int // the last call that was charged
	secrets  map[string]*knownSecret
	end      int64
}

// A knownSecret has its last use, and what was used before it.
type knownSecret struct {
	kind   string
	use    use
	number int64 // of the use
	undone int
	since  int64
	used   int64 // the least number that is free, of indexes a set
	before int64 // the same before the use
}

// A judged call is one code that is shown.
type judged struct {
	place
	mode    string
	group   string
	timed   bool // a number is a time step, or could be
	local   int64
	numbers []once.Number
}

// A taken number is what a call was answered yes for.
type taken struct {
	match, call int
	at          int64
	repeated    bool
}

const (
	skewed      = 90 * 1000
	keptSteps   = 10 * 60 * 1000
	keptNumbers = 30 * 24 * 60 * 60 * 1000
	maxSecrets  = 16
)

func kept(kind string) int64 {
	if kind == once.Step {
		return keptSteps
	}
	return keptNumbers
}

func (l *ledger) of(p place) *account {
	a := l.accounts[p]
	if a != nil && a.end <= l.now {
		delete(l.accounts, p)
		l.reached("numbers: forgotten")
		return nil
	}
	return a
}

// takenBy reports whether a number is used by what a row and Redis know.
func takenBy(kind string, number int64, known ...int64) bool {
	return slices.ContainsFunc(known, func(known int64) bool {
		if kind == once.Index {
			return known>>number&1 == 1
		}
		return number < known
	})
}

// judge is what a code is answered with.
func (l *ledger) judge(by *instance, c judged, call int) (taken, *onetime.DeniedError, bool) {
	a := l.of(c.place)
	fresh := a == nil
	if fresh {
		a = &account{guesses: gcra{}, secrets: map[string]*knownSecret{}}
	}
	mine, sent, free, known := -1, -1, -1, false
	for i, n := range c.numbers {
		r := a.secrets[n.Secret]
		if r == nil {
			r = &knownSecret{}
		}
		if r.undone == call && call != 0 {
			l.reached("numbers: not found, undone")
			return taken{}, refusal(onetime.ErrNotFound), false
		}
		last := r.use.call != 0 && r.number == n.Number
		far := max(l.now-r.use.at, r.use.at-l.now)
		switch {
		case last && r.use.call == call:
			mine = first(mine, i)
		case last && c.group != "" && r.use.group == c.group && far <= repeats:
			sent = first(sent, i)
		case n.Kind == once.Step && !inWindow(n, l.now):
			l.reached("numbers: a step outside the window")
		case takenBy(n.Kind, n.Number, n.Used, r.used):
			known = true
		default:
			free = first(free, i)
		}
	}
	switch {
	case mine >= 0:
		return l.tell(a, c.numbers[mine], taken{mine, call, 0, false}), nil, false
	case sent >= 0:
		a.secrets[c.numbers[sent].Secret].use.repeated = true
		return l.tell(a, c.numbers[sent], taken{sent, 0, 0, true}), nil, false
	}
	p := by.policy
	if c.mode != once.Free {
		wait := l.waits(a.guesses, p.GuessLimits)
		switch {
		case a.charged == call && call != 0:
			return taken{}, l.wrong(a, p), false
		case a.failures >= strangersDisabledAt:
			return taken{}, refusal(onetime.ErrDisabled), false
		case wait > 0:
			return taken{}, &onetime.DeniedError{Reason: onetime.ErrLocked, RetryAfter: ms(wait)}, false
		}
	}
	switch {
	case c.timed && max(l.now-c.local, c.local-l.now) > skewed:
		return taken{}, nil, true
	case free < 0 && known:
		return taken{}, refusal(onetime.ErrUsed), false
	case free < 0 && c.mode == once.Free:
		return taken{}, refusal(onetime.ErrNotFound), false
	}
	if fresh {
		l.accounts[c.place] = a
	}
	if free < 0 {
		a.failures++
		a.charged = call
		l.charge(a.guesses, p.GuessLimits)
		for _, limit := range p.GuessLimits {
			a.end = max(a.end, a.guesses[limit.Per.Milliseconds()])
		}
		if a.failures >= strangersDisabledAt {
			a.end = max(a.end, l.now+disabledFor)
			l.reached("numbers: mismatch, and disabled")
		}
		return taken{}, l.wrong(a, p), false
	}
	l.take(a, c, c.numbers[free], call)
	return taken{free, call, l.now, false}, nil, false
}

// take uses a number up. Where its secret is new to Redis, those go that are over, and the oldest of more than 16.
func (l *ledger) take(a *account, c judged, n once.Number, call int) {
	r := a.secrets[n.Secret]
	if r == nil {
		r = &knownSecret{kind: n.Kind}
		for name, other := range a.secrets {
			if l.now-other.since > kept(other.kind) {
				delete(a.secrets, name)
				l.reached("numbers: one that is over goes")
			}
		}
		for len(a.secrets) >= maxSecrets {
			oldest := ""
			for name, other := range a.secrets {
				if oldest == "" || other.since < a.secrets[oldest].since {
					oldest = name
				}
			}
			delete(a.secrets, oldest)
			l.reached("numbers: the oldest of 16 goes")
		}
		a.secrets[n.Secret] = r
	}
	if n.Kind == once.Index {
		r.before, r.used = r.used, r.used|1<<n.Number
	} else {
		r.before, r.used = max(r.used, n.Used), n.Number+1
	}
	r.number, r.since, r.use = n.Number, l.now, use{call: call, at: l.now, group: c.group}
	if c.mode == once.Verify {
		a.failures = 0
	}
	a.end = max(a.end, l.now+kept(n.Kind))
}

// tell answers as the use was answered.
func (l *ledger) tell(a *account, n once.Number, t taken) taken {
	r := a.secrets[n.Secret]
	t.call, t.at = r.use.call, r.use.at
	a.end = max(a.end, r.use.at+kept(n.Kind))
	return t
}

func (l *ledger) wrong(a *account, p onetime.Policy) *onetime.DeniedError {
	left := strangersDisabledAt - a.failures
	for _, limit := range p.GuessLimits {
		one, burst := rate(limit)
		tat, _ := l.tat(a.guesses, limit)
		left = min(left, int((burst-max(0, tat-l.now))/one))
	}
	return &onetime.DeniedError{Reason: onetime.ErrMismatch, AttemptsLeft: left, RetryAfter: ms(l.waits(a.guesses, p.GuessLimits))}
}

// giveBack undoes the use of a secret by a call.
func (l *ledger) giveBack(p place, secret string, call int) *onetime.DeniedError {
	a := l.of(p)
	if a == nil || a.secrets[secret] == nil {
		return refusal(onetime.ErrNotFound)
	}
	r := a.secrets[secret]
	switch {
	case r.use.call == 0 && r.undone == call:
		return nil
	case r.use.call != call || r.use.repeated:
		return refusal(onetime.ErrUsed)
	}
	r.use, r.undone, r.used, r.number = use{}, call, r.before, 0
	return nil
}

// lose is a Redis that has forgotten everything.
func (l *ledger) lose() {
	if len(l.accounts) > 0 {
		l.reached("numbers: Redis lost")
	}
	l.accounts = map[place]*account{}
}

// unlockNumbers is an Unlock of the account.
func (l *ledger) unlockNumbers(p place) {
	if a := l.of(p); a != nil {
		a.guesses, a.failures = gcra{}, 0
	}
}

func inWindow(n once.Number, now int64) bool {
	step := now / 1000 / int64(n.Period/time.Second)
	return step-int64(n.Back) <= n.Number && n.Number <= step+int64(n.Ahead)
}

func first(found, i int) int {
	if found >= 0 {
		return found
	}
	return i
}
