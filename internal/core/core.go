// Package core is what packages of this module need of a Manager and users do not see.
package core

import (
	"context"
	"time"

	"github.com/seed-3f7b73d1/onetime/internal/keyring"
	"github.com/seed-3f7b73d1/onetime/internal/script"
)

// A Core is the inside of a Manager.
type Core struct {
	Purpose string
	Ring    *keyring.Ring
	Runner  *script.Runner
	// Guesses are what scripts are told of the guess limits.
	Guesses script.Settings
	// Subject returns the one spelling that stands for all spellings of a subject.
	Subject func(typed string) (string, error)
	// Challenge returns a subject's own spelling and its challenge, that of a binding unless it is empty.
	Challenge func(typed, binding string) (string, keyring.Challenge, error)
	// KnowsBrowser reports whether a credential is of a subject in its own spelling, issued since a time, and not too old.
	KnowsBrowser func(subject, credentials string, since time.Time) bool
	// Observe tells the Manager's observer of a call about the subject of a tag, empty if it is not known.
	Observe func(ctx context.Context, op, kind, id, tag string, err error, start time.Time)
	// Now is the local clock.
	Now func() time.Time
	// Verification returns a proof as a onetime.Verification.
	Verification func(Proof) any
}

// A Proof is what a Verification is made of.
type Proof struct {
	Subject, Kind string
	Issue, Call   string // ids as scripts know them
	Payload       []byte
	IssuedAt      time.Time
	FixedCode     bool
	Repeated      bool
	Undo          func(context.Context) error
	Ticket        func() []byte
}

// The root package sets these when the program starts, since it imports this one.
var (
	// Of returns the inside of a *onetime.Manager.
	Of func(manager any) *Core
	// WithClock returns a onetime.Option that sets the local clock.
	WithClock func(now func() time.Time) any
	// IdempotencyKey returns that of []onetime.VerifyOption, empty for none, and refuses what does not belong to the call op.
	IdempotencyKey func(op string, opts any) (string, error)
	// RequestOfIssue is a onetime.IssueOption that makes keyring.Ring.Request the request of the issue.
	RequestOfIssue any
	// ScriptText returns the text of a file of lua/, WholeScript that of a script with what stands in front of it.
	ScriptText, WholeScript func(name string) string
)
