package factor_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/factor"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

func TestVerify_CountersLookAheadAndNoFurther(t *testing.T) {
	for _, ahead := range []int{1, 5, 20} {
		s := onMini(t, factor.WithLookAhead(ahead))
		imported, err := s.ImportKey(alice, apps, factor.WithCounter(100))
		require.NoError(t, err)
		code := func(counter int) string { return hotp(factor.SHA1, apps, 6, int64(counter)) }
		s.refused(t, imported.Blob, code(100+ahead+1), onetime.ErrMismatch)
		p := s.must(t, imported.Blob, code(100+ahead))
		require.Equal(t, ahead, p.Drift)
		s.refused(t, p.Blob, code(100+ahead), onetime.ErrUsed)
		s.refused(t, p.Blob, code(100+ahead-1), onetime.ErrUsed)
		s.refused(t, imported.Blob, code(100), onetime.ErrUsed)
		require.NoError(t, s.Raw.FlushAll(t.Context()).Err())
		s.refused(t, p.Blob, code(100+ahead), onetime.ErrUsed)
		s.must(t, p.Blob, code(100+ahead+1))
	}
}

func TestResync_TwoConsecutiveCodesWithinAHundred(t *testing.T) {
	s := onMini(t)
	imported, err := s.ImportKey(alice, apps, factor.WithCounter(7))
	require.NoError(t, err)
	resync := func(blob []byte, first, second int64) (factor.Proof, error) {
		return s.Resync(t.Context(), alice, blob, hotp(factor.SHA1, apps, 6, first), hotp(factor.SHA1, apps, 6, second))
	}
	for _, wrong := range [][2]int64{{108, 109}, {50, 52}, {51, 50}, {50, 50}, {6, 7}, {5, 6}} {
		_, err := resync(imported.Blob, wrong[0], wrong[1])
		rig.Refused(t, err, onetime.ErrMismatch)
	}
	require.Equal(t, 6, rig.MustStatus(t, s.Factors.Manager(), alice).Failures, "each pair is charged as one code")
	p, err := resync(imported.Blob, 107, 108)
	require.NoError(t, err)
	require.Equal(t, 101, p.Drift)
	require.Zero(t, rig.MustStatus(t, s.Factors.Manager(), alice).Failures)
	s.must(t, p.Blob, hotp(factor.SHA1, apps, 6, 109))
	_, err = resync(imported.Blob, 107, 108)
	rig.Refused(t, err, onetime.ErrUsed)
	_, err = s.Resync(t.Context(), alice, s.app(t), "123456", "234567")
	rig.Invalid(t, err, "factor: Resync: want the blob of a token that counts")
	_, err = s.Resync(t.Context(), alice, p.Blob, "123456", "x")
	rig.Refused(t, err, onetime.ErrMalformed)
}

// A token that was imported twice, and used in one row only, far ahead of the other.
func TestRule15_ACounterThatAnyRowOfTheSecretHasUsedIsUsed(t *testing.T) {
	s := onMini(t)
	used, err := s.ImportKey(alice, apps, factor.WithCounter(200))
	require.NoError(t, err)
	old, err := s.ImportKey(alice, apps, factor.WithCounter(100))
	require.NoError(t, err)
	for counter := int64(98); counter <= 105; counter++ {
		for _, blobs := range [][][]byte{{used.Blob, old.Blob}, {old.Blob, used.Blob}} {
			_, err := s.Verify(t.Context(), alice, hotp(factor.SHA1, apps, 6, counter), blobs)
			rig.Refused(t, err, onetime.ErrUsed)
		}
	}
	p, err := s.Verify(t.Context(), alice, hotp(factor.SHA1, apps, 6, 200), [][]byte{old.Blob, used.Blob})
	require.NoError(t, err)
	require.Equal(t, 1, p.Index)
}
