package api

import (
	"crypto"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimejwt"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

const (
	maxServices = 1000
	maxCallers  = 1000
	maxKeys     = 8
	minKeyBytes = 32

	defaultTimeout = 5 * time.Second
	minTimeout     = 100 * time.Millisecond
	maxTimeout     = time.Minute

	defaultLifetime = 15 * time.Minute
)

var namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// channelNone is the channel of secrets that are given to the caller.
const channelNone onetimesend.Channel = "none"

var channels = []onetimesend.Channel{onetimesend.ChannelMail, onetimesend.ChannelSMS, onetimesend.ChannelVoice, onetimesend.ChannelWebhook}

// A snapshot is a configuration that was found right. It does not change.
type snapshot struct {
	config   Config
	services map[string]*service
	callers  map[[32]byte]*caller // by the digest of each key
	sealer   sealer
	naming   []byte
	issuer   *onetimejwt.Issuer // nil without keys
}

// A service is a Service with what is made of it.
type service struct {
	Service
	policy   onetime.Policy
	verifier *onetimejwt.Verifier // nil without access tokens
}

// A caller is a Caller with its rights as sets.
type caller struct {
	name     string
	scopes   map[Scope]bool
	services map[string]*service
}

// problems collects what is wrong with a configuration.
type problems []error

func (p *problems) add(format string, args ...any) {
	*p = append(*p, fmt.Errorf("api: "+format, args...))
}

// named returns how problems name a service or a caller: by its place where its name is none.
func (p *problems) named(at, kind, name string) string {
	if !namePattern.MatchString(name) {
		p.add("%s.Name: want 1 to 64 of a-z 0-9 . _ -, the first a letter or digit", at)
		return at
	}
	return fmt.Sprintf("%s %q", kind, name)
}

func newSnapshot(c Config) (*snapshot, error) {
	var wrong problems
	s := &snapshot{config: c, services: map[string]*service{}, callers: map[[32]byte]*caller{}}
	if s.config.Timeout == 0 {
		s.config.Timeout = defaultTimeout
	}
	if s.config.Timeout < minTimeout || s.config.Timeout > maxTimeout {
		wrong.add("Config.Timeout: %v: want %v to %v", c.Timeout, minTimeout, maxTimeout)
	}
	if s.config.Clock == nil {
		s.config.Clock = time.Now
	}
	s.readKeys(&wrong)
	s.readIssuer(&wrong)
	if len(c.Services) < 1 || len(c.Services) > maxServices {
		wrong.add("Config.Services: %d: want 1 to %d", len(c.Services), maxServices)
	}
	for i, each := range c.Services {
		s.readService(&wrong, i, each)
	}
	if len(c.Callers) > maxCallers {
		wrong.add("Config.Callers: %d: want at most %d", len(c.Callers), maxCallers)
	}
	names := map[string]bool{}
	for i, each := range c.Callers {
		if names[each.Name] {
			wrong.add("Config.Callers[%d].Name: %q is there twice", i, each.Name)
		}
		names[each.Name] = true
		s.readCaller(&wrong, i, each)
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *snapshot) readKeys(wrong *problems) {
	keys := s.config.SealKeys
	if len(keys) < 1 || len(keys) > maxKeys {
		wrong.add("Config.SealKeys: %d: want 1 to %d", len(keys), maxKeys)
	}
	for i, key := range append(slices.Clone(keys), s.config.NamingKey) {
		name := fmt.Sprintf("SealKeys[%d]", i)
		if i == len(keys) {
			name = "NamingKey"
		}
		if len(key) < minKeyBytes {
			wrong.add("Config.%s: %d bytes: want at least %d", name, len(key), minKeyBytes)
		}
	}
	var err error
	if s.sealer, err = newSealer(keys); err != nil {
		wrong.add("Config.SealKeys: %w", err)
	}
	if s.naming, err = hkdf.Key(sha256.New, s.config.NamingKey, nil, "onetimed idempotency v1", sha256.Size); err != nil {
		wrong.add("Config.NamingKey: %w", err)
	}
}

func (s *snapshot) readIssuer(wrong *problems) {
	if len(s.config.SigningKeys) == 0 {
		return
	}
	var err error
	if s.issuer, err = onetimejwt.NewIssuer(s.config.Issuer, s.config.SigningKeys, onetimejwt.WithClock(s.config.Clock)); err != nil {
		wrong.add("Config.Issuer, Config.SigningKeys: %w", err)
	}
}

func (s *snapshot) readService(wrong *problems, i int, from Service) {
	at := wrong.named(fmt.Sprintf("Config.Services[%d]", i), "service", from.Name)
	if s.services[from.Name] != nil {
		wrong.add("%s: there are two of this name", at)
	}
	made := &service{Service: from}
	s.services[from.Name] = made
	if from.Manager == nil {
		wrong.add("%s: Manager: want one", at)
	} else {
		made.policy = from.Manager.Policy()
		for _, other := range s.services {
			if other != made && other.policy.Purpose == made.policy.Purpose {
				wrong.add("%s: has the purpose of service %q: want one of its own", at, other.Name)
			}
		}
	}
	for _, channel := range from.Channels {
		if !slices.Contains(channels, channel) {
			wrong.add("%s: Channels: %q: want mail, sms, voice or webhook", at, channel)
		}
	}
	if len(from.Channels) > 0 {
		if from.Queue == nil {
			wrong.add("%s: Queue: want one, since there are channels", at)
		}
		if err := sample(from.Message).Check(); err != nil {
			wrong.add("%s: Message: %w", at, err)
		}
	}
	if from.AccessTokens != nil {
		s.readAccessTokens(wrong, at, made)
	}
}

func (s *snapshot) readAccessTokens(wrong *problems, at string, made *service) {
	tokens := *made.AccessTokens
	if tokens.Lifetime == 0 {
		tokens.Lifetime = defaultLifetime
	}
	made.AccessTokens = &tokens
	if tokens.Lifetime < time.Minute || tokens.Lifetime > 24*time.Hour || tokens.Lifetime%time.Second != 0 {
		wrong.add("%s: AccessTokens.Lifetime: %v: want 1m to 24h in whole seconds", at, tokens.Lifetime)
	}
	if s.issuer == nil {
		wrong.add("%s: AccessTokens: want Config.SigningKeys", at)
		return
	}
	var public []crypto.PublicKey
	for _, key := range s.config.SigningKeys {
		public = append(public, key.Public())
	}
	var err error
	made.verifier, err = onetimejwt.NewVerifier(s.config.Issuer, tokens.Audience, onetimejwt.Keys(public...),
		onetimejwt.ForPurpose(made.policy.Purpose), onetimejwt.WithClock(s.config.Clock))
	if err != nil {
		wrong.add("%s: AccessTokens.Audience: %w", at, err)
	}
}

func (s *snapshot) readCaller(wrong *problems, i int, from Caller) {
	at := wrong.named(fmt.Sprintf("Config.Callers[%d]", i), "caller", from.Name)
	made := &caller{name: from.Name, scopes: map[Scope]bool{}, services: map[string]*service{}}
	if len(from.Keys) < 1 || len(from.Keys) > 2 {
		wrong.add("%s: Keys: %d: want 1 or 2", at, len(from.Keys))
	}
	for _, key := range from.Keys {
		if key == ([32]byte{}) || key == KeyDigest("") {
			wrong.add("%s: Keys: want the SHA-256 of a key", at)
		}
		if s.callers[key] != nil {
			wrong.add("%s: Keys: one is there twice", at)
		}
		s.callers[key] = made
	}
	for _, scope := range from.Scopes {
		if !slices.Contains(scopes, scope) {
			wrong.add("%s: Scopes: %q: want start, check, secrets or admin", at, scope)
		}
		made.scopes[scope] = true
	}
	if len(from.Scopes) == 0 {
		wrong.add("%s: Scopes: want at least one", at)
	}
	if made.scopes[ScopeSecrets] && !made.scopes[ScopeStart] {
		wrong.add("%s: Scopes: secrets wants start as well", at)
	}
	for _, name := range from.Services {
		if s.services[name] == nil {
			wrong.add("%s: Services: there is no service %q", at, name)
		}
		made.services[name] = s.services[name]
	}
	if len(from.Services) == 0 {
		wrong.add("%s: Services: want at least one", at)
	}
}

// sample is a message of a service as good as any.
func sample(m onetimesend.Message) onetimesend.Message {
	m.Code, m.URL = "000000", "https://example.com/"
	m.CodeExpiresIn, m.ExpiresIn = time.Minute, time.Minute
	return m
}
