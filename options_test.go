package onetime_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

// manyLimits returns n limits that are right.
func manyLimits(n int) []onetime.Limit {
	limits := make([]onetime.Limit, n)
	for i := range limits {
		limits[i] = onetime.Limit{Burst: 1, Per: time.Duration(i+1) * time.Second}
	}
	return limits
}

func TestOptions_BothEdgesOfEachRange(t *testing.T) {
	const day = 24 * time.Hour
	one := func(option func(...onetime.Limit) onetime.Option, burst int, per time.Duration) onetime.Option {
		return option(onetime.Limit{Burst: burst, Per: per})
	}
	sends, guesses := onetime.WithSendLimits, onetime.WithGuessLimits
	for _, c := range []struct {
		option onetime.Option
		want   string // the error; empty if the option is right
	}{
		{onetime.Option{}, ""},

		{onetime.WithCodeLength(3), "onetime: WithCodeLength(3): want 6 to 12"},
		{onetime.WithCodeLength(5), "onetime: WithCodeLength(5): want 6 to 12"},
		{onetime.WithCodeLength(6), ""},
		{onetime.WithCodeLength(12), ""},
		{onetime.WithCodeLength(13), "onetime: WithCodeLength(13): want 6 to 12"},

		{onetime.WithAlphabet(onetime.Digits), ""},
		{onetime.WithAlphabet(onetime.Crockford32), ""},
		{onetime.WithAlphabet(onetime.Crockford32 + 1), "onetime: WithAlphabet(2): want Digits or Crockford32"},

		{onetime.WithOTPTTL(10*time.Second - 1), "onetime: WithOTPTTL(9.999999999s): want 10s to 10m0s"},
		{onetime.WithOTPTTL(10 * time.Second), ""},
		{onetime.WithOTPTTL(10 * time.Minute), ""},
		{onetime.WithOTPTTL(10*time.Minute + 1), "onetime: WithOTPTTL(10m0.000000001s): want 10s to 10m0s"},
		{onetime.WithOTPTTL(-time.Minute), "onetime: WithOTPTTL(-1m0s): want 10s to 10m0s"},

		{onetime.WithDangerouslyLongOTPTTL(9 * time.Second), "onetime: WithDangerouslyLongOTPTTL(9s): want 10s to 24h0m0s"},
		{onetime.WithDangerouslyLongOTPTTL(10 * time.Second), ""},
		{onetime.WithDangerouslyLongOTPTTL(day), ""},
		{onetime.WithDangerouslyLongOTPTTL(day + 1), "onetime: WithDangerouslyLongOTPTTL(24h0m0.000000001s): want 10s to 24h0m0s"},

		{onetime.WithTokenTTL(9 * time.Second), "onetime: WithTokenTTL(9s): want 10s to 720h0m0s"},
		{onetime.WithTokenTTL(10 * time.Second), ""},
		{onetime.WithTokenTTL(30 * day), ""},
		{onetime.WithTokenTTL(30*day + 1), "onetime: WithTokenTTL(720h0m0.000000001s): want 10s to 720h0m0s"},

		{onetime.WithMaxAttempts(0), "onetime: WithMaxAttempts(0): want 1 to 16"},
		{onetime.WithMaxAttempts(1), ""},
		{onetime.WithMaxAttempts(16), ""},
		{onetime.WithMaxAttempts(17), "onetime: WithMaxAttempts(17): want 1 to 16"},

		{onetime.WithKeep(0), "onetime: WithKeep(0): want 1 to 5"},
		{onetime.WithKeep(1), ""},
		{onetime.WithKeep(5), ""},
		{onetime.WithKeep(6), "onetime: WithKeep(6): want 1 to 5"},

		{sends(), ""},
		{sends(manyLimits(4)...), ""},
		{sends(manyLimits(5)...), "onetime: WithSendLimits: 5 limits: want 0 to 4"},
		{one(sends, 0, time.Hour), "onetime: WithSendLimits: Burst 0: want 1 to 1000"},
		{one(sends, -1, time.Hour), "onetime: WithSendLimits: Burst -1: want 1 to 1000"},
		{one(sends, 1, time.Hour), ""},
		{one(sends, 1000, time.Hour), ""},
		{one(sends, 1001, time.Hour), "onetime: WithSendLimits: Burst 1001: want 1 to 1000"},
		{one(sends, 1, 999*time.Millisecond), "onetime: WithSendLimits: Per 999ms: want 1s to 720h0m0s in whole milliseconds"},
		{one(sends, 1, time.Second), ""},
		{one(sends, 1, 1001*time.Millisecond), ""},
		{one(sends, 1, time.Second+time.Microsecond), "onetime: WithSendLimits: Per 1.000001s: want 1s to 720h0m0s in whole milliseconds"},
		{one(sends, 1, 30*day), ""},
		{one(sends, 1, 30*day+time.Millisecond), "onetime: WithSendLimits: Per 720h0m0.001s: want 1s to 720h0m0s in whole milliseconds"},
		{sends(onetime.Limit{Burst: 1, Per: time.Hour}, onetime.Limit{Burst: 2, Per: time.Minute}, onetime.Limit{Burst: 3, Per: time.Hour}),
			"onetime: WithSendLimits: two limits over 1h0m0s: want one for each Per"},

		{guesses(), "onetime: WithGuessLimits: 0 limits: want 1 to 4"},
		{guesses(manyLimits(1)...), ""},
		{guesses(manyLimits(4)...), ""},
		{guesses(manyLimits(5)...), "onetime: WithGuessLimits: 5 limits: want 1 to 4"},
		{one(guesses, 0, time.Hour), "onetime: WithGuessLimits: Burst 0: want 1 to 100"},
		{one(guesses, 1, time.Hour), ""},
		{one(guesses, 100, time.Hour), ""},
		{one(guesses, 101, time.Hour), "onetime: WithGuessLimits: Burst 101: want 1 to 100"},
		{one(guesses, 1, 999*time.Millisecond), "onetime: WithGuessLimits: Per 999ms: want 1s to 720h0m0s in whole milliseconds"},
		{one(guesses, 1, time.Second), ""},
		{one(guesses, 1, 30*day), ""},
		{one(guesses, 1, 30*day+time.Millisecond), "onetime: WithGuessLimits: Per 720h0m0.001s: want 1s to 720h0m0s in whole milliseconds"},
		{guesses(onetime.Limit{Burst: 1, Per: time.Hour}, onetime.Limit{Burst: 2, Per: time.Hour}),
			"onetime: WithGuessLimits: two limits over 1h0m0s: want one for each Per"},

		{onetime.WithPrefix(""), "onetime: WithPrefix: want 1 to 64 characters of A-Z a-z 0-9 . _ : -"},
		{onetime.WithPrefix("a"), ""},
		{onetime.WithPrefix("AZaz09._:-" + strings.Repeat("x", 54)), ""},
		{onetime.WithPrefix(strings.Repeat("x", 65)), "onetime: WithPrefix: want 1 to 64 characters of A-Z a-z 0-9 . _ : -"},
		{onetime.WithPrefix("a{b}"), "onetime: WithPrefix: want 1 to 64 characters of A-Z a-z 0-9 . _ : -"},
		{onetime.WithPrefix("a b"), "onetime: WithPrefix: want 1 to 64 characters of A-Z a-z 0-9 . _ : -"},
		{onetime.WithPrefix("a\n"), "onetime: WithPrefix: want 1 to 64 characters of A-Z a-z 0-9 . _ : -"},
		{onetime.WithPrefix("ä"), "onetime: WithPrefix: want 1 to 64 characters of A-Z a-z 0-9 . _ : -"},

		{onetime.WithObserver(nil), ""},
		{onetime.WithNormalizer(nil), ""},
	} {
		m, err := onetime.New(rig.Untouched{T: t}, onetimetest.Key, c.option)
		if c.want == "" {
			require.NoError(t, err)
			require.NotNil(t, m)
			continue
		}
		rig.Invalid(t, err, c.want)
		require.Nil(t, m)

		if !strings.Contains(c.want, "WithPrefix") {
			m, err = rig.Offline(t).Purpose("other", c.option)
			rig.Invalid(t, err, c.want)
			require.Nil(t, m)
		}
	}
}

func TestOptions_DefaultPolicy(t *testing.T) {
	want := onetime.Policy{
		Purpose: "default", CodeLength: 6, Alphabet: onetime.Digits,
		OTPTTL: 5 * time.Minute, TokenTTL: 10 * time.Minute, MaxAttempts: 5, Keep: 1,
		SendLimits:  []onetime.Limit{{Burst: 1, Per: 30 * time.Second}, {Burst: 5, Per: 15 * time.Minute}, {Burst: 20, Per: 24 * time.Hour}},
		GuessLimits: []onetime.Limit{{Burst: 10, Per: time.Hour}, {Burst: 50, Per: 30 * 24 * time.Hour}},
		KnownFor:    90 * 24 * time.Hour,
	}
	want.KnownSendLimits, want.KnownGuessLimits = want.SendLimits, want.GuessLimits
	require.Equal(t, want, rig.Offline(t).Policy())
	require.Equal(t, want, rig.Offline(t, onetime.Option{}).Policy(), "the zero Option changes nothing")
}

func TestOptions_SetThePolicy(t *testing.T) {
	limits := manyLimits(2)
	m := rig.Offline(t, onetime.WithCodeLength(8), onetime.WithAlphabet(onetime.Crockford32),
		onetime.WithOTPTTL(20*time.Second+1900*time.Microsecond), onetime.WithTokenTTL(time.Hour+999*time.Microsecond),
		onetime.WithMaxAttempts(3), onetime.WithKeep(2), onetime.WithSendLimits(), onetime.WithGuessLimits(limits...))
	require.Equal(t, onetime.Policy{
		Purpose: "default", CodeLength: 8, Alphabet: onetime.Crockford32,
		OTPTTL: 20*time.Second + time.Millisecond, TokenTTL: time.Hour, // parts of a millisecond are dropped
		MaxAttempts: 3, Keep: 2, GuessLimits: limits, KnownFor: 90 * 24 * time.Hour, KnownGuessLimits: limits,
	}, m.Policy())
	sends, guesses := manyLimits(3), manyLimits(1)
	known := rig.Offline(t, onetime.WithKnownBrowsers(400*24*time.Hour-time.Nanosecond, sends, guesses), onetime.WithSendLimits()).Policy()
	require.Equal(t, 400*24*time.Hour-time.Second, known.KnownFor, "parts of a second are dropped")
	require.Equal(t, sends, known.KnownSendLimits)
	require.Equal(t, guesses, known.KnownGuessLimits)
	require.Empty(t, known.SendLimits)
	require.True(t, rig.Offline(t, onetime.WithLinkBase("https://example.com")).Policy().Links)
	require.Equal(t, 24*time.Hour, rig.Offline(t, onetime.WithDangerouslyLongOTPTTL(24*time.Hour)).Policy().OTPTTL)
}

func TestNew_ReportsAllErrorsAtOnce(t *testing.T) {
	m, err := onetime.New(nil, rig.Key('k', 31),
		onetime.WithCodeLength(3),
		onetime.WithMaxAttempts(5),
		onetime.WithGuessLimits(onetime.Limit{Burst: 0, Per: time.Millisecond}, onetime.Limit{Burst: 1, Per: time.Millisecond}),
		onetime.Option{},
		onetime.WithPreviousKeys(rig.Key('p', 32), rig.Key('q', 1), rig.Key('p', 32)),
		onetime.WithKeep(9),
		onetime.WithPrefix("{"),
		onetime.WithLinkBase("http://example.com"),
		onetime.WithDangerouslyFixedCodes(nil, time.Time{}),
	)
	require.Nil(t, m)
	rig.Invalid(t, err, strings.Join([]string{
		"onetime: New: the client is nil",
		"onetime: key 1 of the ring has 31 bytes: want at least 32",
		"onetime: key 3 of the ring has 1 bytes: want at least 32",
		"onetime: keys 2 and 4 of the ring are the same",
		"onetime: WithPreviousKeys: wants WithNamingKey, or the names of records change with the key",
		"onetime: WithCodeLength(3): want 6 to 12",
		"onetime: WithGuessLimits: Burst 0: want 1 to 100",
		"onetime: WithGuessLimits: Per 1ms: want 1s to 720h0m0s in whole milliseconds",
		"onetime: WithGuessLimits: Per 1ms: want 1s to 720h0m0s in whole milliseconds",
		"onetime: WithGuessLimits: two limits over 1ms: want one for each Per",
		"onetime: WithKeep(9): want 1 to 5",
		"onetime: WithPrefix: want 1 to 64 characters of A-Z a-z 0-9 . _ : -",
		`onetime: WithLinkBase: scheme "http": want https, or http on localhost`,
		"onetime: WithDangerouslyFixedCodes: want an end at most 720h0m0s ahead",
	}, "\n"))
}

func TestNew_Client(t *testing.T) {
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	cluster := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{"127.0.0.1:1"}})
	ring := redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"a": "127.0.0.1:1"}})
	automatic, err := client.AutoPipeline()
	require.NoError(t, err)
	conn := client.Conn()
	t.Cleanup(func() { automatic.Close(); conn.Close(); client.Close(); cluster.Close(); ring.Close() })

	const isNil = "onetime: New: the client is nil"
	const pipeliner = "onetime: New: the client is a Pipeliner: want one that answers at once"
	for name, c := range map[string]struct {
		rdb  redis.Scripter
		want string
	}{
		"Client":            {client, ""},
		"ClusterClient":     {cluster, ""},
		"Conn":              {conn, ""},
		"AutoPipeliner":     {automatic, ""},
		"nil":               {nil, isNil},
		"nil Client":        {(*redis.Client)(nil), isNil},
		"nil ClusterClient": {(*redis.ClusterClient)(nil), isNil},
		"nil Ring":          {(*redis.Ring)(nil), isNil},
		"Pipeline":          {client.Pipeline(), pipeliner},
		"TxPipeline":        {client.TxPipeline(), pipeliner},
		"cluster Pipeline":  {cluster.Pipeline(), pipeliner},
		"Ring":              {ring, "onetime: New: the client is a Ring: it forgets locks and used secrets when a shard stalls"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := onetime.New(c.rdb, onetimetest.Key)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			rig.Invalid(t, err, c.want)
		})
	}
}

func TestNew_Keys(t *testing.T) {
	naming := onetime.WithNamingKey(rig.Key('n', 32))
	var seven [][]byte
	for i := range 7 {
		seven = append(seven, rig.Key('0'+byte(i), 32))
	}
	for name, c := range map[string]struct {
		key  []byte
		opts []onetime.Option
		want string
	}{
		"32 bytes":       {rig.Key('k', 32), nil, ""},
		"31 bytes":       {rig.Key('k', 31), nil, "onetime: the key has 31 bytes: want at least 32"},
		"no key":         {nil, nil, "onetime: the key has 0 bytes: want at least 32"},
		"long key":       {rig.Key('k', 1000), nil, ""},
		"previous keys":  {rig.Key('k', 32), []onetime.Option{naming, onetime.WithPreviousKeys(seven...)}, ""},
		"no previous":    {rig.Key('k', 32), []onetime.Option{onetime.WithPreviousKeys()}, ""},
		"too many keys":  {rig.Key('k', 32), []onetime.Option{naming, onetime.WithPreviousKeys(append(seven, rig.Key('p', 32))...)}, "onetime: WithPreviousKeys: 8 keys: want at most 7"},
		"short previous": {rig.Key('k', 32), []onetime.Option{naming, onetime.WithPreviousKeys(rig.Key('p', 31))}, "onetime: key 2 of the ring has 31 bytes: want at least 32"},
		"nil previous":   {rig.Key('k', 32), []onetime.Option{naming, onetime.WithPreviousKeys(nil, rig.Key('p', 32))}, "onetime: key 2 of the ring has 0 bytes: want at least 32"},
		"key twice":      {rig.Key('k', 32), []onetime.Option{naming, onetime.WithPreviousKeys(rig.Key('k', 32))}, "onetime: keys 1 and 2 of the ring are the same"},
		"previous twice": {rig.Key('k', 32), []onetime.Option{naming, onetime.WithPreviousKeys(rig.Key('p', 32), rig.Key('p', 32))}, "onetime: keys 2 and 3 of the ring are the same"},
		"without naming": {rig.Key('k', 32), []onetime.Option{onetime.WithPreviousKeys(rig.Key('p', 32))}, "onetime: WithPreviousKeys: wants WithNamingKey, or the names of records change with the key"},
		"naming alone":   {rig.Key('k', 32), []onetime.Option{naming}, ""},
		"naming is key":  {rig.Key('k', 32), []onetime.Option{onetime.WithNamingKey(rig.Key('k', 32))}, ""},
		"short naming":   {rig.Key('k', 32), []onetime.Option{onetime.WithNamingKey(rig.Key('n', 31))}, "onetime: WithNamingKey: 31 bytes: want at least 32"},
		"nil naming":     {rig.Key('k', 32), []onetime.Option{onetime.WithNamingKey(nil)}, "onetime: WithNamingKey: 0 bytes: want at least 32"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := onetime.New(rig.Untouched{T: t}, c.key, c.opts...)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			rig.Invalid(t, err, c.want)
		})
	}
}

func TestOptions_CopyWhatTheyAreGiven(t *testing.T) {
	t.Run("limits", func(t *testing.T) {
		sends, guesses := manyLimits(2), manyLimits(3)
		options := []onetime.Option{onetime.WithSendLimits(sends...), onetime.WithGuessLimits(guesses...)}
		sends[0].Burst, guesses[0].Burst = 7, 7
		m := rig.Offline(t, options...)
		sends[1].Burst, guesses[1].Burst = 7, 7
		require.Equal(t, manyLimits(2), m.Policy().SendLimits)
		require.Equal(t, manyLimits(3), m.Policy().GuessLimits)
	})

	t.Run("Policy", func(t *testing.T) {
		m := rig.Offline(t)
		p := m.Policy()
		p.SendLimits[0].Burst, p.GuessLimits[0].Burst, p.CodeLength = 7, 7, 12
		require.Equal(t, rig.Offline(t).Policy(), m.Policy())
	})

	t.Run("keys", func(t *testing.T) {
		key, previous, naming := rig.Key('k', 32), rig.Key('p', 32), rig.Key('n', 32)
		list := [][]byte{previous}
		options := []onetime.Option{onetime.WithPreviousKeys(list...), onetime.WithNamingKey(naming)}
		previous[0], naming[0], list[0] = 0, 0, rig.Key('x', 32)
		m, err := onetime.New(rig.Untouched{T: t}, key, options...)
		require.NoError(t, err)
		clear(key)
		same, err := onetime.New(rig.Untouched{T: t}, rig.Key('k', 32),
			onetime.WithPreviousKeys(rig.Key('p', 32)), onetime.WithNamingKey(rig.Key('n', 32)))
		require.NoError(t, err)
		require.Equal(t, rig.Tag(same, "a"), rig.Tag(m, "a"))
		p := rig.Challenge(same, "a", "")
		for i := range 2 {
			require.Equal(t, rig.Digest(same, i, p, "c", "", "123456"), rig.Digest(m, i, p, "c", "", "123456"))
		}
	})

	t.Run("fixed codes", func(t *testing.T) {
		codes := map[string]string{"a": "111111"}
		option := onetime.WithDangerouslyFixedCodes(codes, time.Now().Add(time.Hour))
		codes["a"], codes["b"] = "222222", "no code"
		m := rig.Offline(t, option)
		codes["a"] = "333333"
		require.Equal(t, "111111", onetime.NewCode(m, "a", false))
	})

	t.Run("payload", func(t *testing.T) {
		m, _ := onetimetest.New(t)
		payload := []byte("payload")
		option := onetime.WithPayload(payload)
		clear(payload)
		otp, err := m.IssueOTP(t.Context(), "a", option)
		require.NoError(t, err)
		v, err := m.VerifyOTP(t.Context(), "a", otp.Code)
		require.NoError(t, err)
		require.Equal(t, "payload", string(v.Payload))
	})
}

func TestPurpose_RefusesWhatBelongsToNew(t *testing.T) {
	for name, option := range map[string]onetime.Option{
		"WithPrefix":       onetime.WithPrefix("other"),
		"WithPreviousKeys": onetime.WithPreviousKeys(rig.Key('p', 32)),
		"WithNamingKey":    onetime.WithNamingKey(rig.Key('n', 32)),
		"WithObserver":     onetime.WithObserver(func(context.Context, onetime.Event) {}),
	} {
		want := "onetime: " + name + ": belongs to New, Purpose cannot change it"
		m := rig.Offline(t)
		_, err := m.Purpose("login", option)
		rig.Invalid(t, err, want)
		login, err := m.Purpose("login")
		require.NoError(t, err)
		_, err = login.Purpose("login", onetime.WithCodeLength(1), option)
		rig.Invalid(t, err, "onetime: WithCodeLength(1): want 6 to 12\n"+want)
	}
}

func TestPurpose_Names(t *testing.T) {
	const want = "onetime: Purpose: want 1 to 64 characters of a-z 0-9 . _ -, the first a letter or digit"
	m := rig.Offline(t)
	for _, name := range []string{"a", "0", "login", "password-reset", "a._-9", "a" + strings.Repeat("-", 63)} {
		p, err := m.Purpose(name)
		require.NoError(t, err, name)
		require.Equal(t, name, p.Policy().Purpose)
	}
	for _, name := range []string{"", "-a", ".a", "_a", "A", "aB", "a b", "a:b", "a{b}", "a\n", "\x00", "ä", "a\xff", strings.Repeat("a", 65)} {
		p, err := m.Purpose(name)
		rig.Invalid(t, err, want)
		require.Nil(t, p)
	}
	_, err := m.Purpose("", onetime.WithKeep(0))
	rig.Invalid(t, err, want+"\nonetime: WithKeep(0): want 1 to 5")
}

func TestPurpose_InheritsAndDoesNotChangeItsParent(t *testing.T) {
	parent := rig.Offline(t, onetime.WithCodeLength(8), onetime.WithKeep(2), onetime.WithSendLimits(manyLimits(1)...))
	before := parent.Policy()
	child, err := parent.Purpose("child", onetime.WithKeep(3), onetime.WithGuessLimits(manyLimits(2)...))
	require.NoError(t, err)

	want := before
	want.Purpose, want.Keep, want.GuessLimits = "child", 3, manyLimits(2)
	want.KnownGuessLimits = want.GuessLimits // those of known browsers follow
	require.Equal(t, want, child.Policy())
	require.Equal(t, before, parent.Policy())

	grandchild, err := child.Purpose("grandchild", onetime.WithSendLimits())
	require.NoError(t, err)
	want.Purpose, want.SendLimits, want.KnownSendLimits = "grandchild", nil, nil
	require.Equal(t, want, grandchild.Policy())
	own, err := child.Purpose("own", onetime.WithKnownBrowsers(24*time.Hour, nil, manyLimits(1)))
	require.NoError(t, err)
	want = child.Policy()
	want.Purpose, want.KnownFor, want.KnownGuessLimits = "own", 24*time.Hour, manyLimits(1)
	require.Equal(t, want, own.Policy())

	_, err = parent.Purpose("failed", onetime.WithKeep(4), onetime.WithKeep(0))
	require.Error(t, err)
	require.Equal(t, before, parent.Policy())
}

func TestPurpose_InheritsAllButFixedCodes(t *testing.T) {
	parent, _ := onetimetest.New(t, onetime.WithLinkBase("https://example.com/in"), onetime.WithPrefix("p"),
		onetime.WithNormalizer(func(s string) (string, error) { return strings.TrimPrefix(s, "+"), nil }),
		onetime.WithDangerouslyFixedCodes(map[string]string{"1": "424242"}, time.Now().Add(time.Hour)))
	child, err := parent.Purpose("child")
	require.NoError(t, err)
	link, err := child.IssueLink(t.Context(), "+1", onetime.WithCode())
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(link.URL, "https://example.com/in?token="))
	require.NotEqual(t, "424242", link.Code)
	again, err := parent.Purpose("default", onetime.WithLinkBase("https://tenant.example/"))
	require.NoError(t, err)
	otp, err := again.IssueOTP(t.Context(), "+1")
	require.NoError(t, err)
	require.Equal(t, "424242", otp.Code, "a Manager of the same purpose keeps them")

	_, err = parent.VerifyToken(t.Context(), link.Token)
	rig.Refused(t, err, onetime.ErrMismatch)
	same, err := parent.Purpose("child", onetime.WithLinkBase("https://tenant.example/"))
	require.NoError(t, err)
	v, err := same.VerifyToken(t.Context(), link.Token, onetime.WithSubject("+1"))
	require.NoError(t, err)
	require.Equal(t, "1", v.Subject)
	require.Equal(t, "child", v.Purpose)
}

func TestWithLinkBase(t *testing.T) {
	const absolute = "onetime: WithLinkBase: want an absolute https URL"
	const param = `onetime: WithLinkBase: want an escaped query without the parameter "token"`
	const user = "onetime: WithLinkBase: want no user information"
	scheme := func(s string) string {
		return fmt.Sprintf("onetime: WithLinkBase: scheme %q: want https, or http on localhost", s)
	}
	long := "https://example.com/" + strings.Repeat("a", 2000-len("https://example.com/"))
	for _, c := range []struct{ base, want string }{
		{"https://example.com", ""},
		{"HTTPS://example.com", ""},
		{"https://example.com:8443/a", ""},
		{"https://example.com/?tokens=1&Token=2", ""},
		{"https://example.com/#token=1", ""},
		{long, ""},
		{"http://localhost", ""},
		{"http://LOCALHOST:8080/", ""},
		{"http://127.0.0.1", ""},
		{"http://127.0.0.1:8080/a", ""},
		{"http://[::1]", ""},
		{"http://[::1]:8080/", ""},

		{"https://example.com/?a=b%20c&q=%22%3C", ""},
		{"https://example.com/?a=b c", param},
		{`https://example.com/?q="x"`, param},
		{"https://example.com/?q=<x>", param},
		{"https://example.com/?q=ä", param},
		{long + "a", "onetime: WithLinkBase: 2001 bytes: want at most 2000"},
		{"", absolute},
		{"/in", absolute},
		{"example.com/in", absolute},
		{"https:", absolute},
		{"https:example.com", absolute},
		{"https:///in", absolute},
		{"https://:443/in", absolute},
		{"https://exa mple.com/", absolute},
		{"https://example.com/\n", absolute},
		{"https://example.com/%zz", absolute},
		{"mailto:alice@example.com", absolute},
		{"//example.com/in", scheme("")},
		{"http://example.com/", scheme("http")},
		{"http://localhost.example.com/", scheme("http")},
		{"http://127.0.0.1.example.com/", scheme("http")},
		{"http://192.168.0.1/", scheme("http")},
		{"http://[::2]/", scheme("http")},
		{"ftp://example.com/", scheme("ftp")},
		{"javascript://example.com/", scheme("javascript")},
		{"ws://localhost/", scheme("ws")},
		{"https://alice@example.com/", user},
		{"https://alice:password@example.com/", user},
		{"https://@example.com/", user},
		{"http://alice@localhost/", user},
		{"https://example.com/?token", param},
		{"https://example.com/?token=", param},
		{"https://example.com/?a=1&token=2", param},
		{"https://example.com/?%74oken=1", param},
		{"https://example.com/?t%6Fken=1#a", param},
		{"https://example.com/?a;b", param},
		{"https://example.com/?a=%zz", param},
	} {
		_, err := onetime.New(rig.Untouched{T: t}, onetimetest.Key, onetime.WithLinkBase(c.base))
		if c.want == "" {
			require.NoError(t, err, c.base)
			continue
		}
		rig.Invalid(t, err, c.want)
	}
}

func TestCallOptions_BadInputAsksNothingOfRedis(t *testing.T) {
	m := rig.Offline(t, onetime.WithLinkBase("https://example.com/in"))
	ctx := t.Context()
	const subject = "alice@example.com"
	type verify = func(*onetime.Manager, ...onetime.VerifyOption) error
	type issue = func(*onetime.Manager, ...onetime.IssueOption) error
	issues := map[string]issue{
		"IssueOTP": func(m *onetime.Manager, o ...onetime.IssueOption) error {
			_, err := m.IssueOTP(ctx, subject, o...)
			return err
		},
		"IssueToken": func(m *onetime.Manager, o ...onetime.IssueOption) error {
			_, err := m.IssueToken(ctx, subject, o...)
			return err
		},
		"IssueLink": func(m *onetime.Manager, o ...onetime.IssueOption) error {
			_, err := m.IssueLink(ctx, subject, o...)
			return err
		},
	}
	verifies := map[string]verify{
		"VerifyOTP": func(m *onetime.Manager, o ...onetime.VerifyOption) error {
			_, err := m.VerifyOTP(ctx, subject, "123456", o...)
			return err
		},
		"VerifyToken": func(m *onetime.Manager, o ...onetime.VerifyOption) error {
			_, err := m.VerifyToken(ctx, strings.Repeat("A", 76), o...)
			return err
		},
		"InspectToken": func(m *onetime.Manager, o ...onetime.VerifyOption) error {
			_, err := m.InspectToken(ctx, strings.Repeat("A", 76), o...)
			return err
		},
	}

	for _, c := range []struct {
		option onetime.IssueOption
		want   string
		only   string // the one call that is tried; all if empty
	}{
		{onetime.WithTTL(0), "onetime: WithTTL(0s): want at least 10s", ""},
		{onetime.WithTTL(-time.Minute), "onetime: WithTTL(-1m0s): want at least 10s", ""},
		{onetime.WithTTL(10*time.Second - 1), "onetime: WithTTL(9.999999999s): want at least 10s", ""},
		{onetime.WithTTL(5*time.Minute + time.Millisecond), "onetime: WithTTL(5m0.001s): want at most the policy's 5m0s", "IssueOTP"},
		{onetime.WithTTL(10*time.Minute + time.Millisecond), "onetime: WithTTL(10m0.001s): want at most the policy's 10m0s", "IssueToken"},
		{onetime.WithTTL(10*time.Minute + time.Millisecond), "onetime: WithTTL(10m0.001s): want at most the policy's 10m0s", "IssueLink"},
		{onetime.WithPayload(make([]byte, 4097)), "onetime: WithPayload: 4097 bytes: want at most 4096", ""},
		{onetime.WithCode(), "onetime: WithCode on IssueOTP: want it on IssueLink", "IssueOTP"},
		{onetime.WithCode(), "onetime: WithCode on IssueToken: want it on IssueLink", "IssueToken"},
		{onetime.WithBinding(""), "onetime: WithBinding: 0 bytes: want 1 to 512", ""},
		{onetime.WithBinding(strings.Repeat("b", 513)), "onetime: WithBinding: 513 bytes: want 1 to 512", ""},
	} {
		for name, call := range issues {
			if c.only == "" || c.only == name {
				rig.Invalid(t, call(m, onetime.AsDecoy(), c.option), c.want)
			}
		}
	}
	for _, c := range []struct {
		option onetime.VerifyOption
		want   string
		only   string
	}{
		{onetime.WithBinding(""), "onetime: WithBinding: 0 bytes: want 1 to 512", ""},
		{onetime.WithBinding(strings.Repeat("b", 513)), "onetime: WithBinding: 513 bytes: want 1 to 512", ""},
		{onetime.WithSubject("alice@example.com"), "onetime: WithSubject on VerifyOTP: want it on VerifyToken or InspectToken", "VerifyOTP"},
		{onetime.IgnoreBinding(), "onetime: IgnoreBinding on VerifyOTP: want it on VerifyToken or InspectToken", "VerifyOTP"},
		{onetime.WithSubject(""), "onetime: subject: 0 bytes: want 1 to 512", "VerifyToken"},
		{onetime.WithSubject("a\x00b"), "onetime: subject: want valid UTF-8 without control characters", "InspectToken"},
		{onetime.WithSubject("a\xff"), "onetime: subject: want valid UTF-8", "VerifyToken"},
	} {
		for name, call := range verifies {
			if c.only == "" || c.only == name {
				rig.Invalid(t, call(m, c.option), c.want)
			}
		}
	}
}

func TestCallOptions_AtTheEdgesOfTheirRanges(t *testing.T) {
	m, _ := onetimetest.New(t, onetime.WithLinkBase("https://example.com/in"), onetime.WithSendLimits())
	ctx := t.Context()

	for _, ttl := range []time.Duration{10 * time.Second, 5 * time.Minute, 10*time.Second + 1500*time.Microsecond} {
		otp, err := m.IssueOTP(ctx, "a", onetime.WithTTL(ttl))
		require.NoError(t, err)
		require.Equal(t, ttl.Truncate(time.Millisecond), otp.ExpiresIn)
	}
	token, err := m.IssueToken(ctx, "a", onetime.WithTTL(10*time.Minute))
	require.NoError(t, err)
	require.Equal(t, 10*time.Minute, token.ExpiresIn)

	for _, size := range []int{1, 512} {
		binding := onetime.WithBinding(strings.Repeat("b", size))
		otp, err := m.IssueOTP(ctx, "a", binding)
		require.NoError(t, err)
		_, err = m.VerifyOTP(ctx, "a", otp.Code, binding)
		require.NoError(t, err)
	}
	for _, size := range []int{0, 1, 4096} {
		payload := bytes.Repeat([]byte{0xff}, size)
		otp, err := m.IssueOTP(ctx, "a", onetime.WithPayload(payload))
		require.NoError(t, err)
		v, err := m.VerifyOTP(ctx, "a", otp.Code)
		require.NoError(t, err)
		require.Equal(t, payload, append([]byte{}, v.Payload...))
		require.Equal(t, size == 0, v.Payload == nil)
	}
}

func TestCallOptions_NilInTheListIsNothing(t *testing.T) {
	m, _ := onetimetest.New(t)
	ctx := t.Context()
	var none onetime.CallOption
	otp, err := m.IssueOTP(ctx, "a", nil, none, onetime.WithTTL(time.Minute), nil)
	require.NoError(t, err)
	require.Equal(t, time.Minute, otp.ExpiresIn)
	_, err = m.VerifyOTP(ctx, "a", otp.Code, nil, none)
	require.NoError(t, err)
	_, err = m.VerifyToken(ctx, "", nil)
	rig.Refused(t, err, onetime.ErrMalformed)
}

// onSubject makes every call that takes a subject.
func onSubject(ctx context.Context, m *onetime.Manager, subject string) map[string]error {
	errs := map[string]error{}
	_, errs["IssueOTP"] = m.IssueOTP(ctx, subject)
	_, errs["IssueToken"] = m.IssueToken(ctx, subject)
	_, errs["IssueLink"] = m.IssueLink(ctx, subject, onetime.WithCode())
	_, errs["VerifyOTP"] = m.VerifyOTP(ctx, subject, "123456")
	_, errs["VerifyToken"] = m.VerifyToken(ctx, "", onetime.WithSubject(subject))
	_, errs["InspectToken"] = m.InspectToken(ctx, "", onetime.WithSubject(subject))
	errs["Cancel"] = m.Cancel(ctx, subject, "AAAAAAAAAAAAAAAA")
	errs["Revoke"] = m.Revoke(ctx, subject)
	errs["Unlock"] = m.Unlock(ctx, subject)
	_, errs["Status"] = m.Status(ctx, subject)
	return errs
}

func TestSubjects_BadOnesAskNothingOfRedis(t *testing.T) {
	m := rig.Offline(t, onetime.WithLinkBase("https://example.com/in"))
	const control = "onetime: subject: want valid UTF-8 without control characters"
	for _, c := range []struct{ subject, want string }{
		{"", "onetime: subject: 0 bytes: want 1 to 512"},
		{strings.Repeat("a", 513), "onetime: subject: 513 bytes: want 1 to 512"},
		{strings.Repeat("ä", 257), "onetime: subject: 514 bytes: want 1 to 512"},
		{strings.Repeat("a", 512) + "@", "onetime: subject: 513 bytes: want 1 to 512"},
		{"\xff", "onetime: subject: want valid UTF-8"},
		{"alice@\xc3", "onetime: subject: want valid UTF-8"},
		{"\xed\xa0\x80", "onetime: subject: want valid UTF-8"}, // half of a surrogate pair
		{"\x00", control},
		{"a\nb", control},
		{"alice\r\nBcc: bob@example.com", control},
		{"a\t", control},
		{"a\x7f", control},
		{"a\u0085", control},
		{"a\u009f", control},
	} {
		for name, err := range onSubject(t.Context(), m, c.subject) {
			rig.Invalid(t, err, c.want)
			require.NotContains(t, err.Error(), "alice", name)
		}
	}
}

func TestSubjects_UpTo512BytesAfterNormalizing(t *testing.T) {
	m, _ := onetimetest.New(t, onetime.WithSendLimits())
	for _, subject := range []string{"a", " ", strings.Repeat("a", 512), strings.Repeat("ä", 256),
		strings.Repeat(" ", 300) + strings.Repeat("a", 511) + "@ ", "+49 30 123456", "\u200b", "\ufffd"} {
		otp, err := m.IssueOTP(t.Context(), subject)
		require.NoError(t, err)
		_, err = m.VerifyOTP(t.Context(), subject, otp.Code)
		require.NoError(t, err)
	}
}

func TestSubjects_DefaultNormalizer(t *testing.T) {
	m := rig.Offline(t)
	for _, c := range []struct{ typed, want string }{
		{"alice@example.com", "alice@example.com"},
		{"ALICE@Example.COM", "alice@example.com"},
		{" \t\u00a0alice@example.com\u3000\r\n", "alice@example.com"},
		{"AZ[`{@\u007e", "az[`{@~"},
		{"\u212Aate@example.com", "\u212Aate@example.com"}, // Kelvin sign, which Unicode lower-cases to k
		{"\u017Fam@example.com", "\u017Fam@example.com"},   // long s, which Unicode upper-cases to S
		{"JOS\u00C9@Example.com", "jos\u00C9@example.com"},
		{"\u0130@X", "\u0130@x"}, // dotted capital I
		{"A B@c", "a b@c"},
		{"@", "@"},
		{" @Bob:Example.org ", "@bob:example.org"}, // no mail, but an @
		{"bob@localhost", "bob@localhost"},
		{"alice@example.com (home)", "alice@example.com (home)"},
		{"bob@b\u00fccher.example", "bob@xn--bcher-kva.example"},
		{strings.Repeat(" ", 2000) + "Ann@B\u00dcCHER.example", "ann@xn--bcher-kva.example"},

		{"Alice", "Alice"}, // no address
		{" Alice ", " Alice "},
		{"\u00a0", "\u00a0"},
		{"+49 30 123456", "+4930123456"},
		{" \u202a+49\u202f(0)30 123456\u202c", "+4930123456"},
		{"+49 30 123456 or later", "+49 30 123456 or later"}, // no number
		{"00493012345678", "00493012345678"},                 // may be a user id
	} {
		subject, err := rig.Subject(m, c.typed)
		require.NoError(t, err)
		require.Equal(t, c.want, subject)
		again, err := rig.Subject(m, subject)
		require.NoError(t, err)
		require.Equal(t, subject, again)
	}
}

// Nine spellings of one mailbox were nine subjects with nine send limits.
func TestRule16_SpellingsHaveOneSendLimit(t *testing.T) {
	for want, spellings := range map[string][]string{
		"ann@xn--bcher-kva.example": {
			"ann@b\u00fccher.example", "ann@xn--bcher-kva.example", "Ann@B\u00dcCHER.example", "ann@bu\u0308cher.example",
			"ann@b\u00fccher\u3002example", "\u200bann@b\u00fccher.example\ufeff", "<ann@b\u00fccher.example>",
			"mailto:ann@xn--bcher-kva.example", "ann@b\u00fccher.example,", "\uff41\uff4e\uff4e\uff20b\u00fccher.example",
			"\u202aann@b\u00fccher.example\u202c", "\u2068ann@XN--BCHER-KVA.example\u2069", "ann@b\u00fccher.example\u00ad",
		},
		"+15550100100": {
			"+1 555 0100100", "+1 (0)555 0100100", "+1\u2011555\u20130100100", "+1\u202f555\u20090100100",
			"\uff0b\uff11\uff15\uff15\uff15\uff10\uff11\uff10\uff10\uff11\uff10\uff10", "\u202a+15550100100\u202c",
		},
	} {
		m, _ := onetimetest.New(t)
		otp, err := m.IssueOTP(t.Context(), want)
		require.NoError(t, err)
		for _, spelling := range spellings {
			_, err := m.IssueOTP(t.Context(), spelling)
			require.ErrorIs(t, err, onetime.ErrThrottled, "%+q", spelling)
		}
		v, err := m.VerifyOTP(t.Context(), spellings[0], otp.Code)
		require.NoError(t, err)
		require.Equal(t, want, v.Subject)
	}
}

func TestWithDangerouslyFixedCodes_ApplyToEverySpelling(t *testing.T) {
	m, _ := onetimetest.New(t, onetime.WithDangerouslyFixedCodes(map[string]string{"+1 (555) 010-0100": "424242"}, time.Now().Add(time.Hour)))
	otp, err := m.IssueOTP(t.Context(), "+15550100100")
	require.NoError(t, err)
	require.Equal(t, "424242", otp.Code)
}

func TestSubjects_SpellingsOfAnAddressAreOneSubject(t *testing.T) {
	m, _ := onetimetest.New(t)
	otp, err := m.IssueOTP(t.Context(), " Alice@Example.com ")
	require.NoError(t, err)
	_, err = m.IssueOTP(t.Context(), "alice@example.com")
	rig.Refused(t, err, onetime.ErrThrottled)
	_, err = m.VerifyOTP(t.Context(), "\u212Alice@example.com", otp.Code)
	rig.Refused(t, err, onetime.ErrNotFound)
	v, err := m.VerifyOTP(t.Context(), "ALICE@EXAMPLE.COM", otp.Code)
	require.NoError(t, err)
	require.Equal(t, "alice@example.com", v.Subject)
}

func TestWithNormalizer_NilKeepsEverySpelling(t *testing.T) {
	m := rig.Offline(t, onetime.WithNormalizer(nil))
	for _, subject := range []string{" Alice@Example.com ", "A", "\u212A@x"} {
		got, err := rig.Subject(m, subject)
		require.NoError(t, err)
		require.Equal(t, subject, got)
	}
	_, err := rig.Subject(m, "alice@example.com\n")
	rig.Invalid(t, err, "onetime: subject: want valid UTF-8 without control characters")
}

func TestWithNormalizer_ItsErrorIsWrappedAndNotPrinted(t *testing.T) {
	for _, cause := range []error{
		errors.New("alice@example.com has no account"),
		noAccount("alice@example.com"), // a value, which fmt would print where a pointer is an address
	} {
		m := rig.Offline(t, onetime.WithLinkBase("https://example.com/in"),
			onetime.WithNormalizer(func(string) (string, error) { return "", cause }))
		for _, err := range onSubject(t.Context(), m, "alice@example.com") {
			rig.Invalid(t, err, "onetime: subject: refused by the normaliser")
			require.ErrorIs(t, err, cause)
			for _, err := range []error{err, fmt.Errorf("login: %w", err), errors.Join(err, err)} {
				require.NotContains(t, fmt.Sprintf("%v %+v %#v %s %q %d", err, err, err, err, err, []error{err}), "alice")
			}
		}
	}
}

// noAccount is an error of a normaliser that names a person.
type noAccount string

func (n noAccount) Error() string { return string(n) + " has no account" }

func TestCheck_AsksNoNormalizer(t *testing.T) {
	m, _ := onetimetest.New(t, onetime.WithNormalizer(func(string) (string, error) { return "", errors.New("no address") }))
	require.NoError(t, m.Check(t.Context()))
}

func TestWithNormalizer_WhatItReturnsIsChecked(t *testing.T) {
	for returned, want := range map[string]string{
		"":                       "onetime: subject: 0 bytes: want 1 to 512",
		strings.Repeat("a", 513): "onetime: subject: 513 bytes: want 1 to 512",
		"\xff":                   "onetime: subject: want valid UTF-8 without control characters",
		"a\n":                    "onetime: subject: want valid UTF-8 without control characters",
	} {
		m := rig.Offline(t, onetime.WithNormalizer(func(string) (string, error) { return returned, nil }))
		_, err := m.IssueOTP(t.Context(), "a")
		rig.Invalid(t, err, want)
	}
}

func TestOptions_OneOptionServesManyManagers(t *testing.T) {
	options := []onetime.Option{onetime.WithKeep(2), onetime.WithSendLimits(manyLimits(2)...)}
	first, second := rig.Offline(t, options...), rig.Offline(t, options...)
	_, err := first.Purpose("other", onetime.WithSendLimits(), onetime.WithKeep(3))
	require.NoError(t, err)
	require.Equal(t, second.Policy(), first.Policy())
	require.Equal(t, manyLimits(2), second.Policy().SendLimits)
}
