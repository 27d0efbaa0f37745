package onetimehttp

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/seed-3f7b73d1/onetime"
)

// deliver queues a message, one to nobody, too, so that a full queue treats all alike.
func (f *Flow) deliver(ctx context.Context, to person, made issued) {
	ctx = context.WithoutCancel(ctx) // the request is over
	f.deliveries.add(func(end context.Context, dropped error) {
		start := time.Now()
		err := dropped
		if err == nil && to.found {
			err = f.send(ctx, end, to.deliverTo, made.message)
		}
		if err != nil {
			// Nobody has it, so nobody shall be able to use it, nor to tell that nobody has it.
			bounded, cancel := context.WithTimeout(ctx, f.timeout)
			err = errors.Join(err, to.manager.CancelQuietly(bounded, to.subject, made.id))
			cancel()
		}
		if to.found {
			f.tell(ctx, onetime.Event{
				Op: "Deliver", Kind: made.kind, Purpose: made.message.Purpose, ID: made.id, Who: f.who(to.subject), Err: err, Took: time.Since(start),
			})
		}
	})
}

// errGoexit is what a delivery came to whose Sender ended its goroutine.
var errGoexit = errors.New("onetimehttp: Config.Sender: called runtime.Goexit")

// send calls the Sender in a goroutine of its own, which is all that it can end.
func (f *Flow) send(ctx, end context.Context, deliverTo string, m Message) error {
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	defer context.AfterFunc(end, cancel)()
	sent := make(chan error, 1)
	go func() {
		err := errGoexit
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("onetimehttp: Config.Sender: panic: %v\n%s", p, debug.Stack())
			}
			sent <- err
		}()
		err = f.config.Sender(ctx, deliverTo, m)
	}()
	return <-sent
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
