package onetimejwt

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// maxToken is how many bytes a token has at most: servers take headers of 8 KiB.
const maxToken = 8 << 10

// A Verifier takes the tokens of one issuer for one audience. It is immutable but for the keys it fetched, and safe for
// concurrent use.
type Verifier struct {
	verifierConfig
	issuer, audience string
	keys             keySet
}

// NewVerifier returns a Verifier of an issuer's tokens for an audience, each exactly as the tokens have it. It takes the keys
// of [Keys], [Remote] or [Secrets]. It dials nobody. The error is [onetime.ErrInvalid].
func NewVerifier(issuer, audience string, keys KeySource, opts ...VerifierOption) (*Verifier, error) {
	v := &Verifier{issuer: issuer, audience: audience, verifierConfig: verifierConfig{
		common: common{tokenType: defaultType, now: time.Now}, leeway: defaultLeeway, http: &http.Client{},
	}}
	errs := []error{
		checkName("NewVerifier: an issuer", issuer), checkName("NewVerifier: an audience", audience),
		apply(opts, func(o VerifierOption) error { return o.applyVerifier(&v.verifierConfig) }),
	}
	if keys.open == nil {
		errs = append(errs, invalid("NewVerifier: want Keys, Remote or Secrets"))
	} else {
		var err error
		v.keys, err = keys.open(&v.verifierConfig)
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return v, nil
}

// A VerifyOption is an option of [Verifier.Verify].
type VerifyOption interface{ applyVerify(*client) }

type verifyOption func(*client)

func (o verifyOption) applyVerify(c *client) { o(c) }

// FromClient says who showed the token, for one that was signed [WithClientHash].
func FromClient(ip, userAgent string) VerifyOption {
	return verifyOption(func(c *client) { *c = client{ip, userAgent} })
}

// Verify returns what a token says. nil means that an issuer's key signed it, in exactly this form, for this audience and
// now; that it is of the verifier's type and purposes; and, if it was signed [WithClientHash], that [FromClient] is that
// client. Otherwise the error is [ErrRefused] and perhaps [ErrExpired] or [ErrPurpose], or [ErrNoKeys]. Errors hold nothing
// of the token.
//
// The context bounds how long Verify waits for keys that are being fetched.
func (v *Verifier) Verify(ctx context.Context, token string, opts ...VerifyOption) (Claims, error) {
	var from client
	for _, o := range opts {
		if o != nil {
			o.applyVerify(&from)
		}
	}
	payload, err := v.open(ctx, token)
	if err != nil {
		return Claims{}, err
	}
	claims, err := readClaims(payload)
	if err != nil {
		return Claims{}, err
	}
	if err := v.judge(claims, from); err != nil {
		return Claims{}, err
	}
	return claims, nil
}

// open returns the payload of a token that a key of the issuer signed.
func (v *Verifier) open(ctx context.Context, token string) ([]byte, error) {
	encoded, err := splitToken(token)
	if err != nil {
		return nil, err
	}
	header, err := readHeader(encoded)
	if err != nil {
		return nil, err
	}
	if header.typ != v.tokenType {
		return nil, refused("of another type")
	}
	keys, err := v.keys.find(ctx, header.kid)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{k.algorithm}) // an error for any other
		if err != nil {
			continue
		}
		if payload, err := signed.Verify(k.verifier); err == nil {
			return payload, nil
		}
	}
	return nil, refused("not signed by the issuer")
}

// splitToken returns the header's text. go-jose takes more than there is reason to: before it sees a token, that is of bounded
// length, of three parts, each in the one base64url spelling of its bytes.
func splitToken(token string) (header []byte, err error) {
	if len(token) > maxToken {
		return nil, refused("too long")
	}
	parts := strings.SplitN(token, ".", 4)
	if len(parts) != 3 {
		return nil, refused("not three parts")
	}
	for n, part := range parts {
		plain := strings.Trim(part, alphabet) == "" // the decoder skips line breaks, so look first
		decoded, err := base64.RawURLEncoding.Strict().DecodeString(part)
		if !plain || part == "" || err != nil {
			return nil, refused("not base64url")
		}
		if n == 0 {
			header = decoded
		}
	}
	return header, nil
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

type header struct{ kid, typ string }

// readHeader takes alg, typ and kid and refuses any other member: jwk, jku, x5u, x5c and crit would have to be understood to
// be ignored, and tokens of an Issuer have none of them.
func readHeader(encoded []byte) (header, error) {
	members, err := readObject(encoded)
	if err != nil {
		return header{}, refused("header: " + err.Error())
	}
	var h header
	for name, into := range map[string]*string{"alg": new(string), "typ": &h.typ, "kid": &h.kid} {
		raw, present := members[name]
		if !present && name != "kid" {
			return header{}, refused("header without " + name)
		}
		if value, ok := text(raw); ok {
			*into = value
		} else if present {
			return header{}, refused("header: " + name)
		}
		delete(members, name)
	}
	if len(members) > 0 {
		return header{}, refused("header: want alg, typ and kid, and nothing else")
	}
	return h, nil
}

// judge holds claims against what the verifier wants.
func (v *Verifier) judge(c Claims, from client) error {
	now := v.now()
	late := c.ExpiresAt.Add(v.leeway)
	soon := now.Add(v.leeway)
	switch {
	case c.Issuer != v.issuer:
		return refused("of another issuer")
	case !slices.Contains(c.Audience, v.audience):
		return refused("for another audience")
	case !now.Before(late):
		return &refusal{"expired", ErrExpired}
	case c.NotBefore.After(soon) || c.IssuedAt.After(soon):
		return refused("of the future")
	case c.clientHash != "" && !c.SameClient(from.ip, from.userAgent):
		return refused("of another client")
	case len(v.purposes) > 0 && !slices.Contains(v.purposes, c.Purpose):
		return &refusal{"of another purpose", ErrPurpose}
	}
	return nil
}
