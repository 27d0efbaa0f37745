package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"
)

// said is what the program prints, without what is random in it.
var said = regexp.MustCompile(`^Key: .*
Redis: .*

1\. A code, for ann-[a-z2-7]{8}@example\.com to type
   issued: \d{6}, good for 5m0s
   a wrong code\? no: wrong code or token, 4 attempts left
   the right code\? yes
   the same code again\? no: already used

2\. A token, for ann-[a-z2-7]{8}@example\.com to set a new password
   issued: [\w-]{16}\.\.\., good for 10m0s
   used to sign in, another purpose\? no: wrong code or token
   used for the new password\? yes, and its payload is back: "request 17"

3\. A link for bob-[a-z2-7]{8}@example\.com, with a code beside it: one use uses up both
   issued: https://example\.com/sign-in\?token=[\w-]+\.\.\., or \d{6}
   the page is opened, which only inspects\? yes
   the button on the page is pressed\? yes
   the code beside it\? no: already used
$`)

func TestRun_OnEmbeddedRedis(t *testing.T) {
	t.Setenv("REDIS_URL", "")
	t.Setenv("ONETIME_KEY", "")
	var out strings.Builder
	require.NoError(t, run(&out))
	require.Regexp(t, said, out.String())
	require.Contains(t, out.String(), "Redis: an embedded one")
	require.Contains(t, out.String(), "Key: random")
}

func TestRun_AgainAndAgainOnOneRedis(t *testing.T) {
	t.Setenv("REDIS_URL", "redis://"+miniredis.RunT(t).Addr())
	for _, key := range []string{strings.Repeat("0a", 32), "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDU="} {
		t.Setenv("ONETIME_KEY", key)
		for range 2 {
			var out strings.Builder
			require.NoError(t, run(&out))
			require.Regexp(t, said, out.String())
			require.NotContains(t, out.String(), key)
		}
	}
}

func TestRun_WrongEnvironmentIsSaidAndNotRepeated(t *testing.T) {
	for name, value := range map[string]string{
		"REDIS_URL":   "redis://:swordfish@localhost:port/0",
		"ONETIME_KEY": "swordfish!",
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, value)
			err := run(&strings.Builder{})
			require.ErrorContains(t, err, name)
			require.NotContains(t, err.Error(), "swordfish")
		})
	}
}
