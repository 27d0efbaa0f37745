package onetimetest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

// patience is how long Next waits: queues send a message within 2 s by default, unless the machine has much else to do.
const patience = time.Minute

// An Outbox is a Sender that keeps every message, with its code and link, in place of sending it. It is safe for concurrent use.
type Outbox struct {
	t        testing.TB
	messages chan Sent

	mu  sync.Mutex
	err error
}

// A Sent is a message that an [Outbox] was given.
type Sent struct {
	onetimesend.Message
	// To is whom it was for.
	To onetimesend.Recipient
}

// NewOutbox returns an Outbox that has room for 10,000 messages.
func NewOutbox(t testing.TB) *Outbox { return &Outbox{t: t, messages: make(chan Sent, 10_000)} }

// Send is a [onetimesend.Sender].
func (o *Outbox) Send(ctx context.Context, to onetimesend.Recipient, m onetimesend.Message) (onetimesend.Delivery, error) {
	o.mu.Lock()
	err := o.err
	o.mu.Unlock()
	if err != nil {
		return onetimesend.Delivery{}, err
	}
	select {
	case o.messages <- Sent{m, to}:
	case <-ctx.Done():
		return onetimesend.Delivery{}, ctx.Err()
	}
	var channel onetimesend.Channel
	if len(to.Addresses) > 0 {
		channel = to.Addresses[0].Channel
	}
	return onetimesend.Delivery{Channel: channel, ID: m.ID}, nil
}

// Fail makes every delivery from now on fail with err, such as a [onetimesend.Permanent]; nil ends that.
func (o *Outbox) Fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err = err
}

// Next takes the oldest message that nobody has taken, and waits for it if there is none, since a queue sends it after the
// answer. After a minute it fails the test.
func (o *Outbox) Next() Sent {
	o.t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case m := <-o.messages:
		return m
	case <-timer.C:
		o.t.Fatalf("onetimetest: no message within %s", patience)
		return Sent{}
	}
}

// Len returns how many messages wait to be taken.
func (o *Outbox) Len() int { return len(o.messages) }
