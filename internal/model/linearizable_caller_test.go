package model_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

// A workload is what callers do at once to one record, again and again.
type workload struct {
	policy         func(r *rand.Rand) onetime.Policy
	mix            mix
	callers, steps int // steps of each caller
	guesses        int // wrong codes before them

	faults  bool    // the callers' connections go through a proxy
	lose    float64 // how often a call loses one to four replies
	fail    float64 // how often a command is held back or, one in five of these, dropped
	retries int     // MaxRetries of the client, 0 for go-redis's three

	broken func(rdb *redis.Client) redis.Scripter // in place of the client
}

// A mix is how often callers do what, compared to each other.
type mix struct {
	otp, token, link                      int // issues
	code, wrongCode, useToken, inspect    int
	undo, cancel, revoke, unlock, inquire int
}

func (m mix) sum() int {
	return m.otp + m.token + m.link + m.code + m.wrongCode + m.useToken + m.inspect + m.undo + m.cancel + m.revoke + m.unlock + m.inquire
}

// A caller makes one call at a time.
type caller struct {
	number   int
	work     *workload
	client   redis.Scripter
	draw     *rand.Rand
	network  *network
	proxy    *rig.Proxy
	manager  *onetime.Manager
	known    *known
	subject  string
	id       name       // of the call under way
	sendings []*sending // of the call under way
	late     bool       // the next command is held back until the network settles
	entries  []entry
}

// An entry is a call as it was seen.
type entry struct {
	call     call
	answer   *answer // nil: undecided
	sendings []*sending
	returned int64
}

// known is what callers tell each other.
type known struct {
	mu       sync.Mutex
	names    map[string]name
	payloads map[name]string
	codes    []secret
	tokens   []secret
	issues   []string
	uses     []use
}

type secret struct {
	text      string
	issue     name
	challenge int
}

type use struct {
	verification onetime.Verification
	challenge    int
}

// name returns the name of an id or of a wrong code.
func (k *known) name(of string) name {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.names[of] == 0 {
		k.names[of] = name(len(k.names) + 1)
	}
	return k.names[of]
}

const binding = "cookie of the bound challenge"

// An exchange is the client of a Manager that callers share, as they share Verifications: each call goes to the client of
// its caller, who notes the id that Redis knows the call by.
type exchange struct{ redis.Scripter }

type callerKey struct{}

func (exchange) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	c := ctx.Value(callerKey{}).(*caller)
	c.id = c.known.name(base64.RawURLEncoding.EncodeToString([]byte(args[0].(string))))
	return c.client.EvalSha(ctx, sha, keys, args...)
}

func (exchange) Eval(ctx context.Context, script string, keys []string, args ...any) *redis.Cmd {
	return ctx.Value(callerKey{}).(*caller).client.Eval(ctx, script, keys, args...)
}

// do makes a call and notes it.
func (c *caller) do(in call, method func(ctx context.Context) (answer, error)) error {
	if c.draw.Float64() < c.work.lose {
		c.proxy.LoseNext(1+c.draw.IntN(4), nil)
	}
	c.sendings = nil
	ctx, cancel := context.WithTimeout(context.WithValue(context.Background(), callerKey{}, c), time.Minute)
	defer cancel()
	at := c.network.now()
	out, err := method(ctx)
	e := entry{call: in, sendings: c.sendings, returned: c.network.now()}
	if c.work.broken != nil {
		e.sendings = []*sending{{at: at}} // what a broken client sends is its own affair
	}
	e.call.id = c.id
	var denied *onetime.DeniedError
	var answered redis.Error
	switch {
	case errors.As(err, &denied):
		e.answer = &answer{reason: denied.Reason, left: denied.AttemptsLeft, wait: denied.RetryAfter > 0}
	case err == nil:
		e.answer = &out
	case !c.work.faults || errors.As(err, &answered) || errors.Is(err, onetime.ErrInvalid):
		return fmt.Errorf("%s: %w", in.op, err)
	}
	c.entries = append(c.entries, e)
	return nil
}

// run makes the calls of a round, until one fails that must not.
func (c *caller) run() error {
	for range c.work.steps {
		if err := c.step(); err != nil {
			return err
		}
	}
	return nil
}

func (c *caller) step() error {
	challenge := 0
	if c.draw.IntN(4) == 0 {
		challenge = 1
	}
	m := c.work.mix
	for {
		n := c.draw.IntN(m.sum())
		drawn := func(weight int) bool { n -= weight; return n < 0 }
		switch {
		case drawn(m.otp):
			return c.issue("IssueOTP", challenge)
		case drawn(m.token):
			return c.issue("IssueToken", challenge)
		case drawn(m.link):
			return c.issue("IssueLink", challenge)
		case drawn(m.code):
			if s, ok := pick(c, &c.known.codes); ok {
				return c.verify("VerifyOTP", s)
			}
		case drawn(m.wrongCode):
			return c.verify("VerifyOTP", c.wrongCode(c.draw.IntN(6), challenge))
		case drawn(m.useToken):
			if s, ok := pick(c, &c.known.tokens); ok {
				return c.verify("VerifyToken", s)
			}
		case drawn(m.inspect):
			if s, ok := pick(c, &c.known.tokens); ok {
				return c.verify("InspectToken", s)
			}
		case drawn(m.undo):
			if u, ok := pick(c, &c.known.uses); ok {
				return c.undo(u)
			}
		case drawn(m.cancel):
			if id, ok := pick(c, &c.known.issues); ok {
				return c.cancel(id)
			}
		case drawn(m.revoke):
			return c.revoke()
		case drawn(m.unlock):
			return c.unlock()
		default:
			return c.inquire()
		}
	}
}

func (c *caller) wrongCode(i, challenge int) secret {
	code := fmt.Sprintf("%012d", i)
	return secret{code, c.known.name(code), challenge}
}

func bound(challenge int) []onetime.CallOption {
	if challenge == 0 {
		return nil
	}
	return []onetime.CallOption{onetime.WithBinding(binding)}
}

// pick returns what callers learned last, as a rule, or one of the last six.
func pick[T any](c *caller, of *[]T) (one T, ok bool) {
	c.known.mu.Lock()
	defer c.known.mu.Unlock()
	n := len(*of)
	if n == 0 {
		return one, false
	}
	if c.draw.IntN(10) < 7 {
		return (*of)[n-1], true
	}
	return (*of)[max(0, n-1-c.draw.IntN(6))], true
}

func (c *caller) issue(op string, challenge int) error {
	payload := fmt.Sprintf("%d of caller %d", len(c.entries), c.number)
	opts := []onetime.IssueOption{onetime.WithPayload([]byte(payload))}
	for _, o := range bound(challenge) {
		opts = append(opts, o)
	}
	var made onetime.Link
	err := c.do(call{op: op, challenge: challenge}, func(ctx context.Context) (a answer, err error) {
		switch op {
		case "IssueOTP":
			var otp onetime.OTP
			otp, err = c.manager.IssueOTP(ctx, c.subject, opts...)
			made = onetime.Link{Code: otp.Code, ID: otp.ID, ResendIn: otp.ResendIn}
		case "IssueToken":
			var token onetime.Token
			token, err = c.manager.IssueToken(ctx, c.subject, opts...)
			made = onetime.Link{Token: token.Value, ID: token.ID, ResendIn: token.ResendIn}
		default:
			made, err = c.manager.IssueLink(ctx, c.subject, append(opts, onetime.WithCode())...)
		}
		return answer{code: made.Code != "", wait: made.ResendIn > 0}, err
	})
	if made.ID == "" {
		return err
	}
	if c.known.name(made.ID) != c.id {
		return errors.New("the id of the issue is not that of the call")
	}
	c.known.mu.Lock()
	defer c.known.mu.Unlock()
	c.known.payloads[c.id] = payload
	c.known.issues = append(c.known.issues, made.ID)
	if made.Code != "" {
		c.known.codes = append(c.known.codes, secret{made.Code, c.id, challenge})
	}
	if made.Token != "" {
		c.known.tokens = append(c.known.tokens, secret{made.Token, c.id, challenge})
	}
	return nil
}

func (c *caller) verify(op string, shown secret) error {
	var opts []onetime.VerifyOption
	for _, o := range bound(shown.challenge) {
		opts = append(opts, o)
	}
	var v onetime.Verification
	err := c.do(call{op: op, challenge: shown.challenge, shown: shown.issue}, func(ctx context.Context) (a answer, err error) {
		switch op {
		case "VerifyOTP":
			v, err = c.manager.VerifyOTP(ctx, c.subject, shown.text, opts...)
		case "VerifyToken":
			v, err = c.manager.VerifyToken(ctx, shown.text, opts...)
		default:
			v, err = c.manager.InspectToken(ctx, shown.text, opts...)
		}
		if err == nil {
			a.issue = c.known.name(v.ID)
		}
		return a, err
	})
	if v.ID == "" {
		return err
	}
	c.known.mu.Lock()
	defer c.known.mu.Unlock()
	if want := c.known.payloads[shown.issue]; v.Subject != c.subject || string(v.Payload) != want {
		return fmt.Errorf("%s of %q, %q: %q, %q", op, c.subject, want, v.Subject, v.Payload)
	}
	if op != "InspectToken" {
		c.known.uses = append(c.known.uses, use{v, shown.challenge})
	}
	return nil
}

func (c *caller) undo(u use) error {
	return c.do(call{op: "Undo", challenge: u.challenge, issue: c.known.name(u.verification.ID)}, func(ctx context.Context) (answer, error) {
		return answer{}, u.verification.Undo(ctx)
	})
}

func (c *caller) cancel(id string) error {
	return c.do(call{op: "Cancel", issue: c.known.name(id)}, func(ctx context.Context) (answer, error) {
		return answer{}, c.manager.Cancel(ctx, c.subject, id)
	})
}

func (c *caller) revoke() error {
	return c.do(call{op: "Revoke"}, func(ctx context.Context) (answer, error) { return answer{}, c.manager.Revoke(ctx, c.subject) })
}

func (c *caller) unlock() error {
	return c.do(call{op: "Unlock"}, func(ctx context.Context) (answer, error) { return answer{}, c.manager.Unlock(ctx, c.subject) })
}

func (c *caller) inquire() error {
	return c.do(call{op: "Status"}, func(ctx context.Context) (answer, error) {
		s, err := c.manager.Status(ctx, c.subject)
		var all []pending
		for _, p := range s.Pending {
			all = append(all, pending{c.known.name(p.ID), p.Code, p.Token, p.Bound, p.Used, p.AttemptsLeft})
		}
		return answer{status: summary(s.Failures, s.Disabled, s.SendIn > 0, s.GuessIn > 0, all)}, err
	})
}

// guess makes wrong codes one after the other, as many as the workload wants, each issue taking all that it may.
func (c *caller) guess() error {
	attempts := c.manager.Policy().MaxAttempts
	for i := range c.work.guesses {
		if i%attempts == 0 {
			if err := c.issue("IssueOTP", 0); err != nil {
				return err
			}
		}
		if err := c.verify("VerifyOTP", c.wrongCode(i%attempts, 0)); err != nil {
			return err
		}
	}
	return nil
}
