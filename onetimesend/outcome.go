package onetimesend

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// What an error of a [Sender] says about the message. An error that is none of them is temporary: the message was not taken,
// and another attempt may succeed.
var (
	// ErrPermanent is what errors.Is finds where the message was not taken and never will be.
	ErrPermanent = errors.New("onetimesend: permanent")
	// ErrUnknown is what errors.Is finds where the message may have been taken. The person may have the secret, so it must
	// stay alive, and the message must not be sent again unless the receiver drops doubles.
	ErrUnknown = errors.New("onetimesend: unknown")
	// ErrRefused is what errors.Is finds where a [Budget] or a limit let the message not pass. Another channel may. It is no
	// word about the address, and ends no secret.
	ErrRefused = errors.New("onetimesend: refused")
)

// An outcomeError is an error with a class. It is the class of the outermost that counts.
type outcomeError struct {
	class  error         // one of those above, nil: temporary
	after  time.Duration // no attempt before
	repeat bool          // of an unknown: the receiver drops doubles
	causes []error
}

func (e *outcomeError) Error() string {
	var texts []string
	for _, cause := range e.causes {
		if text := cause.Error(); !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, "; ")
}

// Is judges classes by the outermost and anything else by the causes.
func (e *outcomeError) Is(target error) bool {
	switch target {
	case ErrPermanent, ErrUnknown, ErrRefused:
		return e.class == target
	}
	return slices.ContainsFunc(e.causes, func(cause error) bool { return errors.Is(cause, target) })
}

// As finds the cause of a type.
func (e *outcomeError) As(target any) bool {
	return slices.ContainsFunc(e.causes, func(cause error) bool { return errors.As(cause, target) })
}

func classed(class, err error) error {
	if err == nil {
		return nil
	}
	return &outcomeError{class: class, after: RetryAfter(err), causes: []error{err}}
}

// Permanent returns err as one that is [ErrPermanent] and nothing else; nil for nil.
func Permanent(err error) error { return classed(ErrPermanent, err) }

// Unknown returns err as one that is [ErrUnknown] and nothing else; nil for nil.
func Unknown(err error) error { return classed(ErrUnknown, err) }

// Refused returns err as one that is [ErrRefused] and nothing else; nil for nil.
func Refused(err error) error { return classed(ErrRefused, err) }

// Temporary returns err as one that is none of the classes; nil for nil. No attempt is made before after has passed.
func Temporary(after time.Duration, err error) error {
	if err == nil {
		return nil
	}
	return &outcomeError{after: after, causes: []error{err}}
}

// unknownOnce is Unknown where the receiver drops doubles.
func unknownOnce(err error) error {
	return &outcomeError{class: ErrUnknown, repeat: true, causes: []error{err}}
}

// RetryAfter returns how long the receiver asked to wait before another attempt; 0 if it did not say.
func RetryAfter(err error) time.Duration {
	var outcome *outcomeError
	if errors.As(err, &outcome) {
		return outcome.after
	}
	return 0
}

// judged gives an error of a Sender its class. A time-out of which the Sender says nothing may have come after all was sent.
func judged(err error) error {
	var outcome *outcomeError
	unclear := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
	if err != nil && !errors.As(err, &outcome) && unclear && classOf(err) == nil {
		return Unknown(err)
	}
	return err
}

func classOf(err error) error {
	for _, class := range []error{ErrUnknown, ErrPermanent, ErrRefused} {
		if errors.Is(err, class) {
			return class
		}
	}
	return nil
}

// again reports whether another attempt makes sense.
func again(err error) bool {
	var outcome *outcomeError
	return classOf(err) == nil || errors.As(err, &outcome) && outcome.class == ErrUnknown && outcome.repeat
}

// joined returns what several attempts, each by its own way, come to: unknown if one of them may have been taken, else
// temporary if one may succeed later, else refused, else permanent.
func joined(errs []error) error {
	result := &outcomeError{class: ErrPermanent, causes: errs}
	rank := func(err error) int {
		return slices.Index([]error{ErrPermanent, ErrRefused, nil, ErrUnknown}, classOf(err))
	}
	for _, err := range errs {
		if rank(err) > rank(result) {
			result.class = classOf(err)
		}
	}
	for _, err := range errs {
		if after := RetryAfter(err); classOf(err) == nil && (result.after == 0 || after < result.after) {
			result.after = after
		}
	}
	return result
}

// A panicError is what a Sender panicked with, but for what it said: that may hold a code or an address.
type panicError struct{ what string }

func (e panicError) Error() string { return "onetimesend: a Sender panicked: " + e.what }

// call runs a Sender. A panic or a runtime.Goexit in it is an error, unknown: it may have come after all was sent. After a
// Goexit call does not return, as nothing can; finish is called all the same.
func call(ctx context.Context, send Sender, to Recipient, m Message, finish func(Delivery, error)) {
	delivery, err := Delivery{}, Unknown(errors.New("onetimesend: a Sender ended its goroutine"))
	defer func() {
		if p := recover(); p != nil {
			what := fmt.Sprintf("%T", p)
			if fault, ok := p.(interface{ RuntimeError() }); ok {
				what = fault.(error).Error()
			}
			err = Unknown(panicError{what})
		}
		finish(delivery, err)
	}()
	delivery, err = send(ctx, to, m)
	err = judged(err)
}
