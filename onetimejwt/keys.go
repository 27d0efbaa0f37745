package onetimejwt

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"

	"github.com/go-jose/go-jose/v4"
)

const (
	minRSA, maxRSA       = 2048, 8192 // bits; RFC 7518 3.3 asks for at least 2048
	minSecret, maxSecret = 32, 512    // bytes; RFC 7518 3.2 asks for as many as SHA-256 has
)

// A key verifies by one algorithm.
type key struct {
	id        string
	algorithm jose.SignatureAlgorithm
	verifier  any // a public key, or a secret
}

// publicKey returns a public key with its one algorithm: ES256 of P-256, RS256 of RSA, EdDSA of Ed25519. It reports false
// for any other.
func publicKey(public crypto.PublicKey) (key, bool) {
	k := key{verifier: public}
	switch p := public.(type) {
	case *ecdsa.PublicKey:
		if p == nil || p.Curve != elliptic.P256() {
			return key{}, false
		}
		if _, err := p.ECDH(); err != nil { // not on the curve
			return key{}, false
		}
		k.algorithm = jose.ES256
	case *rsa.PublicKey:
		if p == nil || p.N == nil || p.N.BitLen() < minRSA || p.N.BitLen() > maxRSA || p.E < 3 || p.E%2 == 0 {
			return key{}, false
		}
		k.algorithm = jose.RS256
	case ed25519.PublicKey:
		if len(p) != ed25519.PublicKeySize {
			return key{}, false
		}
		k.algorithm = jose.EdDSA
	default:
		return key{}, false
	}
	thumbprint, err := (&jose.JSONWebKey{Key: public}).Thumbprint(crypto.SHA256)
	if err != nil {
		return key{}, false
	}
	k.id = base64.RawURLEncoding.EncodeToString(thumbprint)
	return k, true
}

const wantKey = "want a key of P-256, of RSA with 2048 to 8192 bits, or of Ed25519"

// KeyID returns the kid that tokens signed by the key have: its thumbprint by RFC 7638, with SHA-256, in 43 characters of
// A-Z a-z 0-9 - _. The error is [onetime.ErrInvalid].
func KeyID(public crypto.PublicKey) (string, error) {
	k, ok := publicKey(public)
	if !ok {
		return "", invalid("KeyID: %s", wantKey)
	}
	return k.id, nil
}

// ParseKey reads a private key from one block of PEM: PKCS #8 as "openssl genpkey" writes it, SEC 1 or PKCS #1. The error
// is [onetime.ErrInvalid] and holds nothing of the key.
func ParseKey(text []byte) (crypto.Signer, error) {
	block, rest := pem.Decode(text)
	if block == nil || len(rest) > 0 {
		return nil, invalid("ParseKey: want one block of PEM")
	}
	var parsed any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		parsed, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		parsed, err = x509.ParseECPrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		parsed, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	default:
		return nil, invalid("ParseKey: want a block of type PRIVATE KEY, EC PRIVATE KEY or RSA PRIVATE KEY")
	}
	signer, ok := parsed.(crypto.Signer)
	if err != nil || !ok {
		return nil, invalid("ParseKey: %s", wantKey)
	}
	if _, ok := publicKey(signer.Public()); !ok {
		return nil, invalid("ParseKey: %s", wantKey)
	}
	return signer, nil
}

// ParsePublicKey reads a public key from one block of PEM of type PUBLIC KEY, as "openssl pkey -pubout" writes it. The error
// is [onetime.ErrInvalid].
func ParsePublicKey(text []byte) (crypto.PublicKey, error) {
	block, rest := pem.Decode(text)
	if block == nil || len(rest) > 0 || block.Type != "PUBLIC KEY" {
		return nil, invalid("ParsePublicKey: want one block of PEM of type PUBLIC KEY")
	}
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, invalid("ParsePublicKey: %s", wantKey)
	}
	if _, ok := publicKey(public); !ok {
		return nil, invalid("ParsePublicKey: %s", wantKey)
	}
	return public, nil
}

func checkSecret(name string, secret []byte) error {
	if len(secret) < minSecret || len(secret) > maxSecret {
		return invalid("%s: a secret of %d bytes: want %d to %d", name, len(secret), minSecret, maxSecret)
	}
	return nil
}
