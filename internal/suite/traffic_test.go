package suite_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

// A tally counts the answers to the calls of a test and the uses of each secret, and prints them at the end.
type tally struct {
	t     testing.TB
	lossy bool // Redis may forget uses: they are counted, not asserted

	mu                                    sync.Mutex
	calls, successes, refusals, undecided int
	uses                                  map[string]int // successes by secret
	doubles                               int            // successes that could not be
	longest                               time.Duration  // of the undecided calls
	first, last                           time.Time      // of the undecided calls
}

// newTally prints, and requires that no secret was used twice, when the test ends.
func newTally(t testing.TB) *tally {
	c := &tally{t: t, uses: map[string]int{}}
	t.Cleanup(func() {
		if t.Skipped() {
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		again := "double uses"
		if c.lossy {
			again = "uses that a failover forgot"
		}
		t.Logf("%d calls: %d successes, %d refusals, %d undecided (the longest %d ms, over %d ms), %s: %d", c.calls, c.successes,
			c.refusals, c.undecided, c.longest.Milliseconds(), c.last.Sub(c.first).Milliseconds(), again, c.doubles)
		assert.Positive(t, c.calls)
		if !c.lossy {
			assert.Zero(t, c.doubles, "secrets that were used twice")
		}
	})
	return c
}

// overrun is how much later than its deadline a call may end: so much that it is not a busy machine, but a hang.
const overrun = time.Minute

// call makes a call, which must end in time, and counts the answer.
func (c *tally) call(deadline time.Duration, call func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	start := time.Now()
	err := call(ctx)
	end := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if took := end.Sub(start); took > deadline+overrun {
		c.t.Errorf("a call with a deadline of %s took %s: %v", deadline, took, err)
	}
	c.calls++
	switch {
	case err == nil:
		c.successes++
	case errors.Is(err, onetime.ErrInvalid):
		c.t.Errorf("neither refused nor undecided: %v", err)
	case errors.Is(err, onetime.ErrDenied):
		c.refusals++
	default:
		c.undecided++
		c.longest = max(c.longest, end.Sub(start))
		if c.first.IsZero() {
			c.first = start
		}
		c.last = end
	}
	return err
}

// use is a call that uses a secret up if it succeeds, which it may do once.
func (c *tally) use(secret string, deadline time.Duration, call func(ctx context.Context) error) error {
	err := c.call(deadline, call)
	if err == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.uses[secret]++; c.uses[secret] > 1 {
			c.doubles++
		}
	}
	return err
}

// double counts a success that could not be.
func (c *tally) double() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.doubles++
}

// used returns how many secrets were used; total, succeeded and unanswered how many calls there were of all and of a kind.
func (c *tally) used() int       { return c.read(func() int { return len(c.uses) }) }
func (c *tally) total() int      { return c.read(func() int { return c.calls }) }
func (c *tally) succeeded() int  { return c.read(func() int { return c.successes }) }
func (c *tally) unanswered() int { return c.read(func() int { return c.undecided }) }

func (c *tally) read(count func() int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return count()
}

// decided tells a refusal and a success from no answer.
func decided(err error) bool { return err == nil || errors.Is(err, onetime.ErrDenied) }

// A traffic is workers that issue to subjects of their own and use what they issued: wrong codes first, then the right
// secrets by two callers at once, until there is an answer, and then once more.
type traffic struct {
	m        *onetime.Manager
	tally    *tally
	deadline time.Duration // of each call
	loses    bool          // whether Redis may forget what it was told
	subject  func(n int) string

	ctx   context.Context
	stop  func() // waits for the workers
	mu    sync.Mutex
	n     int
	spent []issuedSecret
}

// An issuedSecret is a challenge and how to use it: the first way is tried by one caller, the second by another.
type issuedSecret struct {
	id   string
	uses [2]func(ctx context.Context) error
}

func startTraffic(t testing.TB, tr *traffic, workers int) *traffic {
	t.Helper()
	if tr.subject == nil {
		tr.subject = func(n int) string { return fmt.Sprintf("person-%d@example.com", n) }
	}
	var cancel func()
	tr.ctx, cancel = context.WithCancel(context.Background())
	var group sync.WaitGroup
	tr.stop = func() { cancel(); group.Wait() }
	t.Cleanup(tr.stop)
	for range workers {
		group.Go(func() {
			for tr.ctx.Err() == nil {
				tr.session()
			}
		})
	}
	return tr
}

// session is one person who asks for a secret and uses it.
func (tr *traffic) session() {
	tr.mu.Lock()
	tr.n++
	subject := tr.subject(tr.n)
	tr.mu.Unlock()
	secret, code, err := tr.issue(subject)
	if err != nil {
		return
	}
	if code != "" {
		for _, wrong := range rig.WrongCodes(code, rand.IntN(3)) {
			err := tr.tally.call(tr.deadline, func(ctx context.Context) error {
				_, err := tr.m.VerifyOTP(ctx, subject, wrong)
				return err
			})
			assert.Error(tr.tally.t, err, "a wrong code")
		}
	}
	succeeded, doubtful := false, false
	for !succeeded && tr.ctx.Err() == nil {
		var errs [2]error
		var both sync.WaitGroup
		for i, use := range secret.uses {
			both.Go(func() { errs[i] = tr.tally.use(secret.id, tr.deadline, use) })
		}
		both.Wait()
		succeeded = errs[0] == nil || errs[1] == nil
		if decided(errs[0]) && decided(errs[1]) {
			if !succeeded && !doubtful && !tr.loses {
				tr.tally.t.Errorf("a live secret was refused: %v, %v", errs[0], errs[1])
			}
			break
		}
		doubtful = true // what was undecided may have used it
	}
	if !succeeded {
		return
	}
	assert.Error(tr.tally.t, tr.tally.use(secret.id, tr.deadline, secret.uses[0]), "a used secret")
	tr.mu.Lock()
	tr.spent = append(tr.spent, secret)
	tr.mu.Unlock()
}

// issue makes a code, a token or both.
func (tr *traffic) issue(subject string) (secret issuedSecret, code string, err error) {
	var token string
	err = tr.tally.call(tr.deadline, func(ctx context.Context) error {
		switch rand.IntN(3) {
		case 0:
			otp, err := tr.m.IssueOTP(ctx, subject)
			secret.id, code = otp.ID, otp.Code
			return err
		case 1:
			issued, err := tr.m.IssueToken(ctx, subject, onetime.WithPayload([]byte("payload")))
			secret.id, token = issued.ID, issued.Value
			return err
		}
		link, err := tr.m.IssueLink(ctx, subject, onetime.WithCode())
		secret.id, code, token = link.ID, link.Code, link.Token
		return err
	})
	byCode := func(ctx context.Context) error { _, err := tr.m.VerifyOTP(ctx, subject, code); return err }
	byToken := func(ctx context.Context) error { _, err := tr.m.VerifyToken(ctx, token); return err }
	secret.uses = [2]func(context.Context) error{byCode, byToken}
	if token == "" {
		secret.uses[1] = byCode
	}
	if code == "" {
		secret.uses[0] = byToken
	}
	return secret, code, err
}

// flows waits until n more secrets were used.
func (tr *traffic) flows(t testing.TB, n int) {
	t.Helper()
	goal := tr.tally.used() + n
	rig.Eventually(t, func(context.Context) error {
		if used := tr.tally.used(); used < goal {
			return fmt.Errorf("%d secrets were used, not yet %d", used, goal)
		}
		return nil
	})
}

// tryAgain stops the traffic, then uses each secret that was used once more. It returns how many there were, and how
// many verified; the tally has those as double uses.
func (tr *traffic) tryAgain(t testing.TB) (secrets, verified int) {
	t.Helper()
	tr.stop()
	for _, secret := range tr.spent {
		var err error
		rig.Eventually(t, func(context.Context) error {
			if err = tr.tally.use(secret.id, tr.deadline, secret.uses[0]); !decided(err) {
				return err
			}
			return nil
		})
		if err == nil {
			verified++
		}
	}
	require.NotEmpty(t, tr.spent)
	return len(tr.spent), verified
}
