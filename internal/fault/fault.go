// Package fault has the errors that more than one package makes, and the table of what scripts and packages refuse.
package fault

import (
	"errors"
	"fmt"
	"io"
)

// ErrInvalid is what errors.Is finds where an argument or an option is out of its range or in the wrong place.
var ErrInvalid = errors.New("onetime: invalid argument")

// invalid is an argument out of range. Its cause is wrapped but not printed: it may name a person.
type invalid struct {
	text  string
	cause error
}

// Invalid returns an ErrInvalid. The text begins with the name of the package, names the limit, and holds no subject,
// secret or payload.
func Invalid(format string, args ...any) error { return &invalid{text: fmt.Sprintf(format, args...)} }

// InvalidBecause is Invalid with a cause that errors.Is finds and nobody prints.
func InvalidBecause(cause error, text string) error { return &invalid{text, cause} }

func (e *invalid) Error() string        { return e.text }
func (e *invalid) Is(target error) bool { return target == ErrInvalid }
func (e *invalid) Unwrap() error        { return e.cause }

// Format keeps the cause out of %#v, too.
func (e *invalid) Format(f fmt.State, _ rune) { io.WriteString(f, e.text) }

// Undecided wraps why there is no answer to a call.
func Undecided(op string, cause error) error {
	return fmt.Errorf("onetime: %s: undecided: %w", op, cause)
}
