package onetime

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-3f7b73d1/onetime/internal/core"
	"github.com/seed-3f7b73d1/onetime/internal/fault"
	"github.com/seed-3f7b73d1/onetime/internal/keyring"
	"github.com/seed-3f7b73d1/onetime/internal/subject"
)

// A Manager issues and verifies the secrets of one purpose. It is immutable and safe for concurrent use; it starts no
// goroutine and dials nothing by itself.
type Manager struct {
	// Behind pointers, which fmt does not follow: %p and %w go past Format.
	config *config
	ring   *keyring.Ring
}

// New returns a Manager of the purpose "default". The key is at least 32 random bytes; all that Redis sees is derived
// from it. Rotate it before it has sealed 2^32 tokens and payloads (NIST SP 800-38D 8.3). The client may be any
// that answers at once: a *redis.Client (single node or Sentinel), a *redis.ClusterClient, or the automatic pipeliner
// of either. New refuses a nil client, a redis.Pipeliner, whose answers come later, and a *redis.Ring, which forgets
// locks and used secrets when a shard stalls. It sends nothing to Redis: see [Manager.Check]. All that is wrong with
// client, key and options is reported at once, as [ErrInvalid].
//
// Set ContextTimeoutEnabled in the client's options, or go-redis ignores the deadlines of contexts. The automatic
// pipeliner ignores them in any case: there the client's ReadTimeout, 5 s by default, bounds each wait for a reply.
func New(rdb redis.Scripter, key []byte, opts ...Option) (*Manager, error) {
	c := defaultConfig()
	errOptions := c.apply(opts)
	ring, err := c.checkNew(rdb, key)
	if err = errors.Join(err, errOptions); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	return &Manager{&c, ring}, nil
}

// Purpose returns a Manager for another purpose, with the client, keys and observer of m, that starts from all other
// settings of m, but for fixed codes. A name is 1 to 64 of a-z 0-9 . _ -, the first a letter or digit. A secret of one
// purpose never verifies for another, and limits are counted for each. Purpose is cheap, so that a tenant's own link
// base can be set for one request. Options that belong to [New] are refused.
func (m *Manager) Purpose(name string, opts ...Option) (*Manager, error) {
	c := *m.config
	c.derived, c.policy.Purpose = true, name
	if name != m.config.policy.Purpose {
		c.fixed = nil
	}
	err := c.apply(opts)
	if !subject.IsPurpose(name) {
		err = errors.Join(invalid("Purpose: want 1 to 64 characters of a-z 0-9 . _ -, the first a letter or digit"), err)
	}
	if err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	return &Manager{&c, m.ring}, nil
}

// Policy returns the settings of the purpose.
func (m *Manager) Policy() Policy {
	p := m.config.policy
	for _, limits := range []*[]Limit{&p.SendLimits, &p.GuessLimits, &p.KnownSendLimits, &p.KnownGuessLimits} {
		*limits = slices.Clone(*limits)
	}
	return p
}

// challenge returns the subject's own spelling and its challenge, that of a binding if there is one.
func (m *Manager) challenge(typed string, o callOptions) (string, keyring.Challenge, error) {
	subject, err := m.config.subject(typed)
	if err != nil {
		return "", keyring.Challenge{}, err
	}
	purpose := m.config.policy.Purpose
	c := keyring.Challenge{Purpose: purpose, Tag: m.ring.Tag(purpose, subject), Binding: keyring.Unbound}
	if o.bound {
		c.Binding = m.ring.BindingTag(purpose, c.Tag, o.binding)
	}
	return subject, c, nil
}

// knowsBrowser reports whether one of the credentials was issued to the subject since a time, and is not too old.
func (m *Manager) knowsBrowser(subject, credentials string, since time.Time) bool {
	if credentials == "" {
		return false
	}
	now := m.config.now()
	if oldest := now.Add(-m.config.policy.KnownFor); since.Before(oldest) {
		since = oldest
	}
	return m.ring.KnowsBrowser(subject, credentials, since, now)
}

// An issue is what one call made, before it is an OTP, a Token or a Link.
type issue struct {
	id, who, code, token   string
	ttl, codeTTL, resendIn time.Duration
	repeated               bool
}

// issue makes a code, a token or both and lets Redis decide. Of a call that fails, the person may be known.
func (m *Manager) issue(ctx context.Context, op, typed string, opts []IssueOption, code, token bool) (made issue, err error) {
	o, err := newCallOptions(op, opts, IssueOption.applyIssue)
	if err != nil {
		return issue{}, err
	}
	subject, c, err := m.challenge(typed, o)
	if err != nil {
		return issue{}, err
	}
	policy := m.config.policy
	made = issue{who: m.who(c.Tag), ttl: policy.OTPTTL}
	if token {
		made.ttl = policy.TokenTTL
	}
	if o.ttl > made.ttl {
		return made, invalid("WithTTL(%s): want at most the policy's %s", o.ttl, made.ttl)
	}
	if o.ttl > 0 {
		made.ttl = o.ttl
	}

	key, call := m.ring.Keys[0], issueCall{Challenge: c, id: keyring.Random(keyring.IDSize)}
	kind := keyring.Token
	if code {
		kind = keyring.Code
	}
	call.group, call.known = m.group(op, c, kind, "", o), m.knowsBrowser(subject, o.browsers, o.knownSince)
	if code || o.code {
		made.codeTTL = min(made.ttl, policy.OTPTTL)
		made.code = m.newCode(subject, o.decoy)
		request := o.request()
		if o.requestOfIssue {
			request = m.ring.Request(c, call.id)
		}
		digest := key.Digest(c, keyring.Code, request, made.code)
		if o.decoy {
			digest = keyring.Random(keyring.DigestSize) // of no code: not even a lucky guess verifies
		}
		call.code = secretBytes(keyring.Code, made.codeTTL, digest)
	}
	if token {
		nonce := keyring.Random(keyring.NonceSize)
		made.token = key.Token(c, nonce)
		call.token = secretBytes(keyring.Token, made.ttl, key.Digest(c, keyring.Token, "", nonce))
	}
	if token || len(o.payload) > 0 {
		call.sealed = key.Seal(c, call.id, subject, o.payload)
	}
	reply, err := m.runIssue(ctx, op, call)
	if err != nil {
		return made, err
	}
	made.id, made.resendIn = keyring.Encoding.EncodeToString([]byte(reply.issue)), reply.resendIn
	if made.repeated = reply.issue != call.id; made.repeated {
		made.code, made.token, made.codeTTL = "", "", reply.codeLives
		made.ttl = max(reply.codeLives, reply.tokenLives)
	}
	if !reply.hasCode {
		made.code, made.codeTTL = "", 0
	}
	if o.decoy {
		made.code, made.token = "", ""
	}
	return made, nil
}

// group returns what names all sendings of a form, empty without Idempotent.
func (m *Manager) group(op string, c keyring.Challenge, kind, secret string, o callOptions) string {
	if o.idempotencyKey == "" {
		return ""
	}
	return m.ring.Group(op, c, kind, secret, o.idempotencyKey)
}

// A judged is a secret that was shown: a code, or the nonce of a token.
type judged struct {
	keyring.Challenge
	kind, mode      string
	subject, secret string // the subject of a code is known, that of a token is sealed
	keys            []keyring.Key
	requests        []string // one, empty, for none
	group           string
	known           bool
}

// judge lets Redis judge a secret under each of the keys and requests.
func (m *Manager) judge(ctx context.Context, op string, j judged) (Verification, error) {
	call := keyring.Random(keyring.IDSize)
	digests := make([]string, 0, len(j.keys)*len(j.requests))
	for _, key := range j.keys {
		for _, request := range j.requests {
			digests = append(digests, key.Digest(j.Challenge, j.kind, request, j.secret))
		}
	}
	found, err := m.runVerify(ctx, op, j, call, digests)
	if err != nil {
		return Verification{}, err
	}
	subject, payload := j.subject, []byte(nil)
	if j.kind == keyring.Token || found.sealed != "" {
		subject, payload, err = j.keys[found.candidate/len(j.requests)].Open(j.Challenge, found.issue, found.sealed)
		if err == nil && m.ring.Tag(j.Purpose, subject) != j.Tag {
			err = keyring.ErrSeal
		}
		if err != nil {
			return Verification{}, fault.Undecided(op, err)
		}
	}
	t := keyring.Ticket{Challenge: j.Challenge, Issue: found.issue}
	if j.mode == modeVerify {
		t.Call = found.call
	}
	kind := KindToken
	if j.kind == keyring.Code {
		kind = KindOTP
	}
	return m.verification(core.Proof{
		Subject: subject, Kind: kind, Issue: t.Issue, Call: t.Call, Payload: payload, IssuedAt: found.issued, Repeated: found.repeated,
		Undo:   func(ctx context.Context) error { return m.undo(ctx, "Undo", t) },
		Ticket: func() []byte { return m.ring.SealTicket(t) },
	}), nil
}

// Format prints the purpose, under any verb but the misplaced %p and %w, which show no more than addresses.
func (m Manager) Format(f fmt.State, _ rune) { redact(f, "Manager", m.name()) }

// MarshalText returns the purpose only; JSON and slog use it.
func (m Manager) MarshalText() ([]byte, error) { return redacted("Manager", m.name()), nil }

// name is the purpose, empty for the zero value, which prints, too.
func (m Manager) name() string {
	if m.config == nil {
		return ""
	}
	return m.config.policy.Purpose
}

func redacted(name, id string) []byte { return []byte("onetime." + name + "(" + id + ")") }

func redact(f fmt.State, name, id string) { f.Write(redacted(name, id)) }
