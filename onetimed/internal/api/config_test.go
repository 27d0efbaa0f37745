package api

import (
	"crypto"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

func TestNew_SaysAllThatIsWrongAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for want, change := range map[string]func(*Config){
		"api: Config.Services: 0: want 1 to 1000":                                                            func(c *Config) { c.Services = nil },
		"api: Config.Timeout: 1ms: want 100ms to 1m0s":                                                       func(c *Config) { c.Timeout = time.Millisecond },
		"api: Config.SealKeys: 0: want 1 to 8":                                                               func(c *Config) { c.SealKeys = nil },
		"api: Config.SealKeys[1]: 3 bytes: want at least 32":                                                 func(c *Config) { c.SealKeys = append(c.SealKeys, []byte("abc")) },
		"api: Config.NamingKey: 0 bytes: want at least 32":                                                   func(c *Config) { c.NamingKey = nil },
		"api: Config.Issuer, Config.SigningKeys: onetimejwt":                                                 func(c *Config) { c.Issuer = "ftp://id" },
		"api: Config.Services[0].Name: want 1 to 64 of a-z 0-9 . _ -":                                        func(c *Config) { c.Services[0].Name = "Login" },
		`api: service "login": there are two of this name`:                                                   func(c *Config) { c.Services[1].Name = "login" },
		`api: service "slow": has the purpose of service "login": want one of its own`:                       func(c *Config) { c.Services[1].Manager = c.Services[0].Manager },
		`api: service "login": Manager: want one`:                                                            func(c *Config) { c.Services[0].Manager = nil },
		`api: service "login": Channels: "none": want mail, sms, voice or webhook`:                           func(c *Config) { c.Services[0].Channels = []onetimesend.Channel{"none"} },
		`api: service "login": Queue: want one, since there are channels`:                                    func(c *Config) { c.Services[0].Queue = nil },
		`api: service "login": Message: onetimesend`:                                                         func(c *Config) { c.Services[0].Message.Brand.Name = "" },
		`api: service "orders": AccessTokens.Lifetime: 1s: want 1m to 24h in whole seconds`:                  func(c *Config) { c.Services[3].AccessTokens = &AccessTokens{Audience: "a", Lifetime: time.Second} },
		`api: service "orders": AccessTokens.Audience: onetimejwt`:                                           func(c *Config) { c.Services[3].AccessTokens = &AccessTokens{} },
		`api: service "orders": AccessTokens: want Config.SigningKeys`:                                       func(c *Config) { c.SigningKeys = nil },
		"api: Config.Callers[0].Name: want 1 to 64 of a-z 0-9 . _ -":                                         func(c *Config) { c.Callers[0].Name = "" },
		`api: Config.Callers[1].Name: "app" is there twice`:                                                  func(c *Config) { c.Callers[1].Name = "app" },
		`api: caller "app": Keys: 0: want 1 or 2`:                                                            func(c *Config) { c.Callers[0].Keys = nil },
		`api: caller "app": Keys: 3: want 1 or 2`:                                                            func(c *Config) { c.Callers[0].Keys = [][32]byte{{1}, {2}, {3}} },
		`api: caller "app": Keys: want the SHA-256 of a key`:                                                 func(c *Config) { c.Callers[0].Keys = [][32]byte{{}} },
		`api: caller "vault": Keys: one is there twice`:                                                      func(c *Config) { c.Callers[1].Keys = c.Callers[0].Keys },
		`api: caller "app": Scopes: "root": want start, check, secrets or admin`:                             func(c *Config) { c.Callers[0].Scopes = []Scope{"root"} },
		`api: caller "app": Scopes: want at least one`:                                                       func(c *Config) { c.Callers[0].Scopes = nil },
		`api: caller "app": Scopes: secrets wants start as well`:                                             func(c *Config) { c.Callers[0].Scopes = []Scope{ScopeSecrets} },
		`api: caller "app": Services: there is no service "none"`:                                            func(c *Config) { c.Callers[0].Services = []string{"none"} },
		`api: caller "app": Services: want at least one`:                                                     func(c *Config) { c.Callers[0].Services = nil },
		`api: caller "app": Keys: want the SHA-256 of a key` + "\n" + `api: caller "app": Services: want at`: func(c *Config) { c.Callers[0].Keys = [][32]byte{KeyDigest("")}; c.Callers[0].Services = nil },
	} {
		c := f.config
		c.Services, c.Callers = append([]Service(nil), c.Services...), append([]Caller(nil), c.Callers...)
		c.SealKeys = append([][]byte(nil), c.SealKeys...)
		change(&c)
		_, err := New(c)
		require.Error(t, err, want)
		require.Contains(t, err.Error(), want)
		for line := range strings.Lines(err.Error()) {
			require.True(t, strings.HasPrefix(line, "api: "), line)
		}
		require.Error(t, f.api.Replace(c), want)
	}
	w := &walker{fixture: f}
	w.do(w.valid("check")).is(200) // what was refused changed nothing
}

func TestReplace_TakesAllOrNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	c := f.config
	c.NamingKey = []byte(strings.Repeat("x", 32))
	require.EqualError(t, f.api.Replace(c), "api: Config.NamingKey: want the same as before")
	c = f.config
	c.Callers = append([]Caller(nil), c.Callers...)
	c.Callers[0].Keys = [][32]byte{KeyDigest("another"), c.Callers[0].Keys[0]}
	require.NoError(t, f.api.Replace(c))
	f.call("app", "POST", startLogin, body("subject", "a@example.com")).is(201)
	f.call("app", "POST", startLogin, body("subject", "a@example.com"), "Authorization", "Bearer another").is(201)
	c.Callers[0].Keys = [][32]byte{KeyDigest("another")}
	require.NoError(t, f.api.Replace(c))
	f.call("app", "POST", startLogin, body("subject", "a@example.com")).is(401)
	c.Callers = c.Callers[1:]
	require.NoError(t, f.api.Replace(c))
	f.call("app", "POST", startLogin, body("subject", "a@example.com"), "Authorization", "Bearer another").is(401)
}

func TestReplace_LosesNoRequestAndMixesNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		c := f.config
		for i := range 200 {
			c.SigningKeys = []crypto.Signer{signingKey(), second()}
			if i%2 == 0 {
				c.SigningKeys = []crypto.Signer{second(), signingKey()}
			}
			if f.api.Replace(c) != nil {
				return
			}
		}
	}()
	w := &walker{fixture: f}
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		f.pass("orders", w.accessToken("orders")).is(204)
	}
}
