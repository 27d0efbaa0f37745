package onetime

import (
	"context"
	"embed"
	"encoding/binary"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-3f7b73d1/onetime/internal/keyring"
	"github.com/seed-3f7b73d1/onetime/internal/script"
)

//go:embed lua
var texts embed.FS

var (
	issueScript  = newScript("issue")
	verifyScript = newScript("verify")
	undoScript   = newScript("undo")
	revokeScript = newScript("revoke")
	unlockScript = newScript("unlock")
	statusScript = newScript("status")
)

// newScript puts what all scripts share in front of one.
func newScript(name string) *redis.Script {
	return redis.NewScript(scriptText("common") + scriptText(name))
}

func scriptText(name string) string {
	b, _ := texts.ReadFile("lua/" + name + ".lua") // embedded, so it is there
	return string(b)
}

const (
	modeVerify  = "v"
	modeInspect = "i"
)

// A part is one secret of an issue: as it stands in a slot, and what is sealed with it. Its zero value is none.
type part struct{ secret, sealed string }

// maxPieces of pieceSize bytes hold a sealed part. A longer one is stored whole: it is beyond what Redis keeps compact.
const (
	pieceSize = 64
	maxPieces = 4
)

func newPart(kind string, ttl time.Duration, digest, sealed string) part {
	pieces := (len(sealed) + pieceSize - 1) / pieceSize
	if pieces > maxPieces {
		pieces = 1
	}
	secret := make([]byte, 0, 2+4+keyring.DigestSize)
	secret = append(secret, kind[0], '0'+byte(pieces))
	secret = binary.BigEndian.AppendUint32(secret, uint32(ttl.Milliseconds()))
	return part{string(append(secret, digest...)), sealed}
}

func (m *Manager) runIssue(ctx context.Context, op string, c keyring.Challenge, id string, code, token part) (hasCode bool, resendIn time.Duration, err error) {
	settings := m.config.forIssues
	args := make([]any, 0, 8+2*maxLimits)
	args = append(args, id, c.Scope(), settings.Counts, code.secret, code.sealed, token.secret, token.sealed, settings.Rates)
	args = append(args, settings.Fields...)
	r, err := m.config.runner.Run(ctx, script.Call{Op: op, Script: issueScript, Key: c.RecordKey(m.config.runner.Prefix), Args: args})
	if err != nil {
		return false, 0, err
	}
	hasCode, resendIn = r.Flag(), r.Duration()
	if hasCode && code.secret == "" || !hasCode && token.secret == "" {
		r.Fail() // only a link's code may be withheld
	}
	return hasCode, resendIn, r.End(op)
}

// A match is the issue that a right secret belongs to.
type match struct {
	issue  string
	issued time.Time
	key    int // index of the candidate, and so of the key
	sealed string
}

func (m *Manager) runVerify(ctx context.Context, op string, j judged, call string, candidates []string) (match, error) {
	settings := m.config.forCodes
	if j.kind == keyring.Token {
		settings = m.config.forTokens
	}
	args := make([]any, 0, 7+maxLimits)
	args = append(args, call, j.Scope(), j.kind, j.mode, settings.Counts, strings.Join(candidates, ""), settings.Rates)
	args = append(args, settings.Fields...)
	r, err := m.config.runner.Run(ctx, script.Call{
		Op: op, Script: verifyScript, Key: j.RecordKey(m.config.runner.Prefix), Args: args, Ack: j.mode == modeVerify,
	})
	if err != nil {
		return match{}, err
	}
	found := match{issue: r.ID(), issued: r.Time(), key: int(r.Number()) - 1, sealed: r.Text()}
	if found.key < 0 || found.key >= len(candidates) {
		r.Fail()
	}
	return found, r.End(op)
}

// runStatusOnly runs a script that is answered with no more than its status.
func (m *Manager) runStatusOnly(ctx context.Context, op string, s *redis.Script, c keyring.Challenge, args ...any) error {
	return m.config.runner.RunStatusOnly(ctx, script.Call{
		Op: op, Script: s, Key: c.RecordKey(m.config.runner.Prefix), Args: args, Ack: s == revokeScript,
	})
}
