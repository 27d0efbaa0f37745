package onetime

import (
	"context"
	"embed"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed lua
var texts embed.FS

var (
	issueScript  = script("issue")
	verifyScript = script("verify")
	undoScript   = script("undo")
	revokeScript = script("revoke")
	unlockScript = script("unlock")
	statusScript = script("status")
)

// script puts what all scripts share in front of one.
func script(name string) *redis.Script { return redis.NewScript(text("common") + text(name)) }

func text(name string) string {
	b, _ := texts.ReadFile("lua/" + name + ".lua") // embedded, so it is there
	return string(b)
}

// Statuses, as lua/common.lua numbers them.
const (
	statusOK = iota + 1
	statusMismatch
	statusNotFound
	statusUsed
	statusExhausted
	statusThrottled
	statusLocked
	statusDisabled
)

const (
	kindCode    = "c"
	kindToken   = "t"
	modeVerify  = "v"
	modeInspect = "i"
)

var errReply = errors.New("reply of the wrong shape")

// A reply is what a script answered OK with. Its methods read it from left to right and note in err what is not as it
// should be: it is believed only once end returned nil.
type reply struct {
	rest []any
	err  error
}

// run sends one EVALSHA with one key, and an EVAL if the server does not know the script. args[0] is the id of the call.
// Anything but OK is an error: a refusal, or undecided. With ack it believes what WithReplicaAck asks for.
func (m *Manager) run(ctx context.Context, op string, script *redis.Script, key string, args []any, ack bool) (reply, error) {
	if err := ctx.Err(); err != nil {
		return reply{}, undecided(op, err)
	}
	var values []any
	var acked int64
	var err error
	ack = ack && m.config.replicas > 0
	if ack {
		values, acked, err = m.acknowledged(ctx, script, key, args)
	} else {
		values, err = script.Run(ctx, m.rdb, []string{key}, args...).Slice()
	}
	switch {
	case err != nil:
		m.lookAgain(ctx, err)
		return reply{}, undecided(op, err)
	case len(values) < 2:
		return reply{}, undecided(op, errReply)
	case values[0] != args[0]: // connections have been mixed up before
		return reply{}, undecided(op, errors.New("reply to another call"))
	}
	r := reply{rest: values[1:]}
	status := r.number()
	// Other refusals wrote nothing that could be lost. A wrong code needs the replicas, too, or it could be told from a
	// right one while they are away, and its charge be lost.
	if ack && acked < int64(m.config.replicas) && (status == statusOK || status == statusMismatch) {
		return reply{}, undecided(op, fmt.Errorf("%d of %d replicas acknowledged within %s; what was used stays used",
			acked, m.config.replicas, m.config.ackTimeout))
	}
	if status == statusOK {
		return r, nil
	}
	denied := r.refusal(status)
	if err := r.end(op); err != nil {
		return reply{}, err
	}
	return reply{}, denied
}

// lookAgain makes the client of a cluster ask for the primaries, in the background and once for many callers. By itself it
// does when a node redirects it, and each minute: not when a node is gone, and another has taken over.
func (m *Manager) lookAgain(ctx context.Context, err error) {
	var answered redis.Error
	if cluster, ok := m.rdb.(*redis.ClusterClient); ok && !errors.As(err, &answered) {
		cluster.ReloadState(ctx)
	}
}

// reasons are the refusals that statuses stand for.
var reasons = [...]error{
	statusMismatch: ErrMismatch, statusNotFound: ErrNotFound, statusUsed: ErrUsed, statusExhausted: ErrExhausted,
	statusThrottled: ErrThrottled, statusLocked: ErrLocked, statusDisabled: ErrDisabled,
}

// refusal reads what comes with a status other than OK.
func (r *reply) refusal(status int64) *DeniedError {
	if status < statusMismatch || status > statusDisabled {
		r.err = fmt.Errorf("unknown status %d", status)
		return nil
	}
	denied := &DeniedError{Reason: reasons[status]}
	if status == statusMismatch {
		denied.AttemptsLeft = int(r.number())
	}
	if status == statusMismatch || status == statusThrottled || status == statusLocked {
		denied.RetryAfter = r.duration()
	}
	return denied
}

func (r *reply) next() any {
	if len(r.rest) == 0 {
		r.err = errReply
		return nil
	}
	value := r.rest[0]
	r.rest = r.rest[1:]
	return value
}

// number reads a whole number that is at least 0.
func (r *reply) number() int64 {
	n, ok := r.next().(int64)
	if !ok || n < 0 {
		r.err = errReply
	}
	return n
}

func (r *reply) flag() bool {
	n := r.number()
	if n > 1 {
		r.err = errReply
	}
	return n == 1
}

func (r *reply) duration() time.Duration { return time.Duration(r.number()) * time.Millisecond }

func (r *reply) time() time.Time { return time.UnixMilli(r.number()) }

func (r *reply) text() string {
	text, ok := r.next().(string)
	if !ok {
		r.err = errReply
	}
	return text
}

func (r *reply) id() string {
	id := r.text()
	if len(id) != idSize {
		r.err = errReply
	}
	return id
}

// end is nil if the reply had the right shape and nothing more.
func (r *reply) end(op string) error {
	if r.err == nil && len(r.rest) > 0 {
		r.err = errReply
	}
	if r.err != nil {
		return undecided(op, r.err)
	}
	return nil
}

// A policyArgs is what scripts are told of the policy, made once so that no call has to.
type policyArgs struct {
	settings any   // a byte each: Keep, MaxAttempts, number of send limits, of guess limits
	rates    any   // of each limit 8 bytes: interval and capacity in ms, which are at most 30 days and 1000 ms
	fields   []any // of each limit its name in the record
}

func newPolicyArgs(p Policy, sends, guesses []Limit) policyArgs {
	var rates []byte
	var fields []any
	for i, l := range slices.Concat(sends, guesses) {
		kind := "s"
		if i >= len(sends) {
			kind = "g"
		}
		interval := l.interval()
		rates = binary.BigEndian.AppendUint32(rates, uint32(interval))
		rates = binary.BigEndian.AppendUint32(rates, uint32(interval*int64(l.Burst)))
		fields = append(fields, kind+strconv.FormatInt(l.Per.Milliseconds(), 10))
	}
	settings := []byte{byte(p.Keep), byte(p.MaxAttempts), byte(len(sends)), byte(len(guesses))}
	return policyArgs{string(settings), string(rates), fields}
}

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
	secret := make([]byte, 0, 2+4+digestSize)
	secret = append(secret, kind[0], '0'+byte(pieces))
	secret = binary.BigEndian.AppendUint32(secret, uint32(ttl.Milliseconds()))
	return part{string(append(secret, digest...)), sealed}
}

func (m *Manager) runIssue(ctx context.Context, op string, p place, id string, code, token part) (hasCode bool, resendIn time.Duration, err error) {
	args := make([]any, 0, 8+2*maxLimits)
	args = append(args, id, p.prefix(), m.forIssues.settings, code.secret, code.sealed, token.secret, token.sealed, m.forIssues.rates)
	args = append(args, m.forIssues.fields...)
	r, err := m.run(ctx, op, issueScript, p.key(m.config.prefix), args, false)
	if err != nil {
		return false, 0, err
	}
	hasCode, resendIn = r.flag(), r.duration()
	if hasCode && code.secret == "" || !hasCode && token.secret == "" {
		r.err = errReply // only a link's code may be withheld
	}
	return hasCode, resendIn, r.end(op)
}

// A match is the issue that a right secret belongs to.
type match struct {
	issue  string
	issued time.Time
	key    int // index of the candidate, and so of the key
	sealed string
}

func (m *Manager) runVerify(ctx context.Context, op string, p place, id, kind, mode string, candidates []string) (match, error) {
	policy := m.forCodes
	if kind == kindToken {
		policy = m.forTokens
	}
	args := make([]any, 0, 7+maxLimits)
	args = append(args, id, p.prefix(), kind, mode, policy.settings, strings.Join(candidates, ""), policy.rates)
	args = append(args, policy.fields...)
	r, err := m.run(ctx, op, verifyScript, p.key(m.config.prefix), args, mode == modeVerify)
	if err != nil {
		return match{}, err
	}
	found := match{issue: r.id(), issued: r.time(), key: int(r.number()) - 1, sealed: r.text()}
	if found.key < 0 || found.key >= len(candidates) {
		r.err = errReply
	}
	return found, r.end(op)
}

// order runs a script that is answered with no more than its status.
func (m *Manager) order(ctx context.Context, op string, script *redis.Script, p place, args ...any) error {
	r, err := m.run(ctx, op, script, p.key(m.config.prefix), args, script == revokeScript)
	if err != nil {
		return err
	}
	return r.end(op)
}

func (m *Manager) runStatus(ctx context.Context, op string, p place) (Status, error) {
	args := append([]any{random(idSize), m.forIssues.settings, m.forIssues.rates}, m.forIssues.fields...)
	r, err := m.run(ctx, op, statusScript, p.key(m.config.prefix), args, false)
	if err != nil {
		return Status{}, err
	}
	s := Status{Failures: int(r.number()), Disabled: r.flag(), SendIn: r.duration(), GuessIn: r.duration()}
	for r.err == nil && len(r.rest) > 0 {
		s.Pending = append(s.Pending, Pending{
			ID: encoding.EncodeToString([]byte(r.id())), Code: r.flag(), Token: r.flag(), Bound: r.flag(), Used: r.flag(),
			AttemptsLeft: int(r.number()), IssuedAt: r.time(), ExpiresIn: r.duration(),
		})
	}
	if err := r.end(op); err != nil {
		return Status{}, err
	}
	slices.SortStableFunc(s.Pending, func(a, b Pending) int { return b.IssuedAt.Compare(a.IssuedAt) })
	return s, nil
}

// checkServer reports what the server says of itself that cannot be right. That it may not be asked is no error.
func (m *Manager) checkServer(ctx context.Context) error {
	if cluster, ok := m.rdb.(*redis.ClusterClient); ok {
		return cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
			return m.checkInfo(node.Info(ctx).Val())
		})
	}
	if server, ok := m.rdb.(interface {
		Info(context.Context, ...string) *redis.StringCmd
	}); ok {
		return m.checkInfo(server.Info(ctx).Val())
	}
	return nil
}

func (m *Manager) checkInfo(info string) error {
	known := map[string]string{}
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		known[name] = value
	}
	var errs []error
	major, _, _ := strings.Cut(known["redis_version"], ".")
	if n, err := strconv.Atoi(major); err == nil && n < 5 {
		errs = append(errs, fmt.Errorf("onetime: Check: Redis %s: want 7, and no less than 5: older ones refuse scripts that ask for the time and write", known["redis_version"]))
	}
	if n, err := strconv.Atoi(known["connected_slaves"]); err == nil && n < m.config.replicas {
		errs = append(errs, fmt.Errorf("onetime: Check: %d replicas: want the %d of WithReplicaAck, or nothing verifies", n, m.config.replicas))
	}
	if known["role"] == "slave" {
		errs = append(errs, errors.New("onetime: Check: the server is a replica: want the primary"))
	}
	if policy := known["maxmemory_policy"]; known["maxmemory"] != "" && known["maxmemory"] != "0" && policy != "" && policy != "noeviction" {
		errs = append(errs, fmt.Errorf("onetime: Check: maxmemory-policy is %s: want noeviction, or used secrets and locks are forgotten", policy))
	}
	return errors.Join(errs...)
}

// checkOptions reports what is wrong with a client whose options can be seen.
func checkOptions(rdb redis.Scripter) error {
	honours := true
	switch client := rdb.(type) {
	case *redis.Client:
		honours = client.Options().ContextTimeoutEnabled
	case *redis.ClusterClient:
		honours = client.Options().ContextTimeoutEnabled
	}
	if !honours {
		return errors.New("onetime: Check: the client ignores deadlines of contexts: want ContextTimeoutEnabled in its options")
	}
	return nil
}
