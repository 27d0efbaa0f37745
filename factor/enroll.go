package factor

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/keyring"
	"github.com/seed-3f7b73d1/onetime/internal/once"
)

const (
	maxIssuer, maxLabel = 64, 128 // bytes
	pendingFor          = time.Hour
)

// An Enrollment is a new authenticator that is not live yet. It prints without its secret.
type Enrollment struct {
	// Secret is the key in base32, for whoever types it into the app.
	Secret string
	// URI is what the QR code says, otpauth://…
	URI string
	// Blob is pending: nothing verifies by it until [Factors.Confirm] makes it live, within an hour. Keep it where the person's
	// session is, or store it: [Factors.Verify] passes it over.
	Blob []byte
}

// Format prints no secret, under any verb.
func (e Enrollment) Format(f fmt.State, _ rune) { redact(f, "Enrollment") }

// MarshalText returns no secret; JSON and slog use it.
func (e Enrollment) MarshalText() ([]byte, error) { return []byte("factor.Enrollment()"), nil }

// EnrollTOTP makes an authenticator for an app: SHA-1, 6 digits, 30 s and 160 random bits, which every app understands.
// account is the person's stable id, a subject in the sense of [onetime.Manager]; label, 1 to 128 bytes without colon, is
// what the app shows below the issuer, such as an address. Show Secret and URI to the person who is signed in, once, over
// TLS. It does not ask Redis. The error is [onetime.ErrInvalid].
func (f *Factors) EnrollTOTP(account, label string) (Enrollment, error) {
	return f.enroll(account, label, &row{kind: once.Step, period: newPeriod})
}

// EnrollHOTP is [Factors.EnrollTOTP] for a token that counts (RFC 4226) and can be programmed: its counter starts at 0. A token
// that comes with its key is for [Factors.ImportKey].
func (f *Factors) EnrollHOTP(account, label string) (Enrollment, error) {
	return f.enroll(account, label, &row{kind: once.Counter})
}

func (f *Factors) enroll(typed, label string, r *row) (Enrollment, error) {
	account, _, err := f.who(typed)
	if err != nil {
		return Enrollment{}, err
	}
	if err := checkName("label", label, maxLabel); err != nil {
		return Enrollment{}, err
	}
	r.key = make([]byte, newSecret)
	rand.Read(r.key)
	r.pending, r.digits, r.id, r.created = true, minDigits, keyring.Random(keyring.IDSize), f.core.Now()
	return Enrollment{encodeSecret(r.key), f.uri(label, r), f.seal(account, r)}, nil
}

// checkName refuses what apps cannot show, or would take apart in another place.
func checkName(what, name string, most int) error {
	if len(name) < 1 || len(name) > most {
		return invalid("%s: %d bytes: want 1 to %d", what, len(name), most)
	}
	if !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) || strings.Contains(name, ":") {
		return invalid("%s: want valid UTF-8 without colon and control characters", what)
	}
	return nil
}

// uri is that of https://github.com/google/google-authenticator/wiki/Key-Uri-Format. Spaces are %20: apps show a + as it is.
func (f *Factors) uri(label string, r *row) string {
	escape := func(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }
	kind, last := "totp", "&period="+strconv.Itoa(int(r.period/time.Second))
	if r.kind == once.Counter {
		kind, last = "hotp", "&counter=0"
	}
	return "otpauth://" + kind + "/" + escape(f.issuer) + ":" + escape(label) + "?secret=" + encodeSecret(r.key) +
		"&issuer=" + escape(f.issuer) + "&algorithm=" + r.algorithm.String() + "&digits=" + strconv.Itoa(r.digits) + last
}

var secrets = base32.StdEncoding.WithPadding(base32.NoPadding)

func encodeSecret(key []byte) string { return secrets.EncodeToString(key) }

// Confirm makes a pending authenticator live: the person has shown a code of it. Store the Proof's Blob before you say so. The
// code is used up: it does not sign in, too. Wrong codes are charged like those of [Factors.Verify], and refused alike;
// [onetime.ErrNotFound] is the answer once the hour is over. It takes [onetime.Idempotent].
func (f *Factors) Confirm(ctx context.Context, account string, blob []byte, code string, opts ...onetime.VerifyOption) (Proof, error) {
	return f.observed(ctx, "factor.Confirm", func(a *attempt) (Proof, error) {
		if err := a.begin(f, account, opts); err != nil {
			return Proof{}, err
		}
		r, err := f.open(a.account, blob)
		if err != nil {
			return Proof{}, undecided(a.op, err)
		}
		if !r.pending {
			return Proof{}, invalid("Confirm: want the Blob of an Enrollment that is pending")
		}
		if f.core.Now().Sub(r.created) > pendingFor {
			return Proof{}, f.denied(onetime.ErrNotFound)
		}
		r.pending = false
		return f.judge(ctx, a, once.Confirm, []*row{r}, []int{0}, code)
	})
}
