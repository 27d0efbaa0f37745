package onetimesend

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/seed-3f7b73d1/onetime"
)

// Errors of a [Queue].
var (
	// ErrQueueFull is what errors.Is finds where as many messages wait as may.
	ErrQueueFull = errors.New("onetimesend: the queue is full")
	// ErrQueueClosed is what errors.Is finds where a message was added to, or still waited in, a Queue that was closed.
	ErrQueueClosed = errors.New("onetimesend: the queue is closed")
)

// A Job is one message to one person. It prints without them.
type Job struct {
	// To is who gets the message. For a decoy it is what was typed, so that decoys wait in the same line.
	To Recipient
	// Message is what is sent. Where IssuedAt is zero, it is issued when it is added. An ID is drawn where it has none, so that
	// all attempts have the same.
	Message Message
	// Context has values for the Sender, such as those of a trace; its end does not count. nil: none.
	Context context.Context
	// Decoy renders the message and waits like a delivery does, and sends nothing. Code and URL may be empty.
	Decoy bool
	// Done is called once, after the last attempt, on a goroutine of the Queue, unless Add returned an error; nil: nobody is
	// told. Close waits for it. A decoy's Result is that of a delivery.
	Done func(Result)
}

// Format prints the purpose only.
func (j Job) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "onetimesend.Job(%s)", j.Message.Purpose) }

// MarshalText returns the purpose only; JSON and slog use it.
func (j Job) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "onetimesend.Job(%s)", j.Message.Purpose), nil
}

// A Result is what became of a [Job].
type Result struct {
	// Delivery is set where Err is nil.
	Delivery Delivery
	// Err is that of the last attempt, or [ErrExpired], [ErrRefused], [ErrQueueClosed].
	Err error
	// Attempts is how often the Sender was called.
	Attempts int
	// Took is the time from Add to the end.
	Took time.Duration
}

// Failed reports whether it is certain that nobody has the message and nobody will: the caller ends the secret, quietly. It is
// false where the message may have been taken, and where a budget or a limit refused it.
func (r Result) Failed() bool {
	return r.Err != nil && !errors.Is(r.Err, ErrUnknown) && !errors.Is(r.Err, ErrRefused)
}

// An Event is one attempt of a [Queue], or the end of a message without one. It holds no code and no address; an error of a
// Sender of your own says what you let it say. Decoys have no events.
type Event struct {
	// ID and Purpose are those of the Message.
	ID, Purpose string
	// Channel is that of the Delivery, or where it failed that of the first address.
	Channel Channel
	// Attempt counts from 1; 0: the Sender was not called.
	Attempt int
	// Err is what the Sender returned, or why it was not called.
	Err error
	// RetryIn is when the next attempt is made; 0: none is.
	RetryIn time.Duration
	// Took is the time of the attempt, Waited that from Add to its begin.
	Took, Waited time.Duration
}

// A Queue sends messages in the background. It is safe for concurrent use. What waits is in the memory of the process: a
// process that is killed loses it, and people ask again. A Queue that nothing is added to has no goroutines.
type Queue struct {
	send     Sender
	settings queueSettings
	ended    context.Context // of the attempts under way
	end      context.CancelFunc

	mu        sync.Mutex
	closed    bool
	waiting   int              // in lanes, delayed or between attempts
	running   int              // attempts under way
	finishing int              // Done under way
	lanes     map[string]*lane // that have something
	order     []*lane          // those with something ready, the one that waits longest first
	delayed   map[*task]*time.Timer
	idle      chan struct{} // closed when nothing is left; nil as long as nobody waits
	recipient recipientLimiter
	recent    durations
}

// A task is a Job on its way.
type task struct {
	Job
	lane     *lane
	added    time.Time
	expires  time.Time
	attempts int
	unknown  bool // after one of the attempts
}

// NewQueue returns a Queue that sends by send. It reports all that is wrong with its options; each error is [ErrInvalid].
func NewQueue(send Sender, opts ...QueueOption) (*Queue, error) {
	q := &Queue{send: send, lanes: map[string]*lane{}, delayed: map[*task]*time.Timer{}, settings: queueSettings{
		workers: 8, waiting: 1000, attempts: 4, timeout: 30 * time.Second, delay: 2 * time.Second,
		recipientLimits: []onetime.Limit{{Burst: 2, Per: 30 * time.Second}, {Burst: 6, Per: 15 * time.Minute}, {Burst: 30, Per: 24 * time.Hour}},
		observe:         func(Event) {},
	}}
	var errs []error
	if send == nil {
		errs = append(errs, invalid("NewQueue: want a Sender"))
	}
	for _, o := range opts {
		if o.set != nil {
			errs = append(errs, o.set(&q.settings))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	q.recipient.limits = q.settings.recipientLimits
	q.ended, q.end = context.WithCancel(context.Background())
	return q, nil
}

// Add lets a job be done soon, after a random delay. It does not wait. The error is [ErrQueueFull] or [ErrQueueClosed]: then
// nothing is sent, and Done is not called.
func (q *Queue) Add(job Job) error {
	now := time.Now()
	if job.Message.IssuedAt.IsZero() {
		job.Message.IssuedAt = now
	}
	if job.Message.ID == "" {
		job.Message.ID = randomID()
	}
	if job.Decoy {
		job.Message = job.Message.standIn()
	}
	job.To.Addresses = slices.Clone(job.To.Addresses)
	t := &task{Job: job, added: now, expires: job.Message.expires(now)}

	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return ErrQueueClosed
	}
	t.lane = q.lane(laneOf(job.To))
	if free := q.settings.waiting - q.waiting; free <= 0 || t.lane.waiting > 0 && t.lane.waiting >= free {
		q.leave(t.lane)
		return fmt.Errorf("%w: %d messages wait of at most %d, %d of them to this domain", ErrQueueFull, q.waiting, q.settings.waiting, t.lane.waiting)
	}
	q.waiting++
	t.lane.waiting++
	q.later(t, randomUpTo(q.settings.delay))
	return nil
}

func randomUpTo(most time.Duration) time.Duration {
	if most <= 0 {
		return 0
	}
	return rand.N(most + 1)
}

// later makes a task ready after a while, at once if the Queue is closed. The caller holds mu.
func (q *Queue) later(t *task, wait time.Duration) {
	if wait <= 0 || q.closed {
		t.lane.ready = append(t.lane.ready, t)
		if len(t.lane.ready) == 1 {
			q.order = append(q.order, t.lane)
		}
		q.dispatch()
		return
	}
	q.delayed[t] = time.AfterFunc(wait, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if _, still := q.delayed[t]; still {
			delete(q.delayed, t)
			q.later(t, 0)
		}
	})
}

// dispatch starts what can be started. The caller holds mu. Each attempt has a goroutine of its own, so that a Sender that
// ends its goroutine takes no worker along.
func (q *Queue) dispatch() {
	for t := q.next(); t != nil; t = q.next() {
		go q.attempt(t)
	}
}

// attempt makes one attempt, and says what became of it.
func (q *Queue) attempt(t *task) {
	start := time.Now()
	switch {
	case q.ended.Err() != nil:
		q.finish(t, start, Delivery{}, ErrQueueClosed)
		return
	case !start.Before(t.expires):
		q.finish(t, start, Delivery{}, Permanent(ErrExpired))
		return
	case !t.Decoy && t.attempts == 0 && !q.allow(t, start):
		q.finish(t, start, Delivery{}, Refused(errors.New("onetimesend: too many messages to one address")))
		return
	}
	t.attempts++
	ctx, cancel := context.WithDeadline(q.context(t.Context), earlier(start.Add(q.settings.timeout), t.expires))
	defer cancel()
	send := q.send
	if t.Decoy {
		send = q.pretend
	}
	call(ctx, send, t.To, t.Message, func(d Delivery, err error) { q.finish(t, start, d, err) })
}

// context returns the context of attempts with the values of a job's.
func (q *Queue) context(job context.Context) context.Context {
	if job == nil {
		return q.ended
	}
	return valued{q.ended, job}
}

// A valued context has the values of another.
type valued struct {
	context.Context
	other context.Context
}

func (v valued) Value(key any) any {
	if value := v.Context.Value(key); value != nil {
		return value
	}
	return v.other.Value(key)
}

func (q *Queue) allow(t *task, now time.Time) bool {
	if len(t.To.Addresses) == 0 {
		return true // the Sender has the error to say
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.recipient.allow(t.To.Addresses[0], now)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// finish gives the worker back, and lets the task wait for another attempt or ends it.
func (q *Queue) finish(t *task, start time.Time, d Delivery, err error) {
	now := time.Now()
	t.unknown = t.unknown || errors.Is(err, ErrUnknown)
	if err != nil && t.unknown {
		err = &outcomeError{class: ErrUnknown, repeat: again(err), after: RetryAfter(err), causes: []error{err}} // an earlier attempt may have arrived
	}
	event := Event{ID: t.Message.ID, Purpose: t.Message.Purpose, Channel: d.Channel, Attempt: t.attempts, Err: err, Took: now.Sub(start), Waited: start.Sub(t.added)}
	if err != nil && len(t.To.Addresses) > 0 {
		event.Channel = t.To.Addresses[0].Channel
	}
	called := !errors.Is(err, ErrQueueClosed) && !errors.Is(err, ErrExpired) && t.attempts > 0
	if err != nil && called && t.attempts < q.settings.attempts && again(err) {
		event.RetryIn = backoff(t.attempts, err)
	}
	q.mu.Lock()
	if event.RetryIn > 0 && (q.closed || !now.Add(event.RetryIn).Before(t.expires)) {
		event.RetryIn = 0
	}
	q.running--
	t.lane.running--
	if event.RetryIn > 0 {
		q.waiting++ // beyond WithWaiting, by at most as many as there are workers
		t.lane.waiting++
		q.later(t, event.RetryIn)
	} else {
		q.finishing++
		if err == nil && !t.Decoy {
			q.recent.add(now.Sub(start))
		}
	}
	q.leave(t.lane)
	q.dispatch()
	q.mu.Unlock()

	// Deferred: whatever ends this goroutine, the task has its end.
	if event.RetryIn == 0 {
		defer q.finished()
		if t.Done != nil {
			defer quietly(func() { t.Done(Result{Delivery: d, Err: err, Attempts: t.attempts, Took: now.Sub(t.added)}) })
		}
	}
	if !t.Decoy {
		quietly(func() { q.settings.observe(event) })
	}
}

func (q *Queue) finished() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.finishing--
	q.tellIdle()
}

// quietly runs a function of the caller of the Queue. A panic in it must not end the process.
func quietly(do func()) {
	defer func() { _ = recover() }()
	do()
}

// pretend is what is done for a decoy: all but the sending.
func (q *Queue) pretend(ctx context.Context, to Recipient, m Message) (Delivery, error) {
	delivery := Delivery{Channel: ChannelMail}
	if len(to.Addresses) > 0 {
		delivery.Channel = to.Addresses[0].Channel
		delivery.ID = m.DeliveryID(to.Addresses[0])
	}
	m = m.to(to).aged(time.Now())
	switch delivery.Channel {
	case ChannelSMS:
		runtime.KeepAlive(m.SMS())
	case ChannelVoice:
		runtime.KeepAlive(m.Voice())
	default:
		body, err := m.HTML()
		runtime.KeepAlive([]string{m.Subject(), m.Text(), body})
		if err != nil {
			return Delivery{}, err
		}
	}
	q.mu.Lock()
	wait := q.recent.pick()
	q.mu.Unlock()
	select {
	case <-time.After(wait):
	case <-ctx.Done():
	}
	return delivery, nil
}
