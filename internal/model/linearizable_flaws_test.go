package model_test

import (
	"context"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/internal/core"
)

// A flaw is a change to the text of a script that breaks a rule. The zero value is none.
type flaw struct{ script, text, becomes string }

// A flawed client runs a script with a flaw in place of the right one.
type flawed struct {
	*redis.Client
	right, wrong string // hashes
}

func (c flawed) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	if sha == c.right {
		sha = c.wrong
	}
	return c.Client.EvalSha(ctx, sha, keys, args...)
}

// client returns a client of scripts with the flaw, which Redis gets to know.
func (f flaw) client(t testing.TB, addr string, rdb *redis.Client) redis.Scripter {
	t.Helper()
	right := core.WholeScript(f.script)
	require.Equal(t, 1, strings.Count(right, f.text), "the flaw is no longer in %s.lua", f.script)
	direct := redis.NewClient(&redis.Options{Addr: addr})
	defer direct.Close()
	wrong, err := direct.ScriptLoad(t.Context(), strings.Replace(right, f.text, f.becomes, 1)).Result()
	require.NoError(t, err)
	return flawed{rdb, redis.NewScript(right).Hash(), wrong}
}

func TestLinearizable_FindsFlawedScripts(t *testing.T) {
	for name, f := range map[string]flaw{
		"another sending is a new call":          {"verify", "local sent = used and", "local sent = false and"},
		"another sending is nobody's":            {"verify", "used_group == group and", ""},
		"another sending may be undone":          {"undo", "or byte(text) == 114 ", ""},
		"a second issue of a form is new":        {"issue", "values[4] == group then", "false then"},
		"an issue of no form is of the last one": {"issue", "if values[4] and group == '' then", "if false then"},
		"an issue of a form outlives its end":    {"issue", "local alive = lives(slot, now) and not used", "local alive = not used"},
		"a quiet cancel is told":                 {"revoke", "local quiet = mode == 'd' and", "local quiet = false and"},
		"a quiet cancel spares":                  {"revoke", "left = left .. sub(slot, at, at + 4) .. digest", "left = slot"},
		"a quiet cancel spares what was used":    {"revoke", "and not use(call('HGET', KEYS[1], scope .. 'u'))", ""},
		"an Erase keeps marks":                   {"revoke", "{'i', 'u', 'w'}", "{'i', 'u'}"},
		"a quiet cancel erases":                  {"revoke", "if mode == 'x' then", "if mode ~= 'e' then"},
	} {
		t.Run(name, func(t *testing.T) {
			isFound(t, smallWork.with(func(w *workload) { w.flaw = f }))
		})
	}
}
