package model_test

import (
	"context"
	"fmt"

	"github.com/seed-3f7b73d1/onetime"
)

const (
	binding   = "cookie of the bound challenge"
	elsewhere = "a request of another code"
)

func (c *caller) wrongCode(i, challenge int) secret {
	code := fmt.Sprintf("%012d", i)
	return secret{code, "", c.known.name(code), challenge}
}

// form draws the form that a call is a sending of, empty for none.
func (c *caller) form() string {
	return []string{"", "", "the first of the forms", "the second of the forms"}[c.draw.IntN(4)]
}

// request draws the request that a code is tied to, empty for none.
func (c *caller) request() string {
	if c.draw.IntN(2) == 0 {
		return ""
	}
	return fmt.Sprintf("request %d of caller %d", len(c.entries), c.number)
}

// requests draws those that a code is shown under, as a rule its own alone; empty for none.
func (c *caller) requests(shown secret) []string {
	switch n := c.draw.IntN(12); {
	case n == 0:
		return []string{""}
	case n == 1:
		return []string{elsewhere}
	case n < 4 && shown.request != "":
		return []string{elsewhere, shown.request}
	}
	return []string{shown.request}
}

func bound(challenge int) []onetime.CallOption {
	if challenge == 0 {
		return nil
	}
	return []onetime.CallOption{onetime.WithBinding(binding)}
}

// sending returns the options that issues and verifications share, and tells the call of them.
func (c *caller) sending(in *call, form, text string, requests ...string) []onetime.CallOption {
	opts := bound(in.challenge)
	if form != "" {
		opts = append(opts, onetime.Idempotent(form))
		in.group = c.known.name(fmt.Sprint(in.op, in.challenge, text, form))
	}
	if len(requests) > 0 && requests[0] != "" {
		if !c.work.forgetful {
			opts = append(opts, onetime.WithRequest(requests...))
		}
		in.requests = [2]name{c.known.name(requests[0]), c.known.name(requests[len(requests)-1])}
	}
	return opts
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

func (c *caller) issue(op string, challenge int, request, form string) error {
	payload := fmt.Sprintf("%d of caller %d", len(c.entries), c.number)
	in := call{op: op, challenge: challenge}
	opts := []onetime.IssueOption{onetime.WithPayload([]byte(payload))}
	for _, o := range c.sending(&in, form, "", request) {
		opts = append(opts, o)
	}
	var made onetime.Link
	err := c.do(in, func(ctx context.Context) (answer, error) {
		var err error
		if made, err = c.link(ctx, op, opts); err != nil {
			return answer{}, err
		}
		return answer{
			code: made.CodeExpiresIn > 0, wait: made.ResendIn > 0, issue: c.known.name(made.ID), repeated: made.Repeated,
		}, nil
	})
	if made.ID == "" || made.Repeated {
		return err
	}
	c.known.mu.Lock()
	defer c.known.mu.Unlock()
	c.known.payloads[c.id] = payload
	c.known.issues = append(c.known.issues, made.ID)
	if made.Code != "" {
		c.known.codes = append(c.known.codes, secret{made.Code, request, c.id, challenge})
	}
	if made.Token != "" {
		c.known.tokens = append(c.known.tokens, secret{made.Token, "", c.id, challenge})
	}
	return nil
}

// link makes an issue of any kind and returns it as a Link.
func (c *caller) link(ctx context.Context, op string, opts []onetime.IssueOption) (onetime.Link, error) {
	switch op {
	case "IssueOTP":
		o, err := c.manager.IssueOTP(ctx, c.subject, opts...)
		return onetime.Link{Code: o.Code, ID: o.ID, CodeExpiresIn: o.ExpiresIn, ResendIn: o.ResendIn, Repeated: o.Repeated}, err
	case "IssueToken":
		o, err := c.manager.IssueToken(ctx, c.subject, opts...)
		return onetime.Link{Token: o.Value, ID: o.ID, ExpiresIn: o.ExpiresIn, ResendIn: o.ResendIn, Repeated: o.Repeated}, err
	}
	return c.manager.IssueLink(ctx, c.subject, append(opts, onetime.WithCode())...)
}

func (c *caller) verify(op string, shown secret, form string, requests ...string) error {
	in := call{op: op, challenge: shown.challenge, shown: shown.issue}
	var opts []onetime.VerifyOption
	for _, o := range c.sending(&in, form, shown.text, requests...) {
		opts = append(opts, o)
	}
	var v onetime.Verification
	err := c.do(in, func(ctx context.Context) (a answer, err error) {
		switch op {
		case "VerifyOTP":
			v, err = c.manager.VerifyOTP(ctx, c.subject, shown.text, opts...)
		case "VerifyToken":
			v, err = c.manager.VerifyToken(ctx, shown.text, opts...)
		default:
			v, err = c.manager.InspectToken(ctx, shown.text, opts...)
		}
		if err != nil {
			return answer{}, err
		}
		a = answer{issue: c.known.name(v.ID), repeated: v.Repeated}
		if v.Used() {
			a.use = c.known.name(v.Call())
		}
		return a, nil
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

// cancel ends an issue, or makes a decoy of it.
func (c *caller) cancel(op, id string) error {
	return c.do(call{op: op, issue: c.known.name(id)}, func(ctx context.Context) (answer, error) {
		if op == "CancelQuietly" {
			return answer{}, c.manager.CancelQuietly(ctx, c.subject, id)
		}
		return answer{}, c.manager.Cancel(ctx, c.subject, id)
	})
}

// end is Revoke or Erase.
func (c *caller) end(op string) error {
	return c.do(call{op: op}, func(ctx context.Context) (answer, error) {
		if op == "Erase" {
			return answer{}, c.manager.Erase(ctx, c.subject)
		}
		return answer{}, c.manager.Revoke(ctx, c.subject)
	})
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
			if err := c.issue("IssueOTP", 0, "", ""); err != nil {
				return err
			}
		}
		if err := c.verify("VerifyOTP", c.wrongCode(i%attempts, 0), ""); err != nil {
			return err
		}
	}
	return nil
}
