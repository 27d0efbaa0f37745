package suite_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

// garbage is what no script writes into any field.
var garbage = []string{"", "x", "-1", "nan", "inf", "0x1", "1e3x5", "1.5", " 1", "99999999999999999", strings.Repeat("9", 42),
	strings.Repeat("\xff", 63), strings.Repeat("x", 300)}

// reads tells which operations read a field, by its label. The others answer as if nothing were wrong with it.
var reads = func() map[string][]string {
	unbound := []string{"VerifyOTP", "VerifyOTP wrong", "VerifyOTP known", "VerifyToken", "VerifyToken older", "InspectToken"}
	used := []string{"VerifyOTP used", "VerifyToken used"}
	issues := []string{"IssueOTP", "IssueOTP used", "IssueToken", "IssueLink"}
	slot := append([]string{"Revoke", "Status"}, issues...)
	codes := []string{"VerifyOTP", "VerifyOTP wrong", "VerifyOTP known", "VerifyOTP used"}
	limited := []string{"VerifyStep", "VerifyStep used", "VerifyNumber wrong", "VerifyCounter"}
	return map[string][]string{
		"u": slices.Concat(unbound, issues, []string{"Undo again", "Status"}),
		"w": {"IssueOTP", "IssueToken", "IssueLink", "VerifyOTP", "VerifyOTP wrong", "VerifyOTP known", "Status"},
		"1": slices.Concat(slot, unbound), "2": slices.Concat(slot, unbound),
		"used u": slices.Concat(used, issues, []string{"Undo", "Status"}), "used 1": slices.Concat(slot, used), "cancelled 1": slot,
		"e": {"IssueOTP", "IssueToken", "IssueLink"}, "i": nil, // a group that nothing is of
		"1 sealed": {"VerifyOTP", "VerifyToken", "InspectToken"}, "2 sealed": {"VerifyToken older"},
		"used 1 sealed": nil, // not opened for a refusal
		"f":             slices.Concat(issues, unbound, used, limited, []string{"VerifyIndex", "VerifyIndex wrong", "Status"}),
		"s3600000":      append([]string{"Status"}, issues...), "g3600000": slices.Concat(codes, limited, []string{"IssueOTP", "IssueOTP used", "IssueLink", "Status"}),
		"number t": {"VerifyStep", "VerifyStep used"}, "number h": {"VerifyCounter", "UndoNumber again"}, "number r": {"VerifyIndex", "UndoNumber"},
		"o": nil, // a call that nothing repeats
		"r": nil,
		// What no Manager here has written:
		"g7200000": issues, "s1": issues, ":stranger1": slot, ":strangeru": append([]string{"Status"}, issues...), ":strangerw": {"Status"}, ":strangera1": nil,
		"6": nil, ":": nil, ":short1": nil, "s": nil, "g0x1": nil, "unknown": nil, "\xff": nil,
	}
}()

func TestFault_GarbageInAnyField(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		c := newTally(t)
		m := b.Manager(t, fullOptions...)
		f := newFull(t, b, m, rig.Alice)
		labels := f.labels(m)
		for label := range reads {
			if !slices.Contains(slices.Collect(maps.Values(labels)), label) {
				labels[label] = label
			}
		}
		few := 12 // one in as many
		if testing.Short() {
			few = 72
		}
		n := 0
		for _, field := range slices.Sorted(maps.Keys(labels)) {
			label := labels[field]
			readers, known := reads[label]
			require.True(t, known, "field %q, %s", field, label)
			sealed := strings.HasSuffix(label, " sealed")
			for _, value := range garbage {
				// All of it on one server, some of it on the others.
				if n++; n%few != 0 && (!strings.HasSuffix(b.Name, "/redis") || len(readers) == 0 || testing.Short()) {
					continue
				}
				damaged := f.restore(t, map[string]string{field: value})
				for _, o := range f.operations {
					if o.name == "Check" { // looks at no person's record
						continue
					}
					err := c.call(unhurried, o.call)
					after := b.Record(t, f.key)
					switch {
					case slices.Contains(readers, o.name):
						require.Error(t, err, "%s with %s %q", o.name, label, value)
						rig.Undecided(t, err)
						if !sealed || value == "" { // other sealed parts are opened after the script
							require.Equal(t, damaged, after, "%s with %s %q: nothing is half done", o.name, label, value)
						}
					case o.name == "Undo" && label == "used 1", o.name == "Undo again" && label == "2":
						rig.Refused(t, err, onetime.ErrNotFound) // by its id, which is gone
					default:
						require.ErrorIs(t, err, o.reason, "%s with %s %q", o.name, label, value)
					}
					if !maps.Equal(damaged, after) {
						f.restore(t, map[string]string{field: value})
					}
				}
			}
		}
		f.restore(t, nil)
		normal(t, c, b, m)
	})
}

func TestFault_SlotOfTheRightSizeWithWrongBytes(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		c := newTally(t)
		m := b.Manager(t, onetime.WithSendLimits())
		link := rig.MustLink(t, m)
		v, err := m.VerifyToken(t.Context(), link.Token)
		require.NoError(t, err)
		require.NoError(t, v.Undo(t.Context()))
		key := b.Only(t)
		slot := b.Record(t, key)["1"]
		require.Len(t, slot, 63)
		code, token := slot[:42], slot[:21]+slot[42:]
		var slots []string
		for _, at := range []int{18, 19, 20, 21, 42} { // what it was answered with, letter, pieces, kinds
			for _, c := range "\x00/056`bg{" {
				altered := []byte(slot)
				if altered[at] = byte(c); c != rune(slot[at]) && !(at == 18 && c == 'b') && !(at == 19 && c == 'b') && !(at == 20 && c == '5') {
					slots = append(slots, string(altered))
				}
			}
		}
		// Fewer pieces than none, the wrong order, two of a kind, a token without a sealed part.
		slots = append(slots, code[:20]+"/"+code[21:])
		slots = append(slots, slot[:21]+slot[42:]+slot[21:42], code+code[21:], token+token[21:], token[:20]+"0"+token[21:])
		for _, size := range []int{20, 22, 41, 43, 62} {
			slots = append(slots, slot[:size])
		}
		slots = append(slots, slot+"x", slot+slot[42:])
		for i, altered := range slots {
			if testing.Short() && i%4 != 0 {
				continue
			}
			require.NoError(t, b.Raw.HSet(t.Context(), key, "1", altered).Err())
			before := snapshot(t, b)
			for name, call := range map[string]func(ctx context.Context) error{
				"IssueOTP":     func(ctx context.Context) error { _, err := m.IssueOTP(ctx, rig.Alice); return err },
				"IssueToken":   func(ctx context.Context) error { _, err := m.IssueToken(ctx, rig.Alice); return err },
				"IssueLink":    func(ctx context.Context) error { _, err := m.IssueLink(ctx, rig.Alice); return err },
				"IssueOTP 2":   func(ctx context.Context) error { _, err := m.IssueOTP(ctx, rig.Alice, inUsed); return err },
				"VerifyOTP":    func(ctx context.Context) error { _, err := m.VerifyOTP(ctx, rig.Alice, link.Code); return err },
				"VerifyToken":  func(ctx context.Context) error { _, err := m.VerifyToken(ctx, link.Token); return err },
				"InspectToken": func(ctx context.Context) error { _, err := m.InspectToken(ctx, link.Token); return err },
				"Undo":         v.Undo,
				"Cancel":       func(ctx context.Context) error { return m.Cancel(ctx, rig.Alice, link.ID) },
				"Revoke":       func(ctx context.Context) error { return m.Revoke(ctx, rig.Alice) },
				"Status":       func(ctx context.Context) error { _, err := m.Status(ctx, rig.Alice); return err },
			} {
				err := c.call(unhurried, call)
				require.Error(t, err, "%s with %q", name, altered[18:])
				rig.Undecided(t, err)
			}
			require.Equal(t, before, snapshot(t, b))
		}
		require.NoError(t, b.Raw.HSet(t.Context(), key, "1", slot).Err())
		require.NoError(t, c.use(link.ID, unhurried, func(ctx context.Context) error { _, err := m.VerifyOTP(ctx, rig.Alice, link.Code); return err }))
	})
}

func TestFault_MissingSealedPart(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		c := newTally(t)
		m := b.Manager(t, fullOptions...)
		f := newFull(t, b, m, rig.Alice)
		for field, label := range f.labels(m) {
			if len(field) != 2 && len(field) != 11 { // is no piece
				continue
			}
			f.restore(t, nil)
			require.NoError(t, b.Raw.HDel(t.Context(), f.key, field).Err())
			before := snapshot(t, b)
			for _, o := range f.operations {
				if slices.Contains(reads[label], o.name) {
					err := c.call(unhurried, o.call)
					require.Error(t, err, "%s without %s", o.name, label)
					rig.Undecided(t, err)
				}
			}
			require.Equal(t, before, snapshot(t, b))
		}
	})
}

func TestFault_RecordOfAWrongType(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		c := newTally(t)
		ctx := t.Context()
		m := b.Manager(t, fullOptions...)
		f := newFull(t, b, m, rig.Alice)
		for name, kind := range map[string]struct{ write, read []any }{
			"string": {[]any{"SET", f.key, "1"}, []any{"GET", f.key}},
			"list":   {[]any{"RPUSH", f.key, "1", "u"}, []any{"LRANGE", f.key, 0, -1}},
			"set":    {[]any{"SADD", f.key, "1"}, []any{"SMEMBERS", f.key}},
			"zset":   {[]any{"ZADD", f.key, 1, "1"}, []any{"ZRANGE", f.key, 0, -1, "WITHSCORES"}},
			"stream": {[]any{"XADD", f.key, "1-1", "1", "u"}, []any{"XRANGE", f.key, "-", "+"}},
		} {
			require.NoError(t, b.Raw.Del(ctx, f.key).Err())
			require.NoError(t, b.Raw.Do(ctx, kind.write...).Err())
			require.NoError(t, b.Raw.PExpire(ctx, f.key, time.Hour).Err())
			before, end := b.Raw.Do(ctx, kind.read...).Val(), b.Raw.PExpireTime(ctx, f.key).Val()
			for _, o := range f.operations {
				err := c.call(unhurried, o.call)
				if o.name == "Check" { // looks at no person's record
					require.NoError(t, err)
					continue
				}
				require.Error(t, err, "%s of a %s", o.name, name)
				rig.Undecided(t, err)
			}
			require.Equal(t, before, b.Raw.Do(ctx, kind.read...).Val())
			require.Equal(t, end, b.Raw.PExpireTime(ctx, f.key).Val())
			require.Len(t, b.Records(t), 1)
		}
		require.NoError(t, b.Raw.Del(ctx, f.key).Err())
		normal(t, c, b, m)
	})
}

// restore puts the record back as it was made, but for some fields.
func (f *full) restore(t testing.TB, altered map[string]string) map[string]string {
	t.Helper()
	fields := maps.Clone(f.fields)
	maps.Copy(fields, altered)
	_, err := f.b.Raw.TxPipelined(t.Context(), func(p redis.Pipeliner) error {
		p.Del(t.Context(), f.key)
		p.HSet(t.Context(), f.key, fields)
		p.Expire(t.Context(), f.key, time.Minute) // issues and charges make it longer
		return nil
	})
	require.NoError(t, err)
	return fields
}

// labels names the fields of a record by what they belong to.
func (f *full) labels(m *onetime.Manager) map[string]string {
	challenges := map[string]string{"": ""}
	for name, binding := range map[string]string{"used ": usedBinding, "cancelled ": cancelledBinding} {
		challenges[":"+rig.Challenge(m, f.subject, binding).Binding] = name
	}
	labels := map[string]string{}
	for prefix, name := range challenges {
		for field := range f.fields {
			rest, found := strings.CutPrefix(field, prefix)
			if !found || prefix == "" && field[0] == ':' {
				continue
			}
			labels[field] = name + rest
			if rest[0] == 'o' && len(rest) > 1 { // what is used of a secret
				labels[field] = "number " + rest[1:2]
			}
			if len(rest) == 2 && rest[0] <= 'f' { // a piece, which belongs to the slot with its letter
				for slot, value := range f.fields {
					if rig.IsSlot(slot) && strings.HasPrefix(slot, prefix) && len(slot) == len(prefix)+1 && value[19] == rest[0] {
						labels[field] = name + slot[len(prefix):] + " sealed"
					}
				}
			}
		}
	}
	return labels
}
