package onetimehttp

import (
	"context"
	"errors"
	"time"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

// cancelTimeout is how long Redis may take to end what nobody has.
const cancelTimeout = 30 * time.Second

// deliver queues a message, one to nobody, too: it waits, is rendered and takes time as any other.
func (f *Flow) deliver(ctx context.Context, to person, made issued) {
	ctx = context.WithoutCancel(ctx) // the request is over
	reached := to.deliverTo
	if !to.found {
		reached = to.typed
	}
	job := onetimesend.Job{To: recipient(reached), Message: made.message, Context: ctx, Decoy: !to.found}
	job.Done = func(result onetimesend.Result) { f.delivered(ctx, to, made, result) }
	start := time.Now()
	if err := f.deliveries.Add(job); err != nil {
		f.delivered(ctx, to, made, onetimesend.Result{Err: err, Took: time.Since(start)})
	}
}

// delivered ends what was issued where it is certain that nobody has it: nobody shall be able to use it, nor to tell that
// nobody has it. Where the message may have been taken it stays, and where a budget let none pass.
func (f *Flow) delivered(ctx context.Context, to person, made issued, result onetimesend.Result) {
	err := result.Err
	if result.Failed() {
		bounded, cancel := context.WithTimeout(ctx, cancelTimeout)
		err = errors.Join(err, to.manager.CancelQuietly(bounded, to.subject, made.id))
		cancel()
	}
	if to.found {
		f.tell(ctx, onetime.Event{
			Op: "Deliver", Kind: made.kind, Purpose: made.message.Purpose, ID: made.id, Who: f.who(to.subject), Err: err, Took: result.Took,
		})
	}
}

// who stands for an account in Events.
func (f *Flow) who(subject string) string {
	who, _ := f.manager.Pseudonym(subject) // what was issued is of a subject
	return who
}

// tell tells the observer. One that panics must neither turn an answer into none nor end the program.
func (f *Flow) tell(ctx context.Context, e onetime.Event) {
	defer func() { _ = recover() }()
	f.observe(ctx, e)
}
