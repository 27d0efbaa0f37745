package config

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

func TestLoad_NothingIsDevelopmentOnLoopback(t *testing.T) {
	c, err := Load(nil, nil)
	require.NoError(t, err)
	require.True(t, c.Development())
	require.True(t, c.Inbox())
	require.Equal(t, "127.0.0.1:8080", c.Address())
}

func TestLoad_EachPlaceGoesBeforeTheNext(t *testing.T) {
	file := write(t, "a.yaml", "timeout: 1s\nshutdown: {delay: 1s, timeout: 1s}\n")
	c, err := Load([]string{"--shutdown/timeout=3s"}, []string{
		"ONETIMED_CONFIG=" + file, "ONETIMED_SHUTDOWN__DELAY=2s", "ONETIMED_SHUTDOWN__TIMEOUT=2s", "PATH=/bin",
	})
	require.NoError(t, err)
	require.Equal(t, []time.Duration{time.Second, 2 * time.Second, 3 * time.Second},
		[]time.Duration{c.Timeout, c.Shutdown.Delay, c.Shutdown.Timeout})
}

func TestLoad_NamesOfServicesHoldDotsAndDashes(t *testing.T) {
	c, err := load(t, production)
	require.NoError(t, err)
	require.Equal(t, time.Hour, *c.Services["password.reset-2"].TokenTTL)
	require.Equal(t, 8, *c.Services["login"].CodeLength)
	require.Equal(t, []onetimesend.Channel{onetimesend.ChannelMail}, c.Services["login"].Channels)
	require.Equal(t, []onetime.Limit{{Burst: 1, Per: time.Minute}, {Burst: 10, Per: 24 * time.Hour}}, c.Services["login"].SendLimits)
	require.False(t, c.Development())
	require.False(t, c.Inbox())
	c, err = Load([]string{"--services/a.b-c/code_length=7"}, nil)
	require.NoError(t, err)
	require.Equal(t, 7, *c.Services["a.b-c"].CodeLength)
}

func TestLoad_TheSameFromEachFormat(t *testing.T) {
	for name, text := range map[string]string{
		"a.yaml": "services:\n  log.in:\n    code_length: 8\n    send_limits: [1 per 1m]\n",
		"a.json": `{"services":{"log.in":{"code_length":8,"send_limits":["1 per 1m"]}}}`,
		"a.toml": "[services.\"log.in\"]\ncode_length = 8\nsend_limits = [\"1 per 1m\"]\n",
	} {
		c, err := Load([]string{"--config=" + write(t, name, text)}, nil)
		require.NoError(t, err, name)
		require.Equal(t, 8, *c.Services["log.in"].CodeLength, name)
		require.Equal(t, []onetime.Limit{{Burst: 1, Per: time.Minute}}, c.Services["log.in"].SendLimits, name)
	}
}

func TestLoad_AllThatIsWrongIsToldAtOnce(t *testing.T) {
	_, err := load(t, `
listne: ":80"
timeout: 1h
redis: {ulr: x, pool_size: many}
keys: {current: hunter2}
services:
  login: {code_length: 3, otp_ttl: 1h, alphabet: abc, send_limits: [5 in 1m], channels: [pigeon], brand: Example}
  Lo/gin: {keep: 1}
callers:
  shop: {keys: [hunter2], scopes: [everything]}
`)
	require.Error(t, err)
	for _, want := range []string{
		"listne: there is no such setting",
		"timeout: want 100ms to 1m",
		"redis/ulr: there is no such setting",
		"redis/pool_size: want 0 to 10000",
		"keys/current: want env:NAME, file:PATH",
		"services/login/code_length: want 6 to 12",
		"services/login/otp_ttl: want 10s to 10m",
		"services/login/alphabet: want digits or crockford32",
		"services/login/send_limits: number 1: want 1 to 1000 per 1s to 720h",
		"services/login/channels: number 1: want mail, sms or webhook",
		"services/login/brand: want its settings below it",
		"services/Lo/gin/keep: want a name",
		"callers/shop/keys: number 1: want sha256:",
		"callers/shop/scopes: number 1: want start, check, secrets or admin",
	} {
		require.ErrorContains(t, err, want)
	}
	require.NotContains(t, err.Error(), "hunter2")
	require.Len(t, Lines(err), 14)
}

func TestLoad_UnsafeStartsAreRefusedAndSayWhatToSet(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"beyond loopback with nothing":  {`listen: ":8080"`, []string{"set redis/url", "set keys/naming and keys/current", "set callers", "set services"}},
		"beyond loopback without Redis": {without("redis"), []string{"listen: other machines can reach :8443, so set redis/url"}},
		"beyond loopback without keys":  {without("keys"), []string{"listen: other machines can reach :8443, so set keys/naming"}},
		"beyond loopback without mail":  {without("mail"), []string{"services/login/channels: mail needs mail/url and mail/from"}},
		"half the keys":                 {strings.Replace(production, `, current: "file:/run/secrets/current"`, "", 1), []string{"keys: want keys/naming and keys/current, both or none"}},
		"a real Redis with random keys": {`redis: {url: "redis://localhost"}`, []string{"redis/url: what is kept there outlives this process, so set keys/naming", "set callers"}},
		"tests with a real Redis":       {"dev_listen: \":80\"\nredis: {url: \"redis://localhost\"}", []string{"dev_listen: is for tests"}},
		"SMS that anyone may cause":     {"sms: {url: \"https://sms.example.com\"}", []string{"sms: want sms/allow and sms/caps as well"}},
		"access tokens without a key":   {without("signing_keys"), []string{"services/login/access_tokens/audience: needs signing_keys"}},
		"access tokens of nobody":       {without("public_url"), []string{"signing_keys: want public_url"}},
		"one purpose twice":             {"services: {a: {purpose: b}, b: {}}", []string{"services/b/purpose: is that of a, too"}},
		"a caller of no service":        {production + "  other: {keys: [\"env:X\"], scopes: [start], services: [logout]}\n", []string{"callers/other/services: number 1 is no service"}},
		"a caller of nothing":           {production + "  other: {}\n", []string{"callers/other/keys: is needed", "callers/other/scopes: is needed", "callers/other/services: is needed"}},
		"half of TLS":                   {"tls: {key: \"file:/x\"}", []string{"tls: want tls/certificate and tls/key"}},
		"half of mail":                  {"mail: {from: a@example.com}", []string{"mail: want mail/url and mail/from"}},
		"half of a webhook":             {"webhook: {url: \"https://example.com\"}", []string{"webhook: want webhook/url and webhook/secrets"}},
		"no listener":                   {"listen: \"off\"", []string{"listen: want HOST:PORT"}},
		"messages of nobody":            {"services: {a: {channels: [mail]}}", []string{"services/a/brand/name: is needed"}},
	} {
		_, err := load(t, test.text)
		require.Error(t, err, name)
		for _, want := range test.want {
			require.ErrorContains(t, err, want, name)
		}
	}
	_, err := load(t, production)
	require.NoError(t, err)
}

// without returns the production settings without one of their lines.
func without(setting string) string {
	var kept []string
	for line := range strings.Lines(production) {
		if !strings.HasPrefix(line, setting) {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

func TestLoad_FilesThatAreNotWellFormed(t *testing.T) {
	for name, text := range map[string]string{
		"a.yaml": "redis:\n  url: a\n  url: b\n", "b.yaml": "keys: {hunter2", "c.json": `{"timeout":"1s","timeout":"2s"}`,
		"d.toml": "timeout = \"1s\"\ntimeout = \"2s\"\n", "e.toml": "hunter2", "f.ini": "x",
	} {
		_, err := Load([]string{"--config=" + write(t, name, text)}, nil)
		require.ErrorContains(t, err, name)
		require.NotContains(t, err.Error(), "hunter2")
	}
	_, err := Load([]string{"--config=/does/not/exist.yaml"}, nil)
	require.ErrorContains(t, err, "no such file")
}

func TestLoad_ArgumentsThatAreNone(t *testing.T) {
	for _, args := range [][]string{{"serve"}, {"-listen=x"}, {"--listen"}, {"--"}, {"--timeout=1s", "--timeout=2s"}, {"--unknown=1"}, {"--redis=x"}, {"--services=x"}} {
		_, err := Load(args, nil)
		require.Error(t, err, args)
	}
	_, err := Load(nil, []string{"ONETIMED_TIMEOUT=1s", "ONETIMED_timeout=2s"})
	require.ErrorContains(t, err, "is set twice")
	_, err = Load(nil, []string{"ONETIMED_REDIS=x", "ONETIMED_REDIS__URL=redis://localhost"})
	require.Error(t, err)
	c, err := Load([]string{"--dev-listen=:8080", "--monitor-listen", "off"}, nil)
	require.NoError(t, err)
	require.Equal(t, ":8080", c.Address())
	require.Equal(t, "off", c.MonitorListen)
}

func TestLoad_EverySettingIsReadAndItsDefaultIsOfItsRange(t *testing.T) {
	c, err := Load(nil, nil)
	require.NoError(t, err)
	s := newService("login")
	lifetime := s.Lifetime
	for _, setting := range serviceSettings {
		if setting.Default != "" && setting.Path != "purpose" {
			require.NoError(t, setting.set(s, setting.Default), setting.Path)
		}
		require.Error(t, setting.set(s, 3.5), setting.Path)
	}
	for _, setting := range settings {
		require.Error(t, setting.set(c, 3.5), setting.Path)
	}
	require.Equal(t, lifetime, s.Lifetime)
	// What the table says of a service are the defaults of the library.
	m := policyOf(t)
	require.Equal(t, m.CodeLength, *s.CodeLength)
	require.Equal(t, m.Alphabet, *s.Alphabet)
	require.Equal(t, m.OTPTTL, *s.OTPTTL)
	require.Equal(t, m.TokenTTL, *s.TokenTTL)
	require.Equal(t, m.MaxAttempts, *s.MaxAttempts)
	require.Equal(t, m.Keep, *s.Keep)
	require.Equal(t, m.SendLimits, s.SendLimits)
	require.Equal(t, m.GuessLimits, s.GuessLimits)
}

func TestLoad_WhatKubernetesSetsForAServiceOfThatNameIsNoSetting(t *testing.T) {
	_, err := Load(nil, []string{
		"ONETIMED_SERVICE_HOST=10.0.0.1", "ONETIMED_SERVICE_PORT=80", "ONETIMED_SERVICE_PORT_HTTP=80", "ONETIMED_PORT=tcp://10.0.0.1:80",
		"ONETIMED_PORT_80_TCP=tcp://10.0.0.1:80", "ONETIMED_PORT_80_TCP_PROTO=tcp", "ONETIMED_PORT_80_TCP_PORT=80", "ONETIMED_PORT_80_TCP_ADDR=10.0.0.1",
		"ONETIMED_REDIS_SERVICE_HOST=10.0.0.2", "ONETIMED_REDIS_PORT_6379_TCP=tcp://10.0.0.2:6379",
	})
	require.NoError(t, err)
	_, err = Load(nil, []string{"ONETIMED_PORTS=1"})
	require.ErrorContains(t, err, "ports: there is no such setting")
	for _, path := range paths() { // and no setting is taken for one
		name := strings.ToUpper(strings.ReplaceAll(path, delimiter, "__"))
		require.False(t, ofKubernetes.MatchString(name), name)
	}
}

// paths returns those of all settings.
func paths() []string {
	var all []string
	for _, s := range settings {
		all = append(all, s.Path)
	}
	for _, s := range serviceSettings {
		all = append(all, "services/login/"+s.Path)
	}
	for _, s := range callerSettings {
		all = append(all, "callers/shop/"+s.Path)
	}
	return all
}
