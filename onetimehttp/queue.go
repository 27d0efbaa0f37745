package onetimehttp

import (
	"context"
	"errors"
	"sync"
)

// A queue runs jobs on a few goroutines; so many may wait and no more.
type queue struct {
	jobs    chan job
	workers sync.WaitGroup
	end     context.CancelFunc // of the jobs under way
	ended   context.Context

	mu     sync.RWMutex
	closed bool
}

// A job is called once: with nil to be done, with an error if it will not be.
type job func(ctx context.Context, dropped error)

var (
	errFull     = errors.New("onetimehttp: the queue of deliveries is full")
	errShutdown = errors.New("onetimehttp: shut down")
)

func newQueue(workers, waiting int) *queue {
	q := &queue{jobs: make(chan job, waiting)}
	q.ended, q.end = context.WithCancel(context.Background())
	for range workers {
		q.workers.Go(q.work)
	}
	return q
}

// work does jobs until there are no more. A job that ends its goroutine (runtime.Goexit, which FailNow of a test calls, too)
// ends no worker.
func (q *queue) work() {
	over := false
	defer func() {
		if !over {
			q.workers.Go(q.work)
		}
	}()
	for do := range q.jobs {
		if q.ended.Err() != nil {
			do(q.ended, errShutdown)
		} else {
			do(q.ended, nil)
		}
	}
	over = true
}

// add lets a worker do the job later, or calls it at once to say that it will not be done.
func (q *queue) add(do job) {
	if err := q.put(do); err != nil {
		do(context.Background(), err)
	}
}

func (q *queue) put(do job) error {
	q.mu.RLock()
	defer q.mu.RUnlock()
	if q.closed {
		return errShutdown
	}
	select {
	case q.jobs <- do:
		return nil
	default:
		return errFull
	}
}

func (q *queue) shutdown(ctx context.Context) error {
	q.mu.Lock()
	if !q.closed {
		q.closed = true
		close(q.jobs)
	}
	q.mu.Unlock()
	done := make(chan struct{})
	go func() { q.workers.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		q.end() // and no waiting: a Sender may not heed its context
		return ctx.Err()
	}
}
