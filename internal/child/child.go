// Package child starts programs that end with the process that started them, and keeps their files in a folder that goes
// with them. A panic, a timeout of a test binary and SIGKILL leave no time to end anything in: a keeper does it, a shell
// that notices the end of its parent.
package child

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
)

// A keeper ends the programs of its process group and removes a folder once its input ends. No signal to the process that
// started it reaches it.
type keeper struct {
	dir     string
	process *exec.Cmd
	hold    io.Closer // its input, which ends with this process at the latest
}

var (
	mu      sync.Mutex
	current *keeper
)

// Bind makes a command end with this process. It is called before the command is started, and an error comes from there.
func Bind(cmd *exec.Cmd) {
	mu.Lock()
	defer mu.Unlock()
	k, err := keep()
	if err != nil {
		cmd.Err = err
		return
	}
	k.bind(cmd)
}

// Dir makes a folder that is removed with the programs.
func Dir() (string, error) {
	mu.Lock()
	defer mu.Unlock()
	k, err := keep()
	if err != nil {
		return "", err
	}
	return os.MkdirTemp(k.dir, "")
}

// End ends all programs at once, removes their folders, and returns when that is done.
func End() {
	mu.Lock()
	defer mu.Unlock()
	if current != nil {
		current.end()
		current = nil
	}
}

// keep returns the keeper and starts it when it is first needed.
func keep() (*keeper, error) {
	if current != nil {
		return current, nil
	}
	dir, err := os.MkdirTemp("", "onetime")
	if err != nil {
		return nil, err
	}
	k := &keeper{dir: dir}
	if err := k.start(); err != nil {
		os.RemoveAll(dir)
		return nil, fmt.Errorf("child: %w", err)
	}
	current = k
	return k, nil
}
