package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/internal/fault"
)

func TestInvalid_IsErrInvalidAndItsTextAlone(t *testing.T) {
	cause := errors.New("alice@example.com")
	err := fault.InvalidBecause(cause, "onetime: subject: refused")
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorIs(t, err, cause)
	require.NotErrorIs(t, err, fault.ErrMalformed)
	for _, verb := range []string{"%s", "%v", "%+v", "%#v", "%q", "%d"} {
		require.Equal(t, "onetime: subject: refused", fmt.Sprintf(verb, err), verb)
	}
	require.EqualError(t, fault.Invalid("onetime: %d: want at most %d", 3, 2), "onetime: 3: want at most 2")
}

func TestStatuses_AreFoundByReasonAndByNumber(t *testing.T) {
	numbers := map[int64]string{}
	for _, want := range fault.Statuses {
		got, ok := fault.StatusOf(fmt.Errorf("wrapped: %w", want.Err))
		require.True(t, ok, want.Name)
		require.Equal(t, want, got)
		got, ok = fault.StatusOfNumber(want.Number)
		require.Equal(t, want.Number != 0, ok, want.Name)
		if ok {
			require.Equal(t, want, got)
			require.Empty(t, numbers[want.Number], "%s has the number of another", want.Name)
			numbers[want.Number] = want.Name
		}
	}
	_, ok := fault.StatusOf(errors.New("another"))
	require.False(t, ok)
	for _, none := range []int64{-1, 0, fault.OK, 1 << 40} {
		_, ok := fault.StatusOfNumber(none)
		require.False(t, ok, none)
	}
}
