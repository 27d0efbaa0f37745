package proof

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/seed-3f7b73d1/onetime/internal/redistest"
)

func TestMain(m *testing.M) {
	flag.Parse()
	redis.SetLogger(redistest.Quiet{})
	if !redistest.Installed(redistest.Redis) {
		if os.Getenv("CI") == "true" {
			fmt.Fprintf(os.Stderr, "proof: no %s on PATH: CI must test against a real one\n", redistest.Redis)
			os.Exit(1)
		}
		fmt.Printf("No %s on PATH: left out is all that needs it.\n", redistest.Redis)
	}
	code := m.Run()
	redistest.RemoveAll()
	os.Exit(code)
}
