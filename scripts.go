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

// secretBytes is one secret of an issue as it stands in a slot, but for the salt of a code.
func secretBytes(kind string, ttl time.Duration, digest string) string {
	b := make([]byte, 0, 1+4+keyring.DigestSize)
	b = append(b, kind[0])
	b = binary.BigEndian.AppendUint32(b, uint32(ttl.Milliseconds()))
	return string(append(b, digest...))
}

// An issueCall is what the script is told of an issue.
type issueCall struct {
	keyring.Challenge
	id, code, token, sealed, group string
}

// An issueReply is what it answers. The lives are those of an issue of an earlier sending, and only then set.
type issueReply struct {
	hasCode               bool
	resendIn              time.Duration
	issue                 string
	codeLives, tokenLives time.Duration
}

func (m *Manager) runIssue(ctx context.Context, op string, c issueCall) (issueReply, error) {
	settings := m.config.forIssues
	args := make([]any, 0, 8+2*maxLimits)
	args = append(args, c.id, c.Scope(), settings.Counts, c.code, c.token, c.sealed, settings.Rates, c.group)
	args = append(args, settings.Fields...)
	r, err := m.config.runner.Run(ctx, script.Call{Op: op, Script: issueScript, Key: c.RecordKey(m.config.runner.Prefix), Args: args})
	if err != nil {
		return issueReply{}, err
	}
	reply := issueReply{hasCode: r.Flag(), resendIn: r.Duration(), issue: r.ID()}
	if reply.issue != c.id {
		reply.codeLives, reply.tokenLives = r.Duration(), r.Duration()
	}
	if reply.hasCode && c.code == "" || !reply.hasCode && c.token == "" || reply.issue != c.id && c.group == "" {
		r.Fail() // only a link's code may be withheld, and only a group repeats another's issue
	}
	return reply, r.End(op)
}

// A match is the issue that a right secret belongs to, and the call that used it.
type match struct {
	issue     string
	issued    time.Time
	candidate int
	sealed    string
	call      string
	repeated  bool
}

func (m *Manager) runVerify(ctx context.Context, op string, j judged, call string, candidates []string) (match, error) {
	settings := m.config.forCodes
	if j.kind == keyring.Token {
		settings = m.config.forTokens
	}
	args := make([]any, 0, 8+maxLimits)
	args = append(args, call, j.Scope(), j.kind, j.mode, settings.Counts, strings.Join(candidates, ""), settings.Rates, j.group)
	args = append(args, settings.Fields...)
	r, err := m.config.runner.Run(ctx, script.Call{
		Op: op, Script: verifyScript, Key: j.RecordKey(m.config.runner.Prefix), Args: args, Ack: j.mode == modeVerify,
	})
	if err != nil {
		return match{}, err
	}
	found := match{
		issue: r.ID(), issued: r.Time(), candidate: int(r.Number()) - 1, sealed: r.Text(), call: r.ID(), repeated: r.Flag(),
	}
	if found.candidate < 0 || found.candidate >= len(candidates) || found.repeated && j.group == "" || !found.repeated && found.call != call {
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
