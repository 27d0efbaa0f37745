package rig

import (
	"strconv"
	"strings"
	"testing"

	miniserver "github.com/alicebob/miniredis/v2/server"
	"github.com/stretchr/testify/require"
)

// RecordCommands counts the commands that read or write a record's fields, or set its end, while do runs.
func RecordCommands(t *testing.T, b *Backend, do func()) map[string]int {
	t.Helper()
	counts := map[string]int{}
	count := func(name string, calls int) {
		if name != "hello" && strings.HasPrefix(name, "h") || strings.HasPrefix(name, "pexpire") {
			counts[name] += calls
		}
	}
	if b.Mini != nil {
		b.Mini.Server().SetPreHook(func(_ *miniserver.Peer, name string, _ ...string) bool {
			count(strings.ToLower(name), 1)
			return false
		})
		defer b.Mini.Server().SetPreHook(nil)
		do()
		return counts
	}
	require.NoError(t, b.Raw.ConfigResetStat(t.Context()).Err())
	do()
	for line := range strings.Lines(b.Raw.Info(t.Context(), "commandstats").Val()) {
		name, rest, _ := strings.Cut(strings.TrimPrefix(line, "cmdstat_"), ":calls=")
		number, _, _ := strings.Cut(rest, ",")
		if calls, err := strconv.Atoi(number); err == nil {
			count(name, calls)
		}
	}
	return counts
}
