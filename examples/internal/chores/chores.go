// Package chores does what still has to be done once an answer is decided: again and again, until it worked.
//
// It does so in this process only. What a crash must not forget either belongs in a table of the database, written in the
// transaction that decides (an outbox), for a worker that reads it.
package chores

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Chores are safe for concurrent use.
type Chores struct {
	rest func(attempt int) time.Duration // after this many attempts

	mu      sync.Mutex
	closed  bool
	working sync.WaitGroup
	ending  chan struct{}      // closed where no attempt is put off any more
	ended   context.Context    // of attempts
	end     context.CancelFunc // ends those under way
}

// New returns Chores that wait a second after the first attempt, and twice as long after each, but no longer than a minute.
func New() *Chores {
	c := &Chores{ending: make(chan struct{}), rest: func(attempt int) time.Duration {
		return min(time.Second<<min(attempt-1, 10), time.Minute)
	}}
	c.ended, c.end = context.WithCancel(context.Background())
	return c
}

// How long an attempt may take: while somebody waits for the answer, and later.
const waitedFor, unwaited = 5 * time.Second, 30 * time.Second

// Now does a chore once and returns, at the latest after 5 seconds, however the request ends meanwhile. If it failed, it is
// tried again later, for so long.
func (c *Chores) Now(ctx context.Context, name string, long time.Duration, do func(context.Context) error) {
	if err := c.try(context.WithoutCancel(ctx), waitedFor, do); err != nil {
		slog.ErrorContext(ctx, name, "attempt", 1, "error", err)
		c.start(name, long, 1, do)
	}
}

// Later does a chore after the answer, and tries for so long.
func (c *Chores) Later(name string, long time.Duration, do func(context.Context) error) {
	c.start(name, long, 0, do)
}

func (c *Chores) try(ctx context.Context, timeout time.Duration, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	defer context.AfterFunc(c.ended, cancel)()
	return do(ctx)
}

func (c *Chores) start(name string, long time.Duration, attempts int, do func(context.Context) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		slog.Error(name, "error", "given up: the program ends")
		return
	}
	c.working.Go(func() {
		until := time.Now().Add(long)
		for last := false; !last; attempts++ {
			if attempts > 0 {
				select {
				case <-time.After(c.rest(attempts)):
				case <-c.ending:
					last = true
				}
			}
			err := c.try(c.ended, unwaited, do)
			if err == nil {
				return
			}
			last = last || time.Now().After(until)
			slog.Error(name, "attempt", attempts+1, "error", err, "given up", last)
		}
	})
}

// Shutdown tries what is left once more and says in the log what failed. When ctx ends first, attempts under way are
// cancelled, and it returns the error of ctx.
func (c *Chores) Shutdown(ctx context.Context) error {
	c.mu.Lock()
	if !c.closed {
		c.closed = true
		close(c.ending)
	}
	c.mu.Unlock()
	done := make(chan struct{})
	go func() { c.working.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		c.end()
		return ctx.Err()
	}
}
