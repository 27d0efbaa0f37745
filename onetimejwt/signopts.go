package onetimejwt

import (
	"encoding/json"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/seed-3f7b73d1/onetime"
)

const (
	defaultLifetime          = 15 * time.Minute
	minLifetime, maxLifetime = time.Minute, 24 * time.Hour
	maxOwnClaims             = 32
	maxOwnBytes              = 2 << 10 // as JSON: a token must fit into the headers that servers take
)

// Values of amr, RFC 8176.
const (
	methodOTP = "otp"
	methodSMS = "sms"
	methodMFA = "mfa"
)

// A signConfig is what the options of one Sign say.
type signConfig struct {
	lifetime   time.Duration
	claims     map[string]json.RawMessage
	fixedCodes bool
	sms        bool
	client     *client
}

type client struct{ ip, userAgent string }

// A SignOption is an option of [Issuer.Sign].
type SignOption interface{ applySign(*signConfig) error }

type signOption func(*signConfig) error

func (o signOption) applySign(s *signConfig) error { return o(s) }

// WithLifetime sets how long the token lives: 1 min to 24 h in whole seconds, 15 min by default. A token cannot be called
// back before.
func WithLifetime(d time.Duration) SignOption {
	return signOption(func(s *signConfig) error {
		if d < minLifetime || d > maxLifetime || d%time.Second != 0 {
			return invalid("WithLifetime(%s): want %s to %s in whole seconds", d, minLifetime, maxLifetime)
		}
		s.lifetime = d
		return nil
	})
}

// WithClaims adds claims of your own, such as roles: at most 32, of 2 KiB as JSON, with names of 1 to 512 bytes. None may
// have a name of those that Sign makes, in any case, and no two names may differ in case only. Everybody who sees the token
// can read them.
func WithClaims(claims map[string]any) SignOption {
	claims = maps.Clone(claims)
	return signOption(func(s *signConfig) error {
		if len(claims) > maxOwnClaims {
			return invalid("WithClaims: %d claims: want at most %d", len(claims), maxOwnClaims)
		}
		if len(claims) == 0 {
			return nil
		}
		own, err := json.Marshal(claims)
		if err != nil {
			return invalid("WithClaims: want what is JSON") // without the error: it may hold a value
		}
		if len(own) > maxOwnBytes {
			return invalid("WithClaims: %d bytes as JSON: want at most %d", len(own), maxOwnBytes)
		}
		if s.claims, err = readObject(own); err != nil {
			return invalid("WithClaims: want no two members whose names differ in case only")
		}
		for name := range s.claims {
			if err := checkName("WithClaims: a name", name); err != nil {
				return err
			}
			if slices.ContainsFunc(reserved, func(r string) bool { return foldCase(r) == foldCase(name) }) {
				return invalid("WithClaims(%q): Sign makes this claim", name)
			}
		}
		return nil
	})
}

// AllowFixedCodes lets Sign take proofs by codes of WithDangerouslyFixedCodes. The token then has the claim fixed_code:
// whoever relies on it must look at [Claims.FixedCode], since anybody who knows the code could have made it.
func AllowFixedCodes() SignOption {
	return signOption(func(s *signConfig) error {
		s.fixedCodes = true
		return nil
	})
}

// SentBySMS adds "sms" to the amr: say it only where the secret of a proof could travel by text message alone, and not by
// mail, call or messenger as well. It wants a proof of [onetime.KindOTP] or [onetime.KindToken].
func SentBySMS() SignOption {
	return signOption(func(s *signConfig) error {
		s.sms = true
		return nil
	})
}

// WithClientHash ties the token to the IP address and the User-Agent of who asked for it: a [Verifier] takes it from no other.
// It is off by default, because both are personal data, which whoever sees the token can try out, and because telephones
// change their address on the way. User agents count with their first 1024 bytes. Verifiers that know nothing of the claim
// do not look at it.
func WithClientHash(ip, userAgent string) SignOption {
	return signOption(func(s *signConfig) error {
		if _, err := netip.ParseAddr(ip); err != nil {
			return invalid("WithClientHash: want an IP address without port")
		}
		s.client = &client{ip, userAgent}
		return nil
	})
}

// methods returns the amr: "otp" for whatever onetime verifies, since each is used once, and "mfa" where one proof is of a
// secret that was sent and another of one that the person keeps. Two secrets that were sent, or an authenticator and its own
// recovery code, are of one kind: a second thing that fell into the same hands.
func (s *signConfig) methods(proofs []onetime.Verification) []string {
	methods := []string{methodOTP}
	if s.sms {
		methods = append(methods, methodSMS)
	}
	kept := func(v onetime.Verification) bool { return !sent(v) }
	if slices.ContainsFunc(proofs, sent) && slices.ContainsFunc(proofs, kept) {
		methods = append(methods, methodMFA)
	}
	return methods
}

// sent reports whether a proof is of a secret that was sent to the person.
func sent(v onetime.Verification) bool {
	return v.Kind == onetime.KindOTP || v.Kind == onetime.KindToken
}
