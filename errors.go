package onetime

import (
	"errors"
	"fmt"
	"time"

	"github.com/seed-3f7b73d1/onetime/internal/fault"
)

// ErrDenied is what errors.Is finds in every refusal: the answer is no, and Redis or the secret itself said so.
// An error that is neither ErrDenied nor ErrInvalid is undecided: there is no answer, and it is never to be taken as yes.
var ErrDenied = errors.New("onetime: denied")

// ErrInvalid is what errors.Is finds where an argument or an option is out of its range, or an option is in the wrong
// place. Redis was not asked and nothing was counted. The text names the limit and holds no subject, secret or payload.
var ErrInvalid = fault.ErrInvalid

// Reasons of a refusal that let the person try again at once.
var (
	// ErrMalformed is the reason where the input cannot be a secret at all, by its length or alphabet. It is free.
	ErrMalformed = fault.ErrMalformed
	// ErrMismatch is the reason for a wrong code, and for a token that was altered or made for another purpose or key.
	ErrMismatch = fault.ErrMismatch
)

// Reasons of a refusal after which the person has to ask for a new secret.
var (
	// ErrNotFound is the reason where nothing is outstanding: never issued, expired, revoked, cancelled or replaced. A code that
	// was issued WithBinding and is shown without it, or with another, is answered so, too. Of an issue it is the reason where
	// the command was sent twice and what the first copy issued has ended since.
	ErrNotFound = fault.ErrNotFound
	// ErrUsed is the reason where the secret, or another of its challenge, was used before.
	ErrUsed = fault.ErrUsed
	// ErrExhausted is the reason where as many wrong codes were tried as one issue allows.
	ErrExhausted = fault.ErrExhausted
	// ErrBinding is the reason for a right token in the hands of another requester than the one who asked for it, or
	// of one who showed no binding, or an unbound token shown with one. Nothing is used up.
	ErrBinding = fault.ErrBinding
	// ErrSubject is the reason for a right token of another subject than WithSubject names. Nothing is used up.
	ErrSubject = fault.ErrSubject
)

// Reasons of a refusal that lets the person wait; DeniedError.RetryAfter says how long.
var (
	// ErrThrottled is the reason where a send limit is empty.
	ErrThrottled = fault.ErrThrottled
	// ErrLocked is the reason where a guess limit is empty: no code is evaluated, right or wrong, and none is issued.
	// Tokens and links verify as ever.
	ErrLocked = fault.ErrLocked
)

// ErrDisabled is the reason after 85 consecutive wrong codes of strangers, or 15 of known browsers (see [WithKnownBrowser]):
// codes are switched off for the one or the other, for the subject and purpose, until [Manager.Unlock], any success, such as one
// by link, or 400 days without an issue. The person needs help, or a link.
var ErrDisabled = fault.ErrDisabled

// A DeniedError is a refusal. errors.Is finds ErrDenied and the Reason in it.
type DeniedError struct {
	// Reason is one of the Err variables above.
	Reason error
	// AttemptsLeft is how many more wrong codes this challenge takes until it is exhausted. It is set with ErrMismatch
	// of a code, and 0 with all else.
	AttemptsLeft int
	// RetryAfter is how long to wait until the limit that refuses lets an attempt or a send pass, in whole
	// milliseconds. It is set with ErrThrottled, with ErrLocked and with an ErrMismatch after which a guess limit is
	// empty; 0 with all else.
	RetryAfter time.Duration
}

// Error says the reason and what is left. It never holds a subject, a secret or a payload.
func (e *DeniedError) Error() string {
	text := ErrDenied.Error()
	if e.Reason != nil {
		text = e.Reason.Error()
	}
	switch {
	case e.AttemptsLeft == 1:
		text += ", 1 attempt left"
	case e.AttemptsLeft > 1:
		text += fmt.Sprintf(", %d attempts left", e.AttemptsLeft)
	}
	if e.RetryAfter > 0 {
		text += fmt.Sprintf(", retry after %s", e.RetryAfter)
	}
	return text
}

// Is reports whether target is ErrDenied.
func (e *DeniedError) Is(target error) bool { return target == ErrDenied }

// Unwrap returns the Reason.
func (e *DeniedError) Unwrap() error { return e.Reason }

// Name returns the reason's name for programs: malformed, code_mismatch, not_found, used, attempts_exhausted,
// binding_mismatch, subject_mismatch, sends_throttled, codes_locked or codes_disabled. Names never change. A reason that is
// none of the Err variables is "denied".
func (e *DeniedError) Name() string {
	if status, known := fault.StatusOf(e.Reason); known {
		return status.Name
	}
	return "denied"
}

func denied(reason error) error { return &DeniedError{Reason: reason} }

func newDenied(reason error, attemptsLeft int, retryAfter time.Duration) error {
	return &DeniedError{reason, attemptsLeft, retryAfter}
}

func invalid(format string, args ...any) error { return fault.Invalid("onetime: "+format, args...) }
