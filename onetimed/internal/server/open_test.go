package server

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

// openError returns what Open says of settings that cannot be right.
func openError(t testing.TB, text string) error {
	t.Helper()
	s, err := Open(t.Context(), settings(t, text), Environment{Out: io.Discard, Log: io.Discard})
	if err == nil {
		s.Close()
	}
	require.Error(t, err)
	return err
}

func TestOpen_AllSecretsThatAreWrongAreToldAtOnceAndNoneIsRepeated(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"naming", "previous", "signing", "shop", "mail", "tls"} {
		secretFile(t, dir+"/"+name, "hunter2")
	}
	text, _ := onRedis(t, "127.0.0.1:1")
	text = strings.NewReplacer("keys: {naming", `keys: {previous: ["file:`+dir+`/previous"], naming`).Replace(text) + fmt.Sprintf(`
signing_keys: ["file:%[1]s/signing"]
public_url: https://id.example.com
tls: {certificate: "file:%[1]s/tls", key: "file:%[1]s/tls"}
sms: {url: "https://sms.example.com", password: "file:%[1]s/none", allow: ["+49"], caps: [1 per 1s]}
`, dir)
	text = strings.Replace(text, `["file:`, `["env:NOT_SET_IN_TESTS", "file:`, 1)
	err := openError(t, text)
	for _, want := range []string{
		"keys/previous: number 1: the environment variable NOT_SET_IN_TESTS is not set", "keys/previous: number 2: the key is neither",
		"signing_keys: number 1: want a private key in PEM", "sms/password: open ", "tls: want a chain of certificates",
	} {
		require.ErrorContains(t, err, want)
	}
	require.NotContains(t, err.Error(), "hunter2")
}

func TestOpen_SettingsThatTheLibraryRefusesAreToldWithTheirService(t *testing.T) {
	text, _ := onRedis(t, "127.0.0.1:1")
	text = strings.Replace(text, "send_limits: [1000 per 1s]", "send_limits: [1 per 1s, 2 per 1s]", 1)
	text = strings.Replace(text, "services:\n", "services:\n  other: {link_base: \"https://example.com/?token=x\"}\n", 1)
	err := openError(t, text)
	require.ErrorContains(t, err, "services/login: onetime: WithSendLimits")
	require.ErrorContains(t, err, "services/other: onetime: WithLinkBase")
}

func TestOpen_APortThatIsTakenIsTold(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	require.ErrorContains(t, openError(t, "listen: "+l.Addr().String()), "listen: ")
	c := settings(t, "")
	c.MonitorListen = l.Addr().String()
	_, err = Open(t.Context(), c, Environment{Out: io.Discard, Log: io.Discard})
	require.ErrorContains(t, err, "monitor_listen: ")
}

func TestOpenDatabase_URLs(t *testing.T) {
	const password = "hunter2"
	c := settings(t, "").Redis
	for _, address := range []string{
		"redis://localhost", "redis://user:" + password + "@localhost:6379/3", "rediss://localhost:6379", "redis+cluster://localhost:7000?addr=localhost:7001",
		"redis+sentinel://localhost:26379/0?master_name=main&addr=localhost:26380", "rediss+sentinel://:" + password + "@localhost:26379?master_name=main",
	} {
		d, err := openDatabase(address, c)
		require.NoError(t, err, address)
		require.NotContains(t, placeOf(address), password)
		d.client.Close()
	}
	for _, address := range []string{
		password, "http://" + password, "redis://", "redis+ring://" + password, "redis+sentinel://" + password, "redis://:" + password + "@localhost/x",
		"redis+cluster://localhost?unknown=" + password, "://" + password,
	} {
		_, err := openDatabase(address, c)
		require.ErrorIs(t, err, errRedisURL, address)
		require.NotContains(t, err.Error(), password)
	}
}

func TestCheck_AsksRedisAndListensNowhere(t *testing.T) {
	redis := startRedis(t)
	text, _ := onRedis(t, redis.addr)
	env := Environment{Out: io.Discard, Log: io.Discard}
	require.NoError(t, Check(t.Context(), settings(t, text), env))
	require.NoError(t, Check(t.Context(), settings(t, ""), env))
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	require.NoError(t, Check(t.Context(), settings(t, "listen: "+taken.Addr().String()+"\n"+text), env))

	require.NoError(t, redis.client(t).ConfigSet(t.Context(), "maxmemory-policy", "allkeys-lru").Err())
	require.NoError(t, redis.client(t).ConfigSet(t.Context(), "maxmemory", "100mb").Err())
	require.ErrorContains(t, Check(t.Context(), settings(t, text), env), "redis/url: ")
	redis.kill()
	require.ErrorContains(t, Check(t.Context(), settings(t, text), env), "redis/url: ")
}

// A gateway is what messages are sent to in a test.
func gateway(t testing.TB) (url string, got <-chan string) {
	t.Helper()
	bodies := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if secret := "whsec_" + strings.Repeat("QUJD", 8); r.Header.Get("webhook-id") != "" {
			if onetimesend.VerifyWebhook(r.Header, body, secret) != nil {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
		} else if user, password, _ := r.BasicAuth(); user != "AC1" || password != "sms password" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		bodies <- string(body)
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(`{"sid":"SM1"}`))
	}))
	t.Cleanup(server.Close)
	return server.URL, bodies
}

func TestServer_SendsByWebhook(t *testing.T) {
	url, got := gateway(t)
	text, dir := onRedis(t, startRedis(t).addr)
	secretFile(t, dir+"/webhook", "whsec_"+strings.Repeat("QUJD", 8))
	text = strings.Replace(text, "login: {", "login: {channels: [webhook], brand: {name: Example}, ", 1) + fmt.Sprintf(`
queue: {delay: 0s}
webhook: {url: %q, secrets: ["file:%s/webhook"], allow_networks: [127.0.0.0/8]}
`, url, dir)
	s := start(t, text)
	started := s.post(t, shopKey, "/v1/services/login/verifications", map[string]any{"subject": "user-17", "to": "user-17"})
	require.Equal(t, http.StatusCreated, started.status, started.raw)
	require.NotContains(t, started.body, "code", "who has it sent is not given it")
	var message map[string]any
	require.NoError(t, json.Unmarshal([]byte(<-got), &message))
	require.NoError(t, check(s.Origin(), shopKey, started.body["id"].(string), find(message, "code")))
}

// find returns the text of the first member of a name, at any depth.
func find(v any, name string) string {
	switch v := v.(type) {
	case map[string]any:
		if s, is := v[name].(string); is {
			return s
		}
		for _, inner := range v {
			if s := find(inner, name); s != "" {
				return s
			}
		}
	case []any:
		for _, inner := range v {
			if s := find(inner, name); s != "" {
				return s
			}
		}
	}
	return ""
}

func TestServer_SendsTextMessagesToAllowedNumbersOnly(t *testing.T) {
	url, got := gateway(t)
	text, dir := onRedis(t, startRedis(t).addr)
	secretFile(t, dir+"/sms", "sms password")
	text = strings.Replace(text, "login: {", "login: {channels: [sms], brand: {name: Example}, ", 1) + fmt.Sprintf(`
queue: {delay: 0s}
sms: {url: %q, user: AC1, password: "file:%s/sms", from: "+15555550199", allow: ["+1555"], caps: [100 per 1h], allow_networks: [127.0.0.0/8]}
`, url, dir)
	s := start(t, text)
	for to, want := range map[string]string{"+4930555010": `outcome="refused"`, "+15555550100": `outcome="delivered"`} {
		started := s.post(t, shopKey, "/v1/services/login/verifications", map[string]any{"subject": to})
		require.Equal(t, http.StatusCreated, started.status, started.raw)
		require.Eventually(t, func() bool { return strings.Contains(s.metric(t), want) }, longest, shortly)
	}
	require.Contains(t, <-got, "To=%2B15555550100")
	require.Empty(t, got)
}
