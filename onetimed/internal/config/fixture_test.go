package config

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
)

// write makes a file of settings.
func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// load loads the settings of a file of YAML.
func load(t testing.TB, text string) (*Config, error) {
	t.Helper()
	return Load([]string{"--config", write(t, "onetimed.yaml", text)}, nil)
}

// production are settings that may be reached from anywhere.
const production = `
listen: ":8443"
public_url: https://id.example.com
redis: {url: "redis://redis.example.com:6379/0"}
keys: {naming: "file:/run/secrets/naming", current: "file:/run/secrets/current"}
mail: {url: "env:MAIL_URL", from: "Example <sign-in@example.com>"}
signing_keys: ["file:/run/secrets/signing.pem"]
services:
  login:
    channels: [mail]
    brand: {name: Example}
    code_length: 8
    send_limits: [1 per 1m, 10 per 24h]
    access_tokens: {audience: orders}
  password.reset-2:
    channels: [mail]
    brand: {name: Example}
    link_base: https://example.com/reset
    token_ttl: 1h
callers:
  shop:
    keys: ["sha256:0000000000000000000000000000000000000000000000000000000000000000"]
    scopes: [start, check]
    services: [login, password.reset-2]
`

// policyOf returns the policy of the library's defaults.
func policyOf(t testing.TB) onetime.Policy {
	t.Helper()
	m, err := onetime.New(redis.NewClient(&redis.Options{}), make([]byte, 32))
	require.NoError(t, err)
	return m.Policy()
}
