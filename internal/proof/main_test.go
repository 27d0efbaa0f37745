package proof

import (
	"testing"

	"github.com/seed-3f7b73d1/onetime/internal/redistest"
)

func TestMain(m *testing.M) { redistest.Main(m, redistest.Redis) }
