package script

import (
	"errors"
	"time"

	"github.com/seed-3f7b73d1/onetime/internal/fault"
	"github.com/seed-3f7b73d1/onetime/internal/keyring"
)

var errReply = errors.New("reply of the wrong shape")

// A Reply is what a script answered OK with. Its methods read it from left to right and remember what is not as it should
// be: it is believed only once End returned nil.
type Reply struct {
	rest []any
	err  error
}

// Fail says that what was read cannot be right.
func (r *Reply) Fail() { r.err = errReply }

// More reports whether there is something left to read.
func (r *Reply) More() bool { return len(r.rest) > 0 && r.err == nil }

func (r *Reply) next() any {
	if len(r.rest) == 0 {
		r.Fail()
		return nil
	}
	value := r.rest[0]
	r.rest = r.rest[1:]
	return value
}

// Number reads a whole number that is at least 0.
func (r *Reply) Number() int64 {
	n, ok := r.next().(int64)
	if !ok || n < 0 {
		r.Fail()
	}
	return n
}

// Flag reads 0 or 1.
func (r *Reply) Flag() bool {
	n := r.Number()
	if n > 1 {
		r.Fail()
	}
	return n == 1
}

// Duration reads milliseconds.
func (r *Reply) Duration() time.Duration { return time.Duration(r.Number()) * time.Millisecond }

// Time reads milliseconds since 1970.
func (r *Reply) Time() time.Time { return time.UnixMilli(r.Number()) }

// Text reads a string.
func (r *Reply) Text() string {
	text, ok := r.next().(string)
	if !ok {
		r.Fail()
	}
	return text
}

// ID reads the id of an issue or call.
func (r *Reply) ID() string {
	id := r.Text()
	if len(id) != keyring.IDSize {
		r.Fail()
	}
	return id
}

// End is nil if the reply had the right shape and nothing more; else the call op is undecided.
func (r *Reply) End(op string) error {
	if r.err == nil && len(r.rest) > 0 {
		r.Fail()
	}
	if r.err != nil {
		return fault.Undecided(op, r.err)
	}
	return nil
}
