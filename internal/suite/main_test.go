package suite_test

import (
	"testing"

	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

func TestMain(m *testing.M) { rig.Main(m, rig.Redis, rig.Sentinel) }
