package api

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStartAndCheck_ARightCodeIs200Once(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, f *fixture) {
		id, code := f.started("login", "alice@example.com")
		f.check(id, wrong(code, 0)).is(422, "code_mismatch")
		a := f.check(id, code).is(200)
		require.Equal(t, "alice@example.com", a.text("subject"))
		require.Equal(t, "p-login", a.text("purpose"))
		require.NotEmpty(t, a.text("undo"))
		require.Nil(t, a.field("access_token"))
		f.check(id, code).is(409, "used")
	})
}
