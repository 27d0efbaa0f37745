package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkStart is the time from the start of the program until it serves, the memory it then has, and the bytes of the binary as
// go build makes it and without symbols.
func BenchmarkStart(b *testing.B) {
	dir := b.TempDir()
	var program string
	sizes := map[string]float64{}
	for name, flags := range map[string]string{"binary-MB": "", "stripped-MB": "-s -w"} {
		program = filepath.Join(dir, name)
		out, err := exec.Command("go", "build", "-ldflags="+flags, "-o", program, ".").CombinedOutput()
		require.NoError(b, err, string(out))
		info, err := os.Stat(program)
		require.NoError(b, err)
		sizes[name] = float64(info.Size()) / 1e6
	}
	resident := regexp.MustCompile(`VmRSS:\s+(\d+) kB`)
	for b.Loop() {
		p := newProgram(b.Context(), nil, "--listen=127.0.0.1:0", "--monitor-listen=127.0.0.1:0")
		p.Path, p.Env = program, p.Env[1:] // without the variable that makes the test binary a program
		require.NoError(b, p.Start())
		for begin := time.Now(); !strings.Contains(p.said(), `"msg":"serving"`); time.Sleep(100 * time.Microsecond) {
			require.Less(b, time.Since(begin), time.Minute, p.said())
		}
		if status, err := os.ReadFile("/proc/" + strconv.Itoa(p.Process.Pid) + "/status"); err == nil {
			if found := resident.FindSubmatch(status); found != nil {
				kilobytes, _ := strconv.Atoi(string(found[1]))
				b.ReportMetric(float64(kilobytes)/1e3, "RSS-MB")
			}
		}
		p.Process.Kill()
		p.Wait()
	}
	for name, size := range sizes {
		b.ReportMetric(size, name)
	}
}
