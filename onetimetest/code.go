package onetimetest

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"strings"
)

// Code returns the code that an authenticator app with a secret shows at the time of a clock: that of RFC 6238 with SHA-1, 6 digits
// and 30 s, as of factor.Factors.EnrollTOTP. The secret is in base32, as Enrollment.Secret and the otpauth URI have it; any other
// fails the test that the clock is of. Every 30 s it shows another one: [Clock.Advance] goes there.
func Code(secret string, clock *Clock) string {
	clock.t.Helper()
	text := strings.NewReplacer(" ", "", "-", "", "=", "").Replace(strings.ToUpper(secret))
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(text)
	if err != nil || len(key) == 0 {
		clock.t.Fatalf("onetimetest.Code: the secret: want base32")
	}
	const period, digits = 30, 1_000_000
	mac := hmac.New(sha1.New, key)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(clock.Now().Unix()/period)))
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 0xf // the dynamic truncation of RFC 4226, 5.3
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[at:])&0x7fffffff%digits)
}
