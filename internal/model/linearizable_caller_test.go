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

	broken    func(rdb *redis.Client) redis.Scripter // in place of the client
	flaw      flaw                                   // of the scripts
	forgetful bool                                   // no request reaches the Manager
	unwritten float64                                // how often the write of a row is lost
}

// A mix is how often callers do what, compared to each other.
type mix struct {
	otp, token, link                   int // issues
	code, wrongCode, useToken, inspect int
	undo, cancel, quiet, revoke, erase int
	unlock, inquire                    int
	number, wrongNumber, giveBack      int
	lose                               int // Redis
}

func (m mix) sum() int {
	return m.otp + m.token + m.link + m.code + m.wrongCode + m.useToken + m.inspect + m.undo + m.cancel + m.quiet + m.revoke +
		m.erase + m.unlock + m.inquire + m.number + m.wrongNumber + m.giveBack + m.lose
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
	rows     [secrets]int64 // of the callers' table: what of each secret is used
	given    []numberUse
	acted    map[counted]map[string]bool // calls that were acted on, by number
}

type secret struct {
	text      string
	request   string // of a code, empty for none
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
	if c.work.broken != nil { // a flaw changes no more than scripts
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
	case !c.work.faults && c.work.flaw == (flaw{}) || errors.As(err, &answered) || errors.Is(err, onetime.ErrInvalid):
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
			return c.issue("IssueOTP", challenge, c.request(), c.form())
		case drawn(m.token):
			return c.issue("IssueToken", challenge, "", c.form())
		case drawn(m.link):
			return c.issue("IssueLink", challenge, c.request(), c.form())
		case drawn(m.code):
			if s, ok := pick(c, &c.known.codes); ok {
				return c.verify("VerifyOTP", s, c.form(), c.requests(s)...)
			}
		case drawn(m.wrongCode):
			wrong := c.wrongCode(c.draw.IntN(6), challenge)
			return c.verify("VerifyOTP", wrong, c.form(), c.requests(wrong)...)
		case drawn(m.useToken):
			if s, ok := pick(c, &c.known.tokens); ok {
				return c.verify("VerifyToken", s, c.form())
			}
		case drawn(m.inspect):
			if s, ok := pick(c, &c.known.tokens); ok {
				return c.verify("InspectToken", s, "")
			}
		case drawn(m.undo):
			if u, ok := pick(c, &c.known.uses); ok {
				return c.undo(u)
			}
		case drawn(m.cancel):
			if id, ok := pick(c, &c.known.issues); ok {
				return c.cancel("Cancel", id)
			}
		case drawn(m.quiet):
			if id, ok := pick(c, &c.known.issues); ok {
				return c.cancel("CancelQuietly", id)
			}
		case drawn(m.revoke):
			return c.end("Revoke")
		case drawn(m.erase):
			return c.end("Erase")
		case drawn(m.unlock):
			return c.unlock()
		case drawn(m.number):
			return c.useNumber(c.drawNumbers())
		case drawn(m.wrongNumber):
			return c.useNumber(nil)
		case drawn(m.giveBack):
			if u, ok := pick(c, &c.known.given); ok {
				return c.giveBack(u)
			}
		case drawn(m.lose):
			return c.lose()
		default:
			return c.inquire()
		}
	}
}
