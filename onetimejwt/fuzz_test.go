package onetimejwt_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/onetimejwt"
)

// Nobody without the key makes a token of anything.
func FuzzVerify_WhatWasNotSignedIsRefused(f *testing.F) {
	d := open(f, p256())
	// Signatures are random: each process of a fuzz run makes others of the same text.
	signed := map[string]bool{}
	for _, more := range []string{"", `,"role":"admin"`} {
		token := forge(header(nil), `{"iss":"`+issuerURL+`","aud":"`+api+`","sub":"`+account+`","exp":4102444800`+more+`}`)
		signed[token[:strings.LastIndexByte(token, '.')]] = true
		f.Add(token)
		f.Add(token + "=")
		f.Add(strings.ToUpper(token))
		accepts(f, d.verifier, token, "signed")
	}
	f.Add(b64(header(map[string]any{"alg": "none"})) + "." + b64(d.claims(nil)) + ".")
	f.Add("..")
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := d.verifier.Verify(t.Context(), token); err != nil {
			require.ErrorIs(t, err, onetimejwt.ErrRefused)
			return
		}
		require.True(t, signed[token[:strings.LastIndexByte(token, '.')]])
		require.Regexp(t, `^[A-Za-z0-9_-]{86}$`, token[strings.LastIndexByte(token, '.')+1:])
	})
}

// Whatever the issuer's key signed: what is accepted says the same to every reader.
func FuzzVerify_WhatIsAcceptedReadsTheSameEverywhere(f *testing.F) {
	d := open(f, p256())
	f.Add(header(nil), d.claims(nil))
	f.Add(header(map[string]any{"jku": "https://example.com"}), d.claims(map[string]any{"aud": []string{api, "x"}}))
	f.Add(header(nil), strings.TrimSuffix(d.claims(nil), "}")+`,"Sub":"x","exp":1e300}`)
	f.Fuzz(func(t *testing.T, header, claims string) {
		got, err := d.verifier.Verify(t.Context(), forge(header, claims))
		if err != nil {
			require.ErrorIs(t, err, onetimejwt.ErrRefused)
			return
		}
		var folding struct { // encoding/json takes names in any case, the last counts
			Iss, Sub, Jti, Purpose string
			Aud                    any
			Exp                    int64
		}
		require.NoError(t, json.Unmarshal([]byte(claims), &folding))
		require.Equal(t, []string{issuerURL, got.Account, got.ID, got.Purpose}, []string{folding.Iss, folding.Sub, folding.Jti, folding.Purpose})
		require.Equal(t, got.ExpiresAt.Unix(), folding.Exp)
		require.Contains(t, folding.Aud, api)
		require.Contains(t, got.Audience, api)
		var alg struct{ Alg, Typ, Kid string }
		require.NoError(t, json.Unmarshal([]byte(header), &alg))
		require.Equal(t, []string{"ES256", "JWT"}, []string{alg.Alg, alg.Typ})
	})
}
