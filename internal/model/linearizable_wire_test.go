package model_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"time"
)

// A network carries commands of several callers, and holds some of them back. Its clock is that of the history.
type network struct {
	began time.Time

	mu   sync.Mutex
	sent int // commands
	held []held
	late sync.WaitGroup
}

type held struct {
	until int // so many commands were sent
	free  chan struct{}
}

func newNetwork() *network { return &network{began: time.Now()} }

func (n *network) now() int64 { return int64(time.Since(n.began)) }

// pass counts a command and lets those go that were held back for long enough.
func (n *network) pass() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sent++
	n.held = slices.DeleteFunc(n.held, func(h held) bool {
		if h.until > n.sent {
			return false
		}
		close(h.free)
		return true
	})
}

// hold returns what is closed when so many more commands were sent.
func (n *network) hold(commands int) <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	h := held{n.sent + commands, make(chan struct{})}
	n.held = append(n.held, h)
	return h.free
}

// settle lets all go that is held back, and waits until Redis has run whatever nobody waited for.
func (n *network) settle() {
	n.mu.Lock()
	for _, h := range n.held {
		close(h.free)
	}
	n.held = nil
	n.mu.Unlock()
	n.late.Wait()
}

// A sending is one copy of a command on its way: Redis ran it between the two times. ran is 0 while that is not known.
type sending struct{ at, ran int64 }

// A line is a connection of a caller. It notes each script that the client sends. It may drop it or hold it back: then the
// client is told at once that it has waited in vain, and leaves. What was held back Redis runs later.
type line struct {
	net.Conn
	caller *caller

	open    *sending // the script that has no answer yet
	silent  bool     // there will be none
	command []byte   // that is held back
	free    <-chan struct{}
}

func (l *line) Write(b []byte) (int, error) {
	if !bytes.Contains(b, []byte("eval")) {
		return l.Conn.Write(b)
	}
	c := l.caller
	c.network.pass()
	chance := c.draw.Float64()
	l.silent = chance < c.work.fail || c.late
	if chance < c.work.fail/5 {
		return len(b), nil
	}
	l.open = &sending{at: c.network.now()}
	c.sendings = append(c.sendings, l.open)
	if l.silent {
		commands := 1 + c.draw.IntN(24)
		if c.late {
			commands, c.late = 1000, false
		}
		l.command, l.free = bytes.Clone(b), c.network.hold(commands)
		return len(b), nil
	}
	return l.Conn.Write(b)
}

func (l *line) Read(b []byte) (int, error) {
	if l.silent {
		return 0, os.ErrDeadlineExceeded
	}
	n, err := l.Conn.Read(b)
	l.answered(n, err)
	return n, err
}

// answered notes that Redis has run the script: an answer came, or the proxy lost it, which it does when it has it.
func (l *line) answered(n int, err error) {
	if l.open != nil && (n > 0 || errors.Is(err, io.EOF)) {
		l.open.ran = l.caller.network.now()
		l.open = nil
	}
}

// Close leaves a connection with a script on it to itself.
func (l *line) Close() error {
	if l.open == nil {
		return l.Conn.Close()
	}
	l.caller.network.late.Go(func() {
		defer l.Conn.Close()
		if l.silent {
			<-l.free
			l.open.at = l.caller.network.now()
			l.Conn.SetDeadline(time.Now().Add(30 * time.Second))
			if _, err := l.Conn.Write(l.command); err != nil {
				return
			}
		}
		l.Conn.SetDeadline(time.Now().Add(30 * time.Second))
		n, err := l.Conn.Read(make([]byte, 1<<12))
		l.answered(n, err)
	})
	return nil
}

type dialer = func(ctx context.Context, network, addr string) (net.Conn, error)

// dial has the connections of a caller noted.
func (c *caller) dial(to dialer) dialer {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := to(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &line{Conn: conn, caller: c}, nil
	}
}
