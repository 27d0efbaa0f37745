//go:build unix

package child

import (
	"os"
	"os/exec"
	"syscall"
)

// script waits for the end of its input. It removes the folder before it kills the group, because the group is also its own;
// programs that heed SIGTERM write no more then, and the others get a second.
const script = `trap '' HUP INT QUIT TERM
cat >/dev/null
kill -TERM 0
rm -rf "$1" || { sleep 1; rm -rf "$1"; }
kill -KILL 0`

func (k *keeper) start() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	k.process = exec.Command("/bin/sh", "-c", script, "keeper", k.dir)
	k.process.Stdin = r
	k.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := k.process.Start(); err != nil {
		w.Close()
		return err
	}
	k.hold = w
	return nil
}

// bind puts a command into the keeper's group. There is no moment at which a kill of this process spares it: a new process
// holds the keeper's input open until it runs the program, and by then it is in the group. (Linux's Pdeathsig would have
// such moments, and goes off when the thread ends that started the program, which in Go need not be the end of the process.)
func (k *keeper) bind(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid, cmd.SysProcAttr.Pgid = true, k.process.Process.Pid
}

func (k *keeper) end() {
	k.hold.Close()
	k.process.Wait()
	os.RemoveAll(k.dir) // what a program has written after all
}
