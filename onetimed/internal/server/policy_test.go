package server

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimed/internal/config"
)

func TestPolicy_EverySettingOfAServiceReachesItsManager(t *testing.T) {
	at := func(n int) *int { return &n }
	ten, hour, letters := 10*time.Second, time.Hour, onetime.Crockford32
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"}) // nothing is asked of it
	t.Cleanup(func() { client.Close() })
	made := func(s *config.Service) onetime.Policy {
		m, err := onetime.New(client, make([]byte, 32), policy(s)...)
		require.NoError(t, err)
		return m.Policy()
	}
	untouched, err := onetime.New(client, make([]byte, 32))
	require.NoError(t, err)
	require.Equal(t, untouched.Policy(), made(&config.Service{}), "what is not set is as in the library")
	sends, guesses := []onetime.Limit{{Burst: 3, Per: time.Hour}}, []onetime.Limit{{Burst: 4, Per: time.Hour}}
	require.Equal(t, onetime.Policy{
		Purpose: "default", CodeLength: 8, Alphabet: letters, OTPTTL: ten, TokenTTL: hour, MaxAttempts: 3, Keep: 2,
		SendLimits: sends, GuessLimits: guesses, Links: true,
		KnownFor: 48 * time.Hour, KnownSendLimits: sends, KnownGuessLimits: guesses,
	}, made(&config.Service{
		LinkBase: "https://example.com/in", CodeLength: at(8), Alphabet: &letters, OTPTTL: &ten, TokenTTL: &hour, MaxAttempts: at(3), Keep: at(2),
		SendLimits: sends, GuessLimits: guesses, KnownFor: 48 * time.Hour,
	}))
}
