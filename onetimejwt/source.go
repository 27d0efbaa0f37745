package onetimejwt

import (
	"context"
	"crypto"
	"errors"
	"slices"

	"github.com/go-jose/go-jose/v4"
)

// A KeySource is where a [Verifier] has its keys from: [Keys], [Remote] or [Secrets]. Its zero value has none.
type KeySource struct {
	open func(*verifierConfig) (keySet, error)
}

// A keySet finds the keys that may have signed a token whose header has this kid. Its errors are ErrRefused and ErrNoKeys.
type keySet interface {
	find(ctx context.Context, kid string) ([]key, error)
}

var errUnknownKey = refused("signed by an unknown key")

// Keys are public keys of the issuer, 1 to 8, known beforehand: of P-256, RSA with 2048 to 8192 bits, or Ed25519. A rotation
// has the new one here before it signs. See [ParsePublicKey].
func Keys(public ...crypto.PublicKey) KeySource {
	return KeySource{func(*verifierConfig) (keySet, error) {
		if len(public) < 1 || len(public) > maxIssuerKeys {
			return nil, invalid("Keys: %d keys: want 1 to %d", len(public), maxIssuerKeys)
		}
		set := knownKeys{}
		var errs []error
		for n, p := range public {
			k, ok := publicKey(p)
			if !ok {
				errs = append(errs, invalid("Keys: key %d: %s", n+1, wantKey))
			}
			set[k.id] = k
		}
		return set, errors.Join(errs...)
	}}
}

// knownKeys are keys by their ids.
type knownKeys map[string]key

func (s knownKeys) find(_ context.Context, kid string) ([]key, error) {
	k, ok := s[kid]
	if !ok {
		return nil, errUnknownKey
	}
	return []key{k}, nil
}

// Secrets are those of [NewSymmetricIssuer], 1 to 8, each of 32 to 512 bytes. They verify HS256 and nothing else.
func Secrets(secrets ...[]byte) KeySource {
	var copied [][]byte
	for _, s := range secrets {
		copied = append(copied, slices.Clone(s))
	}
	return KeySource{func(*verifierConfig) (keySet, error) {
		if len(copied) < 1 || len(copied) > maxIssuerKeys {
			return nil, invalid("Secrets: %d secrets: want 1 to %d", len(copied), maxIssuerKeys)
		}
		var set secretKeys
		var errs []error
		for _, s := range copied {
			errs = append(errs, checkSecret("Secrets", s))
			set = append(set, key{algorithm: jose.HS256, verifier: s})
		}
		return set, errors.Join(errs...)
	}}
}

// secretKeys have no ids: each of them is tried.
type secretKeys []key

func (s secretKeys) find(context.Context, string) ([]key, error) { return s, nil }
