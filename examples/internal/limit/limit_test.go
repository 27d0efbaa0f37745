package limit

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPerAddress_IsByNetwork(t *testing.T) {
	allow := PerAddress(1, time.Hour)
	for _, step := range []struct {
		from    string
		allowed bool
	}{
		{"192.0.2.1:1000", true}, {"192.0.2.1:2000", false}, {"192.0.2.2:1000", true}, {"[::ffff:192.0.2.2]:1000", false},
		{"[2001:db8:0:1::1]:1000", true}, {"[2001:db8:0:1:2:3:4:5]:1000", false}, {"[2001:db8:0:2::1]:1000", true},
	} {
		r := httptest.NewRequest("POST", "/sign-in", nil)
		r.RemoteAddr = step.from
		wait, err := allow(r)
		require.NoError(t, err)
		require.Equal(t, step.allowed, wait == 0, step.from)
	}
}

func TestPerKey_CountsEachKey(t *testing.T) {
	allow := PerKey(2, time.Hour)
	for range 2 {
		require.True(t, allow("one"))
	}
	require.False(t, allow("one"))
	require.True(t, allow("other"))
}
