package onetimejwt

import (
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/cryptosigner"

	"github.com/seed-3f7b73d1/onetime"
)

const (
	maxIssuerKeys = 8
	maxProofs     = 4
)

// An Issuer signs proofs. It is immutable and safe for concurrent use.
type Issuer struct {
	common
	name   string
	url    *url.URL // nil of a symmetric one
	signer jose.Signer
	keys   []key // all that are published
}

// NewIssuer returns an Issuer that signs with the first key and publishes them all, 1 to 8. The issuer is an https URL
// (http on localhost) without query and fragment, under which [Issuer.WellKnown] is served. A key is of P-256, which signs
// ES256 and is the one to choose, of RSA with 2048 to 8192 bits (RS256) or of Ed25519 (EdDSA); any [crypto.Signer] of such a
// key will do, that of a key management service, too. See [ParseKey].
//
// A rotation takes three deployments: the new key behind the old one, for at least 15 minutes; then the new key in front;
// then the old one out, when the longest lifetime has passed, 24 h at most. No verifier answers 401 meanwhile.
func NewIssuer(issuer string, keys []crypto.Signer, opts ...IssuerOption) (*Issuer, error) {
	i := &Issuer{name: issuer}
	errs := []error{i.apply(opts)}
	var err error
	i.url, err = checkURL("NewIssuer: the issuer", issuer, false)
	errs = append(errs, err)
	if len(keys) < 1 || len(keys) > maxIssuerKeys {
		errs = append(errs, invalid("NewIssuer: %d keys: want 1 to %d", len(keys), maxIssuerKeys))
	}
	for n, signer := range keys {
		var k key
		ok := signer != nil
		if ok {
			k, ok = publicKey(signer.Public())
		}
		if !ok {
			errs = append(errs, invalid("NewIssuer: key %d: %s", n+1, wantKey))
			continue
		}
		if slices.ContainsFunc(i.keys, func(other key) bool { return other.id == k.id }) {
			errs = append(errs, invalid("NewIssuer: key %d is there twice", n+1))
		}
		i.keys = append(i.keys, k)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	first := jose.JSONWebKey{Key: cryptosigner.Opaque(keys[0]), KeyID: i.keys[0].id}
	i.signer, err = i.newSigner(jose.SigningKey{Algorithm: i.keys[0].algorithm, Key: first})
	return i, err
}

// NewSymmetricIssuer returns an Issuer that signs HS256 with a secret of 32 to 512 random bytes, for an issuer and verifiers
// that are one system: whoever can verify can sign, too. It publishes nothing. The issuer is any name of 1 to 512 bytes. A
// rotation has the new secret in the [Secrets] of all verifiers first.
func NewSymmetricIssuer(issuer string, secret []byte, opts ...IssuerOption) (*Issuer, error) {
	i := &Issuer{name: issuer}
	err := errors.Join(i.apply(opts), checkName("NewSymmetricIssuer: an issuer", issuer), checkSecret("NewSymmetricIssuer", secret))
	if err != nil {
		return nil, err
	}
	i.signer, err = i.newSigner(jose.SigningKey{Algorithm: jose.HS256, Key: slices.Clone(secret)})
	return i, err
}

func (i *Issuer) apply(opts []IssuerOption) error {
	i.common = common{tokenType: defaultType, now: time.Now}
	return apply(opts, func(o IssuerOption) error { return o.applyIssuer(&i.common) })
}

func (i *Issuer) newSigner(with jose.SigningKey) (jose.Signer, error) {
	return jose.NewSigner(with, (&jose.SignerOptions{}).WithType(jose.ContentType(i.tokenType)))
}

// Sign returns a token that says that an account was proved to an audience by 1 to 4 proofs, each from VerifyOTP, VerifyToken
// or the like. The account is the id that the audience knows the person by; to say whose proof it is remains the caller's:
// look at [onetime.Verification.Subject]. Account and audience have 1 to 512 bytes of UTF-8 without control characters. The
// token lives 15 min unless [WithLifetime] says otherwise.
//
// Sign refuses as [onetime.ErrInvalid] a Verification that is not [onetime.Verification.Used], such as that of InspectToken
// and a literal, the same use twice, and one of a fixed code unless [AllowFixedCodes]. Any other error is the key's.
//
// The jti derives from the use, so that a repeat of it has the same: an audience that acts once for each jti acts once. Sign
// last: an Undo afterwards recalls no token.
func (i *Issuer) Sign(account, audience string, proofs []onetime.Verification, opts ...SignOption) (string, error) {
	s := signConfig{lifetime: defaultLifetime}
	err := errors.Join(
		apply(opts, func(o SignOption) error { return o.applySign(&s) }),
		checkName("Sign: an account", account), checkName("Sign: an audience", audience), s.checkProofs(proofs))
	if err != nil {
		return "", err
	}
	now := i.now()
	claims := map[string]any{}
	for name, raw := range s.claims {
		claims[name] = raw
	}
	jti := tokenID(i.name, account, audience, proofs)
	maps.Copy(claims, map[string]any{
		claimIssuer: i.name, claimSubject: account, claimAudience: audience, claimID: jti, claimPurpose: proofs[0].Purpose,
		claimIssuedAt: now.Unix(), claimNotBefore: now.Unix(), claimExpires: now.Add(s.lifetime).Unix(),
		claimAuthTime: authTime(now, proofs).Unix(), claimMethods: s.methods(proofs),
	})
	if slices.ContainsFunc(proofs, func(v onetime.Verification) bool { return v.FixedCode }) {
		claims[claimFixedCode] = true
	}
	if s.client != nil {
		claims[claimClientHash], _ = clientHash(jti, s.client.ip, s.client.userAgent)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("onetimejwt: Sign: %w", err)
	}
	signed, err := i.signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("onetimejwt: Sign: %w", err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		return "", fmt.Errorf("onetimejwt: Sign: %w", err)
	}
	return token, nil
}

// checkProofs refuses what proves nothing.
func (s *signConfig) checkProofs(proofs []onetime.Verification) error {
	if len(proofs) < 1 || len(proofs) > maxProofs {
		return invalid("Sign: %d proofs: want 1 to %d", len(proofs), maxProofs)
	}
	var errs []error
	if s.sms && !slices.ContainsFunc(proofs, sent) {
		errs = append(errs, invalid("Sign: SentBySMS: want a proof of a code or a link that was sent"))
	}
	calls := map[string]bool{}
	for n, v := range proofs {
		switch {
		case !v.Used():
			errs = append(errs, invalid("Sign: proof %d used nothing: want one of VerifyOTP or VerifyToken", n+1))
		case calls[v.Call()]:
			errs = append(errs, invalid("Sign: proof %d is there twice", n+1))
		case v.FixedCode && !s.fixedCodes:
			errs = append(errs, invalid("Sign: proof %d is of a fixed code: want AllowFixedCodes", n+1))
		}
		calls[v.Call()] = true
	}
	return errors.Join(errs...)
}

// tokenID derives a jti from the uses.
func tokenID(issuer, account, audience string, proofs []onetime.Verification) string {
	parts := []string{"onetimejwt jti", issuer, account, audience}
	for _, v := range proofs {
		parts = append(parts, v.Call())
	}
	sum := sha256.Sum256(frame(parts...))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// authTime returns when the earliest of the secrets was used, and not later than now.
func authTime(now time.Time, proofs []onetime.Verification) time.Time {
	earliest := now
	for _, v := range proofs {
		if at := v.UsedAt(); at.Before(earliest) {
			earliest = at
		}
	}
	return earliest
}
