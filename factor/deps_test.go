package factor_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What factor links beyond what the root package does is of the standard library or of this module; so is sqlstore's.
func TestFactor_LinksNothingThatTheRootDoesNot(t *testing.T) {
	deps := func(folder string) []string {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", folder).Output()
		require.NoError(t, err)
		return slices.DeleteFunc(strings.Fields(string(out)), func(dep string) bool {
			domain, _, _ := strings.Cut(dep, "/")
			return !strings.Contains(domain, ".") || strings.HasPrefix(dep, "github.com/seed-3f7b73d1/onetime")
		})
	}
	root := deps("..")
	require.NotEmpty(t, root)
	for _, folder := range []string{".", "./sqlstore"} {
		require.Subset(t, root, deps(folder), folder)
	}
}
