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

// newScript puts what scripts share in front of one.
func newScript(name string) *redis.Script { return redis.NewScript(wholeScript(name)) }

func wholeScript(name string) string {
	shared := scriptText("common")
	switch name {
	case "verify":
	case "once", "onceundo":
		shared += scriptText("numbers")
	default:
		shared += scriptText("challenges")
	}
	return shared + scriptText(name)
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
	known                          bool
}

// An issueReply is what it answers. The lives are those of an issue of an earlier sending, and only then set.
type issueReply struct {
	hasCode               bool
	resendIn              time.Duration
	issue                 string
	codeLives, tokenLives time.Duration
}

func (m *Manager) runIssue(ctx context.Context, op string, c issueCall) (issueReply, error) {
	limits := m.config.limits(c.known)
	settings := &limits.issues
	args := make([]any, 0, 8+2*maxLimits)
	args = append(args, c.id, c.Scope(), settings.Counts+c.group, c.code, c.token, c.sealed, settings.Rates, limits.beside)
	args = append(args, settings.Fields...)
	r, err := m.config.runner.Run(ctx, script.Call{Op: op, Script: issueScript, Key: c.RecordKey(m.config.runner.Prefix), Args: args})
	if err != nil {
		return issueReply{}, err
	}
	reply := issueReply{hasCode: r.Flag(), resendIn: r.Duration(), issue: c.id}
	if r.More() {
		reply.issue, reply.codeLives, reply.tokenLives = r.ID(), r.Duration(), r.Duration()
	}
	another := reply.issue != c.id // which may have been asked for a code where this one was not
	if reply.hasCode && c.code == "" && !another || !reply.hasCode && c.token == "" || another && c.group == "" {
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
	settings := &m.config.limits(j.known).codes
	if j.kind == keyring.Token {
		settings = &m.config.forTokens
	}
	args := make([]any, 0, 5+maxLimits)
	args = append(args, call, j.Scope(), settings.Counts+j.kind+j.mode+j.group, strings.Join(candidates, ""), settings.Rates)
	args = append(args, settings.Fields...)
	r, err := m.config.runner.Run(ctx, script.Call{
		Op: op, Script: verifyScript, Key: j.RecordKey(m.config.runner.Prefix), Args: args, Ack: j.mode == modeVerify,
	})
	if err != nil {
		return match{}, err
	}
	found := match{issue: r.ID(), issued: r.Time(), candidate: int(r.Number()) - 1, sealed: r.Text(), call: call}
	if r.More() {
		found.call, found.repeated = r.ID(), r.Flag()
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
