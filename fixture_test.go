package onetime_test

import (
	"testing"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/code"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

func TestMain(m *testing.M) { rig.Main(m, rig.Redis) }

// clean is Clean of a code.Alphabet.
func clean(a onetime.Alphabet, typed string, n int) (string, bool) {
	return code.Alphabet(a).Clean(typed, n)
}
