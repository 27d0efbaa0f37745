package api

import (
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimejwt"
)

// Tags of the document.
const (
	tagVerify = "verifications"
	tagProofs = "access tokens"
	tagAdmin  = "admin"
	tagMeta   = "documents"
)

const (
	pathService      = "/v1/services/{service}"
	pathVerification = "/v1/verifications/{id}"
)

var (
	ofIssue = []string{"not_found", "sends_throttled", "codes_locked", "codes_disabled"}
	ofCheck = []string{"malformed", "code_mismatch", "binding_mismatch", "not_found", "used", "attempts_exhausted", "codes_locked", "codes_disabled"}
)

// operations returns all calls that there are.
func operations() []operation {
	all := append(verifying(), administering()...)
	all = append(all, proving()...)
	return append(all, documents()...)
}

func verifying() []operation {
	startOrCheck := []Scope{ScopeStart, ScopeCheck}
	return []operation{
		answering(operation{
			id: "start", method: http.MethodPost, path: pathService + "/verifications", tag: tagVerify, success: http.StatusCreated,
			summary:     "Issue a secret and send it",
			description: "Draws a code, a link or both for a subject, keeps nothing but their keyed digests, and sends them once this answer is on its way.",
			scopes:      []Scope{ScopeStart}, idempotent: true, limits: true, reasons: ofIssue,
		}, start),
		answering(operation{
			id: "resend", method: http.MethodPost, path: pathVerification + "/resend", tag: tagVerify, success: http.StatusCreated,
			summary:     "Issue and send again",
			description: "Issues a new secret in place of the old one and answers with a new id: the newest counts. It takes an id for an hour past its end.",
			scopes:      []Scope{ScopeStart}, idempotent: true, limits: true, reasons: append([]string{"expired", "binding_mismatch"}, ofIssue...),
		}, resend),
		answering(operation{
			id: "check", method: http.MethodPost, path: pathVerification + "/check", tag: tagVerify, success: http.StatusOK,
			summary:     "Check a code",
			description: "Takes the code of an id and uses it up if it is right. 200 means yes, and nothing else does.",
			scopes:      []Scope{ScopeCheck}, idempotent: true, limits: true, reasons: append([]string{"expired"}, ofCheck...),
		}, check),
		answering(operation{
			id: "check-service", method: http.MethodPost, path: pathService + "/check", tag: tagVerify, success: http.StatusOK,
			summary:     "Check a token, or a code without its id",
			description: "Takes the token of a link, or a subject's code, and uses it up if it is right. 200 means yes, and nothing else does.",
			scopes:      []Scope{ScopeCheck}, idempotent: true, limits: true, reasons: append([]string{"subject_mismatch"}, ofCheck...),
		}, checkService),
		answering(operation{
			id: "inspect", method: http.MethodPost, path: "/v1/tokens/inspect", tag: tagVerify, success: http.StatusOK,
			summary:     "Look at a token",
			description: "Tells what a token is about and uses nothing up, for the page that asks the person to go on: mail scanners open links, too. It proves nothing.",
			scopes:      []Scope{ScopeCheck}, reasons: []string{"malformed", "code_mismatch", "binding_mismatch", "not_found", "used"},
		}, inspect),
		answering(operation{
			id: "undo", method: http.MethodPost, path: "/v1/undo", tag: tagVerify, success: http.StatusNoContent,
			summary:     "Give a secret back",
			description: "Gives back what check used up, because what it was used for did not happen. 204 means that it verifies again, unless it has expired meanwhile; nothing else does.",
			scopes:      []Scope{ScopeCheck}, reasons: []string{"not_found", "used", "expired"},
		}, undo),
		answering(operation{
			id: "status", method: http.MethodGet, path: pathVerification, tag: tagVerify, success: http.StatusOK,
			summary:     "Look at a verification",
			description: "Tells whether it is pending. It is no proof: only check says yes. Do not show whoever asked that it was used or is gone before its time, or they learn who has an account.",
			scopes:      startOrCheck, reasons: []string{"not_found", "expired"},
		}, status),
		answering(operation{
			id: "cancel", method: http.MethodDelete, path: pathVerification, tag: tagVerify, success: http.StatusNoContent,
			summary:     "Cancel a verification",
			description: "Makes sure that it does not verify. What is over already is cancelled, too.",
			scopes:      startOrCheck, reasons: []string{"not_found"},
		}, cancel),
	}
}

func administering() []operation {
	admin := func(id, summary, description string, success int) operation {
		return operation{
			id: "admin-" + id, method: http.MethodPost, path: "/v1/admin/{service}/" + id, tag: tagAdmin, success: success,
			summary: summary, description: description, scopes: []Scope{ScopeAdmin},
		}
	}
	return []operation{
		answering(admin("status", "See what is known of a subject", "Tells what is pending, what is locked, and by which name the subject stands in logs.", http.StatusOK), adminStatus),
		answering(admin("explain", "Say in a sentence why somebody cannot get in", "One sentence for support, of what matters most.", http.StatusOK), explain),
		answering(admin("revoke", "End all that is pending", "Nothing that was issued to the subject before verifies any more, and nothing can be undone.", http.StatusNoContent), changing((*onetime.Manager).Revoke)),
		answering(admin("unlock", "Forget failures and limits", "Gives whoever guesses fresh guesses: for a person who proved by other means who they are. Secrets stay.", http.StatusNoContent), changing((*onetime.Manager).Unlock)),
		answering(admin("erase", "Forget a subject", "Revokes, and takes what is left of the subject's secrets and payloads out of Redis. Limits stay until they run out; they name nobody.", http.StatusNoContent), changing((*onetime.Manager).Erase)),
	}
}

func proving() []operation {
	keyless := []string{"no_signing_keys"}
	return []operation{
		{
			id: "introspect", method: http.MethodPost, path: "/v1/access-tokens/introspect", tag: tagProofs, success: http.StatusOK,
			summary:     "See what an access token says",
			description: "Token introspection by RFC 7662, for programs that cannot verify by themselves: it takes a form. A token that is not active is answered by active false.",
			scopes:      []Scope{ScopeCheck}, reasons: append([]string{"bad_request", "body_too_large", "unsupported_media_type"}, keyless...),
			out: reflect.TypeFor[IntrospectOut](), serve: introspect, document: func(o *huma.Operation) {
				o.RequestBody = &huma.RequestBody{Required: true, Description: "A form with the token.", Content: map[string]*huma.MediaType{
					"application/x-www-form-urlencoded": {Schema: &huma.Schema{Type: huma.TypeObject, Required: []string{"token"}, Properties: map[string]*huma.Schema{
						"token":           {Type: huma.TypeString, Description: "The access token."},
						"token_type_hint": {Type: huma.TypeString, Description: "Not looked at."},
					}}},
				}}
			},
		},
		{
			id: "verify", method: http.MethodGet, path: "/v1/access-tokens/verify", tag: tagProofs, success: http.StatusNoContent,
			summary:     "Let a request with an access token pass",
			description: "For nginx's auth_request and others that work alike. It wants no caller's key: the header Authorization has the access token. 204, with X-Auth-Account and X-Auth-Purpose, means yes, and nothing else does.",
			reasons:     append([]string{"bad_request", "unauthorized", "forbidden", "not_found"}, keyless...), serve: verifyToken,
			query: []parameter{{"service", "The service whose access tokens pass.", namePattern.String()}},
			document: func(o *huma.Operation) {
				o.Security = []map[string][]string{{"accessToken": {}}}
				headers := o.Responses["204"].Headers
				headers[onetimejwt.AccountHeader] = &huma.Param{Description: "Who was proved, percent-encoded where it is not plain.", Schema: &huma.Schema{Type: huma.TypeString}}
				headers[onetimejwt.PurposeHeader] = &huma.Param{Description: "The purpose of the service.", Schema: &huma.Schema{Type: huma.TypeString}}
			},
		},
		public("key-set", onetimejwt.JWKSPath, tagProofs, "The keys that access tokens are signed with", "A JWK set (RFC 7517). Caches may keep it for 5 minutes.",
			"application/jwk-set+json", keyless, wellKnown((*onetimejwt.Issuer).JWKS)),
		public("configuration", onetimejwt.ConfigurationPath, tagProofs, "Where the keys are", "The discovery document, by which programs find the keys by the issuer's name.",
			"application/json", keyless, wellKnown((*onetimejwt.Issuer).Configuration)),
	}
}

func documents() []operation {
	return []operation{
		public("openapi", "/openapi.json", tagMeta, "This document", "OpenAPI 3.1, made from the types of the program that answers.", "application/json", nil, func(c *call) error {
			c.answer(http.StatusOK, "application/json", c.api.document)
			return nil
		}),
		public("docs", "/docs", tagMeta, "This document as a page", "It loads nothing from elsewhere and runs no script.", "text/html; charset=utf-8", nil, func(c *call) error {
			h := c.writer.Header()
			h.Set("Content-Security-Policy", docsPolicy)
			h.Set("Referrer-Policy", "no-referrer")
			c.answer(http.StatusOK, "text/html; charset=utf-8", c.api.docs)
			return nil
		}),
	}
}

// public is a document that everybody may read.
func public(id, path, tag, summary, description, kind string, reasons []string, serve func(*call) error) operation {
	return operation{
		id: id, method: http.MethodGet, path: path, tag: tag, summary: summary, description: description, success: http.StatusOK, reasons: reasons, serve: serve,
		document: func(o *huma.Operation) {
			o.Security = []map[string][]string{}
			schema := &huma.Schema{Type: huma.TypeObject, Description: summary + ".", AdditionalProperties: true}
			if kind == "text/html; charset=utf-8" {
				kind, schema = "text/html", &huma.Schema{Type: huma.TypeString, Description: summary + "."}
			}
			if reasons != nil { // of the issuer: it has an ETag
				o.Responses["304"] = &huma.Response{Description: "It has not changed.", Headers: map[string]*huma.Param{
					"X-Request-Id": o.Responses["200"].Headers["X-Request-Id"],
				}}
			}
			o.Responses["200"].Content = map[string]*huma.MediaType{kind: {Schema: schema}}
		},
	}
}
