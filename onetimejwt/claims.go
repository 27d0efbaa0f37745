package onetimejwt

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Claims that Sign makes.
const (
	claimIssuer     = "iss"
	claimSubject    = "sub"
	claimAudience   = "aud"
	claimIssuedAt   = "iat"
	claimNotBefore  = "nbf"
	claimExpires    = "exp"
	claimAuthTime   = "auth_time"
	claimID         = "jti"
	claimMethods    = "amr"
	claimPurpose    = "purpose"
	claimFixedCode  = "fixed_code"
	claimClientHash = "client_hash"
)

// reserved are the claims that [WithClaims] must not make: those of Sign, and what [Verifier.Introspect] adds.
var reserved = []string{claimIssuer, claimSubject, claimAudience, claimIssuedAt, claimNotBefore, claimExpires, claimAuthTime,
	claimID, claimMethods, claimPurpose, claimFixedCode, claimClientHash, "active"}

// Claims are what a verified token says. They print as the token's ID only.
type Claims struct {
	// Issuer is who signed: the verifier's issuer.
	Issuer string
	// Account is the claim sub: whom the proof is about, as given to [Issuer.Sign].
	Account string
	// Audience is whom the token is for. The verifier's audience is among it.
	Audience []string
	// IssuedAt, NotBefore and ExpiresAt are in whole seconds; IssuedAt and NotBefore are zero where the token has none.
	IssuedAt, NotBefore, ExpiresAt time.Time
	// AuthTime is when the secret was used, of several the earliest; zero where the token has none.
	AuthTime time.Time
	// ID is the jti: the same for all tokens of one use of a secret for one account and audience.
	ID string
	// Methods is the amr: "otp", with "sms" and "mfa" where these are true.
	Methods []string
	// Purpose is that of the first proof.
	Purpose string
	// FixedCode tells that a code was one of WithDangerouslyFixedCodes, which proves nothing about an inbox.
	FixedCode bool

	clientHash string
	members    map[string]json.RawMessage
}

// Claim reads a claim of [WithClaims], or any other, into a variable as [json.Unmarshal] does. It reports false where there
// is none of that name or it does not fit.
func (c Claims) Claim(name string, into any) bool {
	raw, ok := c.members[name]
	return ok && json.Unmarshal(raw, into) == nil
}

// Format prints the ID, and no person, under any verb but the misplaced %p and %w, which fmt does not ask about.
func (c Claims) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "onetimejwt.Claims(%s)", c.ID) }

// MarshalText returns the ID, and no person; JSON and slog use it.
func (c Claims) MarshalText() ([]byte, error) { return []byte("onetimejwt.Claims(" + c.ID + ")"), nil }

// readClaims takes the claims of a token whose signature is right. It judges their form alone.
func readClaims(payload []byte) (Claims, error) {
	members, err := readObject(payload)
	if err != nil {
		return Claims{}, refused("claims: " + err.Error())
	}
	r := claimReader{members: members}
	c := Claims{
		Issuer: r.text(claimIssuer, true), Account: r.text(claimSubject, true), Audience: r.audience(),
		IssuedAt: r.time(claimIssuedAt, false), NotBefore: r.time(claimNotBefore, false), ExpiresAt: r.time(claimExpires, true),
		AuthTime: r.time(claimAuthTime, false), ID: r.text(claimID, false), Methods: r.texts(claimMethods),
		Purpose: r.text(claimPurpose, false), FixedCode: r.flag(claimFixedCode), clientHash: r.text(claimClientHash, false),
		members: members,
	}
	if r.wrong != "" {
		return Claims{}, refused("claim " + r.wrong)
	}
	return c, nil
}

// A claimReader keeps the name of the first claim that is missing or of another form.
type claimReader struct {
	members map[string]json.RawMessage
	wrong   string
}

// member returns a claim. It reports false where there is none, which is wrong if it is demanded.
func (r *claimReader) member(name string, demanded bool) (json.RawMessage, bool) {
	raw, ok := r.members[name]
	if !ok && demanded {
		r.fail(name)
	}
	return raw, ok
}

func (r *claimReader) fail(name string) {
	if r.wrong == "" {
		r.wrong = name
	}
}

func (r *claimReader) text(name string, demanded bool) string {
	raw, ok := r.member(name, demanded)
	if !ok {
		return ""
	}
	s, ok := text(raw)
	if !ok || checkName(name, s) != nil {
		r.fail(name)
	}
	return s
}

func (r *claimReader) time(name string, demanded bool) time.Time {
	raw, ok := r.member(name, demanded)
	if !ok {
		return time.Time{}
	}
	n, ok := seconds(raw)
	if !ok {
		r.fail(name)
	}
	return time.Unix(n, 0)
}

func (r *claimReader) texts(name string) []string {
	raw, ok := r.member(name, false)
	if !ok {
		return nil
	}
	all, ok := texts(raw)
	if !ok {
		r.fail(name)
	}
	return all
}

// audience is one string or an array of them.
func (r *claimReader) audience() []string {
	raw, ok := r.member(claimAudience, true)
	if !ok {
		return nil
	}
	if one, ok := text(raw); ok {
		return []string{one}
	}
	all, ok := texts(raw)
	if !ok {
		r.fail(claimAudience)
	}
	return slices.Clip(all)
}

func (r *claimReader) flag(name string) bool {
	raw, ok := r.member(name, false)
	if !ok {
		return false
	}
	if s := string(raw); s != "true" && s != "false" {
		r.fail(name)
	}
	return string(raw) == "true"
}
