package onetimesend

import (
	"slices"
	"time"

	"github.com/seed-3f7b73d1/onetime"
)

// A QueueOption sets something of a [Queue]. Its zero value sets nothing.
type QueueOption struct{ set func(*queueSettings) error }

type queueSettings struct {
	workers, waiting, attempts int
	timeout, delay             time.Duration
	recipientLimits            []onetime.Limit
	observe                    func(Event)
}

// ranged is an option that takes n from least to most.
func ranged[N int | time.Duration](name string, n, least, most N, set func(*queueSettings)) QueueOption {
	return QueueOption{func(s *queueSettings) error {
		if n < least || n > most {
			return invalid("%s(%v): want %v to %v", name, n, least, most)
		}
		set(s)
		return nil
	}}
}

// WithWorkers sets how many messages are sent at a time: 1 to 1000, 8 by default. One domain has at most half of them, and
// half of what is left where others have some.
func WithWorkers(n int) QueueOption {
	return ranged("WithWorkers", n, 1, 1000, func(s *queueSettings) { s.workers = n })
}

// WithWaiting sets how many messages may wait: 1 to 1,000,000, 1000 by default. One domain has at most half of the places,
// and half of what is left where others have some.
func WithWaiting(n int) QueueOption {
	return ranged("WithWaiting", n, 1, 1_000_000, func(s *queueSettings) { s.waiting = n })
}

// WithTimeout sets how long one attempt may take: 1 s to 10 min, 30 s by default. A Sender must heed its context: until it
// returns, its worker is taken.
func WithTimeout(d time.Duration) QueueOption {
	return ranged("WithTimeout", d, time.Second, 10*time.Minute, func(s *queueSettings) { s.timeout = d })
}

// WithAttempts sets how many attempts a message has at most: 1 to 20, 4 by default. After a temporary error the next comes in
// 2 s, 4 s and so on up to 2 min, each shortened at random by up to a half, and not before the time that the receiver named;
// never after the first secret of the message has ended.
func WithAttempts(n int) QueueOption {
	return ranged("WithAttempts", n, 1, 20, func(s *queueSettings) { s.attempts = n })
}

// WithDelay sets how long a message waits at most before its first attempt: 0 to 30 s, 2 s by default. How long is drawn
// evenly for each, decoys too, so that whoever sends a request right after another learns nothing from the work it causes.
func WithDelay(most time.Duration) QueueOption {
	return ranged("WithDelay", most, 0, 30*time.Second, func(s *queueSettings) { s.delay = most })
}

// WithRecipientLimits limits the messages to one address, whichever account they are for: 2 in 30 s, 6 in 15 min and 30 in a
// day by default; none: no limit. What is over is [ErrRefused]. Each process counts for itself, and forgets when it ends.
func WithRecipientLimits(limits ...onetime.Limit) QueueOption {
	limits = slices.Clone(limits)
	return QueueOption{func(s *queueSettings) error {
		for _, l := range limits {
			if l.Burst < 1 || l.Burst > 1000 || l.Per < time.Second || l.Per > 30*24*time.Hour {
				return invalid("WithRecipientLimits(%d per %s): want a Burst of 1 to 1000 and a Per of 1s to 720h0m0s", l.Burst, l.Per)
			}
		}
		s.recipientLimits = limits
		return nil
	}}
}

// WithObserver sets a function that is told of each attempt. It runs on goroutines of the Queue; a panic in it is dropped.
func WithObserver(observe func(Event)) QueueOption {
	return QueueOption{func(s *queueSettings) error {
		if observe == nil {
			return invalid("WithObserver: want a function")
		}
		s.observe = observe
		return nil
	}}
}
