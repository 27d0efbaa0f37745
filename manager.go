package onetime

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/redis/go-redis/v9"
)

// A Manager issues and verifies the secrets of one purpose. It is immutable and safe for concurrent use; it starts no
// goroutine and dials nothing by itself.
type Manager struct {
	// Behind pointers, which fmt does not follow: %p and %w go past Format.
	config *config
	ring   *keyRing

	policy Policy // that of config
	rdb    redis.Scripter

	// What scripts are told. Guess limits are about codes only.
	forIssues, forCodes, forTokens policyArgs
}

// New returns a Manager of the purpose "default". The key is at least 32 random bytes; all that Redis sees is derived
// from it. It seals at most 2^32 tokens and payloads (NIST SP 800-38D 8.3): rotate it before. The client may be any
// that answers at once: a *redis.Client (single node or Sentinel), a *redis.ClusterClient, or the automatic pipeliner
// of either. New refuses a nil client, a redis.Pipeliner, whose answers come later, and a *redis.Ring, which forgets
// locks and used secrets when a shard stalls. It sends nothing to Redis: see Check. All that is wrong with client, key
// and options is reported at once, as ErrInvalid.
//
// Set ContextTimeoutEnabled in the client's options, or go-redis ignores the deadlines of contexts. The automatic
// pipeliner ignores them in any case: there the client's ReadTimeout, 5 s by default, bounds each wait for a reply.
func New(rdb redis.Scripter, key []byte, opts ...Option) (*Manager, error) {
	c := defaultConfig()
	errOptions := c.apply(opts)
	ring, errKeys := newKeyRing(key, c.previous, c.naming)
	if err := errors.Join(cmp.Or(checkClient(rdb), c.checkAck(rdb)), errKeys, errOptions); err != nil {
		return nil, err
	}
	c.previous, c.naming = nil, nil
	return newManager(rdb, ring, c)
}

// Purpose returns a Manager for another purpose, with the client, keys and observer of m, that starts from all other
// settings of m, but for fixed codes. A name is 1 to 64 of a-z 0-9 . _ -, the first a letter or digit. A secret of one
// purpose never verifies for another, and limits are counted for each. Purpose is cheap, so that a tenant's own link
// base can be set for one request. Options that belong to New are refused.
func (m *Manager) Purpose(name string, opts ...Option) (*Manager, error) {
	c := *m.config
	c.derived, c.policy.Purpose = true, name
	if name != m.policy.Purpose {
		c.fixed = nil
	}
	err := c.apply(opts)
	if !purposePattern.MatchString(name) {
		err = errors.Join(invalid("Purpose: want 1 to 64 characters of a-z 0-9 . _ -, the first a letter or digit"), err)
	}
	if err != nil {
		return nil, err
	}
	return newManager(m.rdb, m.ring, c)
}

// newManager checks what settings, each right by itself, are together.
func newManager(rdb redis.Scripter, ring *keyRing, c config) (*Manager, error) {
	codes, err := c.fixedCodes()
	if err != nil {
		return nil, err
	}
	c.codes = codes
	p := c.policy
	return &Manager{
		config: &c, ring: ring, policy: p, rdb: rdb,
		forIssues: newPolicyArgs(p, p.SendLimits, p.GuessLimits),
		forCodes:  newPolicyArgs(p, nil, p.GuessLimits),
		forTokens: newPolicyArgs(p, nil, nil),
	}, nil
}

func checkClient(rdb redis.Scripter) error {
	if v := reflect.ValueOf(rdb); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return invalid("New: the client is nil")
	}
	switch rdb.(type) {
	case redis.Pipeliner:
		return invalid("New: the client is a Pipeliner: want one that answers at once")
	case *redis.Ring:
		return invalid("New: the client is a Ring: it forgets locks and used secrets when a shard stalls")
	}
	return nil
}

// Policy returns the settings of the purpose.
func (m *Manager) Policy() Policy {
	p := m.policy
	p.SendLimits, p.GuessLimits = slices.Clone(p.SendLimits), slices.Clone(p.GuessLimits)
	return p
}

// subject returns the one spelling that stands for all spellings of a subject.
func (c *config) subject(typed string) (string, error) {
	if !utf8.ValidString(typed) {
		return "", invalid("subject: want valid UTF-8")
	}
	subject, err := c.normalize(typed)
	if err != nil {
		return "", &invalidError{"subject: refused by the normaliser", err}
	}
	if len(subject) < 1 || len(subject) > maxSubject {
		return "", invalid("subject: %d bytes: want 1 to %d", len(subject), maxSubject)
	}
	if !utf8.ValidString(subject) || strings.ContainsFunc(subject, unicode.IsControl) {
		return "", invalid("subject: want valid UTF-8 without control characters")
	}
	return subject, nil
}

// place returns the subject's own spelling and its place, for a binding if there is one.
func (m *Manager) place(typed string, s settings) (string, place, error) {
	subject, err := m.config.subject(typed)
	if err != nil {
		return "", place{}, err
	}
	p := place{purpose: m.policy.Purpose, tag: m.ring.tag(m.policy.Purpose, subject), binding: unbound}
	if s.bound {
		p.binding = m.ring.bindingTag(p.purpose, p.tag, s.binding)
	}
	return subject, p, nil
}

// An issued is what one issue made, before it is an OTP, a Token or a Link.
type issued struct {
	id, code, token        string
	ttl, codeTTL, resendIn time.Duration
}

// issue makes a code, a token or both and lets Redis decide.
func (m *Manager) issue(ctx context.Context, op, typed string, opts []IssueOption, code, token bool) (issued, error) {
	s, err := newSettings(op, opts, IssueOption.applyIssue)
	if err != nil {
		return issued{}, err
	}
	subject, p, err := m.place(typed, s)
	if err != nil {
		return issued{}, err
	}
	made := issued{ttl: m.policy.OTPTTL}
	if token {
		made.ttl = m.policy.TokenTTL
	}
	if s.ttl > made.ttl {
		return issued{}, invalid("WithTTL(%s): want at most the policy's %s", s.ttl, made.ttl)
	}
	if s.ttl > 0 {
		made.ttl = s.ttl
	}

	key, id := m.ring.keys[0], random(idSize)
	var codePart, tokenPart part
	if code || s.code {
		made.codeTTL = min(made.ttl, m.policy.OTPTTL)
		made.code = m.newCode(subject, s.decoy)
		digest := key.digest(p, kindCode, made.code)
		if s.decoy {
			digest = random(digestSize) // of no code: not even a lucky guess verifies
		}
		sealed := ""
		if len(s.payload) > 0 {
			sealed = key.seal(p, kindCode, id, digest, subject, s.payload)
		}
		codePart = newPart(kindCode, made.codeTTL, digest, sealed)
	}
	if token {
		nonce := random(nonceSize)
		made.token = key.token(p, nonce)
		digest := key.digest(p, kindToken, nonce)
		tokenPart = newPart(kindToken, made.ttl, digest, key.seal(p, kindToken, id, digest, subject, s.payload))
	}
	hasCode, resendIn, err := m.runIssue(ctx, op, p, id, codePart, tokenPart)
	if err != nil {
		return issued{}, err
	}
	made.id, made.resendIn = encoding.EncodeToString([]byte(id)), resendIn
	if !hasCode {
		made.code, made.codeTTL = "", 0
	}
	if s.decoy {
		made.code, made.token = "", ""
	}
	return made, nil
}

// verify lets Redis judge a code, or the nonce of a token, under each of keys.
func (m *Manager) verify(ctx context.Context, op string, p place, kind, mode, subject, secret string, keys []keySet) (Verification, error) {
	id := random(idSize)
	digests := make([]string, len(keys))
	for i, key := range keys {
		digests[i] = key.digest(p, kind, secret)
	}
	found, err := m.runVerify(ctx, op, p, id, kind, mode, digests)
	if err != nil {
		return Verification{}, err
	}
	v := Verification{
		Subject: subject, Purpose: p.purpose, ID: encoding.EncodeToString([]byte(found.issue)), IssuedAt: found.issued,
		manager: m, place: p, issue: found.issue,
	}
	if mode == modeVerify {
		v.call = id
	}
	if kind == kindToken || found.sealed != "" {
		v.Subject, v.Payload, err = keys[found.key].open(p, kind, found.issue, digests[found.key], found.sealed)
		if err == nil && m.ring.tag(p.purpose, v.Subject) != p.tag {
			err = errSeal
		}
		if err != nil {
			return Verification{}, undecided(op, err)
		}
	}
	return v, nil
}

// A Verification is a proof: that the person who showed the secret holds the inbox, phone or link of the Subject.
// InspectToken returns one that proves nothing yet.
type Verification struct {
	// Subject is whom the proof is about, as normalised at the issue.
	Subject string
	// Purpose is that of the Manager.
	Purpose string
	// ID is that of the issue.
	ID string
	// Payload is what WithPayload stored; nil if nothing.
	Payload []byte
	// IssuedAt is when Redis took the issue, by its clock. It is not sealed: information, no proof.
	IssuedAt time.Time
	// FixedCode tells that the code was one of WithDangerouslyFixedCodes.
	FixedCode bool

	manager *Manager
	place   place
	issue   string
	call    string // empty if nothing was used
}

var errUndo = invalid("Undo: want a Verification of VerifyOTP or VerifyToken")

// Undo gives the secret back, because what it was used for did not happen: a password that could not be stored, say. It
// verifies again if it has not expired, and so do the others of its challenge. nil means that the code or the token of
// the issue is live. It is ErrUsed if another call has used the challenge since, ErrNotFound if the issue expired or
// was replaced, cancelled or revoked, ErrInvalid on anything that does not come from VerifyOTP or VerifyToken. Undo
// returns no attempts, guesses or failures. Whatever it answers, the Verification proves nothing any more. It may be
// repeated.
func (v Verification) Undo(ctx context.Context) error {
	start := time.Now()
	if v.manager == nil {
		return errUndo
	}
	err := errUndo
	if v.call != "" {
		err = v.manager.order(ctx, "Undo", undoScript, v.place, v.call, v.place.prefix(), v.issue, v.manager.policy.Keep)
	}
	v.manager.observe(ctx, "Undo", "", v.ID, err, start)
	return err
}

// Cancel makes sure that one issue does not verify, because its delivery failed, say. id is that of the OTP, Token or
// Link. It succeeds on what is unknown or ended, whatever its binding. It gives no send back, and rules out an Undo.
func (m *Manager) Cancel(ctx context.Context, subject, id string) error {
	raw, err := encoding.DecodeString(id)
	if err != nil || len(raw) != idSize || len(id) != encoding.EncodedLen(idSize) { // the decoder skips line breaks
		err = invalid("Cancel: want the ID of an OTP, Token or Link")
		m.observe(ctx, "Cancel", "", "", err, time.Now()) // without what was given: it may be anything
		return err
	}
	return m.onSubject(ctx, "Cancel", revokeScript, subject, id, string(raw))
}

// Revoke makes sure that nothing that was issued to the subject before it verifies, bound or not; after a change of
// password or address, say. What is issued after it does, however the clock runs. It rules out every Undo.
func (m *Manager) Revoke(ctx context.Context, subject string) error {
	return m.onSubject(ctx, "Revoke", revokeScript, subject, "", "")
}

// Unlock forgets failures, guess limits and send limits of the subject. Secrets stay, and the attempts they have left.
// It gives whoever guesses fresh guesses: call it for a person who proved by other means who they are.
func (m *Manager) Unlock(ctx context.Context, subject string) error {
	return m.onSubject(ctx, "Unlock", unlockScript, subject, "")
}

// onSubject runs a script that is answered with its status alone. id is for the observer.
func (m *Manager) onSubject(ctx context.Context, op string, script *redis.Script, subject, id string, args ...any) error {
	start := time.Now()
	_, p, err := m.place(subject, settings{})
	if err == nil {
		err = m.order(ctx, op, script, p, append([]any{random(idSize)}, args...)...)
	}
	m.observe(ctx, op, "", id, err, start)
	return err
}

// A Status is what is known of a subject and purpose.
type Status struct {
	// Pending are the issues with a live secret, newest first.
	Pending []Pending
	// Failures is the number of consecutive wrong codes; at 100 codes are Disabled.
	Failures int
	Disabled bool
	// SendIn is how long the send limits refuse the next issue, GuessIn how long the guess limits refuse the next code;
	// 0: not at all.
	SendIn, GuessIn time.Duration
}

// A Pending is one issue. Used tells that its challenge was used: it verifies only after an Undo.
type Pending struct {
	ID                       string
	Code, Token, Bound, Used bool
	AttemptsLeft             int // wrong codes that its challenge still takes
	IssuedAt                 time.Time
	ExpiresIn                time.Duration // of the secret that lives longest
}

// Status reports what is outstanding and what is locked. It changes nothing.
func (m *Manager) Status(ctx context.Context, subject string) (Status, error) {
	start := time.Now()
	var status Status
	_, p, err := m.place(subject, settings{})
	if err == nil {
		status, err = m.runStatus(ctx, "Status", p)
	}
	m.observe(ctx, "Status", "", "", err, start)
	return status, err
}

// Check asks whether this Redis and this client can be relied on, at start-up or from a health probe. It is an error
// if scripts do not run, if the server is a replica or older than Redis 5, if it may evict records under memory pressure
// (maxmemory is set and maxmemory-policy is not noeviction), if it has fewer replicas than WithReplicaAck asks for, or if
// the client ignores the deadlines of contexts. What it cannot see, for want of a permission, say, it does not report.
func (m *Manager) Check(ctx context.Context) error {
	start := time.Now()
	// No subject is empty, so this record is nobody's.
	p := place{purpose: m.policy.Purpose, tag: m.ring.tag(m.policy.Purpose, ""), binding: unbound}
	_, err := m.runStatus(ctx, "Check", p)
	err = errors.Join(err, m.checkServer(ctx), checkOptions(m.rdb))
	m.observe(ctx, "Check", "", "", err, start)
	return err
}

// An Event is one call, as WithObserver hears of it. It never holds a subject, a secret or a payload.
type Event struct {
	Op      string // the method, such as "VerifyOTP"
	Kind    string // "otp", "token" or "link"; empty where the method is of no kind
	Purpose string
	ID      string // of the issue; empty if none is known
	Err     error  // what the method returned
	Took    time.Duration
}

func (m *Manager) observe(ctx context.Context, op, kind, id string, err error, start time.Time) {
	if m.config.observer != nil {
		m.config.observer(ctx, Event{op, kind, m.policy.Purpose, id, err, time.Since(start)})
	}
}

// Format prints the purpose, under any verb but the misplaced %p and %w, which show no more than addresses and the
// policy.
func (m Manager) Format(f fmt.State, _ rune) { redact(f, "Manager", m.policy.Purpose) }

// MarshalText returns the purpose only; JSON and slog use it.
func (m Manager) MarshalText() ([]byte, error) { return redacted("Manager", m.policy.Purpose), nil }

// Format prints the ID, and no person or payload, under any verb but the misplaced %p and %w, which fmt does not ask
// about.
func (v Verification) Format(f fmt.State, _ rune) { redact(f, "Verification", v.ID) }

// MarshalText returns the ID, and no person or payload; JSON and slog use it.
func (v Verification) MarshalText() ([]byte, error) { return redacted("Verification", v.ID), nil }

func redacted(name, id string) []byte { return []byte("onetime." + name + "(" + id + ")") }

func redact(f fmt.State, name, id string) { f.Write(redacted(name, id)) }
