package onetimejwt_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimejwt"
)

// The key of RFC 7638, 3.1.
func TestKeyID_IsTheThumbprintOfRFC7638(t *testing.T) {
	const n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
	modulus, err := base64.RawURLEncoding.DecodeString(n)
	require.NoError(t, err)
	id, err := onetimejwt.KeyID(&rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: 65537})
	require.NoError(t, err)
	require.Equal(t, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", id)
}

func TestNewIssuer_BadInput(t *testing.T) {
	p384 := must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	short := must(rsa.GenerateKey(rand.Reader, 1024))
	for want, make := range map[string]func() (*onetimejwt.Issuer, error){
		"NewIssuer: 0 keys: want 1 to 8":  func() (*onetimejwt.Issuer, error) { return onetimejwt.NewIssuer(issuerURL, nil) },
		"NewIssuer: 9 keys: want 1 to 8":  func() (*onetimejwt.Issuer, error) { return onetimejwt.NewIssuer(issuerURL, make9()) },
		"NewIssuer: key 1: want a key of": func() (*onetimejwt.Issuer, error) { return onetimejwt.NewIssuer(issuerURL, []crypto.Signer{p384}) },
		"NewIssuer: key 2: want a key of": func() (*onetimejwt.Issuer, error) {
			return onetimejwt.NewIssuer(issuerURL, []crypto.Signer{ed(), short})
		},
		"NewIssuer: key 3: want a key of": func() (*onetimejwt.Issuer, error) {
			return onetimejwt.NewIssuer(issuerURL, []crypto.Signer{ed(), p256(), nil})
		},
		"NewIssuer: key 2 is there twice": func() (*onetimejwt.Issuer, error) {
			return onetimejwt.NewIssuer(issuerURL, []crypto.Signer{ed(), ed()})
		},
		"NewIssuer: the issuer: want an": func() (*onetimejwt.Issuer, error) {
			return onetimejwt.NewIssuer("http://id.example.com", []crypto.Signer{ed()})
		},
		"WithType: want a media type": func() (*onetimejwt.Issuer, error) {
			return onetimejwt.NewIssuer(issuerURL, []crypto.Signer{ed()}, onetimejwt.WithType("a b"))
		},
		"WithClock: want a clock": func() (*onetimejwt.Issuer, error) {
			return onetimejwt.NewIssuer(issuerURL, []crypto.Signer{ed()}, onetimejwt.WithClock(nil))
		},
		"NewSymmetricIssuer: a secret of 3": func() (*onetimejwt.Issuer, error) { return onetimejwt.NewSymmetricIssuer("x", secret[:31]) },
		"NewSymmetricIssuer: an issuer of":  func() (*onetimejwt.Issuer, error) { return onetimejwt.NewSymmetricIssuer("", secret) },
	} {
		issuer, err := make()
		require.ErrorIs(t, err, onetime.ErrInvalid, want)
		require.ErrorContains(t, err, "onetimejwt: "+want)
		require.Nil(t, issuer)
	}
	for _, address := range []string{"", "id.example.com", "https://", "https://id.example.com?x=1", "https://id.example.com?", "https://id.example.com#", "https://user@id.example.com", "ftp://id.example.com", "http://127.0.0.1.example.com", "https://id.example.com/\n", "http://[::2]"} {
		_, err := onetimejwt.NewIssuer(address, []crypto.Signer{ed()})
		require.ErrorIs(t, err, onetime.ErrInvalid, address)
	}
	for _, address := range []string{"https://id.example.com/", "https://id.example.com/a/b", "http://localhost:8080", "http://127.0.0.1:80", "http://[::1]"} {
		_, err := onetimejwt.NewIssuer(address, []crypto.Signer{ed()}, nil)
		require.NoError(t, err, address)
	}
}

func make9() []crypto.Signer {
	var keys []crypto.Signer
	for range 9 {
		keys = append(keys, newP256())
	}
	return keys
}

func TestNewVerifier_BadInput(t *testing.T) {
	keys := onetimejwt.Keys(p256().Public())
	for want, make := range map[string]func() (*onetimejwt.Verifier, error){
		"NewVerifier: an issuer of 0 bytes":   func() (*onetimejwt.Verifier, error) { return onetimejwt.NewVerifier("", api, keys) },
		"NewVerifier: an audience of 0 bytes": func() (*onetimejwt.Verifier, error) { return onetimejwt.NewVerifier(issuerURL, "", keys) },
		"NewVerifier: want Keys, Remote or": func() (*onetimejwt.Verifier, error) {
			return onetimejwt.NewVerifier(issuerURL, api, onetimejwt.KeySource{})
		},
		"Keys: 0 keys: want 1 to 8": func() (*onetimejwt.Verifier, error) { return onetimejwt.NewVerifier(issuerURL, api, onetimejwt.Keys()) },
		"Keys: key 2: want a key of": func() (*onetimejwt.Verifier, error) {
			return onetimejwt.NewVerifier(issuerURL, api, onetimejwt.Keys(ed().Public(), secret))
		},
		"Secrets: 0 secrets: want 1 to 8": func() (*onetimejwt.Verifier, error) {
			return onetimejwt.NewVerifier(issuerURL, api, onetimejwt.Secrets())
		},
		"Secrets: a secret of 31 bytes": func() (*onetimejwt.Verifier, error) {
			return onetimejwt.NewVerifier(issuerURL, api, onetimejwt.Secrets(secret[:31]))
		},
		"WithLeeway(-1s): want 0s to 5m0s": func() (*onetimejwt.Verifier, error) {
			return onetimejwt.NewVerifier(issuerURL, api, keys, onetimejwt.WithLeeway(-time.Second))
		},
		"WithLeeway(5m0.001s): want 0s to 5m0s": func() (*onetimejwt.Verifier, error) {
			return onetimejwt.NewVerifier(issuerURL, api, keys, onetimejwt.WithLeeway(5*time.Minute+time.Millisecond))
		},
		"ForPurpose: 0 purposes: want 1 to 16": func() (*onetimejwt.Verifier, error) {
			return onetimejwt.NewVerifier(issuerURL, api, keys, onetimejwt.ForPurpose())
		},
		"ForPurpose: a purpose of 0 bytes": func() (*onetimejwt.Verifier, error) {
			return onetimejwt.NewVerifier(issuerURL, api, keys, onetimejwt.ForPurpose(""))
		},
		"WithClient: want a function": func() (*onetimejwt.Verifier, error) {
			return onetimejwt.NewVerifier(issuerURL, api, keys, onetimejwt.WithClient(nil))
		},
		"WithHTTPClient: want a client": func() (*onetimejwt.Verifier, error) {
			return onetimejwt.NewVerifier(issuerURL, api, keys, onetimejwt.WithHTTPClient(nil))
		},
	} {
		v, err := make()
		require.ErrorIs(t, err, onetime.ErrInvalid, want)
		require.ErrorContains(t, err, "onetimejwt: "+want)
		require.Nil(t, v)
	}
}

func TestParseKey_WhatOpenSSLWrites(t *testing.T) {
	block := func(kind string, der []byte, err error) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: must(der, err)})
	}
	pkcs8 := func(key any) []byte {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		return block("PRIVATE KEY", der, err)
	}
	ec, err := x509.MarshalECPrivateKey(p256())
	for _, text := range [][]byte{pkcs8(p256()), pkcs8(rsaK()), pkcs8(ed()), block("EC PRIVATE KEY", ec, err), block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaK()), nil)} {
		key, err := onetimejwt.ParseKey(text)
		require.NoError(t, err)
		der, err := x509.MarshalPKIXPublicKey(key.Public())
		public, err := onetimejwt.ParsePublicKey(block("PUBLIC KEY", der, err))
		require.NoError(t, err)
		require.Equal(t, key.Public(), public)
	}
	der, err := x509.MarshalPKIXPublicKey(p256().Public())
	public := block("PUBLIC KEY", der, err)
	p384 := must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	for name, text := range map[string][]byte{"nothing": nil, "no PEM": []byte("key"), "a public key": public, "two blocks": append(pkcs8(ed()), pkcs8(ed())...), "P-384": pkcs8(p384), "broken": block("PRIVATE KEY", []byte("x"), nil), "another type": block("X", []byte("x"), nil)} {
		_, err := onetimejwt.ParseKey(text)
		require.ErrorIs(t, err, onetime.ErrInvalid, name)
	}
	for name, text := range map[string][]byte{"nothing": nil, "a private key": pkcs8(ed()), "broken": block("PUBLIC KEY", []byte("x"), nil), "two": append(public, public...)} {
		_, err := onetimejwt.ParsePublicKey(text)
		require.ErrorIs(t, err, onetime.ErrInvalid, name)
	}
}
