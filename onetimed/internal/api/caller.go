package api

import (
	"net/http"
	"strings"
)

var scopes = []Scope{ScopeStart, ScopeCheck, ScopeSecrets, ScopeAdmin}

// bearer returns what a request shows as "Authorization: Bearer", if there is exactly one.
func bearer(r *http.Request) (string, bool) {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return "", false
	}
	scheme, key, found := strings.Cut(values[0], " ")
	return key, found && strings.EqualFold(scheme, "Bearer") && key != ""
}

// identify finds the caller. A key is looked up by its digest, and it has 256 random bits: how long that takes tells nothing
// that helps to find one.
func (c *call) identify() error {
	key, ok := bearer(c.request)
	if !ok {
		return refuse("unauthorized")
	}
	c.key = KeyDigest(key)
	if c.caller = c.snapshot.callers[c.key]; c.caller == nil {
		return refuse("unauthorized")
	}
	for _, scope := range c.operation.scopes {
		if c.caller.scopes[scope] {
			return nil
		}
	}
	return refuse("forbidden")
}

// enter makes the call one of a service. One that is not the caller's is answered like one that there is not.
func (c *call) enter(name string) error {
	if c.service = c.caller.services[name]; c.service == nil {
		return refuse("forbidden")
	}
	return nil
}
