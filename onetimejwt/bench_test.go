package onetimejwt_test

import (
	"crypto"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
)

func BenchmarkSignAndVerify(b *testing.B) {
	for name, key := range map[string]crypto.Signer{"ES256": p256(), "RS256": rsaK(), "EdDSA": ed()} {
		d := open(b, key)
		proof := []onetime.Verification{d.proof(b)}
		token, err := d.issuer.Sign(account, api, proof)
		require.NoError(b, err)
		b.Run(name+"/Sign", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				d.issuer.Sign(account, api, proof)
			}
		})
		b.Run(name+"/Verify", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				d.verifier.Verify(b.Context(), token)
			}
		})
	}
}
