package onetimejwt

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Headers of the answer of [Verifier.AuthRequest].
const (
	AccountHeader = "X-Auth-Account"
	PurposeHeader = "X-Auth-Purpose"
)

const (
	maxForm = 16 << 10
	// retryAfter is for how many seconds a fetch of the keys is not tried again.
	retryAfter = "30"
)

type claimsKey struct{}

// ClaimsFrom returns the claims of the token that [Verifier.Bearer] took with the request. It reports false where there was
// none.
func ClaimsFrom(ctx context.Context) (Claims, bool) {
	c, ok := ctx.Value(claimsKey{}).(Claims)
	return c, ok
}

// Bearer serves next to whoever shows a right token in the header Authorization, and [ClaimsFrom] has its claims there. All
// others get the errors of RFC 6750: 401 without a token and with a wrong one, 400 for a header that is none, 403 for another
// purpose; and 503 with Retry-After where the keys of the issuer are not to be had. Tokens in forms and URLs are not looked at.
func (v *Verifier) Bearer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, problem := v.authorize(r)
		if problem != nil {
			problem.answer(w)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), claimsKey{}, claims)))
	})
}

// AuthRequest answers the sub-requests of nginx's auth_request, and of others that work alike: 204 with [AccountHeader] and
// [PurposeHeader], percent-encoded where they are not plain, 401 or 403. What would be 400 is 401, since nginx makes 500 of
// it; so it does of the 503 where there are no keys. It looks at the header Authorization, which nginx passes on.
func (v *Verifier) AuthRequest() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, problem := v.authorize(r)
		if problem != nil {
			if problem.status == http.StatusBadRequest {
				problem.status = http.StatusUnauthorized
			}
			problem.answer(w)
			return
		}
		w.Header().Set(AccountHeader, url.PathEscape(claims.Account))
		w.Header().Set(PurposeHeader, url.PathEscape(claims.Purpose))
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNoContent)
	})
}

// Introspect tells programs that cannot verify by themselves what a token says (RFC 7662): it answers a POST of the form
// field token by JSON, {"active": true} with the token's claims or {"active": false} with nothing else, and by 503 where there
// are no keys. RFC 7662 demands that the caller is known: others than allowed reports true for get 401, and all of them if it
// is nil. A token that was signed [WithClientHash] is not active here: nobody says who shows it.
func (v *Verifier) Introspect(allowed func(*http.Request) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", "POST")
			http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
			return
		}
		if allowed == nil || !allowed(r) {
			(&problem{status: http.StatusUnauthorized}).answer(w)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err := r.ParseForm(); err != nil || len(r.PostForm["token"]) != 1 {
			http.Error(w, "want a form with one field token", http.StatusBadRequest)
			return
		}
		answer := map[string]any{"active": false}
		claims, err := v.Verify(r.Context(), r.PostForm.Get("token"))
		switch {
		case err == nil:
			for name, raw := range claims.members {
				answer[name] = raw
			}
			answer["active"] = true
		case !errors.Is(err, ErrRefused):
			(&problem{status: http.StatusServiceUnavailable}).answer(w)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		json.NewEncoder(w).Encode(answer)
	})
}

// A problem is why a request is not let in.
type problem struct {
	status      int
	error, text string // of RFC 6750, 3; empty where no token was shown
}

// authorize takes the token of a request.
func (v *Verifier) authorize(r *http.Request) (Claims, *problem) {
	token, bad := bearerToken(r)
	if bad != nil {
		return Claims{}, bad
	}
	var opts []VerifyOption
	if v.client != nil {
		ip, userAgent := v.client(r)
		opts = append(opts, FromClient(ip, userAgent))
	}
	claims, err := v.Verify(r.Context(), token, opts...)
	switch {
	case err == nil && v.client != nil && claims.clientHash == "":
		return Claims{}, &problem{http.StatusUnauthorized, "invalid_token", "The token is not tied to a client"}
	case err == nil:
		return claims, nil
	case errors.Is(err, ErrPurpose):
		return Claims{}, &problem{http.StatusForbidden, "insufficient_scope", "The token is of another purpose"}
	case errors.Is(err, ErrExpired):
		return Claims{}, &problem{http.StatusUnauthorized, "invalid_token", "The token expired"}
	case errors.Is(err, ErrRefused):
		return Claims{}, &problem{http.StatusUnauthorized, "invalid_token", "The token is none of the issuer for this service"}
	}
	return Claims{}, &problem{status: http.StatusServiceUnavailable}
}

// bearerToken returns the token of the one header Authorization.
func bearerToken(r *http.Request) (string, *problem) {
	headers := r.Header.Values("Authorization")
	if len(headers) == 0 {
		return "", &problem{status: http.StatusUnauthorized}
	}
	if len(headers) > 1 {
		return "", &problem{http.StatusBadRequest, "invalid_request", "More than one header Authorization"}
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", &problem{status: http.StatusUnauthorized}
	}
	if token = strings.TrimLeft(token, " "); token == "" {
		return "", &problem{http.StatusBadRequest, "invalid_request", "No token in the header Authorization"}
	}
	return token, nil
}

func (p *problem) answer(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	if p.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", retryAfter)
	} else {
		challenge := `Bearer realm="proofs"`
		if p.error != "" {
			challenge += `, error=` + strconv.Quote(p.error) + `, error_description=` + strconv.Quote(p.text)
		}
		w.Header().Set("WWW-Authenticate", challenge)
	}
	http.Error(w, http.StatusText(p.status), p.status)
}
