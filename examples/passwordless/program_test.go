package main

import (
	"os"
	"testing"

	"github.com/seed-3f7b73d1/onetime/examples/internal/browser"
	"github.com/seed-3f7b73d1/onetime/examples/internal/sitetest"
)

func TestMain(m *testing.M) {
	if !sitetest.AsProgram(main) {
		os.Exit(browser.Run(m))
	}
}
