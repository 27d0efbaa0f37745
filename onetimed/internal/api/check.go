package api

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimejwt"
)

// CheckIn is the body of check.
type CheckIn struct {
	Code    string `json:"code" minLength:"1" maxLength:"512" doc:"The code as it was typed: blanks, dashes, other scripts' digits and what was copied with it are understood."`
	Binding string `json:"binding,omitempty" minLength:"16" maxLength:"512" doc:"That of start, where it had one."`
}

// ServiceCheckIn is the body of check without an id.
type ServiceCheckIn struct {
	Token         string `json:"token,omitempty" minLength:"1" maxLength:"512" doc:"The token, as it stands in the link's parameter token. Either it or subject and code."`
	Subject       string `json:"subject,omitempty" minLength:"1" maxLength:"512" doc:"Who is to be proved. With a token it is demanded of it, and may be absent."`
	Code          string `json:"code,omitempty" minLength:"1" maxLength:"512" doc:"The code as it was typed."`
	Request       string `json:"request,omitempty" minLength:"16" maxLength:"512" doc:"That which start was given. A code of a start without one is checked by its id alone; one that a program issued by the library, without a request, wants none."`
	Binding       string `json:"binding,omitempty" minLength:"16" maxLength:"512" doc:"That of start, where it had one."`
	IgnoreBinding bool   `json:"ignore_binding,omitempty" doc:"Takes a bound token without its binding, for a person who opened the link in another browser, was asked, and agreed."`
}

// CheckOut is the answer to a check: yes.
type CheckOut struct {
	_                    struct{}  `additionalProperties:"true"`
	Subject              string    `json:"subject" maxLength:"512" doc:"Who was proved, in the one spelling that all spellings share."`
	Purpose              string    `json:"purpose" maxLength:"64" doc:"What the proof is good for: the purpose of the service."`
	Kind                 string    `json:"kind" enum:"otp,token" doc:"What was shown: a code, or a token."`
	Payload              string    `json:"payload,omitempty" doc:"What start was given; absent if nothing."`
	PayloadBase64        string    `json:"payload_base64,omitempty" encoding:"base64" doc:"The same in base64, in place of payload, where a program has issued it by the library and it is not text."`
	IssuedAt             time.Time `json:"issued_at" doc:"When it was issued, by the clock of Redis."`
	FixedCode            bool      `json:"fixed_code,omitempty" doc:"The code is one that the operator fixed for people who review apps. It proves nothing about an inbox."`
	Repeated             bool      `json:"repeated,omitempty" doc:"An earlier sending with the same Idempotency-Key used it, at most 60 s ago: act as then, once. It can no longer be undone."`
	Undo                 string    `json:"undo,omitempty" maxLength:"2048" doc:"The right to give it back by /v1/undo: for the key of this caller, for 60 s, in case that what it was used for cannot be done. Of services without access tokens."`
	AccessToken          string    `json:"access_token,omitempty" maxLength:"16384" doc:"A signed proof (JWT) of the subject. Of services with access tokens: what is signed cannot be undone."`
	AccessTokenExpiresIn int       `json:"access_token_expires_in,omitempty" minimum:"60" maximum:"86400" doc:"How many seconds it is good for."`
}

// check takes the code of an id.
func check(ctx context.Context, c *call, in CheckIn) (CheckOut, error) {
	v, err := c.open()
	if err != nil {
		return CheckOut{}, err
	}
	if v.CodeExpires == 0 {
		return CheckOut{}, refuse("not_found") // it has no code
	}
	if c.over(v.CodeExpires, clockLeeway) {
		return CheckOut{}, refuse("expired")
	}
	binding, err := v.bound(in.Binding)
	if err != nil {
		return CheckOut{}, err
	}
	opts := []onetime.VerifyOption{onetime.WithRequest(v.Request)}
	if binding != "" {
		opts = append(opts, onetime.WithBinding(binding))
	}
	proof, err := c.verify(func(again []onetime.VerifyOption) (onetime.Verification, error) {
		return c.service.Manager.VerifyOTP(ctx, v.Subject, in.Code, append(opts, again...)...)
	})
	if err != nil {
		return CheckOut{}, ofCode{c.judged(ctx, v, err)}
	}
	return c.yes(ctx, proof)
}

// checkService takes a code or a token without an id.
func checkService(ctx context.Context, c *call, in ServiceCheckIn) (CheckOut, error) {
	byToken := in.Token != ""
	if byToken == (in.Code != "") || !byToken && in.Subject == "" {
		return CheckOut{}, invalid("#", "want token, or subject and code")
	}
	if byToken && in.Request != "" || !byToken && in.IgnoreBinding {
		return CheckOut{}, invalid("#", "request goes with a code, ignore_binding with a token")
	}
	if in.IgnoreBinding && in.Binding != "" {
		return CheckOut{}, invalid("#/ignore_binding", "want either it or binding")
	}
	var opts []onetime.VerifyOption
	if in.IgnoreBinding {
		opts = append(opts, onetime.IgnoreBinding())
	}
	if in.Binding != "" {
		opts = append(opts, onetime.WithBinding(in.Binding))
	}
	if in.Request != "" {
		opts = append(opts, onetime.WithRequest(in.Request))
	}
	if byToken && in.Subject != "" {
		opts = append(opts, onetime.WithSubject(in.Subject))
	}
	proof, err := c.verify(func(again []onetime.VerifyOption) (onetime.Verification, error) {
		opts := append(opts, again...)
		if byToken {
			return c.service.Manager.VerifyToken(ctx, in.Token, opts...)
		}
		return c.service.Manager.VerifyOTP(ctx, in.Subject, in.Code, opts...)
	})
	switch {
	case err != nil && byToken:
		return CheckOut{}, err
	case err != nil:
		return CheckOut{}, ofCode{err}
	}
	return c.yes(ctx, proof)
}

// verify verifies, as one of the sendings of a group if the call has one.
func (c *call) verify(f func([]onetime.VerifyOption) (onetime.Verification, error)) (onetime.Verification, error) {
	g, err := c.group()
	if err != nil {
		return onetime.Verification{}, err
	}
	var again []onetime.VerifyOption
	if g != nil {
		again = append(again, onetime.Idempotent(g.key()))
	}
	return f(again)
}

// yes answers what was verified. What cannot be answered is given back: nothing may be used up by an answer that says no.
func (c *call) yes(ctx context.Context, proof onetime.Verification) (CheckOut, error) {
	c.issue = proof.ID
	out, err := c.proved(proof)
	if err == nil {
		return out, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelTimeout)
	defer cancel()
	// %v: neither a key that refuses nor an Undo that comes too late must look like a word about the code.
	return CheckOut{}, fmt.Errorf("api: no answer to a right code: %v; undo: %v", err, proof.Undo(ctx))
}

// errUnproved is a Verification that is no proof. It does not happen.
var errUnproved = errors.New("api: not a proof")

// payload returns a payload as text, or else in base64.
func payload(p []byte) (text, encoded string) {
	if utf8.Valid(p) {
		return string(p), ""
	}
	return "", base64.StdEncoding.EncodeToString(p)
}

func (c *call) proved(proof onetime.Verification) (CheckOut, error) {
	if !proof.Used() {
		return CheckOut{}, errUnproved
	}
	out := CheckOut{
		Subject: proof.Subject, Purpose: proof.Purpose, Kind: proof.Kind, IssuedAt: proof.IssuedAt.UTC(),
		FixedCode: proof.FixedCode, Repeated: proof.Repeated,
	}
	out.Payload, out.PayloadBase64 = payload(proof.Payload)
	tokens := c.service.AccessTokens
	if tokens == nil {
		out.Undo = c.sealUndo(proof)
		return out, nil
	}
	var err error
	out.AccessToken, err = c.snapshot.issuer.Sign(proof.Subject, tokens.Audience, []onetime.Verification{proof},
		onetimejwt.WithLifetime(tokens.Lifetime), onetimejwt.AllowFixedCodes())
	if err != nil {
		return CheckOut{}, fmt.Errorf("api: access token: %w", err)
	}
	out.AccessTokenExpiresIn = int(tokens.Lifetime / time.Second)
	return out, nil
}
