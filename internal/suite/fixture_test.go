package suite_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

// A full is a person whose record has in it all that a record can have.
type full struct {
	b            *rig.Backend
	subject, key string
	link         onetime.Link // the newer one, which is not used
	fields       map[string]string
	operations   []operation
}

// An operation is a call about a full record.
type operation struct {
	*full
	name   string
	writes bool
	reason error // of the refusal that answers it where nothing is wrong; nil for a success
	call   func(ctx context.Context) error
	done   func() error // nil if what it was answered with is so; asked of a Manager that nothing is wrong with
}

// fullOptions are those of its Managers. Codes are long: none equals another by chance.
var fullOptions = []onetime.Option{onetime.WithKeep(2), onetime.WithCodeLength(12),
	onetime.WithSendLimits(onetime.Limit{Burst: 100, Per: time.Hour}), onetime.WithGuessLimits(onetime.Limit{Burst: 100, Per: time.Hour})}

// acked are fullOptions of Managers that wait for a replica.
func acked(timeout time.Duration) []onetime.Option {
	return append(slices.Clone(fullOptions), onetime.WithReplicaAck(1, timeout))
}

// newNode starts a cluster of one node.
func newNode(t *testing.T) *rig.Server {
	t.Helper()
	s := rig.NewServer(t, "--cluster-enabled", "yes")
	s.Must(t, "CLUSTER", "ADDSLOTSRANGE", 0, 16383)
	rig.Eventually(t, s.ClusterOK)
	return s
}

// newReplica starts a replica. Of a node of a cluster one that is no node itself does, too.
func newReplica(t *testing.T, s *rig.Server) *rig.Server {
	t.Helper()
	host, port := s.HostPort()
	replica := rig.NewServer(t, "--replicaof", host+" "+port)
	rig.Eventually(t, func(ctx context.Context) error { return replica.Follows(ctx, s) })
	return replica
}

const usedBinding, cancelledBinding = "a used challenge", "a cancelled challenge"

var inUsed, inCancelled = onetime.WithBinding(usedBinding), onetime.WithBinding(cancelledBinding)

// newFull makes a record with a Manager of fullOptions: two links in a challenge that was undone and charged with two
// wrong codes; a used challenge; a cancelled one; limits, failures and a revocation.
func newFull(t testing.TB, b *rig.Backend, m *onetime.Manager, subject string) *full {
	t.Helper()
	ctx := t.Context()
	f := &full{b: b, subject: subject, key: fmt.Sprintf("onetime:v1:default:{%s}", encode(rig.Tag(m, subject)))}
	admin := (&rig.Backend{Client: b.Raw}).Manager(t, fullOptions...)
	link := func(payload int, binding onetime.CallOption) onetime.Link {
		t.Helper()
		link, err := m.IssueLink(ctx, subject, binding, onetime.WithCode(), onetime.WithPayload(make([]byte, payload)))
		require.NoError(t, err)
		return link
	}
	use := func(token string, binding onetime.CallOption) onetime.Verification {
		t.Helper()
		v, err := m.VerifyToken(ctx, token, binding)
		require.NoError(t, err)
		return v
	}
	link(0, nil)
	require.NoError(t, m.Revoke(ctx, subject))
	require.NoError(t, m.Unlock(ctx, subject)) // all scripts are loaded from here on
	_, err := m.Status(ctx, subject)
	require.NoError(t, err)
	older, newer := link(0, nil), link(100, nil)
	undone := use(older.Token, nil)
	require.NoError(t, undone.Undo(ctx))
	spent, ended := link(300, inUsed), link(20, inCancelled)
	used := use(spent.Token, inUsed)
	numbers := newNumbers(t, b, m, subject)
	require.NoError(t, m.Cancel(ctx, subject, ended.ID))
	guesses := rig.WrongCodes(newer.Code, 3)
	for _, code := range guesses[:2] {
		_, err := m.VerifyOTP(ctx, subject, code)
		rig.Refused(t, err, onetime.ErrMismatch)
	}

	add := func(name string, writes bool, reason error, call func(ctx context.Context) error, done func() error) {
		f.operations = append(f.operations, operation{f, name, writes, reason, call, done})
	}
	issue := func(name string, binding onetime.CallOption, call func(ctx context.Context) (code, token string, err error)) {
		var code, token string
		add(name, true, nil, func(ctx context.Context) (err error) { code, token, err = call(ctx); return err }, func() (err error) {
			if token != "" {
				_, err = admin.InspectToken(context.Background(), token, binding)
			}
			if err == nil && code != "" {
				_, err = admin.VerifyOTP(context.Background(), subject, code, binding)
			}
			return err
		})
	}
	otp := func(binding onetime.CallOption) func(ctx context.Context) (code, token string, err error) {
		return func(ctx context.Context) (code, token string, err error) {
			otp, err := m.IssueOTP(ctx, subject, binding, onetime.WithPayload(make([]byte, 20)))
			return otp.Code, "", err
		}
	}
	issue("IssueOTP", nil, otp(nil))
	issue("IssueOTP used", inUsed, otp(inUsed))
	issue("IssueToken", nil, func(ctx context.Context) (code, token string, err error) {
		made, err := m.IssueToken(ctx, subject)
		return "", made.Value, err
	})
	issue("IssueLink", nil, func(ctx context.Context) (code, token string, err error) {
		made, err := m.IssueLink(ctx, subject, onetime.WithCode(), onetime.WithPayload(make([]byte, 200)))
		return made.Code, made.Token, err
	})
	verifyOTP := func(m *onetime.Manager, code string, binding onetime.CallOption) func(ctx context.Context) error {
		return func(ctx context.Context) error { _, err := m.VerifyOTP(ctx, subject, code, binding); return err }
	}
	verifyToken := func(m *onetime.Manager, token string, binding onetime.CallOption) func(ctx context.Context) error {
		return func(ctx context.Context) error { _, err := m.VerifyToken(ctx, token, binding); return err }
	}
	inspect := func(m *onetime.Manager, token string, binding onetime.CallOption) func(ctx context.Context) error {
		return func(ctx context.Context) error { _, err := m.InspectToken(ctx, token, binding); return err }
	}
	// answers tells whether a call is answered with a reason.
	answers := func(reason error, call func(ctx context.Context) error) func() error {
		return func() error {
			if err := call(context.Background()); !errors.Is(err, reason) {
				return fmt.Errorf("want %v, got %w", reason, err)
			}
			return nil
		}
	}
	status := func(right func(s onetime.Status) bool) func() error {
		return func() error {
			s, err := admin.Status(context.Background(), subject)
			if err == nil && !right(s) {
				err = fmt.Errorf("status %+v", s)
			}
			return err
		}
	}
	isUsed, stays := answers(onetime.ErrUsed, verifyToken(admin, newer.Token, nil)), status(func(s onetime.Status) bool {
		return s.Failures == 2 && len(s.Pending) == 3 // both links, and the used one
	})
	add("VerifyOTP", true, nil, verifyOTP(m, newer.Code, nil), isUsed)
	add("VerifyOTP wrong", true, onetime.ErrMismatch, verifyOTP(m, guesses[2], nil), status(func(s onetime.Status) bool { return s.Failures == 3 }))
	add("VerifyOTP known", false, onetime.ErrMismatch, verifyOTP(m, guesses[0], nil), stays)
	add("VerifyOTP used", false, onetime.ErrUsed, verifyOTP(m, spent.Code, inUsed), stays)
	add("VerifyToken", true, nil, verifyToken(m, newer.Token, nil), isUsed)
	add("VerifyToken older", true, nil, verifyToken(m, older.Token, nil), isUsed)
	add("VerifyToken used", false, onetime.ErrUsed, verifyToken(m, spent.Token, inUsed), stays)
	add("InspectToken", false, nil, inspect(m, newer.Token, nil), stays)
	for _, o := range numbers.operations(admin, stays, status) {
		add(o.name, o.writes, o.reason, o.call, o.done)
	}
	add("Undo", true, nil, used.Undo, answers(nil, inspect(admin, spent.Token, inUsed)))
	add("Undo again", false, nil, undone.Undo, answers(nil, inspect(admin, older.Token, nil)))
	add("Cancel", true, nil, func(ctx context.Context) error { return m.Cancel(ctx, subject, newer.ID) },
		answers(onetime.ErrNotFound, verifyToken(admin, newer.Token, nil)))
	add("Cancel again", true, nil, func(ctx context.Context) error { return m.Cancel(ctx, subject, ended.ID) },
		answers(onetime.ErrNotFound, verifyToken(admin, ended.Token, inCancelled)))
	add("Cancel unknown", false, nil, func(ctx context.Context) error { return m.Cancel(ctx, subject, encode("twelve bytes")) }, stays)
	add("Revoke", true, nil, func(ctx context.Context) error { return m.Revoke(ctx, subject) },
		status(func(s onetime.Status) bool { return len(s.Pending) == 0 }))
	add("Unlock", true, nil, func(ctx context.Context) error { return m.Unlock(ctx, subject) }, func() error {
		fields, err := b.Raw.HKeys(context.Background(), f.key).Result()
		if i := slices.IndexFunc(fields, func(field string) bool { return field == "f" || rig.LimitField.MatchString(field) }); i >= 0 {
			err = fmt.Errorf("%s is still there", fields[i])
		}
		return err
	})
	add("Status", false, nil, func(ctx context.Context) error { _, err := m.Status(ctx, subject); return err }, stays)
	add("Check", false, nil, m.Check, stays)
	f.link, f.fields = newer, b.Record(t, f.key)
	return f
}

// newOperations returns every operation, each about a record of its own.
func newOperations(t testing.TB, b *rig.Backend, m *onetime.Manager, name string) (operations []operation) {
	t.Helper()
	for i := 0; i == 0 || i < len(operations[0].operations); i++ {
		operations = append(operations, newFull(t, b, m, fmt.Sprintf("%s %d", name, i)).operations[i])
	}
	return operations
}

// run makes the call.
func (o operation) run(c *tally, deadline time.Duration) error {
	if o.writes && o.reason == nil && strings.HasPrefix(o.name, "Verify") {
		return c.use(o.key, deadline, o.call)
	}
	return c.call(deadline, o.call)
}

// atOnce makes all calls in parallel and returns their errors.
func atOnce(c *tally, deadline time.Duration, operations []operation) []error {
	errs := make([]error, len(operations))
	var group sync.WaitGroup
	for i, o := range operations {
		group.Go(func() { errs[i] = o.run(c, deadline) })
	}
	group.Wait()
	return errs
}

// answered requires the answer of where nothing is wrong, and that it is so.
func (o operation) answered(t testing.TB, err error) {
	t.Helper()
	require.ErrorIs(t, err, o.reason, o.name)
	require.NoError(t, o.done(), o.name)
}

// normal requires that service is normal: for records that are still as they were made, and for new ones.
func normal(t *testing.T, c *tally, b *rig.Backend, m *onetime.Manager, operations ...operation) {
	t.Helper()
	for _, o := range append(operations, newOperations(t, b, m, "afterwards")...) {
		o.answered(t, o.run(c, unhurried))
	}
	snapshot(t, b)
}

// answer makes a call until it is decided.
func answer(t *testing.T, c *tally, call func(ctx context.Context) error) (err error) {
	t.Helper()
	rig.Eventually(t, func(context.Context) error {
		if err = c.call(unhurried, call); !decided(err) {
			return err
		}
		return nil
	})
	return err
}

// A stored is all that Redis has under a key.
type stored struct {
	fields map[string]string
	end    time.Duration
}

// snapshot returns all records, and requires that each has a TTL.
func snapshot(t testing.TB, b *rig.Backend) map[string]stored {
	t.Helper()
	all := map[string]stored{}
	for _, key := range b.Records(t) {
		end, err := b.Raw.PExpireTime(t.Context(), key).Result()
		require.NoError(t, err)
		require.Positive(t, end, "every key has a TTL")
		all[key] = stored{b.Record(t, key), end}
	}
	return all
}

// onServer returns a backend on a server of the test's own, which is emptied.
func onServer(t *testing.T, s *rig.Server, client redis.UniversalClient) *rig.Backend {
	t.Helper()
	b := &rig.Backend{}
	b.Run(t, s.Addr, client, false, func(*testing.T, *rig.Backend) {})
	return b
}

const (
	hurried   = 300 * time.Millisecond // the deadline of a call that gets no answer
	unhurried = rig.Patience
)

func encode(id string) string { return base64.RawURLEncoding.EncodeToString([]byte(id)) }
