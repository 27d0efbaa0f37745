package onetimesend

import (
	"context"
	"fmt"
)

// A LostError is what [Queue.Close] returns where it could not wait for all.
type LostError struct {
	// Waiting is how many messages were dropped, UnderWay how many attempts had their contexts cancelled: some of those may
	// have arrived. Decoys are counted, too.
	Waiting, UnderWay int
	// Err is that of the context.
	Err error
}

// Error says the numbers.
func (e *LostError) Error() string {
	return fmt.Sprintf("onetimesend: Queue.Close: %d messages dropped, %d under way cancelled: %v", e.Waiting, e.UnderWay, e.Err)
}

// Unwrap returns Err.
func (e *LostError) Unwrap() error { return e.Err }

// Close sends what waits, without delay and without further attempts, and returns when all is done. When ctx ends first, it
// cancels the attempts under way, drops what still waits, each with an [ErrQueueClosed] for its Done, and returns a
// [*LostError]; it does not wait for a Sender that does not heed its context. What is added during or after Close is refused.
func (q *Queue) Close(ctx context.Context) error {
	q.mu.Lock()
	q.closed = true
	for t, timer := range q.delayed {
		timer.Stop()
		delete(q.delayed, t)
		q.later(t, 0)
	}
	if q.idle == nil {
		q.idle = make(chan struct{})
		q.tellIdle()
	}
	idle := q.idle
	q.mu.Unlock()

	select {
	case <-idle:
		return nil
	case <-ctx.Done():
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	lost := &LostError{Waiting: q.waiting, UnderWay: q.running, Err: ctx.Err()}
	q.end()
	q.drop()
	return lost
}

// drop ends everything that waits. The caller holds mu, and has ended the context.
func (q *Queue) drop() {
	for _, l := range q.order {
		for _, t := range l.ready {
			q.waiting--
			l.waiting--
			q.running++
			l.running++
			go q.attempt(t)
		}
		l.ready = nil
	}
	q.order = nil
}

// tellIdle lets Close return if nothing is left. The caller holds mu.
func (q *Queue) tellIdle() {
	if q.idle == nil || q.waiting+q.running+q.finishing > 0 {
		return
	}
	select {
	case <-q.idle:
	default:
		close(q.idle)
	}
}
