package suite_test

import (
	"bufio"
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"math"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/factor"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

// benchServer returns a Manager of the default policy on a real Redis that is empty.
func benchServer(b *testing.B) (*onetime.Manager, *redis.Client) {
	b.Helper()
	rig.Needs(b, rig.Redis)
	s, err := rig.SharedRedis()
	require.NoError(b, err)
	client := redis.NewClient(&redis.Options{Addr: s.Addr, ContextTimeoutEnabled: true})
	b.Cleanup(func() { client.Close() })
	require.NoError(b, client.FlushAll(b.Context()).Err())
	m, err := onetime.New(client, onetimetest.Key, onetime.WithLinkBase("https://example.com/in"))
	require.NoError(b, err)
	return m, client
}

func address(i int) string { return fmt.Sprintf("person%05d@example.com", i) }

// BenchmarkMemory prints what one pending issue costs a real Redis, all counted: the growth of used_memory.
func BenchmarkMemory(b *testing.B) {
	const records = 100_000
	issues := map[string]func(context.Context, *onetime.Manager, string) error{
		"code": func(ctx context.Context, m *onetime.Manager, s string) error {
			_, err := m.IssueOTP(ctx, s)
			return err
		},
		"token": func(ctx context.Context, m *onetime.Manager, s string) error {
			_, err := m.IssueToken(ctx, s)
			return err
		},
		"link with code": func(ctx context.Context, m *onetime.Manager, s string) error {
			_, err := m.IssueLink(ctx, s, onetime.WithCode())
			return err
		},
		"app": func(ctx context.Context, m *onetime.Manager, s string) error { // a code of an authenticator that was used
			f, blob, err := benchApp(m, s)
			if err == nil {
				_, err = f.Verify(ctx, s, appCode(0), [][]byte{blob})
			}
			return err
		},
	}
	for _, kind := range []string{"code", "token", "link with code", "app"} {
		b.Run(kind, func(b *testing.B) {
			for b.Loop() {
				m, client := benchServer(b)
				before := info(b, client, "memory", "used_memory")
				var group sync.WaitGroup
				for worker := range 16 {
					group.Go(func() {
						for i := worker; i < records; i += 16 {
							if err := issues[kind](b.Context(), m, address(i)); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				group.Wait()
				require.EqualValues(b, records, client.DBSize(b.Context()).Val())
				b.ReportMetric(float64(info(b, client, "memory", "used_memory")-before)/records, "bytes/record")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

var (
	blobKey = []byte("a key for the blobs of benchmarks only")
	appKey  = []byte("12345678901234567890")
)

// benchApp returns Factors, and the blob of an app of an account.
func benchApp(m *onetime.Manager, account string) (*factor.Factors, []byte, error) {
	keys, err := factor.NewKeys(blobKey)
	if err != nil {
		return nil, nil, err
	}
	f, err := factor.New(m, keys, "Example")
	if err != nil {
		return nil, nil, err
	}
	imported, err := f.ImportKey(account, appKey)
	return f, imported.Blob, err
}

// appCode is what the app shows so many time steps from now.
func appCode(beside int64) string { return rig.HOTP(sha1.New, appKey, 6, time.Now().Unix()/30+beside) }

func info(b *testing.B, client *redis.Client, section, name string) int {
	b.Helper()
	text := client.Info(b.Context(), section).Val()
	found := regexp.MustCompile(`(?m)^` + name + `:(\d+)`).FindStringSubmatch(text)
	require.NotNil(b, found)
	n, err := strconv.Atoi(found[1])
	require.NoError(b, err)
	return n
}

// serverTime returns how many EVALSHA ran while do did, and the µs that the server spent in them.
func serverTime(b *testing.B, client *redis.Client, do func()) (calls, usec float64) {
	b.Helper()
	require.NoError(b, client.ConfigResetStat(b.Context()).Err())
	do()
	text := client.Info(b.Context(), "commandstats").Val()
	found := regexp.MustCompile(`cmdstat_evalsha:calls=(\d+),usec=(\d+)`).FindStringSubmatch(text)
	require.NotNil(b, found, text)
	calls, _ = strconv.ParseFloat(found[1], 64)
	usec, _ = strconv.ParseFloat(found[2], 64)
	return calls, usec
}

// together makes calls from to to by 32 callers, so that the server is busy and its caches are warm.
func together(from, to int, call func(i int)) {
	var group sync.WaitGroup
	for worker := range 32 {
		group.Go(func() {
			for i := from + worker; i < to; i += 32 {
				call(i)
			}
		})
	}
	group.Wait()
}

// A floor is a script that runs the same Redis commands as one call did, with its values as constants, and no logic.
type floor struct {
	script *redis.Script
	args   []any
}

var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// recordFloor watches one call and makes its floor.
func recordFloor(b *testing.B, client *redis.Client, do func()) floor {
	b.Helper()
	conn, err := net.Dial("tcp", client.Options().Addr)
	require.NoError(b, err)
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(rig.Patience))
	fmt.Fprint(conn, "MONITOR\r\n")
	lines := bufio.NewReader(conn)
	_, err = lines.ReadString('\n')
	require.NoError(b, err)
	do()
	require.NoError(b, client.Echo(b.Context(), "end of call").Err())

	var f floor
	var text strings.Builder
	for {
		line, err := lines.ReadString('\n')
		require.NoError(b, err)
		if strings.Contains(line, "end of call") {
			break
		}
		var words []string
		for _, word := range quoted.FindAllString(line, -1) {
			word, err := strconv.Unquote(word)
			require.NoError(b, err)
			words = append(words, word)
		}
		if strings.EqualFold(words[0], "evalsha") {
			for _, arg := range words[4:] {
				f.args = append(f.args, arg)
			}
		} else if strings.Contains(line, " lua] ") {
			text.WriteString("redis.call(")
			for i, word := range words {
				if i > 0 {
					text.WriteString(", ")
				}
				if i == 1 && words[0] != "TIME" {
					text.WriteString("KEYS[1]")
					continue
				}
				text.WriteByte('\'')
				for _, c := range []byte(word) {
					fmt.Fprintf(&text, `\%03d`, c)
				}
				text.WriteByte('\'')
			}
			text.WriteString(")\n")
		}
	}
	require.NotEmpty(b, f.args)
	f.script = redis.NewScript(text.String() + "return {ARGV[1], 1, 0, 0}")
	return f
}

// BenchmarkServer prints what a script costs a real Redis beside its floor: blocks of calls of both alternate, and the
// best of three rounds counts for each.
func BenchmarkServer(b *testing.B) {
	const calls, rounds, block = 5_000, 3, 500
	ctx := context.Background()
	_, client := benchServer(b)
	pipeliner, err := client.AutoPipeline()
	require.NoError(b, err)
	defer pipeliner.Close()
	m, err := onetime.New(pipeliner, onetimetest.Key, onetime.WithLinkBase("https://example.com/in"))
	require.NoError(b, err)

	// Each case prepares a subject and then makes the call that is measured.
	type call struct{ prepare, measure func(i int) }
	codes, tokens := make([]string, 2*calls), make([]string, 2*calls)
	uses := make([]onetime.Verification, 2*calls)
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	issueCode := func(i int) {
		otp, err := m.IssueOTP(ctx, address(i))
		must(err)
		codes[i] = otp.Code
	}
	issueToken := func(i int) {
		token, err := m.IssueToken(ctx, address(i))
		must(err)
		tokens[i] = token.Value
	}
	verifyCode := func(i int) {
		var err error
		uses[i], err = m.VerifyOTP(ctx, address(i), codes[i])
		must(err)
	}
	nothing := func(int) {}
	f, _, err := benchApp(m, address(0))
	must(err)
	apps, proofs := make([][][]byte, 2*calls), make([]factor.Proof, 2*calls)
	for i := range apps {
		imported, err := f.ImportKey(address(i), appKey)
		must(err)
		apps[i] = [][]byte{imported.Blob}
	}
	useApp := func(i int) {
		var err error
		proofs[i], err = f.Verify(ctx, address(i), appCode(0), apps[i])
		must(err)
	}
	cases := []struct {
		name string
		call
	}{
		{"issue code", call{nothing, issueCode}},
		{"issue token", call{nothing, issueToken}},
		{"issue link with code", call{nothing, func(i int) {
			_, err := m.IssueLink(ctx, address(i), onetime.WithCode())
			must(err)
		}}},
		{"verify right code", call{issueCode, verifyCode}},
		{"verify wrong code", call{issueCode, func(i int) {
			if _, err := m.VerifyOTP(ctx, address(i), rig.WrongCodes(codes[i], 1)[0]); !errors.Is(err, onetime.ErrMismatch) {
				panic(err)
			}
		}}},
		{"verify token", call{issueToken, func(i int) {
			_, err := m.VerifyToken(ctx, tokens[i])
			must(err)
		}}},
		{"inspect token", call{issueToken, func(i int) {
			_, err := m.InspectToken(ctx, tokens[i])
			must(err)
		}}},
		{"undo", call{func(i int) { issueCode(i); verifyCode(i) }, func(i int) { must(uses[i].Undo(ctx)) }}},
		{"use a step", call{nothing, useApp}},
		{"use a step, wrong", call{nothing, func(i int) {
			if _, err := f.Verify(ctx, address(i), appCode(1000), apps[i]); !errors.Is(err, onetime.ErrMismatch) {
				panic(err)
			}
		}}},
		{"use a step, the next", call{func(i int) {
			var err error
			proofs[i], err = f.Verify(ctx, address(i), appCode(-1), apps[i])
			must(err)
		}, func(i int) {
			_, err := f.Verify(ctx, address(i), appCode(1), apps[i])
			must(err)
		}}},
		{"undo a step", call{useApp, func(i int) { must(proofs[i].Undo(ctx)) }}},
		{"revoke", call{issueCode, func(i int) { must(m.Revoke(ctx, address(i))) }}},
		{"unlock", call{issueCode, func(i int) { must(m.Unlock(ctx, address(i))) }}},
		{"status", call{issueCode, func(i int) {
			_, err := m.Status(ctx, address(i))
			must(err)
		}}},
	}
	for _, c := range cases {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				// The records of the floor are those of other subjects, prepared alike.
				must(client.FlushDB(ctx).Err())
				together(calls, 2*calls, func(i int) { c.prepare(i); c.measure(i) })
				keys := client.Keys(ctx, "*").Val()
				require.Len(b, keys, calls)
				must(client.FlushDB(ctx).Err())
				c.prepare(0)
				floor := recordFloor(b, client, func() { c.measure(0) })
				must(floor.script.Load(ctx, client).Err())

				script, least := math.Inf(1), math.Inf(1)
				for range rounds {
					must(client.FlushDB(ctx).Err())
					together(0, 2*calls, c.prepare)
					var scriptCalls, scriptTime, floorCalls, floorTime float64
					for from := 0; from < calls; from += block {
						n, usec := serverTime(b, client, func() { together(from, from+block, c.measure) })
						scriptCalls, scriptTime = scriptCalls+n, scriptTime+usec
						n, usec = serverTime(b, client, func() {
							together(from, from+block, func(i int) {
								must(floor.script.EvalSha(ctx, pipeliner, keys[i:i+1], floor.args...).Err())
							})
						})
						floorCalls, floorTime = floorCalls+n, floorTime+usec
					}
					script, least = min(script, scriptTime/scriptCalls), min(least, floorTime/floorCalls)
				}
				b.ReportMetric(script, "µs/script")
				b.ReportMetric(least, "µs/floor")
				b.ReportMetric(script/least, "×floor")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// An answerer is a Redis that answers at once with what it was told to, so that only the client's work is measured.
type answerer struct {
	redis.Scripter
	cmd   *redis.Cmd
	reply []any
}

func (a *answerer) EvalSha(_ context.Context, _ string, _ []string, args ...any) *redis.Cmd {
	a.reply[0] = args[0]
	return a.cmd
}

// BenchmarkClient prints what a call costs the client, with a Redis that takes no time.
func BenchmarkClient(b *testing.B) {
	start := func(b *testing.B, reply ...any) *onetime.Manager {
		a := &answerer{cmd: redis.NewCmd(b.Context()), reply: append([]any{""}, reply...)}
		a.cmd.SetVal(a.reply)
		m, err := onetime.New(a, onetimetest.Key)
		require.NoError(b, err)
		b.ReportAllocs()
		return m
	}
	ctx := context.Background()
	b.Run("verify OTP", func(b *testing.B) {
		m := start(b, int64(1), "123456789012", int64(1700000000000), int64(1), "")
		for b.Loop() {
			if _, err := m.VerifyOTP(ctx, "person@example.com", "123456"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("verify TOTP", func(b *testing.B) {
		m := start(b, int64(1), int64(1), int64(1700000000000))
		f, blob, err := benchApp(m, "person@example.com")
		require.NoError(b, err)
		code, since := appCode(0), time.Now()
		for b.Loop() {
			if time.Since(since) > time.Minute { // it stays among those that are compared for a little longer
				code, since = appCode(0), time.Now()
			}
			if _, err := f.Verify(ctx, "person@example.com", code, [][]byte{blob}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("issue OTP", func(b *testing.B) {
		m := start(b, int64(1), int64(1), int64(30000))
		for b.Loop() {
			if _, err := m.IssueOTP(ctx, "person@example.com"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("issue token", func(b *testing.B) {
		m := start(b, int64(1), int64(0), int64(30000))
		for b.Loop() {
			if _, err := m.IssueToken(ctx, "person@example.com"); err != nil {
				b.Fatal(err)
			}
		}
	})
}
