package factor_test

import (
	"bytes"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/factor"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

// shows is what an app shows that was given an Enrollment.
func (s *scene) shows(t testing.TB, e factor.Enrollment, beside int64) string {
	t.Helper()
	key, err := factor.DecodeSecret(e.Secret)
	require.NoError(t, err)
	return hotp(factor.SHA1, key, 6, s.Now.Unix()/30+beside)
}

func TestEnrollTOTP_IsWhatEveryAppUnderstands(t *testing.T) {
	s := onMini(t)
	e, err := s.EnrollTOTP(alice, "Alice Ä & Söhne@example.com")
	require.NoError(t, err)
	require.Len(t, e.Secret, 32, "160 bits")
	require.Equal(t, "otpauth://totp/Example:Alice%20%C3%84%20%26%20S%C3%B6hne%40example.com?secret="+e.Secret+
		"&issuer=Example&algorithm=SHA1&digits=6&period=30", e.URI)
	u, err := url.Parse(e.URI)
	require.NoError(t, err)
	require.Equal(t, "/Example:Alice Ä & Söhne@example.com", u.Path)
	info, err := s.Inspect(alice, e.Blob)
	require.NoError(t, err)
	require.True(t, info.Pending)
	require.Equal(t, s.Now, info.CreatedAt)
	other, err := s.EnrollTOTP(alice, "x")
	require.NoError(t, err)
	require.NotEqual(t, e.Secret, other.Secret)
	require.Empty(t, s.Records(t), "Redis is not asked")

	for label, want := range map[string]string{
		"":                       "factor: label: 0 bytes: want 1 to 128",
		"a:b":                    "factor: label: want valid UTF-8 without colon and control characters",
		"a\nb":                   "factor: label: want valid UTF-8 without colon and control characters",
		strings.Repeat("x", 129): "factor: label: 129 bytes: want 1 to 128",
	} {
		_, err := s.EnrollTOTP(alice, label)
		rig.Invalid(t, err, want)
	}
	_, err = s.EnrollTOTP("", "x")
	require.ErrorIs(t, err, onetime.ErrInvalid)
}

func TestConfirm_MakesAPendingBlobLive(t *testing.T) {
	everywhere(t, func(t *testing.T, s *scene) {
		if s.Real {
			s.Now = time.Now()
		}
		e, err := s.EnrollTOTP(alice, "x")
		require.NoError(t, err)
		s.refused(t, e.Blob, s.shows(t, e, 0), onetime.ErrNotFound)
		_, err = s.Confirm(t.Context(), alice, e.Blob, s.wrong(t, 3))
		rig.Refused(t, err, onetime.ErrMismatch)
		p, err := s.Confirm(t.Context(), alice, e.Blob, s.shows(t, e, 0))
		require.NoError(t, err)
		s.refused(t, p.Blob, s.shows(t, e, 0), onetime.ErrUsed)
		_, err = s.Confirm(t.Context(), alice, e.Blob, s.shows(t, e, 0))
		rig.Refused(t, err, onetime.ErrUsed)
		s.must(t, p.Blob, s.shows(t, e, 1))
		_, err = s.Confirm(t.Context(), alice, p.Blob, s.shows(t, e, 1))
		rig.Invalid(t, err, "factor: Confirm: want the Blob of an Enrollment that is pending")
	})
}

func TestConfirm_WithinAnHour(t *testing.T) {
	for after, ok := range map[time.Duration]bool{time.Hour: true, time.Hour + time.Millisecond: false} {
		s := onMini(t)
		e, err := s.EnrollTOTP(alice, "x")
		require.NoError(t, err)
		s.Advance(t, after)
		_, err = s.Confirm(t.Context(), alice, e.Blob, s.shows(t, e, 0))
		if ok {
			require.NoError(t, err)
			continue
		}
		rig.Refused(t, err, onetime.ErrNotFound)
		require.Empty(t, s.Records(t))
	}
}

func TestConfirm_OfOnesOwnDeviceSetsNoFailuresBack(t *testing.T) {
	s := onMini(t)
	s.refused(t, s.app(t), s.wrong(t, 1), onetime.ErrMismatch)
	e, err := s.EnrollTOTP(alice, "x")
	require.NoError(t, err)
	_, err = s.Confirm(t.Context(), alice, e.Blob, s.shows(t, e, 0))
	require.NoError(t, err)
	require.Equal(t, 1, rig.MustStatus(t, s.Factors.Manager(), alice).Failures)
	s.must(t, s.app(t), s.code(0))
	require.Zero(t, rig.MustStatus(t, s.Factors.Manager(), alice).Failures)
}

func TestImportURI_OfTheAppsPeopleUse(t *testing.T) {
	s := onMini(t)
	secret := "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" // base32 of apps
	for name, c := range map[string]struct {
		uri    string
		digits int
		period int64
		weak   bool
		key    []byte
		of     factor.Algorithm
	}{
		"Google":           {uri: "otpauth://totp/Example:alice@google.com?secret=" + secret + "&issuer=Example"},
		"Microsoft":        {uri: "otpauth://totp/Microsoft:alice@outlook.com?secret=gezdgnbvgy3tqojq&issuer=Microsoft", weak: true, key: apps[:10]},
		"1Password":        {uri: "otpauth://totp/Example:alice?secret=" + secret + "&issuer=Example&algorithm=SHA256&digits=8&period=60", digits: 8, period: 60, of: factor.SHA256},
		"Authy":            {uri: "otpauth://totp/Example%3Aalice?digits=7&secret=" + strings.ToLower(secret) + "&period=30", digits: 7},
		"spaces and signs": {uri: " otpauth://totp/a?secret=GEZD%20GNBV%20GY3T-QOJQ+GEZDGNBVGY3TQOJQ====&algorithm=HmacSHA512\n", of: factor.SHA512},
		"upper case":       {uri: "otpauth://TOTP/a?SECRET=" + secret},
	} {
		if c.key == nil {
			c.key = apps
		}
		if c.digits == 0 {
			c.digits = 6
		}
		if c.period == 0 {
			c.period = 30
		}
		imported, err := s.ImportURI(name, c.uri)
		require.NoError(t, err, name)
		require.Equal(t, c.weak, imported.Weak, name)
		_, err = s.Verify(t.Context(), name, hotp(c.of, c.key, c.digits, s.Now.Unix()/c.period), [][]byte{imported.Blob})
		require.NoError(t, err, name)
	}
	imported, err := s.ImportURI(alice, "otpauth://hotp/a?secret="+secret+"&counter=42")
	require.NoError(t, err)
	s.refused(t, imported.Blob, hotp(factor.SHA1, apps, 6, 41), onetime.ErrUsed)
	s.must(t, imported.Blob, hotp(factor.SHA1, apps, 6, 42))

	for uri, want := range map[string]string{
		"":                                                                   "factor: ImportURI: want otpauth://totp/… or otpauth://hotp/…",
		"https://totp/a?secret=" + secret:                                    "factor: ImportURI: want otpauth://totp/… or otpauth://hotp/…",
		"otpauth://sotp/a?secret=" + secret:                                  "factor: ImportURI: want otpauth://totp/… or otpauth://hotp/…",
		"otpauth://totp/a":                                                   "factor: a key of 0 bytes: want 10 to 128",
		"otpauth://totp/a?secret=" + secret[:8]:                              "factor: a key of 5 bytes: want 10 to 128",
		"otpauth://totp/a?secret=1" + secret:                                 "factor: a secret: want base32",
		"otpauth://hotp/a?secret=" + secret:                                  "factor: ImportURI: hotp without counter",
		"otpauth://totp/a?secret=" + secret + "&digits=5":                    "factor: 5 digits: want 6 to 8",
		"otpauth://totp/a?secret=" + secret + "&digits=9":                    "factor: 9 digits: want 6 to 8",
		"otpauth://totp/a?secret=" + secret + "&digits=x":                    "factor: ImportURI: digits: want a whole number",
		"otpauth://totp/a?secret=" + secret + "&period=10":                   "factor: a period of 10s: want 15s to 1m0s in whole seconds",
		"otpauth://totp/a?secret=" + secret + "&period=61":                   "factor: a period of 1m1s: want 15s to 1m0s in whole seconds",
		"otpauth://totp/a?secret=" + secret + "&algorithm=MD5":               "factor: ImportURI: algorithm: want SHA1, SHA256 or SHA512",
		"otpauth://totp/a?secret=" + secret + "&secret=" + secret:            "factor: ImportURI: a parameter stands there twice",
		"otpauth://totp/a?secret=" + secret + "&SECRET=" + secret:            "factor: ImportURI: a parameter stands there twice",
		"otpauth://totp/a?secret=" + secret + "&%zz":                         "factor: ImportURI: the query does not parse",
		"otpauth://hotp/a?secret=" + secret + "&counter=-1":                  "factor: ImportURI: counter: want a whole number",
		"otpauth://hotp/a?secret=" + secret + "&counter=9223372036854775807": "factor: a step or counter of 9223372036854775807: want 0 to 140737488355327",
	} {
		_, err := s.ImportURI(alice, uri)
		rig.Invalid(t, err, want)
	}
}

// A 32-character key that is kept as text is not the base32 that it looks like: better-auth and pquerna/otp.
func TestImportKey_RawTextAndItsBase32AreTwoKeys(t *testing.T) {
	s := onMini(t)
	const text = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
	raw, err := s.ImportKey(alice, []byte(text))
	require.NoError(t, err)
	decoded, err := factor.DecodeSecret(text)
	require.NoError(t, err)
	base32, err := s.ImportKey(alice, decoded)
	require.NoError(t, err)
	step := s.Now.Unix() / 30
	codes := []string{hotp(factor.SHA1, []byte(text), 6, step), hotp(factor.SHA1, apps, 6, step)}
	require.NotEqual(t, codes[0], codes[1])
	s.refused(t, raw.Blob, codes[1], onetime.ErrMismatch)
	s.refused(t, base32.Blob, codes[0], onetime.ErrMismatch)
	s.must(t, raw.Blob, codes[0])
	s.must(t, base32.Blob, codes[1])
}

func TestImportKey_KeepsTheLastStepOfDevise(t *testing.T) {
	s := onMini(t)
	step := s.Now.Unix() / 30
	blob := s.app(t, factor.WithLastStep(step))
	s.refused(t, blob, s.code(-1), onetime.ErrUsed)
	s.refused(t, blob, s.code(0), onetime.ErrUsed)
	s.must(t, blob, s.code(1))
}

func TestImportKey_RefusesWhatCannotBeRight(t *testing.T) {
	s := onMini(t)
	for want, opts := range map[string][]factor.ImportOption{
		"factor: Algorithm(3): want SHA1, SHA256 or SHA512":                       {factor.WithAlgorithm(3)},
		"factor: 5 digits: want 6 to 8":                                           {factor.WithDigits(5)},
		"factor: 9 digits: want 6 to 8":                                           {factor.WithDigits(9)},
		"factor: a period of 14s: want 15s to 1m0s in whole seconds":              {factor.WithPeriod(14 * time.Second)},
		"factor: a period of 30.5s: want 15s to 1m0s in whole seconds":            {factor.WithPeriod(30500 * time.Millisecond)},
		"factor: WithPeriod: a token that counts has none":                        {factor.WithCounter(1), factor.WithPeriod(time.Minute)},
		"factor: WithLastStep: a token that counts has none":                      {factor.WithCounter(1), factor.WithLastStep(1)},
		"factor: a step or counter of -1: want 0 to 140737488355327":              {factor.WithCounter(-1)},
		"factor: a step or counter of 140737488355328: want 0 to 140737488355327": {factor.WithLastStep(1<<47 - 1)},
	} {
		_, err := s.ImportKey(alice, apps, opts...)
		rig.Invalid(t, err, want)
	}
	for _, size := range []int{0, 9, 129} {
		_, err := s.ImportKey(alice, bytes.Repeat([]byte{1}, size))
		require.ErrorContains(t, err, "want 10 to 128")
	}
	for size, weak := range map[int]bool{10: true, 15: true, 16: false, 128: false} {
		imported, err := s.ImportKey(alice, bytes.Repeat([]byte{1}, size), factor.ImportOption{})
		require.NoError(t, err)
		require.Equal(t, weak, imported.Weak)
		info, err := s.Inspect(alice, imported.Blob)
		require.NoError(t, err)
		require.Equal(t, weak, info.Weak)
	}
}
