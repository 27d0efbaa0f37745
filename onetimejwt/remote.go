package onetimejwt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	// keysLife is for how long a set that was fetched is used without a question: what issuers allow caches by max-age.
	keysLife = 5 * time.Minute
	// keysWait is the age from which on a token waits for a newer set; before, the set is renewed while tokens go on.
	keysWait = 10 * time.Minute
	// keysStale is the age from which on a set is not believed any more.
	keysStale = time.Hour
	// fetchPause is between two fetches, whatever asks for them.
	fetchPause   = 30 * time.Second
	fetchTimeout = 5 * time.Second

	maxSetBytes = 64 << 10
	maxSetKeys  = 64
)

// Remote are the public keys that the issuer serves as a JWK set at an https URL, or at an http one of this computer, such as
// https://id.example.com/.well-known/jwks.json.
//
// The set is fetched when a token needs it: the first time, when it is 5 min old, and when a token names a key that is not in
// it, but never within 30 s of the last time. A fetch takes at most 5 s and 64 KiB and follows no redirects. When it fails the
// keys count until they are 1 h old; then, and where the key is not among them, the answer is [ErrNoKeys]. So a key that the
// issuer takes out is refused after 10 min at the latest, while the issuer can be reached. Only keys of [Keys]' kinds count,
// for signatures by their one algorithm; symmetric and private ones are ignored.
func Remote(address string) KeySource {
	return KeySource{func(c *verifierConfig) (keySet, error) {
		if _, err := checkURL("Remote", address, true); err != nil {
			return nil, err
		}
		client := &http.Client{
			Transport: c.http.Transport, Timeout: fetchTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
		return &remoteKeys{address: address, client: client, now: c.now}, nil
	}}
}

// remoteKeys is a set that is fetched. No goroutine of it outlives a fetch.
type remoteKeys struct {
	address string
	client  *http.Client
	now     func() time.Time

	mu      sync.Mutex
	keys    map[string]key
	fetched time.Time // when keys were
	tried   time.Time // when the last fetch began
	failed  error     // why the last fetch brought nothing
	running chan struct{}
}

func (s *remoteKeys) find(ctx context.Context, kid string) ([]key, error) {
	s.mu.Lock()
	now := s.now()
	k, known := s.keys[kid]
	known = known && within(now, s.fetched, keysStale)
	if (!known || !within(now, s.fetched, keysLife)) && s.running == nil && !within(now, s.tried, fetchPause) {
		s.tried, s.running = now, make(chan struct{})
		go s.fetch(s.running, now)
	}
	running := s.running
	// Where the last fetch failed, this one is not worth waiting for.
	if known && (running == nil || s.failed != nil || within(now, s.fetched, keysWait)) {
		s.mu.Unlock()
		return []key{k}, nil
	}
	s.mu.Unlock()
	if running != nil {
		select {
		case <-running:
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", ErrNoKeys, ctx.Err())
		}
	}
	return s.look(kid)
}

// look finds a key without asking for a fetch.
func (s *remoteKeys) look(kid string) ([]key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, known := s.keys[kid]
	switch fresh := within(s.now(), s.fetched, keysStale); {
	case known && fresh:
		return []key{k}, nil
	case s.failed != nil:
		return nil, fmt.Errorf("%w: %w", ErrNoKeys, s.failed)
	case !fresh:
		return nil, ErrNoKeys
	}
	return nil, errUnknownKey
}

// within reports whether now is less than d after a time, and not before it: a clock that was set back says nothing.
func within(now, then time.Time, d time.Duration) bool {
	passed := now.Sub(then)
	return !then.IsZero() && 0 <= passed && passed < d
}

// fetch fetches the set, for all that wait for it: the context of none of them ends it.
func (s *remoteKeys) fetch(done chan struct{}, now time.Time) {
	keys, err := s.get()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed = err; err == nil {
		s.keys, s.fetched = keys, now
	}
	s.running = nil
	close(done)
}

func (s *remoteKeys) get() (map[string]key, error) {
	ctx, cancel := context.WithTimeout(context.Background(), fetchTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.address, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/jwk-set+json, application/json")
	response, err := s.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the key set was answered by status %d", response.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxSetBytes+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxSetBytes {
		return nil, fmt.Errorf("the key set has more than %d bytes", maxSetBytes)
	}
	return readKeySet(body)
}

// readKeySet returns the keys of a JWK set that can verify. A set without any is an error: it is some mistake, and what was
// known goes on.
func readKeySet(body []byte) (map[string]key, error) {
	members, err := readObject(body)
	if err != nil {
		return nil, fmt.Errorf("the key set: %w", err)
	}
	var raw []json.RawMessage
	if err := json.Unmarshal(members["keys"], &raw); len(members["keys"]) == 0 || err != nil {
		return nil, errors.New("the key set has no array keys")
	}
	if len(raw) > maxSetKeys {
		return nil, fmt.Errorf("the key set has %d keys: want at most %d", len(raw), maxSetKeys)
	}
	keys := map[string]key{}
	for _, r := range raw {
		k, ok := readKey(r)
		if _, twice := keys[k.id]; ok && !twice {
			keys[k.id] = k
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("the key set has no key that could verify")
	}
	return keys, nil
}

// readKey reads a public key that verifies signatures by one algorithm. It reports false for any other.
func readKey(raw json.RawMessage) (key, bool) {
	members, err := readObject(raw)
	if err != nil {
		return key{}, false
	}
	for _, private := range []string{"k", "d", "p", "q", "dp", "dq", "qi", "oth", "priv"} {
		if _, there := members[private]; there {
			return key{}, false
		}
	}
	id, ok := text(members["kid"])
	if use, there := members["use"]; !ok || there && string(use) != `"sig"` {
		return key{}, false
	}
	// go-jose sees what makes the key and nothing else: no certificates, no URLs.
	bare := map[string]json.RawMessage{}
	for _, name := range []string{"kty", "crv", "x", "y", "n", "e"} {
		if value, there := members[name]; there {
			bare[name] = value
		}
	}
	encoded, err := json.Marshal(bare)
	if err != nil {
		return key{}, false
	}
	var jwk jose.JSONWebKey
	if jwk.UnmarshalJSON(encoded) != nil {
		return key{}, false
	}
	k, ok := publicKey(jwk.Key)
	if alg, there := members["alg"]; !ok || there && string(alg) != `"`+string(k.algorithm)+`"` {
		return key{}, false
	}
	k.id = id
	return k, true
}
