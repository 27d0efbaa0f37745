package factor_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/factor"
	"github.com/seed-3f7b73d1/onetime/internal/core"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

var another = []byte("another key for the blobs of tests, and of nothing else")

func TestBlob_OfAnotherAccountPurposeOrKeyIsUndecidedAndUncharged(t *testing.T) {
	b := rig.NewMini(t, time.Unix(1_800_000_000, 0))
	s := newScene(t, b, mustKeys(t, sealing))
	blob := s.app(t)
	other, err := s.manager.Purpose("another")
	require.NoError(t, err)
	ofPurpose, err := factor.New(other, mustKeys(t, sealing), "Example")
	require.NoError(t, err)
	ofKey := newScene(t, b, mustKeys(t, another))
	codes, err := s.RecoveryCodes(alice, 2)
	require.NoError(t, err)
	swapped := append([]byte{}, codes.Blob...)
	swapped[5] = blob[5]
	for name, try := range map[string]func() error{
		"another account": func() error {
			_, err := s.Verify(t.Context(), "user-2", s.code(0), [][]byte{blob})
			return err
		},
		"another purpose": func() error {
			_, err := ofPurpose.Verify(t.Context(), alice, s.code(0), [][]byte{blob})
			return err
		},
		"another key": func() error { _, err := ofKey.verify(t, blob, s.code(0)); return err },
		"nothing":     func() error { _, err := s.verify(t, nil, s.code(0)); return err },
		"a header":    func() error { _, err := s.verify(t, blob[:6], s.code(0)); return err },
		"cut":         func() error { _, err := s.verify(t, blob[:len(blob)-1], s.code(0)); return err },
		"one of two": func() error {
			_, err := s.Verify(t.Context(), alice, s.code(0), [][]byte{s.app(t), []byte("damaged")})
			return err
		},
		"another kind": func() error { _, err := s.verify(t, swapped, s.code(0)); return err },
		"a confirmation": func() error {
			_, err := s.Confirm(t.Context(), "user-2", blob, s.code(0))
			return err
		},
		"recovery codes": func() error {
			_, err := s.VerifyRecovery(t.Context(), "user-2", codes.Codes[0], codes.Blob)
			return err
		},
	} {
		err := try()
		rig.Undecided(t, err)
		require.ErrorIs(t, err, factor.ErrBlob, name)
		require.NotContains(t, err.Error(), "user-2")
	}
	for i := range blob {
		damaged := append([]byte{}, blob...)
		damaged[i] ^= 1
		_, err := s.verify(t, damaged, s.code(0))
		require.Error(t, err)
		if i != 5 { // the kind: passed over, or not opened
			rig.Undecided(t, err)
		}
	}
	require.Empty(t, b.Records(t), "nothing was charged")
	s.must(t, blob, s.code(0))
}

func TestBlob_ThatDoesNotOpenIsAnEvent(t *testing.T) {
	var events []onetime.Event
	b := rig.NewMini(t, time.Unix(1_800_000_000, 0))
	m := b.Manager(t, core.WithClock(func() time.Time { return b.Now }).(onetime.Option),
		onetime.WithObserver(func(_ context.Context, e onetime.Event) { events = append(events, e) }))
	f, err := factor.New(m, mustKeys(t, sealing), "Example")
	require.NoError(t, err)
	_, err = f.Verify(t.Context(), alice, "123456", [][]byte{[]byte("damaged")})
	rig.Undecided(t, err)
	who, err := f.Manager().Pseudonym(alice)
	require.NoError(t, err)
	require.Len(t, events, 1)
	require.ErrorIs(t, events[0].Err, factor.ErrBlob)
	require.Equal(t, []string{"factor.Verify", "default.factor", who}, []string{events[0].Op, events[0].Purpose, events[0].Who})

	imported, err := f.ImportKey(alice, apps)
	require.NoError(t, err)
	p, err := f.Verify(t.Context(), alice, hotp(factor.SHA1, apps, 6, b.Now.Unix()/30), [][]byte{imported.Blob})
	require.NoError(t, err)
	require.Equal(t, onetime.KindTOTP, events[1].Kind)
	require.Equal(t, p.ID, events[1].ID)
	require.NoError(t, p.Undo(t.Context()))
	require.Equal(t, "factor.Undo", events[2].Op)
	require.Equal(t, p.ID, events[2].ID)
	require.Error(t, f.UndoTicket(t.Context(), nil))
	require.Empty(t, events[3].Who)
	info, err := f.Inspect(alice, imported.Blob)
	require.NoError(t, err)
	require.Equal(t, p.ID, info.ID, "which is that of the factor, whatever its blob")
	info, err = f.Inspect(alice, p.Blob)
	require.NoError(t, err)
	require.Equal(t, p.ID, info.ID)
}

func TestReseal_MovesEveryKindToTheCurrentKey(t *testing.T) {
	b := rig.NewMini(t, time.Unix(1_800_000_000, 0))
	old := newScene(t, b, mustKeys(t, sealing))
	both := newScene(t, b, mustKeys(t, another, sealing))
	now := newScene(t, b, mustKeys(t, another))
	ids := mustKeys(t, another, sealing).IDs()
	require.Len(t, ids, 2)

	p := old.must(t, old.app(t), old.code(0))
	codes, err := old.RecoveryCodes(alice, 3)
	require.NoError(t, err)
	for _, blob := range [][]byte{p.Blob, codes.Blob} {
		require.Equal(t, ids[1], hex.EncodeToString(blob[1:5]))
		same, changed, err := old.Reseal(alice, blob)
		require.NoError(t, err)
		require.False(t, changed)
		require.Equal(t, blob, same)
		moved, changed, err := both.Reseal(alice, blob)
		require.NoError(t, err)
		require.True(t, changed)
		require.Equal(t, ids[0], hex.EncodeToString(moved[1:5]))
		_, _, err = now.Reseal(alice, blob)
		rig.Undecided(t, err)
		require.ErrorIs(t, err, factor.ErrBlob)
	}
	moved, _, err := both.Reseal(alice, p.Blob)
	require.NoError(t, err)
	now.refused(t, moved, now.code(0), onetime.ErrUsed)
	now.must(t, moved, now.code(1))
	moved, _, err = both.Reseal(alice, codes.Blob)
	require.NoError(t, err)
	_, err = now.VerifyRecovery(t.Context(), alice, codes.Codes[2], moved)
	require.NoError(t, err)
}

func TestMove_TakesABlobToAnotherAccount(t *testing.T) {
	s := onMini(t)
	p := s.must(t, s.app(t), s.code(0))
	moved, err := s.Move(alice, "user-2", p.Blob)
	require.NoError(t, err)
	_, err = s.verify(t, moved, s.code(1))
	require.ErrorIs(t, err, factor.ErrBlob)
	_, err = s.Verify(t.Context(), "user-2", s.code(0), [][]byte{moved})
	rig.Refused(t, err, onetime.ErrUsed)
	_, err = s.Verify(t.Context(), "user-2", s.code(1), [][]byte{moved})
	require.NoError(t, err)
	_, err = s.Move("user-3", "user-2", p.Blob)
	require.ErrorIs(t, err, factor.ErrBlob)
}

func TestNewKeys_RefusesWhatCannotBeRight(t *testing.T) {
	_, err := factor.NewKeys([]byte("short"))
	rig.Invalid(t, err, "factor: NewKeys: key 1 has 5 bytes: want at least 32")
	_, err = factor.NewKeys(sealing, another, sealing)
	rig.Invalid(t, err, "factor: NewKeys: keys 1 and 3 have the same id: want keys that differ")
	_, err = factor.NewKeys(sealing, make([][]byte, 16)...)
	require.ErrorContains(t, err, "factor: NewKeys: 17 keys: want at most 16")
}

func TestNew_RefusesWhatCannotBeRight(t *testing.T) {
	m := rig.Offline(t)
	keys := mustKeys(t, sealing)
	for want, try := range map[string]func() error{
		"factor: New: the Manager is nil":                                       func() error { _, err := factor.New(nil, keys, "Example"); return err },
		"factor: New: want Keys of NewKeys":                                     func() error { _, err := factor.New(m, factor.Keys{}, "Example"); return err },
		"factor: issuer: 0 bytes: want 1 to 64":                                 func() error { _, err := factor.New(m, keys, ""); return err },
		"factor: issuer: want valid UTF-8 without colon and control characters": func() error { _, err := factor.New(m, keys, "a:b"); return err },
		"factor: WithWindow(3, 0): want 0 to 2 each":                            func() error { _, err := factor.New(m, keys, "x", factor.WithWindow(3, 0)); return err },
		"factor: WithWindow(0, -1): want 0 to 2 each":                           func() error { _, err := factor.New(m, keys, "x", factor.WithWindow(0, -1)); return err },
		"factor: WithLookAhead(0): want 1 to 20":                                func() error { _, err := factor.New(m, keys, "x", factor.WithLookAhead(0)); return err },
		"factor: WithLookAhead(21): want 1 to 20":                               func() error { _, err := factor.New(m, keys, "x", factor.WithLookAhead(21)); return err },
		"onetime: WithGuessLimits: 0 limits: want 1 to 4": func() error {
			_, err := factor.New(m, keys, "x", factor.WithGuessLimits())
			return err
		},
	} {
		rig.Invalid(t, try(), want)
	}
	long, err := m.Purpose(strings.Repeat("p", 58))
	require.NoError(t, err)
	_, err = factor.New(long, keys, "x")
	require.ErrorIs(t, err, onetime.ErrInvalid)
	_, err = factor.New(m, keys, "x", factor.Option{}, factor.WithGuessLimits(onetime.Limit{Burst: 3, Per: time.Hour}))
	require.NoError(t, err)
}

func TestRule7_NothingPrintsASecret(t *testing.T) {
	s := onMini(t)
	e, err := s.EnrollTOTP(alice, "alice@example.com")
	require.NoError(t, err)
	codes, err := s.RecoveryCodes(alice, 2)
	require.NoError(t, err)
	p := s.must(t, s.app(t), s.code(0))
	keys := mustKeys(t, sealing)
	for _, value := range []any{e, &e, codes, &codes, p, &p, keys, &keys, s.Factors, []any{e, codes, p, keys}, struct {
		E factor.Enrollment
		C factor.Codes
		K factor.Keys
	}{e, codes, keys}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			printed := fmt.Sprintf(verb, value)
			for _, secret := range []string{e.Secret, e.URI, codes.Codes[0], string(e.Blob), string(codes.Blob), string(p.Blob), string(sealing), alice} {
				require.NotContains(t, printed, secret)
				require.NotContains(t, printed, fmt.Sprintf(verb, secret))
			}
		}
		if value != any(s.Factors) {
			text, err := json.Marshal(value)
			require.NoError(t, err)
			require.NotContains(t, string(text), e.Secret)
			require.NotContains(t, string(text), codes.Codes[0])
		}
	}
}

func TestRule7_RedisHoldsNoSecretAndNoAccount(t *testing.T) {
	everywhere(t, func(t *testing.T, s *scene) {
		codes, err := s.RecoveryCodes(alice, 2)
		require.NoError(t, err)
		s.must(t, s.app(t), s.code(0))
		_, err = s.VerifyRecovery(t.Context(), alice, codes.Codes[0], codes.Blob)
		require.NoError(t, err)
		s.refused(t, s.app(t), s.wrong(t, 1), onetime.ErrMismatch)
		key := s.Only(t)
		dump := key + fmt.Sprint(s.Record(t, key))
		for _, secret := range []string{alice, string(apps), codes.Codes[0], strings.ReplaceAll(codes.Codes[0], "-", "")} {
			require.NotContains(t, dump, secret)
		}
		for field, value := range s.Record(t, key) {
			if !rig.LimitField.MatchString(field) { // a time may have the digits of any code
				require.NotContains(t, value, s.code(0), field)
				require.NotContains(t, value, s.wrong(t, 1), field)
			}
		}
	})
}

func TestErrBlob_IsNoRefusal(t *testing.T) {
	require.False(t, errors.Is(factor.ErrBlob, onetime.ErrDenied))
	require.False(t, errors.Is(factor.ErrClock, onetime.ErrDenied))
}

// What docs/factors.md says of sizes.
func TestBlob_Sizes(t *testing.T) {
	s := onMini(t)
	require.Len(t, s.app(t), 100)
	require.Len(t, s.codes(t, 10).Blob, 246)
	require.Len(t, s.codes(t, 16).Blob, 342)
}
