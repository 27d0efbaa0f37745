package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/onetimed/internal/api"
	"github.com/seed-3f7b73d1/onetime/onetimed/internal/config"
)

// Keys of tests, in hexadecimal, and the key of the caller "shop".
var (
	namingKey  = strings.Repeat("0a", 32)
	currentKey = strings.Repeat("1b", 32)
	nextKey    = strings.Repeat("2c", 32)
)

const shopKey = "4f2c0b6f-a key of 256 random bits in tests"

func TestMain(m *testing.M) {
	LogRedis(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

// A buffer is written and read by several goroutines.
type buffer struct {
	mutex sync.Mutex
	bytes bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.bytes.Write(p)
}

func (b *buffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.bytes.String()
}

// A running server is one that a test has started.
type running struct {
	*Server
	out, log *buffer
	// stop ends the server and returns what Run returned.
	stop func() error
}

// settings loads the settings of a text in YAML, with ports that are free.
func settings(t testing.TB, text string) *config.Config {
	t.Helper()
	file := filepath.Join(t.TempDir(), "onetimed.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	flags := []string{"--config=" + file, "--monitor-listen=127.0.0.1:0"}
	if !strings.Contains(text, "listen:") {
		flags = append(flags, "--listen=127.0.0.1:0")
	}
	c, err := config.Load(flags, nil)
	require.NoError(t, err)
	return c
}

// open opens a server that is not running yet.
func open(t testing.TB, text string) *running {
	t.Helper()
	r := &running{out: &buffer{}, log: &buffer{}}
	s, err := Open(t.Context(), settings(t, text), Environment{Out: r.out, Log: r.log})
	require.NoError(t, err)
	r.Server = s
	return r
}

// run runs it until stop or the end of the test.
func (r *running) run(t testing.TB) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx, nil) }()
	r.stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() { r.stop() })
	return r
}

func start(t testing.TB, text string) *running {
	t.Helper()
	return open(t, text).run(t)
}

// An answer is what came back.
type answer struct {
	status int
	header http.Header
	body   map[string]any
	raw    string
}

// client has no limit of its own but that of a test that hangs.
var client = &http.Client{Timeout: time.Minute}

// call sends a call of the API. Where it gets no answer, that is the error.
func call(origin, key, method, path string, body any) (answer, error) {
	var text io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return answer{}, err
		}
		text = bytes.NewReader(b)
	}
	request, err := http.NewRequest(method, origin+path, text)
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Authorization", "Bearer "+key)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{status: response.StatusCode, header: response.Header, raw: string(raw)}
	json.Unmarshal(raw, &a.body)
	return a, nil
}

func (r *running) post(t testing.TB, key, path string, body any) answer {
	t.Helper()
	a, err := call(r.Origin(), key, http.MethodPost, path, body)
	require.NoError(t, err)
	return a
}

// get gets a page of a listener by its origin.
func get(t testing.TB, url string) answer {
	t.Helper()
	response, err := client.Get(url)
	require.NoError(t, err)
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return answer{status: response.StatusCode, header: response.Header, raw: string(raw)}
}

func (r *running) metric(t testing.TB) string {
	t.Helper()
	return get(t, "http://"+r.MonitorAddr()+"/metrics").raw
}

// verify starts a verification whose code is given to the caller, and checks it. Either answer that is no yes is an error.
func verify(origin, key, subject string) error {
	id, code, err := issue(origin, key, subject)
	if err != nil {
		return err
	}
	return check(origin, key, id, code)
}

func issue(origin, key, subject string) (id, code string, err error) {
	a, err := call(origin, key, http.MethodPost, "/v1/services/login/verifications", map[string]any{"subject": subject, "channel": "none"})
	if err != nil {
		return "", "", err
	}
	if a.status != http.StatusCreated {
		return "", "", fmt.Errorf("start: %d %s", a.status, a.raw)
	}
	return a.body["id"].(string), a.body["code"].(string), nil
}

func check(origin, key, id, code string) error {
	a, err := call(origin, key, http.MethodPost, "/v1/verifications/"+id+"/check", map[string]any{"code": code})
	if err == nil && a.status != http.StatusOK {
		err = fmt.Errorf("check: %d %s", a.status, a.raw)
	}
	return err
}

// A redisServer is a real Redis of a test.
type redisServer struct {
	addr    string
	command *exec.Cmd
}

// startRedis starts one, with nothing in it.
func startRedis(t testing.TB, args ...string) *redisServer {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("no redis-server on PATH")
		}
		t.Skip("no redis-server on PATH")
	}
	for range 5 { // another process may take the port in between
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		_, port, _ := net.SplitHostPort(l.Addr().String())
		l.Close()
		r := &redisServer{addr: "127.0.0.1:" + port}
		r.command = exec.Command(program, append([]string{"--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", t.TempDir()}, args...)...)
		require.NoError(t, r.command.Start())
		t.Cleanup(r.kill)
		if r.answers() {
			return r
		}
		r.kill()
	}
	t.Fatal("redis-server does not start")
	return nil
}

func (r *redisServer) answers() bool {
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if conn, err := net.Dial("tcp", r.addr); err == nil {
			conn.Close()
			return true
		}
		if r.command.ProcessState != nil {
			return false
		}
	}
	return false
}

// kill ends the server at once.
func (r *redisServer) kill() {
	r.command.Process.Kill()
	r.command.Wait()
}

func (r *redisServer) client(t testing.TB) *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: r.addr, ContextTimeoutEnabled: true})
	t.Cleanup(func() { c.Close() })
	return c
}

// secretFile writes a secret, as whoever replaces it does: whole or not at all.
func secretFile(t testing.TB, file, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(file+".new", []byte(text), 0o600))
	require.NoError(t, os.Rename(file+".new", file))
}

// onRedis returns the settings of a server on a real Redis, with its secrets in files of a directory.
func onRedis(t testing.TB, address string) (text, dir string) {
	t.Helper()
	dir = t.TempDir()
	secretFile(t, dir+"/naming", namingKey)
	secretFile(t, dir+"/current", currentKey)
	secretFile(t, dir+"/shop", digestOf(shopKey))
	return fmt.Sprintf(`
redis: {url: "redis://%s/0"}
timeout: 2s
shutdown: {delay: 0s, timeout: 1m}
keys: {naming: "file:%[2]s/naming", current: "file:%[2]s/current"}
services:
  login: {send_limits: [1000 per 1s]}
callers:
  shop: {keys: ["file:%[2]s/shop"], scopes: [start, check, secrets, admin], services: [login]}
`, address, dir), dir
}

func digestOf(key string) string { return fmt.Sprintf("sha256:%x", api.KeyDigest(key)) }

// longest is how long what must happen may take on a busy machine, and shortly how often a test looks. No test takes longest
// unless it fails.
const (
	longest = time.Minute
	shortly = 5 * time.Millisecond
)

func decode(t testing.TB, response *http.Response) map[string]any {
	t.Helper()
	var body map[string]any
	require.NoError(t, json.NewDecoder(response.Body).Decode(&body))
	return body
}

// underLoad lets so many callers do something again and again, each time for another person. more waits until so many more were
// answered; end stops the callers, and fails the test for what failed.
func underLoad(t *testing.T, callers int, do func(person string) error) (more func(n int64), end func()) {
	var load sync.WaitGroup
	var answered atomic.Int64
	stop := make(chan struct{})
	failures := make(chan error, 100)
	for caller := range callers {
		load.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				if err := do(fmt.Sprintf("person-%d-%d@example.com", caller, i)); err != nil {
					select {
					case failures <- err:
					default:
					}
				}
				answered.Add(1)
			}
		})
	}
	more = func(n int64) {
		before := answered.Load()
		require.Eventually(t, func() bool { return answered.Load() > before+n }, longest, shortly)
	}
	return more, func() {
		close(stop)
		load.Wait()
		close(failures)
		for err := range failures {
			t.Error(err)
		}
	}
}
