package api

import (
	"crypto/sha256"
	"errors"
	"net/http"
)

// An API answers the calls. It is a http.Handler and safe for concurrent use.
type API struct{}

// New returns an API. It reports all that is wrong with the configuration at once, and asks nobody.
func New(c Config) (*API, error) { return nil, errors.New("api: not built yet") }

// Replace makes the API go by another configuration from the next request on; requests under way end by the old one. It takes
// all of it or, with an error, nothing.
func (a *API) Replace(c Config) error { return errors.New("api: not built yet") }

// Document returns the OpenAPI document, as /openapi.json has it.
func (a *API) Document() []byte { return nil }

// ServeHTTP answers a request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }

// KeyDigest returns what a Caller's Keys hold of the text of a key.
func KeyDigest(key string) [32]byte { return sha256.Sum256([]byte(key)) }
