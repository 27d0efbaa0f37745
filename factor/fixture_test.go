package factor_test

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/factor"
	"github.com/seed-3f7b73d1/onetime/internal/core"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

func TestMain(m *testing.M) { rig.Main(m, rig.Redis) }

const alice = "user-1"

var (
	sealing = []byte("a key for the blobs of tests, and of nothing else")
	apps    = []byte("12345678901234567890")
)

func mustKeys(t testing.TB, current []byte, previous ...[]byte) factor.Keys {
	t.Helper()
	keys, err := factor.NewKeys(current, previous...)
	require.NoError(t, err)
	return keys
}

// A clock is the local one, beside that of Redis.
type clock struct {
	mu    sync.Mutex
	apart time.Duration
	of    func() time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.of().Add(c.apart)
}

func (c *clock) set(apart time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.apart = apart
}

// A scene is Factors on a Redis.
type scene struct {
	*factor.Factors
	*rig.Backend
	manager *onetime.Manager
	local   *clock
}

func newScene(t testing.TB, b *rig.Backend, keys factor.Keys, opts ...factor.Option) *scene {
	t.Helper()
	local := &clock{of: func() time.Time {
		if b.Mini != nil {
			return b.Now
		}
		return time.Now()
	}}
	m := b.Manager(t, core.WithClock(local.now).(onetime.Option))
	f, err := factor.New(m, keys, "Example", opts...)
	require.NoError(t, err)
	return &scene{f, b, m, local}
}

// onMini is a scene on miniredis, whose clock can be moved; it starts at the begin of a time step of any period.
func onMini(t *testing.T, opts ...factor.Option) *scene {
	t.Helper()
	return newScene(t, rig.NewMini(t, time.Unix(1_800_000_000, 0)), mustKeys(t, sealing), opts...)
}

// everywhere runs a test on every backend.
func everywhere(t *testing.T, test func(t *testing.T, s *scene), opts ...factor.Option) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) { test(t, newScene(t, b, mustKeys(t, sealing), opts...)) })
}

// hotp is a code of Alice's devices.
func hotp(algorithm factor.Algorithm, key []byte, digits int, counter int64) string {
	return rig.HOTP([]func() hash.Hash{sha1.New, sha256.New, sha512.New}[algorithm], key, digits, counter)
}

// code is what Alice's app shows so many time steps from now.
func (s *scene) code(beside int64) string { return s.shown()(beside) }

// shown returns what the app shows beside the step of now, which stays the same while a test goes on.
func (s *scene) shown() func(beside int64) string {
	step := s.local.of().Unix() / 30
	return func(beside int64) string { return hotp(factor.SHA1, apps, 6, step+beside) }
}

// wrong is a code that is right in no step around now.
func (s *scene) wrong(t testing.TB, i int) string {
	t.Helper()
	for n := i; ; n++ {
		code := fmt.Sprintf("%06d", n*7919%1_000_000)
		right := false
		for beside := int64(-20); beside <= 20; beside++ {
			right = right || s.code(beside) == code
		}
		if !right {
			return code
		}
	}
}

// app is the blob of Alice's app.
func (s *scene) app(t testing.TB, opts ...factor.ImportOption) []byte {
	t.Helper()
	imported, err := s.ImportKey(alice, apps, opts...)
	require.NoError(t, err)
	return imported.Blob
}

func (s *scene) verify(t testing.TB, blob []byte, code string, opts ...onetime.VerifyOption) (factor.Proof, error) {
	t.Helper()
	return s.Verify(t.Context(), alice, code, [][]byte{blob}, opts...)
}

func (s *scene) must(t testing.TB, blob []byte, code string, opts ...onetime.VerifyOption) factor.Proof {
	t.Helper()
	p, err := s.verify(t, blob, code, opts...)
	require.NoError(t, err)
	return p
}

func (s *scene) refused(t testing.TB, blob []byte, code string, reason error, opts ...onetime.VerifyOption) *onetime.DeniedError {
	t.Helper()
	_, err := s.verify(t, blob, code, opts...)
	return rig.Refused(t, err, reason)
}

// A table is a Store in memory. Before each Swap it calls swapping, if that is set; failing makes one fail, after it was done or
// not.
type table struct {
	mu       sync.Mutex
	rows     map[string][][]byte
	swapping func(n int)
	failing  func(n int) (done bool, err error)
	loading  func(n int) error
	swaps, n int
}

func newTable(account string, blobs ...[]byte) *table {
	return &table{rows: map[string][][]byte{account: blobs}}
}

func (s *table) Load(_ context.Context, account string) ([][]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	if s.loading != nil {
		if err := s.loading(s.n); err != nil {
			return nil, err
		}
	}
	return slices.Clone(s.rows[account]), nil
}

func (s *table) Swap(_ context.Context, account string, old, blob []byte) (bool, error) {
	s.mu.Lock()
	s.swaps++
	n, swapping := s.swaps, s.swapping
	s.mu.Unlock()
	if swapping != nil {
		swapping(n)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var failed error
	if s.failing != nil {
		done, err := s.failing(n)
		if failed = err; err != nil && !done {
			return false, err
		}
	}
	for i, row := range s.rows[account] {
		if bytes.Equal(row, old) {
			s.rows[account][i] = blob
			return true, failed
		}
	}
	return false, failed
}

func (s *table) only(account string) []byte { return s.rows[account][0] }
