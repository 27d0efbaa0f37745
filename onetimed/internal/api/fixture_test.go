package api

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

// The keys of the callers, by name.
var keys = map[string]string{}

// callers are those of a fixture: app starts and checks, vault may have secrets, too, and other has a service of its own.
func callers() []Caller {
	all := []string{"login", "slow", "tight", "orders", "bare"}
	return []Caller{
		{Name: "app", Scopes: []Scope{ScopeStart, ScopeCheck}, Services: all},
		{Name: "vault", Scopes: []Scope{ScopeStart, ScopeCheck, ScopeSecrets}, Services: all},
		{Name: "starter", Scopes: []Scope{ScopeStart}, Services: all},
		{Name: "checker", Scopes: []Scope{ScopeCheck}, Services: all},
		{Name: "support", Scopes: []Scope{ScopeAdmin}, Services: all},
		{Name: "other", Scopes: []Scope{ScopeStart, ScopeCheck, ScopeSecrets, ScopeAdmin}, Services: []string{"reset"}},
	}
}

func init() {
	for _, c := range callers() {
		keys[c.Name] = c.Name + "-" + rand.Text()
	}
}

// A fixture is an API on a Redis of its own.
type fixture struct {
	testing.TB
	api     *API
	config  Config
	rdb     *redis.Client
	fault   *fault
	manager map[string]*onetime.Manager
	outbox  *onetimetest.Outbox
	queue   *onetimesend.Queue
	redis   *onetimetest.Clock // nil with a real Redis
	shift   atomic.Int64       // of the local clock, in nanoseconds
	log     *buffer
	calls   chan Call
	events  chan onetime.Event
}

// A buffer is a log that can be read while it is written.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

var (
	signingKey  = sync.OnceValue(func() crypto.Signer { k, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader); return k })
	testKey     = bytes.Repeat([]byte("k"), 32)
	sealKey     = bytes.Repeat([]byte("s"), 32)
	namingKey   = bytes.Repeat([]byte("n"), 32)
	testIssuer  = "https://id.example.com"
	linkBase    = "https://app.example.com/link"
	loose       = []onetime.Option{onetime.WithSendLimits(), onetime.WithGuessLimits(onetime.Limit{Burst: 100, Per: 30 * 24 * time.Hour}), onetime.WithLinkBase(linkBase)}
	looseAnd    = func(opts ...onetime.Option) []onetime.Option { return append(opts[:len(opts):len(opts)], loose...) }
	defaultMail = onetimesend.Message{Brand: onetimesend.Brand{Name: "Example"}}
)

// newFixture returns an API on an embedded Redis whose clock stands still.
func newFixture(t testing.TB, change ...func(*Config)) *fixture {
	rdb, clock := onetimetest.NewRedis(t)
	return fixtureOn(t, rdb, clock, change...)
}

// newRealFixture returns an API on a redis-server.
func newRealFixture(t testing.TB, change ...func(*Config)) *fixture {
	rdb := redis.NewClient(&redis.Options{Network: "unix", Addr: startRedis(t), ContextTimeoutEnabled: true})
	t.Cleanup(func() { rdb.Close() })
	return fixtureOn(t, rdb, nil, change...)
}

// eachBackend runs a test on both.
func eachBackend(t *testing.T, test func(*testing.T, *fixture), change ...func(*Config)) {
	t.Run("miniredis", func(t *testing.T) { t.Parallel(); test(t, newFixture(t, change...)) })
	t.Run("redis", func(t *testing.T) { t.Parallel(); test(t, newRealFixture(t, change...)) })
}

func fixtureOn(t testing.TB, rdb *redis.Client, clock *onetimetest.Clock, change ...func(*Config)) *fixture {
	f := &fixture{TB: t, rdb: rdb, fault: &fault{}, redis: clock, outbox: onetimetest.NewOutbox(t), log: &buffer{}, manager: map[string]*onetime.Manager{},
		calls: make(chan Call, 10_000), events: make(chan onetime.Event, 10_000)}
	rdb.AddHook(f.fault)
	var opts []onetime.Option
	if clock != nil {
		opts = append(opts, clock.Option())
	}
	m, err := onetime.New(rdb, testKey, opts...)
	require.NoError(t, err)
	purpose := func(name string, opts []onetime.Option) *onetime.Manager {
		made, err := m.Purpose("p-"+name, opts...)
		require.NoError(t, err)
		f.manager[name] = made
		return made
	}
	queue, err := onetimesend.NewQueue(f.outbox.Send, onetimesend.WithDelay(0), onetimesend.WithRecipientLimits())
	require.NoError(t, err)
	f.queue = queue
	t.Cleanup(func() { require.NoError(t, queue.Close(context.Background())) })
	mail := []onetimesend.Channel{onetimesend.ChannelMail, onetimesend.ChannelSMS, onetimesend.ChannelVoice}
	f.config = Config{
		Services: []Service{
			{Name: "login", Manager: purpose("login", looseAnd(onetime.WithMaxAttempts(2))), Channels: mail, Queue: queue, Message: defaultMail},
			{Name: "slow", Manager: purpose("slow", []onetime.Option{onetime.WithSendLimits(onetime.Limit{Burst: 1, Per: time.Hour})}), Channels: mail, Queue: queue, Message: defaultMail},
			{Name: "tight", Manager: purpose("tight", []onetime.Option{onetime.WithSendLimits(), onetime.WithGuessLimits(onetime.Limit{Burst: 2, Per: time.Hour})}), Channels: mail, Queue: queue, Message: defaultMail},
			{Name: "orders", Manager: purpose("orders", looseAnd()), Channels: mail, Queue: queue, Message: defaultMail, AccessTokens: &AccessTokens{Audience: "orders"}},
			{Name: "bare", Manager: purpose("bare", []onetime.Option{onetime.WithSendLimits()})},
			{Name: "reset", Manager: purpose("reset", looseAnd()), Channels: mail, Queue: queue, Message: defaultMail, AccessTokens: &AccessTokens{Audience: "reset"}},
		},
		Callers: callers(), SealKeys: [][]byte{sealKey}, NamingKey: namingKey, Issuer: testIssuer, SigningKeys: []crypto.Signer{signingKey()},
		Timeout: maxTimeout, Clock: f.now, Logger: slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		ObserveCall:     func(c Call) { f.calls <- c },
		ObserveDelivery: func(_ context.Context, e onetime.Event) { f.events <- e },
	}
	for i := range f.config.Callers {
		f.config.Callers[i].Keys = [][32]byte{KeyDigest(keys[f.config.Callers[i].Name])}
	}
	for _, c := range change {
		c(&f.config)
	}
	f.api, err = New(f.config)
	require.NoError(t, err)
	return f
}

// now is the local clock.
func (f *fixture) now() time.Time {
	now := time.Now()
	if f.redis != nil {
		now = f.redis.Now()
	}
	return now.Add(time.Duration(f.shift.Load()))
}

// An answer is what a caller got.
type answer struct {
	f      *fixture
	status int
	header http.Header
	body   []byte
}

// A request is what a caller asks.
type request struct {
	caller, method, path string
	body                 any // a string as it stands, all else as JSON; nil: none
	header               []string
}

// call asks, and holds the answer against the document.
func (f *fixture) call(caller, method, path string, body any, header ...string) answer {
	f.Helper()
	return f.do(request{caller, method, path, body, header})
}

func (f *fixture) do(q request) answer {
	f.Helper()
	var text string
	switch b := q.body.(type) {
	case nil:
	case string:
		text = b
	default:
		encoded, err := json.Marshal(b)
		require.NoError(f, err)
		text = string(encoded)
	}
	r := httptest.NewRequest(q.method, q.path, strings.NewReader(text))
	if q.body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if q.caller != "" {
		r.Header.Set("Authorization", "Bearer "+keys[q.caller])
	}
	for i := 0; i+1 < len(q.header); i += 2 {
		r.Header.Set(q.header[i], q.header[i+1])
		if q.header[i+1] == "" {
			r.Header.Del(q.header[i])
		}
	}
	return f.serve(r)
}

func (f *fixture) serve(r *http.Request) answer {
	f.Helper()
	w := httptest.NewRecorder()
	f.api.ServeHTTP(w, r)
	a := answer{f, w.Code, w.Result().Header, w.Body.Bytes()}
	f.validate(r, a)
	return a
}

// field returns a member of the answer.
func (a answer) field(name string) any {
	a.f.Helper()
	var members map[string]any
	require.NoError(a.f, json.Unmarshal(a.body, &members), string(a.body))
	return members[name]
}

func (a answer) text(name string) string {
	a.f.Helper()
	text, ok := a.field(name).(string)
	require.True(a.f, ok, "%s in %s", name, a.body)
	return text
}

// is demands a status, and of a problem its reason.
func (a answer) is(status int, reason ...string) answer {
	a.f.Helper()
	require.Equal(a.f, status, a.status, string(a.body))
	if len(reason) > 0 {
		require.Equal(a.f, reason[0], a.text("reason"), string(a.body))
	}
	return a
}

// start starts as app and returns the answer with the message that was sent.
func (f *fixture) start(service string, body map[string]any) (answer, onetimetest.Sent) {
	f.Helper()
	a := f.call("app", "POST", "/v1/services/"+service+"/verifications", body).is(201)
	to, ok := body["to"].(string)
	if !ok {
		to = body["subject"].(string)
	}
	for {
		if sent := f.outbox.Next(); sent.To.Addresses[0].Value == to {
			return a, sent
		}
	}
}

// sentNothing demands that no message is left that nobody took, and that none is on its way. It ends the queue.
func (f *fixture) sentNothing() {
	f.Helper()
	require.NoError(f, f.queue.Close(context.Background()))
	require.Zero(f, f.outbox.Len())
}

// started returns a new id and its code.
func (f *fixture) started(service, subject string) (id, code string) {
	f.Helper()
	a, sent := f.start(service, map[string]any{"subject": subject})
	return a.text("id"), sent.Code
}

func (f *fixture) check(id, code string, header ...string) answer {
	f.Helper()
	return f.call("app", "POST", "/v1/verifications/"+id+"/check", map[string]any{"code": code}, header...)
}

// wrong returns a code that is not the given one; n tells several apart.
func wrong(code string, n int) string {
	var value int
	fmt.Sscanf(code, "%d", &value)
	return fmt.Sprintf("%06d", (value+1+n)%1_000_000)
}

func freshKey(t testing.TB) crypto.Signer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

var second = sync.OnceValue(func() crypto.Signer { k, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader); return k })

// body makes an object of names and values.
func body(members ...any) map[string]any {
	object := map[string]any{}
	for i := 0; i < len(members); i += 2 {
		object[members[i].(string)] = members[i+1]
	}
	return object
}

// flip alters a text in its midst.
func flip(text string) string {
	i := len(text) / 2
	other := byte('A')
	if text[i] == other {
		other = 'B'
	}
	return text[:i] + string(other) + text[i+1:]
}
