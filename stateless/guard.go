package stateless

import (
	"context"
	"hash/maphash"
	"sync"
	"time"
)

// An Attempt is a code of digits that was typed, with a handle that is right.
type Attempt struct {
	// Account is whom a wrong code is charged to: a name of purpose and subject, 22 characters of A-Z a-z 0-9 - _.
	Account string
	// Use is what a right code uses: [Proof.ID].
	Use string
	// Until is when the code ends. The use has to be remembered until then.
	Until time.Time
	// Now is the time by the Manager's clock.
	Now time.Time
	// Right tells that the code is right. Nobody may learn that but by the answer of Judge.
	Right bool
}

// A Guard counts wrong codes and remembers used ones. Write one over what all your processes share, such as one statement of
// SQL; [NewGuard] is one for a single process.
type Guard interface {
	// Judge does one of these in one step, so that no two attempts at a time are judged by the same count:
	//   - refuse where the account has no attempts left: ErrLocked, whether the code is right or wrong;
	//   - charge a wrong code to the account: ErrMismatch;
	//   - take the use of a right code, which nobody has taken: nil;
	//   - refuse a right code whose use was taken: ErrUsed.
	// Any other error is undecided.
	Judge(ctx context.Context, a Attempt) error
}

const (
	guardSlots       = 1 << 20
	maxGuesses       = 100
	guardPer         = time.Hour
	leastUsesToSweep = 1 << 10
)

// A ProcessGuard is a Guard for one process, in 8 MiB and 100 bytes for each use of the last minutes. What it knows ends with
// the process.
type ProcessGuard struct {
	perHour int
	seed    maphash.Seed

	mu sync.Mutex
	// All times are Unix nanoseconds: a time.Time may have a monotonic reading, in which no step of the clock shows.
	latest int64   // the latest time that it was told, so that a clock that is set back brings nothing back
	next   []int64 // of each slot, when its last wrong code is forgotten
	uses   map[string]int64
	sweep  int
}

// NewGuard returns a Guard for one process that lets 1 to 100 wrong codes an hour of each purpose and subject be evaluated: as
// many at once, and afterwards one each hour/perHour. It is GCRA, as in package onetime: in a time T at most perHour ×
// (1 + T/1 h). With 10 an hour a code of 6 digits is guessed within a day with a chance of at most 0.025 %, and within a year
// of 8.8 %: 8 digits make that 0.088 %. Behind n processes it is n times as many.
//
// It counts in a table of 2^20 slots, in which a keyed hash finds the one of an account. Nothing is ever evicted: accounts that
// share a slot are locked sooner, and never later. Whoever sends wrong codes for ever new accounts, each with a handle that was
// given out, keeps everybody locked by perHour × 2^20 / 3600 a second: 2,913 with 10 an hour.
//
// The error is [ErrInvalid].
func NewGuard(perHour int) (*ProcessGuard, error) {
	if perHour < 1 || perHour > maxGuesses {
		return nil, invalid("NewGuard(%d): want 1 to %d", perHour, maxGuesses)
	}
	return &ProcessGuard{
		perHour: perHour, seed: maphash.MakeSeed(), next: make([]int64, guardSlots), uses: map[string]int64{}, sweep: leastUsesToSweep,
	}, nil
}

// Judge is that of [Guard]. It is [ErrNotFound] for a code that had expired once, though the clock was set back since.
func (g *ProcessGuard) Judge(_ context.Context, a Attempt) error {
	slot := &g.next[maphash.String(g.seed, a.Account)%guardSlots]
	g.mu.Lock()
	defer g.mu.Unlock()
	g.latest = max(g.latest, a.Now.UnixNano())
	each := int64(guardPer) / int64(g.perHour)
	charged := max(*slot, g.latest) + each
	if charged-g.latest > each*int64(g.perHour) {
		return ErrLocked
	}
	until := a.Until.UnixNano()
	if until <= g.latest {
		return ErrNotFound
	}
	if !a.Right {
		*slot = charged
		return ErrMismatch
	}
	if _, used := g.uses[a.Use]; used {
		return ErrUsed
	}
	g.forget()
	g.uses[a.Use] = until
	return nil
}

// forget drops the uses that ended, once as many were added as there were.
func (g *ProcessGuard) forget() {
	if len(g.uses) < g.sweep {
		return
	}
	for use, until := range g.uses {
		if until <= g.latest {
			delete(g.uses, use)
		}
	}
	g.sweep = max(leastUsesToSweep, 2*len(g.uses))
}
