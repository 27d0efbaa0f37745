package factor_test

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/factor"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

// RFC 4226 appendix D.
func TestVerify_VectorsOfRFC4226(t *testing.T) {
	s := onMini(t)
	imported, err := s.ImportKey(alice, apps, factor.WithCounter(0))
	require.NoError(t, err)
	blob := imported.Blob
	for counter, code := range []string{"755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"} {
		p := s.must(t, blob, code)
		require.Equal(t, onetime.KindHOTP, p.Kind)
		require.Zero(t, p.Drift)
		require.Equal(t, code, hotp(factor.SHA1, apps, 6, int64(counter)))
		blob = p.Blob
	}
}

// RFC 6238 appendix B: 6 times of 3 algorithms.
func TestVerify_VectorsOfRFC6238(t *testing.T) {
	seed := "1234567890123456789012345678901234567890123456789012345678901234"
	for unix, codes := range map[int64][3]string{
		59:          {"94287082", "46119246", "90693936"},
		1111111109:  {"07081804", "68084774", "25091201"},
		1111111111:  {"14050471", "67062674", "99943326"},
		1234567890:  {"89005924", "91819424", "93441116"},
		2000000000:  {"69279037", "90698825", "38618901"},
		20000000000: {"65353130", "77737706", "47863826"},
	} {
		for algorithm, size := range []int{20, 32, 64} {
			now, options := time.Unix(unix, 0), []factor.ImportOption{factor.WithAlgorithm(factor.Algorithm(algorithm)), factor.WithDigits(8)}
			kind := onetime.KindTOTP
			if unix == 20000000000 { // beyond the time of miniredis: the step as a counter
				now, kind, options = time.Now(), onetime.KindHOTP, append(options, factor.WithCounter(unix/30))
			}
			s := newScene(t, rig.NewMini(t, now), mustKeys(t, sealing), factor.WithWindow(0, 0))
			imported, err := s.ImportKey(alice, []byte(seed[:size]), options...)
			require.NoError(t, err)
			s.refused(t, imported.Blob, codes[(algorithm+1)%3], onetime.ErrMismatch)
			require.Equal(t, kind, s.must(t, imported.Blob, codes[algorithm]).Kind)
		}
	}
}

// oathtool (Debian) makes codes that verify, and takes those of a new enrolment's secret for right.
func TestVerify_OathtoolBothWays(t *testing.T) {
	if _, err := exec.LookPath("oathtool"); err != nil {
		t.Skip("left out: no oathtool on PATH")
	}
	oathtool := func(args ...string) string {
		out, err := exec.CommandContext(t.Context(), "oathtool", args...).Output()
		require.NoError(t, err)
		return strings.TrimSpace(string(out))
	}
	s := onMini(t)
	at := "@" + strconv.FormatInt(s.Now.Unix(), 10)
	e, err := s.EnrollTOTP(alice, "alice@example.com")
	require.NoError(t, err)
	code := oathtool("--totp", "-b", e.Secret, "-N", at)
	p, err := s.Confirm(t.Context(), alice, e.Blob, code)
	require.NoError(t, err)
	s.Advance(t, time.Minute)
	at = "@" + strconv.FormatInt(s.Now.Unix(), 10)
	s.must(t, p.Blob, oathtool("--totp", "-b", e.Secret, "-N", at))

	for _, c := range []struct {
		algorithm factor.Algorithm
		digits    int
		period    time.Duration
	}{{factor.SHA1, 6, 30 * time.Second}, {factor.SHA256, 8, time.Minute}, {factor.SHA512, 7, 15 * time.Second}} {
		imported, err := s.ImportKey(alice, apps, factor.WithAlgorithm(c.algorithm), factor.WithDigits(c.digits), factor.WithPeriod(c.period))
		require.NoError(t, err)
		if c.digits == 7 { // oathtool makes 6 and 8
			continue
		}
		s.must(t, imported.Blob, oathtool("--totp="+c.algorithm.String(), "-d", strconv.Itoa(c.digits), "-s", c.period.String(),
			"-N", at, fmt.Sprintf("%x", apps)))
	}

	// Our codes, found by oathtool within its window.
	require.Equal(t, "0", oathtool("--totp", "-N", at, fmt.Sprintf("%x", apps), s.code(0)))
	counts, err := s.EnrollHOTP(alice, "token")
	require.NoError(t, err)
	hp, err := s.Confirm(t.Context(), alice, counts.Blob, oathtool("--hotp", "-b", "-c", "0", counts.Secret))
	require.NoError(t, err)
	s.must(t, hp.Blob, oathtool("--hotp", "-b", "-c", "6", counts.Secret))
}
