package onetimejwt_test

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/onetimejwt"
)

// What is refused below is refused for the one thing that was altered.
func TestRule19_ARightTokenMadeByHandVerifies(t *testing.T) {
	d := open(t, p256())
	accepts(t, d.verifier, forge(header(nil), d.claims(nil)), "made by hand")
	accepts(t, d.verifier, d.sign(t), "signed")
}

func TestRule19_NoAlgorithmButThatOfTheKey(t *testing.T) {
	d := open(t, p256())
	claims := d.claims(nil)
	for _, alg := range []string{"none", "None", "NONE", ""} {
		refuses(t, d.verifier, b64(header(map[string]any{"alg": alg}))+"."+b64(claims)+".", alg+" without a signature")
		refuses(t, d.verifier, forge(header(map[string]any{"alg": alg}), claims), alg)
	}
	for _, alg := range []string{"es256", "Es256", "ES384", "ES512", "RS256", "PS256", "EdDSA", "HS256", "ES256 "} {
		refuses(t, d.verifier, forge(header(map[string]any{"alg": alg}), claims), alg)
	}
	for _, alg := range []any{nil, 7, []string{"ES256"}, map[string]any{"ES256": 1}, true} {
		refuses(t, d.verifier, forge(header(map[string]any{"alg": alg}), claims), fmt.Sprint(alg))
	}
}

// The public key is known to all: it must not be a secret that signs.
func TestRule19_HS256WithThePublicKeyAsTheSecret(t *testing.T) {
	d := open(t, p256())
	der, err := x509.MarshalPKIXPublicKey(p256().Public())
	require.NoError(t, err)
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	point, err := p256().PublicKey.Bytes()
	require.NoError(t, err)
	for name, known := range map[string][]byte{"DER": der, "PEM": text, "PEM without the last line break": text[:len(text)-1], "point": point, "empty": {}} {
		signed := b64(header(map[string]any{"alg": "HS256"})) + "." + b64(d.claims(nil))
		refuses(t, d.verifier, signed+"."+b64(hs256(known, signed)), name)
	}
}

func TestRule19_TheHeaderChoosesAKeyByItsIDAndNothingElse(t *testing.T) {
	d := open(t, p256())
	claims := d.claims(nil)
	mine := newP256()
	jwk := map[string]any{"kty": "EC", "crv": "P-256", "x": b64(string(mine.X.FillBytes(make([]byte, 32)))), "y": b64(string(mine.Y.FillBytes(make([]byte, 32))))}
	for name, value := range map[string]any{
		"jwk": jwk, "jku": "https://attacker.example/jwks.json", "x5u": "https://attacker.example/cert.pem", "x5c": []string{"AA=="},
		"x5t": "AA", "x5t#S256": "AA", "crit": []string{"exp"}, "b64": false, "cty": "JWT", "zip": "DEF", "nonce": "1", "": 1,
	} {
		altered := header(map[string]any{name: value})
		signed := b64(altered) + "." + b64(claims)
		refuses(t, d.verifier, signed+"."+b64(es256(mine, signed)), name+", signed by whoever brought it")
		refuses(t, d.verifier, forge(altered, claims), name+", signed by the issuer")
	}
	for _, crit := range []any{[]string{"unknown"}, []string{}, []string{"b64"}, "exp", json.RawMessage("null")} {
		refuses(t, d.verifier, forge(header(map[string]any{"crit": crit, "unknown": crit}), claims), "crit")
	}
	for _, kid := range []any{nil, "", "another", 7, "../../dev/null", "' OR 1=1", []string{"a"}} {
		if kid == nil {
			refuses(t, d.verifier, forge(header(map[string]any{"kid": nil}), claims), "no kid")
			continue
		}
		refuses(t, d.verifier, forge(header(map[string]any{"kid": kid}), claims), fmt.Sprint(kid))
	}
}

func TestRule19_MembersThatReadersMayReadDifferently(t *testing.T) {
	d := open(t, p256())
	right := d.claims(nil)
	with := func(more string) string { return strings.TrimSuffix(right, "}") + more + "}" }
	for name, claims := range map[string]string{
		"sub twice":                 with(`,"sub":"account-2"`),
		"sub twice, the same":       with(`,"sub":"account-1"`),
		"sub twice, escaped":        with(`,"\u0073ub":"account-2"`),
		"sub twice by case":         with(`,"Sub":"account-2"`),
		"sub twice by Unicode case": with(`,"\u017fub":"account-2"`),
		"own claim twice":           with(`,"role":"user","role":"admin"`),
		"twice in an object":        with(`,"role":{"a":1,"A":2}`),
		"twice in an array":         with(`,"role":[{"a":1,"a":2}]`),
		"an object behind":          right + `{"sub":"account-2"}`,
		"a bracket behind":          right + "}",
		"a word behind":             right + " x",
		"a NUL behind":              right + "\x00",
		"an array":                  "[" + right + "]",
		"a string":                  `"` + account + `"`,
		"null":                      "null",
		"a number":                  "1",
		"a comment":                 "/**/" + right,
		"a byte order mark":         "\ufeff" + right,
		"no UTF-8":                  strings.Replace(right, account, "account-\xff", 1),
		"cut short":                 strings.TrimSuffix(right, "}"),
		"deep":                      with(`,"x":` + strings.Repeat("[", 20) + strings.Repeat("]", 19)),
	} {
		refuses(t, d.verifier, forge(header(nil), claims), name)
	}
	head := header(nil)
	for name, altered := range map[string]string{
		"alg twice":         strings.TrimSuffix(head, "}") + `,"alg":"ES256"}`,
		"alg twice by case": strings.TrimSuffix(head, "}") + `,"ALG":"none"}`,
		"alg by case":       strings.Replace(head, `"alg"`, `"Alg"`, 1),
		"kid by case":       strings.Replace(head, `"kid"`, "\"\u212aid\"", 1),
		"an object behind":  head + head,
		"no object":         `"ES256"`,
	} {
		refuses(t, d.verifier, forge(altered, right), "header: "+name)
	}
	accepts(t, d.verifier, forge(" "+head+"\n", "\t"+right+"\r\n"), "white space is JSON")
}

func TestRule19_OneSpellingOfEachToken(t *testing.T) {
	d := open(t, p256())
	token := d.sign(t)
	parts := strings.Split(token, ".")
	// The last character of a signature of 64 bytes carries 2 bits that count: 16 spellings of the same bytes.
	last := parts[2][len(parts[2])-1:]
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for _, other := range strings.Split(letters, "") {
		if other != last {
			refuses(t, d.verifier, strings.TrimSuffix(token, last)+other, "last character "+other)
		}
	}
	for n := range parts {
		for name, spelled := range map[string]string{
			"padding": parts[n] + "=", "two of padding": parts[n] + "==", "a blank behind": parts[n] + " ", "a blank before": " " + parts[n],
			"a line break behind": parts[n] + "\n", "a line break within": parts[n][:4] + "\r\n" + parts[n][4:], "a NUL": parts[n] + "\x00",
			"standard base64": base64.RawStdEncoding.EncodeToString(append(must(base64.RawURLEncoding.DecodeString(parts[n])), 0xff, 0xef, 0xbe)),
			"empty":           "", "percent": "%" + parts[n], "full-width": "\uff21" + parts[n],
		} {
			altered := append([]string{}, parts...)
			altered[n] = spelled
			refuses(t, d.verifier, strings.Join(altered, "."), fmt.Sprintf("part %d: %s", n, name))
		}
	}
	for _, shape := range []string{"", ".", "..", "...", "a", "a.b", token + ".", "." + token, token + "." + parts[2], parts[0] + "." + parts[1], `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`, " " + token, token + "\n"} {
		refuses(t, d.verifier, shape, shape)
	}
}

func TestRule19_EveryAlteredByteIsRefused(t *testing.T) {
	d := open(t, p256())
	token := d.sign(t)
	for n := range token {
		for _, letter := range "AQ_." {
			if altered := token[:n] + string(letter) + token[n+1:]; altered != token {
				refuses(t, d.verifier, altered, altered)
			}
		}
	}
}

// Each is refused before it costs more than its length: memory is counted, not time.
func TestRule19_HugeTokensCostNothing(t *testing.T) {
	d := open(t, p256())
	huge := forge(header(map[string]any{"kid": strings.Repeat("k", 1<<20)}), d.claims(nil))
	for name, token := range map[string]string{
		"a header of 1 MB": huge, "a million dots": strings.Repeat(".", 1_000_000), "a million dots behind": d.sign(t) + strings.Repeat(".", 1_000_000),
		"claims of 1 MB": forge(header(nil), d.claims(map[string]any{"x": strings.Repeat("x", 1<<20)})), "a signature of 1 MB": d.sign(t) + strings.Repeat("A", 1<<20),
	} {
		refuses(t, d.verifier, token, name)
		require.LessOrEqual(t, testing.AllocsPerRun(10, func() { d.verifier.Verify(t.Context(), token) }), 10.0, name)
	}
	deep := strings.Repeat(`[`, 6000)
	refuses(t, d.verifier, b64(deep)+"."+b64("{}")+"."+b64("x"), "a deep header")
}

func TestRule19_SignaturesOfAnotherForm(t *testing.T) {
	d := open(t, p256())
	signed := b64(header(nil)) + "." + b64(d.claims(nil))
	right := es256(p256(), signed)
	zero, order := strings.Repeat("\x00", 32), string(p256().Params().N.Bytes())
	digest := sha256.Sum256([]byte(signed))
	der, err := ecdsa.SignASN1(nil, p256(), digest[:])
	require.NoError(t, err)
	for name, signature := range map[string]string{
		"r and s zero": zero + zero, "r zero": zero + right[32:], "s zero": right[:32] + zero, "r the order": order + right[32:], "s the order": right[:32] + order,
		"r and s the order": order + order, "r and s one": zero[1:] + "\x01" + zero[1:] + "\x01",
		"all ones": strings.Repeat("\xff", 64), "DER": string(der), "63 bytes": right[:63], "65 bytes": right + "\x00", "a zero before each": "\x00" + right[:32] + "\x00" + right[32:],
		"swapped": right[32:] + right[:32], "one byte": "\x00", "of another key": es256(newP256(), signed), "twice": right + right,
	} {
		refuses(t, d.verifier, signed+"."+b64(signature), name)
	}
	accepts(t, d.verifier, signed+"."+b64(right), "right")
	n := p256().Params().N
	s := new(big.Int).SetBytes([]byte(right[32:]))
	s.Sub(n, s)
	claims := accepts(t, d.verifier, signed+"."+b64(right[:32]+string(s.FillBytes(make([]byte, 32)))), "ECDSA has two signatures of each")
	require.Equal(t, "1", claims.ID, "and the jti is the same")
}

func TestRule19_AnotherIssuerAudienceOrType(t *testing.T) {
	d := open(t, p256())
	for name, changes := range map[string]map[string]any{
		"no iss": {"iss": nil}, "another iss": {"iss": "https://evil.example.com"}, "iss with a slash": {"iss": issuerURL + "/"}, "iss cut": {"iss": issuerURL[:len(issuerURL)-1]},
		"iss in upper case": {"iss": strings.ToUpper(issuerURL)}, "iss as array": {"iss": []string{issuerURL}}, "iss a number": {"iss": 1},
		"no aud": {"aud": nil}, "another aud": {"aud": "https://other.example.com"}, "a prefix of aud": {"aud": api[:len(api)-1]}, "longer": {"aud": api + ".evil.example"},
		"with a slash": {"aud": api + "/"}, "aud in upper case": {"aud": strings.ToUpper(api)}, "an empty array": {"aud": []string{}}, "array of others": {"aud": []string{"a", "b"}},
		"array in array": {"aud": []any{[]string{api}}}, "array with a number": {"aud": []any{api, 1}}, "array with null": {"aud": []any{api, nil}}, "aud an object": {"aud": map[string]any{api: 1}}, "aud with blanks": {"aud": " " + api},
		"two in one string": {"aud": api + " " + api},
		"no sub":            {"sub": nil}, "empty sub": {"sub": ""}, "sub a number": {"sub": 1}, "sub of two lines": {"sub": "a\nb"}, "sub of 513 bytes": {"sub": strings.Repeat("a", 513)},
		"jti a number": {"jti": 1}, "amr a string": {"amr": "otp"}, "amr of numbers": {"amr": []int{1}}, "purpose a number": {"purpose": 1}, "fixed_code a string": {"fixed_code": "true"}, "fixed_code null": {"fixed_code": json.RawMessage("null")},
	} {
		refuses(t, d.verifier, forge(header(nil), d.claims(changes)), name)
	}
	accepts(t, d.verifier, forge(header(nil), d.claims(map[string]any{"aud": []string{"https://other.example.com", api}})), "aud as array")
	for _, typ := range []any{nil, "", "jwt", "at+jwt", "application/jwt", "JWS", "JWT ", 7, "logout+jwt"} {
		refuses(t, d.verifier, forge(header(map[string]any{"typ": typ}), d.claims(nil)), fmt.Sprint("typ ", typ))
	}
	other := d.verifies(t, onetimejwt.Keys(p256().Public()), onetimejwt.WithType("at+jwt"))
	accepts(t, other, forge(header(map[string]any{"typ": "at+jwt"}), d.claims(nil)), "its own type")
	refuses(t, other, forge(header(nil), d.claims(nil)), "and no other")
}

func TestRule19_TimesThatAreNone(t *testing.T) {
	d := open(t, p256())
	for _, exp := range []string{"", "1e300", "1e12", "1.8e9", `"99999999999"`, "null", "true", "-1", "99999999999.5", "9999999999999", "99999999999999999999", "[99999999999]", "{}", "099999999999", "Infinity"} {
		claims := d.claims(map[string]any{"exp": nil})
		if exp != "" {
			claims = strings.TrimSuffix(claims, "}") + `,"exp":` + exp + "}"
		}
		refuses(t, d.verifier, forge(header(nil), claims), "exp "+exp)
		if exp == "" {
			continue
		}
		for _, name := range []string{"nbf", "iat", "auth_time"} {
			claims := strings.TrimSuffix(d.claims(map[string]any{name: nil}), "}") + `,"` + name + `":` + exp + "}"
			refuses(t, d.verifier, forge(header(nil), claims), name+" "+exp)
		}
	}
	accepts(t, d.verifier, forge(header(nil), d.claims(map[string]any{"iat": nil, "nbf": nil, "jti": nil})), "those that may be missing")
	now := d.clock.Now().Unix()
	for _, name := range []string{"nbf", "iat"} {
		accepts(t, d.verifier, forge(header(nil), d.claims(map[string]any{name: now + 30})), name+" within the leeway")
		refuses(t, d.verifier, forge(header(nil), d.claims(map[string]any{name: now + 31})), name+" of the future")
	}
}

func TestVerifier_LeewayHasEdges(t *testing.T) {
	for _, leeway := range []time.Duration{0, 30 * time.Second, 5 * time.Minute} {
		d := open(t, p256(), onetimejwt.WithLeeway(leeway))
		d.clock.Advance(time.Second - time.Duration(d.clock.Now().Nanosecond()))
		token := d.sign(t, onetimejwt.WithLifetime(time.Minute))
		d.clock.Advance(-leeway)
		accepts(t, d.verifier, token, "not before, less the leeway")
		d.clock.Advance(-time.Millisecond)
		refuses(t, d.verifier, token, "before")
		d.clock.Advance(time.Millisecond + leeway + time.Minute + leeway - time.Millisecond)
		accepts(t, d.verifier, token, "until it expires, and the leeway more")
		d.clock.Advance(time.Millisecond)
		_, err := d.verifier.Verify(t.Context(), token)
		require.ErrorIs(t, err, onetimejwt.ErrExpired)
		require.ErrorIs(t, err, onetimejwt.ErrRefused)
	}
}
