// Package limit charges caps in Redis: several at a time, all or none, and each event once.
package limit

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed cap.lua
var source string

var script = redis.NewScript(source)

// A Cap lets Burst units pass at once and refills evenly over Per: it is a GCRA (generic cell rate algorithm). In its first
// Per up to twice the Burst can pass, and in any time T never more than Burst × (1 + T/Per). The time of one unit is Per /
// Burst, rounded up to whole milliseconds.
type Cap struct {
	// Name tells the caps of a key apart.
	Name  string
	Burst int64
	Per   time.Duration
}

// interval is the time in ms in which one unit is refilled. Rounding up keeps the bound.
func (c Cap) interval() int64 { return (c.Per.Milliseconds() + c.Burst - 1) / c.Burst }

// A Charge is what an event takes of a cap.
type Charge struct {
	Cap
	Units int64
}

// A RefusedError says that a cap lets an event not pass.
type RefusedError struct {
	// Cap is the one that makes it wait longest.
	Cap Cap
	// RetryAfter is how long, in whole milliseconds; 0 where the event is larger than the cap and never passes.
	RetryAfter time.Duration
}

// Error names the cap.
func (e *RefusedError) Error() string {
	text := fmt.Sprintf("the cap %s of %d per %s is empty", e.Cap.Name, e.Cap.Burst, e.Cap.Per)
	if e.RetryAfter > 0 {
		text += fmt.Sprintf(", retry after %s", e.RetryAfter)
	}
	return text
}

// A Limiter charges caps. It is safe for concurrent use.
type Limiter struct {
	rdb      redis.Scripter
	remember time.Duration
}

// New returns a Limiter that knows for so long which events it has charged.
func New(rdb redis.Scripter, remember time.Duration) *Limiter { return &Limiter{rdb, remember} }

// Take charges an event to caps of a key, all or none; the caps of an event that was charged before are charged no more. The
// error is a [*RefusedError] if one of them is empty. Any other error is undecided: the event may have been charged.
func (l *Limiter) Take(ctx context.Context, key, event string, charges []Charge) error {
	for _, c := range charges {
		if c.Units > c.Burst {
			return &RefusedError{Cap: c.Cap}
		}
	}
	_, refused, err := l.run(ctx, key, event, charges)
	if err != nil {
		return err
	}
	if refused != nil {
		return refused
	}
	return nil
}

// Look returns how many units each cap of a key lets pass now. It changes nothing.
func (l *Limiter) Look(ctx context.Context, key string, caps []Cap) ([]int64, error) {
	charges := make([]Charge, len(caps))
	for i, c := range caps {
		charges[i].Cap = c
	}
	left, _, err := l.run(ctx, key, "", charges)
	if err != nil {
		return nil, err
	}
	for i, c := range caps {
		left[i] /= c.interval()
	}
	return left, nil
}

// Statuses, as cap.lua numbers them.
const (
	statusOK = iota + 1
	statusRefused
)

var errReply = errors.New("reply of the wrong shape")

func (l *Limiter) run(ctx context.Context, key, event string, charges []Charge) (left []int64, refused *RefusedError, err error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	call := rand.Text()
	args := []any{call, event, l.remember.Milliseconds()}
	for _, c := range charges {
		args = append(args, "c"+c.Name, c.interval(), c.interval()*c.Burst, c.Units)
	}
	reply, err := script.Run(ctx, l.rdb, []string{key}, args...).Slice()
	if err != nil {
		return nil, nil, err
	}
	if len(reply) < 2 || reply[0] != call { // connections have been mixed up before
		return nil, nil, errReply
	}
	numbers := make([]int64, len(reply)-1)
	for i, value := range reply[1:] {
		n, ok := value.(int64)
		if !ok || n < 0 {
			return nil, nil, errReply
		}
		numbers[i] = n
	}
	status, rest := numbers[0], numbers[1:]
	switch {
	case status == statusOK && len(rest) == len(charges):
		return rest, nil, nil
	case status == statusRefused && len(rest) == 2 && rest[0] > 0 && rest[1] >= 1 && rest[1] <= int64(len(charges)):
		return nil, &RefusedError{charges[rest[1]-1].Cap, time.Duration(rest[0]) * time.Millisecond}, nil
	}
	return nil, nil, errReply
}
