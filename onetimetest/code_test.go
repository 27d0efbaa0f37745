package onetimetest_test

import (
	"encoding/base32"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/factor"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

// RFC 6238, appendix B, of which the last six digits are the code.
func TestCode_IsThatOfRFC6238(t *testing.T) {
	_, clock := onetimetest.New(t)
	secret := base32.StdEncoding.EncodeToString([]byte("12345678901234567890"))
	for at, want := range map[int64]string{
		59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037",
	} {
		clock.Advance(time.Unix(at, 0).Sub(clock.Now()))
		require.Equal(t, want, onetimetest.Code(secret, clock))
		require.Equal(t, want, onetimetest.Code(" gezd-gnbv gy3tqojqgezdgnbvgy3tqojq", clock), "as apps show it")
	}
}

// The test of a user: an app is set up and verifies, without a phone.
func TestCode_VerifiesAnAuthenticator(t *testing.T) {
	m, clock := onetimetest.New(t)
	keys, err := factor.NewKeys([]byte("a key for the blobs of tests, and of nothing else"))
	require.NoError(t, err)
	factors, err := factor.New(m, keys, "Example")
	require.NoError(t, err)
	made, err := factors.EnrollTOTP("account-1", "ann@example.com")
	require.NoError(t, err)
	live, err := factors.Confirm(t.Context(), "account-1", made.Blob, onetimetest.Code(made.Secret, clock))
	require.NoError(t, err)
	clock.Advance(time.Minute)
	_, err = factors.Verify(t.Context(), "account-1", onetimetest.Code(made.Secret, clock), [][]byte{live.Blob})
	require.NoError(t, err)
}

func TestCode_SecretThatIsNoneFailsTheTest(t *testing.T) {
	for _, secret := range []string{"", "1", "not base32!"} {
		spy := &failing{TB: t}
		done := make(chan struct{})
		go func() { // Fatalf ends its goroutine
			defer close(done)
			_, clock := onetimetest.New(spy)
			onetimetest.Code(secret, clock)
		}()
		<-done
		require.Equal(t, "onetimetest.Code: the secret: want base32", spy.said)
	}
}
