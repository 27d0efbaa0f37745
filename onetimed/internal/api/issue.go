package api

import (
	"context"
	"errors"
	"time"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

// issued is what was issued.
type issued struct {
	id, kind                           string
	code, url, token                   string
	expiresIn, codeExpiresIn, resendIn time.Duration
	repeated                           bool
}

// issueFor issues what a verification says. Each code has a request of its own: what is typed for one tells nothing of another.
func (c *call) issueFor(ctx context.Context, v verification, o ordered) (issued, error) {
	var opts []onetime.IssueOption
	if v.Kind == kindCode || v.Kind == kindBoth {
		opts = append(opts, onetime.WithRequest(v.Request))
	}
	if o.binding != "" {
		opts = append(opts, onetime.WithBinding(o.binding))
	}
	for _, known := range v.known() {
		opts = append(opts, known)
	}
	if o.payload != "" {
		opts = append(opts, onetime.WithPayload([]byte(o.payload)))
	}
	if v.TTL > 0 {
		opts = append(opts, onetime.WithTTL(time.Duration(v.TTL)*time.Second))
	}
	if v.Decoy {
		opts = append(opts, onetime.AsDecoy())
	}
	if o.group != nil {
		opts = append(opts, onetime.Idempotent(o.group.key()))
	}
	m := c.service.Manager
	switch v.Kind {
	case kindCode:
		otp, err := m.IssueOTP(ctx, v.Subject, opts...)
		return issued{id: otp.ID, kind: "otp", code: otp.Code, expiresIn: otp.ExpiresIn, codeExpiresIn: otp.ExpiresIn, resendIn: otp.ResendIn, repeated: otp.Repeated}, err
	case kindToken:
		token, err := m.IssueToken(ctx, v.Subject, opts...)
		return issued{id: token.ID, kind: "token", token: token.Value, expiresIn: token.ExpiresIn, resendIn: token.ResendIn, repeated: token.Repeated}, err
	case kindBoth:
		opts = append(opts, onetime.WithCode())
	}
	link, err := m.IssueLink(ctx, v.Subject, opts...)
	return issued{id: link.ID, kind: "link", code: link.Code, url: link.URL, token: link.Token,
		expiresIn: link.ExpiresIn, codeExpiresIn: link.CodeExpiresIn, resendIn: link.ResendIn, repeated: link.Repeated}, err
}

// message returns what a person is told.
func (s *service) message(v verification, o ordered, made issued) onetimesend.Message {
	m := s.Message
	m.ID, m.Purpose = made.id, s.policy.Purpose
	m.Code, m.URL, m.CodeExpiresIn, m.ExpiresIn = made.code, made.url, made.codeExpiresIn, made.expiresIn
	m.IssuedAt = time.Now() // the clock of the queue
	m.Browser, m.Place = onetimesend.BrowserName(o.client.UserAgent), ""
	m.Action, m.AppHash = o.action, o.client.AppHash
	return m
}

// cancelTimeout is how long Redis may take to end what nobody has.
const cancelTimeout = 30 * time.Second

// deliver queues a message, one to nobody, too: it waits, is rendered and takes time as any other. It runs behind the answer.
func (c *call) deliver(s *service, v verification, made issued, m onetimesend.Message, to string) {
	ctx := context.WithoutCancel(c.request.Context()) // the request is over
	observe := c.snapshot.config.ObserveDelivery
	recipient := onetimesend.To(v.Channel, to)
	recipient.Locale = v.Locale
	job := onetimesend.Job{To: recipient, Message: m, Context: ctx, Decoy: v.Decoy}
	job.Done = func(result onetimesend.Result) { s.delivered(ctx, v, made, result, observe) }
	begin := time.Now()
	if err := s.Queue.Add(job); err != nil {
		s.delivered(ctx, v, made, onetimesend.Result{Err: err, Took: time.Since(begin)}, observe)
	}
}

// delivered ends what was issued where it is certain that nobody has it: nobody shall be able to use it, nor to tell that
// nobody has it. Where the message may have been taken it stays, and where a budget let none pass.
func (s *service) delivered(ctx context.Context, v verification, made issued, result onetimesend.Result, observe func(context.Context, onetime.Event)) {
	err := result.Err
	if result.Failed() {
		bounded, cancel := context.WithTimeout(ctx, cancelTimeout)
		err = errors.Join(err, s.Manager.CancelQuietly(bounded, v.Subject, made.id))
		cancel()
	}
	if v.Decoy || observe == nil {
		return
	}
	defer func() { _ = recover() }() // one that observes must not end the program
	who, _ := s.Manager.Pseudonym(v.Subject)
	observe(ctx, onetime.Event{Op: "Deliver", Kind: made.kind, Purpose: s.policy.Purpose, ID: made.id, Who: who, Err: err, Took: result.Took})
}
