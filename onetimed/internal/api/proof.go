package api

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/seed-3f7b73d1/onetime/onetimejwt"
)

// A captured is the answer of a handler of onetimejwt, on its way to become one of this API.
type captured struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *captured) Header() http.Header { return w.header }

func (w *captured) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *captured) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

// capture asks a handler, within the time that a call has.
func (c *call) capture(h http.Handler, r *http.Request) *captured {
	w := &captured{header: http.Header{}}
	ctx, cancel := context.WithTimeout(r.Context(), c.snapshot.config.Timeout)
	defer cancel()
	h.ServeHTTP(w, r.WithContext(ctx))
	w.WriteHeader(http.StatusOK)
	return w
}

// verifyToken answers nginx's auth_request: 204 for an access token of the service, and for nothing else.
func verifyToken(c *call) error {
	if c.snapshot.issuer == nil {
		return refuse("no_signing_keys")
	}
	query, err := url.ParseQuery(c.request.URL.RawQuery)
	if err != nil || len(query) != 1 || len(query["service"]) != 1 {
		return &refusal{reason: "bad_request", detail: "Want the query service, once, and nothing else."}
	}
	s := c.snapshot.services[query.Get("service")]
	if s == nil || s.verifier == nil {
		return refuse("not_found")
	}
	c.service = s
	answer := c.capture(s.verifier.AuthRequest(), c.request)
	switch answer.status {
	case http.StatusNoContent:
		for _, name := range []string{onetimejwt.AccountHeader, onetimejwt.PurposeHeader} {
			c.writer.Header().Set(name, answer.header.Get(name))
		}
		c.answer(http.StatusNoContent, "", nil)
		return nil
	case http.StatusUnauthorized:
		return challenged("unauthorized", answer)
	case http.StatusForbidden:
		return challenged("forbidden", answer)
	}
	return refuse("undecided")
}

// challenged is a refusal with the challenge of RFC 6750.
func challenged(reason string, answer *captured) error {
	return &refusal{reason: reason, header: http.Header{"Www-Authenticate": answer.header.Values("WWW-Authenticate")}}
}

// IntrospectOut says what an access token says (RFC 7662).
type IntrospectOut struct {
	_         struct{} `additionalProperties:"true"`
	Active    bool     `json:"active" doc:"It is an access token of one of the caller's services, and good now. If not, there is nothing else."`
	Issuer    string   `json:"iss,omitempty" doc:"Who signed it."`
	Subject   string   `json:"sub,omitempty" doc:"Who was proved."`
	ExpiresAt int64    `json:"exp,omitempty" doc:"When it ends, in seconds since 1970."`
	IssuedAt  int64    `json:"iat,omitempty" doc:"When it was signed, in seconds since 1970."`
	NotBefore int64    `json:"nbf,omitempty" doc:"Since when it is good, in seconds since 1970."`
	AuthTime  int64    `json:"auth_time,omitempty" doc:"When the secret was used, in seconds since 1970."`
	Audience  string   `json:"aud,omitempty" doc:"Whom it is for."`
	ID        string   `json:"jti,omitempty" doc:"The same for all tokens of one use of a secret."`
	Methods   []string `json:"amr,omitempty" nullable:"false" doc:"How it was proved (RFC 8176)."`
	Purpose   string   `json:"purpose,omitempty" doc:"What it is good for: the purpose of the service."`
	FixedCode bool     `json:"fixed_code,omitempty" doc:"A code that the operator fixed was shown: it proves nothing about an inbox."`
}

// introspect tells what an access token says. Whoever is not told by a token's own service is told by nobody.
func introspect(c *call) error {
	if c.snapshot.issuer == nil {
		return refuse("no_signing_keys")
	}
	if err := c.readAll("application/x-www-form-urlencoded"); err != nil {
		return err
	}
	form, err := url.ParseQuery(string(c.body))
	if err != nil || len(form["token"]) != 1 {
		return &refusal{reason: "bad_request", detail: "Want a form with one field token."}
	}
	s := c.serviceOf(form.Get("token"))
	if s == nil {
		return c.answerJSON(http.StatusOK, IntrospectOut{})
	}
	c.service = s
	r := c.request.Clone(c.request.Context())
	r.Body = io.NopCloser(strings.NewReader(url.Values{"token": form["token"]}.Encode()))
	r.Form, r.PostForm = nil, nil
	answer := c.capture(s.verifier.Introspect(func(*http.Request) bool { return true }), r)
	switch answer.status {
	case http.StatusOK:
		c.answer(http.StatusOK, "application/json", answer.body.Bytes())
		return nil
	case http.StatusBadRequest:
		return c.answerJSON(http.StatusOK, IntrospectOut{}) // longer than any token
	}
	return refuse("undecided")
}

// serviceOf returns the service of the caller that a token says it is of. It is not believed: the verifier of that service judges.
func (c *call) serviceOf(token string) *service {
	_, rest, _ := strings.Cut(token, ".")
	claims, _, _ := strings.Cut(rest, ".")
	text, err := base64.RawURLEncoding.DecodeString(claims)
	var said struct {
		Purpose string `json:"purpose"`
	}
	if err != nil || json.Unmarshal(text, &said) != nil {
		return nil
	}
	for _, s := range c.caller.services {
		if s.policy.Purpose == said.Purpose && s.verifier != nil {
			return s
		}
	}
	return nil
}

// wellKnown serves a document of the issuer.
func wellKnown(of func(*onetimejwt.Issuer) http.Handler) func(*call) error {
	return func(c *call) error {
		if c.snapshot.issuer == nil {
			return refuse("no_signing_keys")
		}
		answer := c.capture(of(c.snapshot.issuer), c.request)
		h := c.writer.Header()
		for name, values := range answer.header {
			h[name] = values
		}
		if answer.status == http.StatusNotModified {
			c.answer(answer.status, "", nil)
			return nil
		}
		c.answer(answer.status, answer.header.Get("Content-Type"), answer.body.Bytes())
		return nil
	}
}
