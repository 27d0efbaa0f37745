package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestReload_AChangedNamingKeyIsRefused(t *testing.T) {
	text, dir := onRedis(t, startRedis(t).addr)
	s := start(t, text)
	secretFile(t, dir+"/naming", nextKey)
	require.ErrorContains(t, s.Reload(t.Context()), "keys/naming: it never changes")
	require.Contains(t, s.metric(t), `onetimed_secrets_reads_total{outcome="failed"} 1`)
	secretFile(t, dir+"/naming", namingKey)
	require.NoError(t, s.Reload(t.Context()))
	require.Contains(t, s.metric(t), `onetimed_secrets_reads_total{outcome="same"} 1`)
}

func TestReload_AllOrNothing(t *testing.T) {
	text, dir := onRedis(t, startRedis(t).addr)
	s := start(t, text)
	const other = "another key of 256 random bits in tests"
	secretFile(t, dir+"/shop", digestOf(other)) // right,
	secretFile(t, dir+"/current", "abcd")       // and wrong
	require.ErrorContains(t, s.Reload(t.Context()), "keys/current: the key has 2 bytes")
	require.NoError(t, verify(s.Origin(), shopKey, "ann@example.com"))
	a := s.post(t, other, "/v1/services/login/verifications", map[string]any{"subject": "ann@example.com", "channel": "none"})
	require.Equal(t, http.StatusUnauthorized, a.status)

	require.NoError(t, os.Remove(dir+"/current"))
	require.ErrorContains(t, s.Reload(t.Context()), "keys/current: ")
	secretFile(t, dir+"/current", currentKey)
	require.NoError(t, s.Reload(t.Context()))
	require.NoError(t, verify(s.Origin(), other, "ann@example.com"))
	require.Error(t, verify(s.Origin(), shopKey, "ann@example.com"))
}

func TestReload_LoadedKeysAreAMetric(t *testing.T) {
	text, dir := onRedis(t, startRedis(t).addr)
	secretFile(t, dir+"/previous", nextKey)
	s := start(t, strings.Replace(text, "keys: {", `keys: {previous: ["file:`+dir+`/previous"], `, 1))
	ids := s.held.Load().ids()
	for use, list := range ids {
		for _, id := range list {
			require.Contains(t, s.metric(t), fmt.Sprintf(`onetimed_key_loaded{id="%s",use="%s"} 1`, id, use))
		}
	}
	secretFile(t, dir+"/previous", currentKey) // the keys change places
	secretFile(t, dir+"/current", nextKey)
	require.NoError(t, s.Reload(t.Context()))
	swapped := s.held.Load().ids()
	require.Equal(t, ids["current"], swapped["previous"])
	require.Equal(t, ids["previous"], swapped["current"])
	require.NotContains(t, s.metric(t), fmt.Sprintf(`onetimed_key_loaded{id="%s",use="current"}`, ids["current"][0]))
	for _, key := range []string{namingKey, currentKey, nextKey} {
		require.NotContains(t, s.metric(t), key[:16])
	}
}

// Both keys of a rotation are in the ring of every step, so that no request under way loses its secret; the caller has two
// keys while it changes from one to the next.
func TestReload_FileSecretsReplacedUnderLoadLoseNoAnswer(t *testing.T) {
	text, dir := onRedis(t, startRedis(t).addr)
	const other = "another key of 256 random bits in tests"
	secretFile(t, dir+"/previous", nextKey)
	secretFile(t, dir+"/shop2", digestOf(other))
	text = strings.Replace(text, "keys: {", `keys: {previous: ["file:`+dir+`/previous"], `, 1)
	text = strings.Replace(text, `/shop"]`, `/shop", "file:`+dir+`/shop2"]`, 1)
	s := start(t, text)
	more, end := underLoad(t, 8, func(person string) error { return verify(s.Origin(), shopKey, person) })
	for step := range 10 {
		more(8)
		current, previous := currentKey, nextKey
		if step%2 == 0 {
			current, previous = previous, current
		}
		secretFile(t, dir+"/current", current)
		secretFile(t, dir+"/previous", previous)
		secretFile(t, dir+"/shop2", digestOf(fmt.Sprintf("key %d of 256 random bits in tests", step)))
		require.NoError(t, s.Reload(t.Context()))
	}
	end()
}

func TestRun_ReadsSecretsAtAHangupAndEachTime(t *testing.T) {
	text, dir := onRedis(t, startRedis(t).addr)
	s := open(t, text)
	ctx, cancel := context.WithCancel(t.Context())
	hangup, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- s.Run(ctx, hangup) }()
	const other = "another key of 256 random bits in tests"
	secretFile(t, dir+"/shop", digestOf(other))
	hangup <- struct{}{}
	require.Eventually(t, func() bool { return verify(s.Origin(), other, "ann@example.com") == nil }, longest, shortly)
	secretFile(t, dir+"/shop", "hunter2")
	hangup <- struct{}{}
	require.Eventually(t, func() bool { return strings.Contains(s.log.String(), "the old ones stay") }, longest, shortly)
	require.NotContains(t, s.log.String(), "hunter2")
	require.NoError(t, verify(s.Origin(), other, "ann@example.com"))
	cancel()
	require.NoError(t, <-done)

	secretFile(t, dir+"/shop", digestOf(other))
	s = start(t, "secrets_reload: 1s\n"+text)
	secretFile(t, dir+"/shop", digestOf(shopKey))
	require.Eventually(t, func() bool { return verify(s.Origin(), shopKey, "ann@example.com") == nil }, longest, shortly)
}

func TestReload_ThePasswordOfRedisChanges(t *testing.T) {
	redis := startRedis(t)
	c := redis.client(t)
	require.NoError(t, c.Do(t.Context(), "ACL", "SETUSER", "onetime", "on", ">first", "~*", "+@all").Err())
	text, dir := onRedis(t, redis.addr)
	secretFile(t, dir+"/redis", "redis://onetime:first@"+redis.addr+"/0")
	s := start(t, strings.Replace(text, `"redis://`+redis.addr+`/0"`, `"file:`+dir+`/redis"`, 1))
	require.NoError(t, verify(s.Origin(), shopKey, "ann@example.com"))

	require.NoError(t, c.Do(t.Context(), "ACL", "SETUSER", "onetime", ">second", "<first").Err())
	secretFile(t, dir+"/redis", "redis://onetime:second@"+redis.addr+"/0")
	require.NoError(t, s.Reload(t.Context()))
	require.NoError(t, c.Do(t.Context(), "CLIENT", "KILL", "USER", "onetime").Err())
	require.Eventually(t, func() bool { return verify(s.Origin(), shopKey, "ann@example.com") == nil }, longest, shortly)

	secretFile(t, dir+"/redis", "redis://onetime:hunter2@redis.example.com/0")
	err := s.Reload(t.Context())
	require.ErrorContains(t, err, "redis/url: only user and password change")
	require.NotContains(t, err.Error(), "hunter2")
}

// certificate makes a self-signed one of a name.
func certificate(t testing.TB, name string) (chain, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
}

func TestReload_TheCertificateChanges(t *testing.T) {
	text, dir := onRedis(t, startRedis(t).addr)
	renew := func(name string) {
		chain, key := certificate(t, name)
		secretFile(t, dir+"/chain", chain)
		secretFile(t, dir+"/key", key)
	}
	renew("first.example")
	s := start(t, text+"tls: {certificate: \"file:"+dir+"/chain\", key: \"file:"+dir+"/key\"}\n")
	shown := func() []string {
		conn, err := (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}).DialContext(t.Context(), "tcp", s.listener.Addr().String())
		require.NoError(t, err)
		defer conn.Close()
		return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].DNSNames
	}
	require.Equal(t, []string{"first.example"}, shown())
	renew("second.example")
	require.NoError(t, s.Reload(t.Context()))
	require.Equal(t, []string{"second.example"}, shown())
	secretFile(t, dir+"/key", "hunter2")
	err := s.Reload(t.Context())
	require.ErrorContains(t, err, "tls: want a chain")
	require.NotContains(t, err.Error(), "hunter2")
	_, _, err = net.SplitHostPort(strings.TrimPrefix(s.Origin(), "https://"))
	require.NoError(t, err)
}

func TestReload_ProgramsRunAgainAtAHangupOnly(t *testing.T) {
	text, dir := onRedis(t, startRedis(t).addr)
	s := start(t, strings.Replace(text, `"file:`+dir+`/shop"`, `'exec:["cat","`+dir+`/shop"]'`, 1))
	const other = "another key of 256 random bits in tests"
	secretFile(t, dir+"/shop", digestOf(other))
	require.NoError(t, s.reload(t.Context(), false))
	require.NoError(t, verify(s.Origin(), shopKey, "ann@example.com"))
	require.NoError(t, s.Reload(t.Context()))
	require.NoError(t, verify(s.Origin(), other, "ann@example.com"))
}
