package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// A serverTime is what the server has spent so far: µs of CPU, and µs in a number of calls of scripts, or of commands of
// the ceiling.
type serverTime struct{ cpu, scripts, calls float64 }

func serverTimes(ctx context.Context, client *redis.Client, operation string) (t serverTime, err error) {
	// A Redis before 7.0 takes one section at a time.
	cpu, err := client.Info(ctx, "cpu").Result()
	if err != nil {
		return t, err
	}
	commands, err := client.Info(ctx, "commandstats").Result()
	if err != nil {
		return t, err
	}
	for _, field := range []string{"used_cpu_sys", "used_cpu_user"} {
		seconds, err := strconv.ParseFloat(infoOf(cpu)[field], 64)
		if err != nil {
			return t, err
		}
		t.cpu += seconds * 1e6
	}
	info := infoOf(commands)
	for _, command := range commandsOf(operation) {
		var calls, usec float64
		// There is no line of a command that has not run yet.
		_, _ = fmt.Sscanf(info["cmdstat_"+command], "calls=%f,usec=%f", &calls, &usec)
		t.calls, t.scripts = t.calls+calls, t.scripts+usec
	}
	return t, nil
}

func commandsOf(operation string) []string {
	if operation == ceiling {
		return []string{"set", "getdel"}
	}
	return []string{"evalsha", "eval"}
}

// infoOf takes what INFO said apart.
func infoOf(text string) map[string]string {
	fields := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		fields[name] = value
	}
	return fields
}
