package onetimesend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"sync"
	"time"
)

// A Sender delivers a message to a recipient, by one of the addresses. nil means that the receiver has taken it. Of an error
// [ErrPermanent], [ErrUnknown] and [ErrRefused] say what is known about the message; any other is temporary, but for an
// error of the context, which is unknown. A Sender heeds ctx, may be called by many goroutines at a time, and keeps codes
// and addresses out of its errors.
type Sender func(ctx context.Context, to Recipient, m Message) (Delivery, error)

// A Delivery is how a message was delivered.
type Delivery struct {
	Channel Channel
	// ID is what the receiver calls the message, empty if it did not say; of a mail its Message-ID, of a webhook its
	// webhook-id.
	ID string
}

// ByChannel returns a Sender that delivers by the first address of the recipient for whose channel senders has one. If that
// is refused, the next address follows; any other error is the answer.
func ByChannel(senders map[Channel]Sender) Sender {
	senders = maps.Clone(senders)
	return func(ctx context.Context, to Recipient, m Message) (Delivery, error) {
		var errs []error
		for _, address := range to.Addresses {
			send := senders[address.Channel]
			if send == nil {
				continue
			}
			delivery, err := send(ctx, Recipient{[]Address{address}, to.Locale}, m)
			if err == nil || !errors.Is(err, ErrRefused) {
				return delivery, judged(err)
			}
			errs = append(errs, err)
		}
		if len(errs) == 0 {
			return Delivery{}, Permanent(errors.New("onetimesend: ByChannel: no Sender for a channel of the recipient"))
		}
		return Delivery{}, joined(errs)
	}
}

// Fallback returns a Sender that tries each of senders until one delivers. Each has wait; the last has all the time that is
// left. It goes on after every error. One that is unknown may be with the person already, and goes on too: the person
// has then two messages with one code. If none delivers the error is unknown if one of them was, else temporary if one was,
// else refused if one was, and permanent only if all were.
func Fallback(wait time.Duration, senders ...Sender) Sender {
	senders = append([]Sender(nil), senders...)
	return func(ctx context.Context, to Recipient, m Message) (Delivery, error) {
		var errs []error
		for i, send := range senders {
			attempt, cancel := ctx, context.CancelFunc(func() {})
			if i < len(senders)-1 {
				attempt, cancel = context.WithTimeout(ctx, wait)
			}
			delivery, err := send(attempt, to, m)
			cancel()
			if err == nil {
				return delivery, nil
			}
			errs = append(errs, judged(err))
			if ctx.Err() != nil {
				break
			}
		}
		if len(errs) == 0 {
			return Delivery{}, Permanent(errors.New("onetimesend: Fallback: no Sender"))
		}
		return Delivery{}, joined(errs)
	}
}

// Backoffs of [Retry] and [Queue]: the first wait and the longest.
const (
	firstBackoff = 2 * time.Second
	maxBackoff   = 2 * time.Minute
)

// backoff returns how long to wait after a number of failed attempts: 2 s, doubled each time, up to 2 min, of which a random
// part of up to a half is left out, and at least what the receiver asked for.
func backoff(failed int, err error) time.Duration {
	wait := min(maxBackoff, firstBackoff<<min(failed-1, 10))
	return max(RetryAfter(err), wait-rand.N(wait/2))
}

// Retry returns a Sender that makes up to attempts of them while send fails temporarily: after 2 s, 4 s and so on up to
// 2 min, each shortened at random by up to a half, and not before the time that the receiver named. An unknown error is
// tried again only if the receiver drops doubles, as that of a webhook does. There is no attempt that would begin after ctx
// or the life of the secret ends: the last error is returned at once. A [Queue] retries by itself and keeps no worker waiting;
// Retry is for senders that are called without one.
func Retry(attempts int, send Sender) Sender {
	return func(ctx context.Context, to Recipient, m Message) (Delivery, error) {
		if m.IssuedAt.IsZero() {
			m.IssuedAt = time.Now()
		}
		end := m.expires(m.IssuedAt)
		if deadline, ok := ctx.Deadline(); ok && deadline.Before(end) {
			end = deadline
		}
		unknown := false
		for failed := 1; ; failed++ {
			delivery, err := send(ctx, to, m)
			err = judged(err)
			unknown = unknown || errors.Is(err, ErrUnknown)
			if err != nil && unknown && !errors.Is(err, ErrUnknown) {
				err = &outcomeError{class: ErrUnknown, repeat: again(err), causes: []error{err}} // an earlier attempt may have arrived
			}
			wait := backoff(failed, err)
			if err == nil || !again(err) || failed >= attempts || !time.Now().Add(wait).Before(end) {
				return delivery, err
			}
			select {
			case <-time.After(wait):
			case <-ctx.Done():
				return delivery, err
			}
		}
	}
}

// Console returns a Sender for development that writes each message to w, the code and the address with it: as an SMS or
// call to a phone, else as a mail. Nobody else may read w.
func Console(w io.Writer) Sender {
	var mu sync.Mutex
	return func(_ context.Context, to Recipient, m Message) (Delivery, error) {
		if len(to.Addresses) == 0 {
			return Delivery{}, Permanent(errors.New("onetimesend: Console: the recipient has no address"))
		}
		address, m, err := Prepare(to.Addresses[0].Channel, to, m)
		if err != nil {
			return Delivery{}, err
		}
		text := m.Subject() + "\n\n" + m.Text()
		switch address.Channel {
		case ChannelSMS:
			text = m.SMS() + "\n"
		case ChannelVoice:
			text = m.Voice() + "\n"
		}
		mu.Lock()
		defer mu.Unlock()
		if _, err := fmt.Fprintf(w, "--- %s to %s\n%s---\n", address.Channel, address.Value, text); err != nil {
			return Delivery{}, fmt.Errorf("onetimesend: Console: %w", err)
		}
		return Delivery{Channel: address.Channel, ID: m.DeliveryID(address)}, nil
	}
}
