package api

import (
	"context"
	"crypto"
	"log/slog"
	"time"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

// A Config is all that an [API] goes by.
type Config struct {
	// Services are what secrets are issued for, 1 to 1000, each with a name and a purpose of its own.
	Services []Service
	// Callers are the programs that may ask, up to 1000. Without callers everybody is refused.
	Callers []Caller
	// SealKeys are what ids and the right to undo are sealed with, 1 to 8, each of at least 32 random bytes. The first seals, all
	// open. A rotation takes three deployments: the new key behind the old one everywhere, then the new key in front, then the
	// old one out once the longest life of a secret and an hour have passed.
	SealKeys [][]byte
	// NamingKey is what sendings with one Idempotency-Key are known by: at least 32 random bytes, the same in all processes, for
	// ever. Replace refuses another one.
	NamingKey []byte
	// Issuer is the https URL (http on localhost) of who signs access tokens, and SigningKeys are its keys, as
	// onetimejwt.NewIssuer takes them: the first signs, all are published. Without keys no service can have access tokens, and
	// what is about them answers 503.
	Issuer      string
	SigningKeys []crypto.Signer
	// Timeout is how long a call may take until it is answered 503: 100 ms to 1 min, 5 s by default. It bounds Redis only if
	// ContextTimeoutEnabled is set in the client's options.
	Timeout time.Duration
	// Clock is the local clock, by which ids expire; time.Now by default.
	Clock func() time.Time
	// Logger gets a line for each call, without personal data; nil: none.
	Logger *slog.Logger
	// ObserveCall is told of each call, after its answer; nil: nobody is. It must be fast and safe for concurrent use.
	ObserveCall func(Call)
	// ObserveDelivery is told what became of each message, as an event with the Op "Deliver"; decoys have none. nil: nobody is.
	ObserveDelivery func(context.Context, onetime.Event)
}

// A Service is what secrets are issued for: sign-in, a password reset.
type Service struct {
	// Name stands in URLs: 1 to 64 of a-z 0-9 . _ -, the first a letter or digit.
	Name string
	// Manager issues and verifies; its purpose is the service's. Two services have two purposes. Links need its link base.
	Manager *onetime.Manager
	// Channels are the ways that messages may take, the first by default. Without any, secrets can only be given to callers.
	Channels []onetimesend.Channel
	// Queue sends the messages; it is needed where there are Channels. Whoever made it closes it, after the last answer.
	Queue *onetimesend.Queue
	// Message is what all messages of the service have: Brand (its Name is needed where there are Channels), Task, CodeInSubject,
	// Host, Language and Texts. All else of it is set for each message.
	Message onetimesend.Message
	// AccessTokens makes check answer with an access token; nil: with the right to undo.
	AccessTokens *AccessTokens
}

// AccessTokens are how the access tokens of a service are.
type AccessTokens struct {
	// Audience is whom they are for, 1 to 512 bytes. Services may share one.
	Audience string
	// Lifetime is 1 min to 24 h in whole seconds, 15 min by default.
	Lifetime time.Duration
}

// A Caller is a program that may ask.
type Caller struct {
	// Name stands in logs and metrics: 1 to 64 of a-z 0-9 . _ -, the first a letter or digit.
	Name string
	// Keys are the SHA-256 digests of the texts that the caller shows as "Authorization: Bearer", 1 or 2, so that it can change
	// from one to the next. A key has 256 random bits; see [KeyDigest].
	Keys [][32]byte
	// Scopes are what the caller may do, at least one.
	Scopes []Scope
	// Services are the names of those it may do it for, at least one.
	Services []string
}

// A Scope is something that a caller may do.
type Scope string

// The scopes.
const (
	// ScopeStart is to start, resend, look at and cancel verifications.
	ScopeStart Scope = "start"
	// ScopeCheck is to check codes and tokens, inspect tokens, undo, look at and cancel verifications, and introspect access
	// tokens.
	ScopeCheck Scope = "check"
	// ScopeSecrets is to be given codes and links instead of having them sent. It needs ScopeStart as well.
	ScopeSecrets Scope = "secrets"
	// ScopeAdmin is to see and change what is known of a subject.
	ScopeAdmin Scope = "admin"
)

// A Call is a request that was answered. It holds nothing of a person.
type Call struct {
	// Operation names what was called, as in the document, such as "check"; empty where there is no such call.
	Operation string
	// Caller and Service are names; empty where they are not known or do not matter.
	Caller, Service string
	// Status is that of the answer, and Reason that of its problem; empty: no problem.
	Status int
	Reason string
	// RequestID is that of the answer's X-Request-Id.
	RequestID string
	// Issue is the id of the issue, as in the events of onetime; empty where there is none.
	Issue string
	// Took is the time until the answer was written.
	Took time.Duration
}
