package stateless

import (
	"fmt"

	"github.com/seed-3f7b73d1/onetime/internal/fault"
)

// Errors. They are those of package onetime under the same names. nil means verified, and nothing else does: what is none of
// these is undecided, and never a yes.
var (
	// ErrInvalid is an argument or an option that is out of its range. The text names the limit.
	ErrInvalid = fault.ErrInvalid
	// ErrMalformed is what cannot be a code or token at all, by its length or alphabet. It is free.
	ErrMalformed = fault.ErrMalformed
	// ErrMismatch is a wrong or expired code, and a token that was altered or made for another purpose or key.
	ErrMismatch = fault.ErrMismatch
	// ErrNotFound is a link that expired, and a handle that expired or was never given out. It is free.
	ErrNotFound = fault.ErrNotFound
	// ErrUsed is what a Guard answers where the code was used before.
	ErrUsed = fault.ErrUsed
	// ErrLocked is what a Guard answers where too many wrong codes were tried: no code counts, right or wrong.
	ErrLocked = fault.ErrLocked
)

func invalid(format string, args ...any) error { return fault.Invalid("stateless: "+format, args...) }

func undecided(op string, cause error) error {
	return fmt.Errorf("stateless: %s: undecided: %w", op, cause)
}
