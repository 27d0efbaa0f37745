package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

func needsRedis(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("left out: no redis-server on PATH")
	}
}

// small makes runs that end soon: their figures mean nothing.
func small(t *testing.T, args ...string) config {
	t.Helper()
	c, err := parse(append([]string{"-callers", "1,2,3", "-pending", "10,20", "-rounds", "2", "-slice", "20ms"}, args...), io.Discard)
	require.NoError(t, err)
	return c
}

func TestRun_TableAndCurvesAreWhole(t *testing.T) {
	needsRedis(t)
	t.Setenv("REDIS_URL", "")
	svg := filepath.Join(t.TempDir(), "curves.svg")
	var out strings.Builder
	require.NoError(t, run(t.Context(), &out, small(t, "-svg", svg)))

	// Each line by what it is about, and its figures.
	lines := map[string][]string{}
	for line := range strings.Lines(out.String()) {
		line = strings.Replace(line, empty, strings.ReplaceAll(empty, " ", "_"), 1)
		cells := strings.Fields(line)
		if len(cells) != len(columns) {
			continue
		}
		if _, err := strconv.Atoi(cells[0]); err == nil {
			lines[strings.Join(cells[:4], " ")] = cells[4:]
		}
	}
	var want []string
	for _, place := range []string{"10 %s 1", "10 %s 2", "10 %s 3", "20 %s 2"} {
		for _, client := range clients {
			for _, operation := range operations {
				want = append(want, strings.Replace(place, "%s", client, 1)+" "+strings.ReplaceAll(operation, " ", "_"))
			}
		}
	}
	var have []string
	for name, cells := range lines {
		have = append(have, name)
		for i, cell := range cells {
			column := columns[4+i]
			none := column == "bytes" && (strings.HasSuffix(name, ceiling) || strings.Contains(name, "EVALSHA")) ||
				column == "÷ empty" && strings.HasSuffix(name, ceiling)
			if none {
				require.Equal(t, "-", cell, "%s: %s", name, column)
				continue
			}
			figure, err := strconv.ParseFloat(cell, 64)
			require.NoError(t, err, "%s: %s", name, column)
			if column == "bytes" {
				continue // of ten records, beside the buffers of clients, it may be anything
			}
			require.Positive(t, figure, "%s: %s", name, column)
		}
		if strings.HasSuffix(name, ceiling) {
			require.Equal(t, "1.00", cells[3], "%s: ÷ ceiling", name)
		}
		if strings.Contains(name, "EVALSHA") {
			require.Equal(t, "1.0", cells[7], "%s: ÷ empty", name)
		}
	}
	require.ElementsMatch(t, want, have)
	const middle = `\d+\.\d\d \(\d+\.\d\d to \d+\.\d\d\)`
	for _, goal := range []string{`÷ ceiling, 2 callers, plain`, `÷ ceiling, 2 callers, AutoPipeline`} {
		require.Regexp(t, regexp.QuoteMeta("OTP+request pairs "+goal)+`: `+middle+`, by CPU time `+middle, out.String())
	}
	for _, goal := range []string{`÷ ceiling, 2 callers, plain`, `÷ ceiling, 2 callers, AutoPipeline`, `at 20 pending ÷ at 10, 2 callers, plain`, `at 20 pending ÷ at 10, 2 callers, AutoPipeline`} {
		require.Regexp(t, regexp.QuoteMeta("OTP pairs "+goal)+`: `+middle+`, by CPU time `+middle+`\. Goal: 0\.\d or more\.`, out.String())
	}

	drawn, err := os.ReadFile(svg)
	require.NoError(t, err)
	// Two panels, each with a line for each client and operation: one of three callers, one of two numbers of pending.
	points := polylines(t, drawn)
	require.Len(t, points, 2*len(clients)*len(operations))
	for i, line := range points {
		require.Len(t, strings.Fields(line), []int{3, 2}[i/(len(points)/2)])
		require.NotRegexp(t, `NaN|Inf`, line)
	}
}

// polylines returns the points of each curve of an SVG, which has to be well formed.
func polylines(t *testing.T, svg []byte) []string {
	t.Helper()
	var found []string
	decoder := xml.NewDecoder(strings.NewReader(string(svg)))
	for {
		part, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return found
		}
		require.NoError(t, err)
		if start, ok := part.(xml.StartElement); ok && start.Name.Local == "polyline" {
			i := slices.IndexFunc(start.Attr, func(a xml.Attr) bool { return a.Name.Local == "points" })
			require.GreaterOrEqual(t, i, 0)
			found = append(found, start.Attr[i].Value)
		}
	}
}

func TestRun_LeavesAGivenRedisAsItWas(t *testing.T) {
	needsRedis(t)
	t.Setenv("REDIS_URL", "")
	options, end, err := open(t.Context())
	require.NoError(t, err)
	defer end()
	client := redis.NewClient(options)
	defer client.Close()
	t.Setenv("REDIS_URL", "redis://"+options.Addr+"/3")

	require.NoError(t, run(t.Context(), io.Discard, small(t)))
	require.NotContains(t, client.Info(t.Context(), "keyspace").Val(), "db")

	// Of the databases 3, 4 and 5 the last is somebody's.
	other := *options
	other.DB = 5
	theirs := redis.NewClient(&other)
	defer theirs.Close()
	require.NoError(t, theirs.Set(t.Context(), "theirs", "1", 0).Err())
	require.ErrorContains(t, run(t.Context(), io.Discard, small(t)), "database 5: holds 1 keys")
	require.Equal(t, "1", theirs.Get(t.Context(), "theirs").Val())
}

func TestRun_SaysWhatIsMissing(t *testing.T) {
	t.Setenv("REDIS_URL", "redis://:swordfish@localhost:port/0")
	err := run(t.Context(), io.Discard, small(t))
	require.ErrorContains(t, err, "REDIS_URL")
	require.NotContains(t, err.Error(), "swordfish")

	t.Setenv("REDIS_URL", "")
	t.Setenv("PATH", t.TempDir())
	require.ErrorContains(t, run(t.Context(), io.Discard, small(t)), "no redis-server on PATH")
}

func TestParse_RefusesWhatCannotBe(t *testing.T) {
	for _, args := range [][]string{
		{"-callers", "50,1"}, {"-callers", "0"}, {"-callers", ""}, {"-pending", "1,x"}, {"-pending", "10,10"},
		{"-rounds", "0"}, {"-slice", "0s"}, {"more"},
	} {
		_, err := parse(args, io.Discard)
		require.Error(t, err, args)
	}
}

func TestResults_AreMediansAndRatiosOfARound(t *testing.T) {
	// The machine was slow in the second round, for both alike.
	is := func(operation string) variant { return variant{10, plain, 1, operation} }
	b := &bench{
		config: config{callers: []int{1}, pending: []int{10}},
		bytes:  map[string]map[int]float64{otp: {10: 263}},
		samples: map[variant][]sample{
			is(ceiling): {{pairs: 100, script: 1}, {pairs: 10, script: 9}, {pairs: 120, script: 1}},
			is(empty):   {{pairs: 90, script: 2}, {pairs: 9, script: 20}, {pairs: 90, script: 2}},
			is(otp):     {{pairs: 40, script: 30}, {pairs: 5, script: 280}, {pairs: 72, script: 26}},
		},
	}
	results := b.results()
	require.Len(t, results, 3)
	require.Equal(t, otp, results[2].operation)
	require.Equal(t, 40.0, results[2].pairs)
	require.Equal(t, 0.5, results[2].ratio)
	require.Equal(t, 14.0, results[2].scripts)
	require.Equal(t, 263.0, results[2].bytes)
	require.Zero(t, results[0].scripts)

	first, second, third := quartiles([]float64{5, 1, 3, 2, 4})
	require.Equal(t, []float64{2, 3, 4}, []float64{first, second, third})
	_, second, _ = quartiles([]float64{1, 2})
	require.Equal(t, 1.5, second)
}
