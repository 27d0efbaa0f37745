package address_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/address"
	"github.com/seed-3f7b73d1/onetime/internal/fault"
)

// A normalizer is Mail or Phone.
type normalizer func(typed string, opts ...address.Option) (string, error)

// one demands that all spellings are want, and that want is its own spelling.
func one(t *testing.T, normalize normalizer, want string, spellings []string, opts ...address.Option) {
	t.Helper()
	seen := make(map[string]bool)
	for _, typed := range append(spellings, want) {
		require.False(t, seen[typed], "%q is there twice", typed)
		seen[typed] = true
		got, err := normalize(typed, opts...)
		require.NoError(t, err, "%+q", typed)
		require.Equal(t, want, got, "%+q", typed)
	}
}

// invalid demands an ErrInvalid whose text has want in it, and nothing of what was typed.
func invalid(t *testing.T, err error, want, typed string) {
	t.Helper()
	require.ErrorIs(t, err, fault.ErrInvalid, "%+q", typed)
	require.Contains(t, err.Error(), want, "%+q", typed)
	require.True(t, strings.HasPrefix(err.Error(), "address: "), err.Error())
	if len(typed) > 3 {
		for _, verb := range []string{"%s", "%v", "%+v", "%#v", "%q"} {
			require.NotContains(t, fmt.Sprintf(verb, err), typed)
		}
	}
}

// Tables of one country.
var (
	germany      = address.National(map[string]string{"0": "49"})
	italy        = address.National(map[string]string{"": "39", "0": "39"})
	northAmerica = address.National(map[string]string{"": "1", "1": "1"})
)
