package rig

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
)

// Walk makes random calls of every kind on a few subjects, and calls after behind each.
func Walk(t *testing.T, b *Backend, steps int, opts []onetime.Option, after func()) {
	t.Helper()
	ctx := t.Context()
	random := rand.New(rand.NewPCG(4, 4))
	m := b.Manager(t, append([]onetime.Option{onetime.WithSendLimits(onetime.Limit{Burst: 40, Per: time.Minute})}, opts...)...)
	type known struct {
		subject, code, token, id string
		binding                  onetime.CallOption
	}
	var issued []known
	var uses []onetime.Verification
	credentials := map[string]string{}
	bindings := []onetime.CallOption{nil, onetime.WithBinding("first browser"), onetime.WithBinding("second browser")}
	pick := func() known {
		if len(issued) == 0 {
			return known{subject: "alice@example.com", code: "123456", id: "AAAAAAAAAAAAAAAA"}
		}
		return issued[len(issued)-1-random.IntN(min(4, len(issued)))]
	}
	for range steps {
		subject := []string{"alice@example.com", "bob@example.com"}[random.IntN(2)]
		binding := bindings[random.IntN(3)]
		keys := []onetime.CallOption{nil, onetime.Idempotent("the key of one form"), onetime.Idempotent("the key of another")}
		key := keys[random.IntN(3)]
		shows := func(subject string, binding onetime.CallOption) (known onetime.CallOption) { // a known browser has a binding
			if binding != nil && random.IntN(2) == 0 {
				known = onetime.WithKnownBrowser(credentials[subject])
			}
			return known
		}
		payload := onetime.WithPayload(make([]byte, []int{0, 20, 150, 1000}[random.IntN(4)]))
		old := pick()
		var err error
		switch random.IntN(14) {
		case 0, 1:
			var otp onetime.OTP
			if otp, err = m.IssueOTP(ctx, subject, binding, payload, key, shows(subject, binding)); err == nil {
				issued = append(issued, known{subject, cmp.Or(otp.Code, "123456"), "", otp.ID, binding})
			}
		case 2:
			var token onetime.Token
			if token, err = m.IssueToken(ctx, subject, binding, payload, key, shows(subject, binding)); err == nil {
				issued = append(issued, known{subject, "123456", token.Value, token.ID, binding})
			}
		case 3:
			var link onetime.Link
			if link, err = m.IssueLink(ctx, subject, binding, payload, key, onetime.WithCode(), shows(subject, binding)); err == nil {
				issued = append(issued, known{subject, cmp.Or(link.Code, "123456"), link.Token, link.ID, binding})
			}
		case 4, 5:
			var v onetime.Verification
			if v, err = m.VerifyOTP(ctx, old.subject, old.code, old.binding, key, shows(old.subject, old.binding)); err == nil {
				uses = append(uses, v)
				credentials[v.Subject] = v.BrowserCredential()
			}
		case 6, 7:
			_, err = m.VerifyOTP(ctx, old.subject, fmt.Sprintf("%06d", random.IntN(1000)), old.binding, shows(old.subject, old.binding))
		case 8:
			var v onetime.Verification
			if v, err = m.VerifyToken(ctx, old.token, old.binding, key); err == nil {
				uses = append(uses, v)
			}
		case 9:
			_, err = m.InspectToken(ctx, old.token, old.binding)
		case 10:
			if len(uses) > 0 {
				err = uses[len(uses)-1].Undo(ctx)
			}
		case 11:
			if err = m.Cancel(ctx, old.subject, old.id); err == nil && random.IntN(2) == 0 {
				err = m.CancelQuietly(ctx, pick().subject, pick().id)
			}
		case 12:
			switch random.IntN(6) {
			case 0:
				if err = m.Revoke(ctx, subject); random.IntN(3) == 0 {
					err = m.Erase(ctx, subject)
				}
			case 1:
				err = m.Unlock(ctx, subject)
			default:
				_, err = m.Status(ctx, subject)
			}
		case 13:
			b.Advance(t, time.Duration(random.IntN(40))*time.Second)
		}
		if err != nil {
			require.ErrorIs(t, err, onetime.ErrDenied)
		}
		after()
	}
}
