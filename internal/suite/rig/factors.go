package rig

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"hash"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/factor"
	"github.com/seed-3f7b73d1/onetime/internal/core"
)

// HOTP is the code of a counter by RFC 4226, written a second time.
func HOTP(algorithm func() hash.Hash, key []byte, digits int, counter int64) string {
	mac := hmac.New(algorithm, key)
	binary.Write(mac, binary.BigEndian, counter)
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 0xf
	value := int64(sum[at]&0x7f)<<24 | int64(sum[at+1])<<16 | int64(sum[at+2])<<8 | int64(sum[at+3])
	return fmt.Sprintf("%0*d", digits, value%int64(math.Pow10(digits)))
}

// Factors are a second factor of each kind of one account: an app, a token that counts, recovery codes.
type Factors struct {
	*factor.Factors
	Account    string
	App, Token []byte
	Recovery   factor.Codes
	clock      func() time.Time
}

var appKey, tokenKey = []byte("the key of an app.."), []byte("the key of a token.")

// Window is the one of Factors, the widest: on a busy machine a code is judged long after it was made.
var Window = factor.WithWindow(2, 2)

// Clock returns the time of the backend's Redis.
func (b *Backend) Clock() time.Time {
	if b.Mini != nil {
		return b.Now
	}
	return time.Now()
}

// Factors returns the factors of an account on the backend; their local clock is that of Redis.
func (b *Backend) Factors(t testing.TB, account string, opts ...onetime.Option) *Factors {
	t.Helper()
	f := NewFactors(t, b.Manager(t, append(opts, core.WithClock(b.Clock).(onetime.Option))...), account)
	f.clock = b.Clock
	return f
}

// NewFactors returns those of an account under a Manager whose clock is the real one. Of the same account they are the same.
func NewFactors(t testing.TB, m *onetime.Manager, account string) *Factors {
	t.Helper()
	keys, err := factor.NewKeys(Key('f', 32))
	require.NoError(t, err)
	f := &Factors{Account: account, clock: time.Now}
	f.Factors, err = factor.New(m, keys, "Example", Window)
	require.NoError(t, err)
	app, err := f.ImportKey(account, appKey)
	require.NoError(t, err)
	token, err := f.ImportKey(account, tokenKey, factor.WithCounter(100))
	require.NoError(t, err)
	f.App, f.Token = app.Blob, token.Blob
	f.Recovery, err = f.RecoveryCodes(account, 16)
	require.NoError(t, err)
	return f
}

// Step is the time step of now.
func (f *Factors) Step() int64 { return f.clock().Unix() / 30 }

// Shown is what the app shows in a time step.
func (f *Factors) Shown(step int64) string { return HOTP(sha1.New, appKey, 6, step) }

// Pressed is what the token shows when its button is pressed for the n-th time, from 0 on.
func (f *Factors) Pressed(n int) string { return HOTP(sha1.New, tokenKey, 6, 100+int64(n)) }

// Wrong is the i-th code that no factor shows for an hour around now.
func (f *Factors) Wrong(i int) string {
	right := map[string]bool{}
	for beside := int64(-120); beside <= 120; beside++ {
		right[f.Shown(f.Step()+beside)] = true
	}
	for n := range 200 {
		right[f.Pressed(n-100)] = true
	}
	for n := 0; ; n++ {
		if code := fmt.Sprintf("%06d", n); !right[code] {
			if i == 0 {
				return code
			}
			i--
		}
	}
}

// FactorOperations are all calls of package factor that ask Redis something, by name. What they give back was used by setup.
func FactorOperations(t *testing.T, setup, f *Factors) map[string]func() error {
	t.Helper()
	ctx := t.Context()
	code, wrong := f.Shown(f.Step()), f.Wrong(0)
	used, err := setup.VerifyRecovery(ctx, f.Account, setup.Recovery.Codes[15], setup.Recovery.Blob)
	require.NoError(t, err)
	verify := func(code string, blob []byte) func() error {
		return func() error { _, err := f.Verify(ctx, f.Account, code, [][]byte{blob}); return err }
	}
	return map[string]func() error{
		"VerifyTOTP":   verify(code, f.App),
		"VerifyFactor": verify(wrong, f.App),
		"VerifyHOTP":   verify(f.Pressed(0), f.Token),
		"VerifyRecovery": func() error {
			_, err := f.VerifyRecovery(ctx, f.Account, f.Recovery.Codes[0], f.Recovery.Blob)
			return err
		},
		"Resync": func() error {
			_, err := f.Resync(ctx, f.Account, f.Token, f.Pressed(50), f.Pressed(51))
			return err
		},
		"UndoFactor": func() error { return f.UndoTicket(ctx, used.UndoTicket()) },
	}
}
