package onetimejwt

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// Where [Issuer.WellKnown] serves, behind the path of the issuer's URL.
const (
	ConfigurationPath = "/.well-known/openid-configuration"
	JWKSPath          = "/.well-known/jwks.json"
)

// keysMaxAge is for how many seconds caches may keep the key set.
const keysMaxAge = "300"

// JWKS serves the public keys as a JWK set (RFC 7517), the one that signs first. It answers GET and HEAD, with an ETag, and
// caches may keep it for 5 min. Of a symmetric issuer it is 404.
func (i *Issuer) JWKS() http.Handler {
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, k := range i.keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.verifier, KeyID: k.id, Algorithm: string(k.algorithm), Use: "sig"})
	}
	return i.document("application/jwk-set+json", set)
}

// Configuration serves the discovery document, by which Spring, AWS and others find the keys by the issuer's name: issuer,
// jwks_uri and the algorithms. An issuer of proofs has no authorization endpoint, so there is no more to say. It answers like
// [Issuer.JWKS].
func (i *Issuer) Configuration() http.Handler {
	var algorithms []string
	for _, k := range i.keys {
		if !slices.Contains(algorithms, string(k.algorithm)) {
			algorithms = append(algorithms, string(k.algorithm))
		}
	}
	return i.document("application/json", map[string]any{
		"issuer": i.name, "jwks_uri": strings.TrimSuffix(i.name, "/") + JWKSPath,
		"id_token_signing_alg_values_supported": algorithms, "subject_types_supported": []string{"public"},
	})
}

// WellKnown serves [Issuer.Configuration] at [ConfigurationPath] and [Issuer.JWKS] at [JWKSPath], both behind the path of the
// issuer's URL, and is 404 elsewhere.
func (i *Issuer) WellKnown() http.Handler {
	if i.url == nil {
		return http.NotFoundHandler()
	}
	at := strings.TrimSuffix(i.url.Path, "/")
	documents := map[string]http.Handler{at + ConfigurationPath: i.Configuration(), at + JWKSPath: i.JWKS()}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if document, ok := documents[r.URL.Path]; ok {
			document.ServeHTTP(w, r)
			return
		}
		http.NotFound(w, r)
	})
}

// document serves what does not change.
func (i *Issuer) document(contentType string, content any) http.Handler {
	body, err := json.Marshal(content)
	if i.url == nil || err != nil {
		return http.NotFoundHandler()
	}
	sum := sha256.Sum256(body)
	etag := `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
			return
		}
		h := w.Header()
		h.Set("Cache-Control", "public, max-age="+keysMaxAge)
		h.Set("ETag", etag)
		h.Set("X-Content-Type-Options", "nosniff")
		if matches(r.Header.Values("If-None-Match"), etag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		h.Set("Content-Type", contentType)
		h.Set("Content-Length", strconv.Itoa(len(body)))
		if r.Method == http.MethodGet {
			w.Write(body)
		}
	})
}

// matches reports whether an If-None-Match names an entity tag, weak or strong.
func matches(conditions []string, etag string) bool {
	for _, condition := range conditions {
		for tag := range strings.SplitSeq(condition, ",") {
			if tag = strings.TrimSpace(tag); tag == "*" || strings.TrimPrefix(tag, "W/") == etag {
				return true
			}
		}
	}
	return false
}
