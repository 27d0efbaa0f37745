package api

import (
	"context"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// An operation is a call that there is, with all that its document says.
type operation struct {
	id, method, path string
	tag, summary     string
	description      string
	scopes           []Scope // of which the caller needs one; none: the call needs no caller
	idempotent       bool    // takes an Idempotency-Key
	limits           bool    // answers with RateLimit fields
	reasons          []string
	success          int
	in, out          reflect.Type // nil: no body
	query            []parameter
	serve            func(*call) error
	document         func(*huma.Operation) // what is not made from the above
}

// A parameter is one of the query.
type parameter struct{ name, description, pattern string }

// answering returns an operation whose answer is made by a function of the body. A call is decoded whole before it runs.
func answering[In, Out any](o operation, f func(context.Context, *call, In) (Out, error)) operation {
	o.in, o.out = reflect.TypeFor[In](), reflect.TypeFor[Out]()
	if o.in == reflect.TypeFor[nothing]() {
		o.in = nil
	}
	if o.out == reflect.TypeFor[nothing]() {
		o.out = nil
	}
	o.serve = func(c *call) error {
		var in In
		if o.in != nil {
			if err := c.read(&in); err != nil {
				return err
			}
		}
		ctx, cancel := context.WithTimeout(c.request.Context(), c.snapshot.config.Timeout)
		defer cancel()
		out, err := f(ctx, c, in)
		if err != nil {
			return err
		}
		if o.out == nil {
			c.answer(o.success, "", nil)
			return nil
		}
		return c.answerJSON(o.success, out)
	}
	return o
}

// nothing is a body that is not there.
type nothing struct{}
