package rig

import (
	"bytes"
	"context"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// A Proxy stands between a client and Redis and loses replies: Redis has run the command, the client does not hear of it.
// Of every second reply that is lost all but the end arrives.
type Proxy struct {
	listener net.Listener
	backend  string

	mu      sync.Mutex
	lose    int    // replies to scripts that are still to be lost
	between func() // what happens after Redis has run the command and before the client knows that its reply is lost
	lost    int
}

// NewProxy starts a proxy of the server at an address, for one test. A client reaches it with Dialer.
func NewProxy(t testing.TB, backend string) *Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &Proxy{listener: listener, backend: backend}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go p.serve(client)
		}
	}()
	return p
}

// Dialer returns what clients are to dial with: of the proxies that whose server is dialled, others directly. Ports tell
// servers apart: a cluster of one node does not know its own host.
func Dialer(proxies ...*Proxy) func(ctx context.Context, network, addr string) (net.Conn, error) {
	port := func(addr string) string { return addr[strings.LastIndexByte(addr, ':'):] }
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		to := addr
		for _, p := range proxies {
			if port(p.backend) == port(addr) {
				to = p.listener.Addr().String()
			}
		}
		conn, err := new(net.Dialer).DialContext(ctx, network, to)
		if err != nil || to == addr {
			return conn, err
		}
		server, err := net.ResolveTCPAddr(network, addr)
		return &disguised{conn, server}, err
	}
}

// A disguised connection says that it leads to the server. At a failover go-redis closes those that lead elsewhere, in the
// middle of calls.
type disguised struct {
	net.Conn
	server net.Addr
}

func (d *disguised) RemoteAddr() net.Addr { return d.server }

// LoseNext loses the replies to the next n scripts, and calls between (if not nil) when the first is lost.
func (p *Proxy) LoseNext(n int, between func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lose, p.between = n, between
}

// Losses returns how many replies were lost.
func (p *Proxy) Losses() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lost
}

// serve copies both ways. go-redis writes a command or pipeline at once and waits for its replies, so a chunk from the
// client that holds a script is followed by the script's reply.
func (p *Proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.backend)
	if err != nil {
		return
	}
	defer server.Close()
	var doomed atomic.Bool // once a reply on this connection is to be lost
	go func() {
		defer server.Close()
		buffer := make([]byte, 1<<16)
		for {
			n, err := client.Read(buffer)
			if err != nil {
				return
			}
			if bytes.Contains(bytes.ToLower(buffer[:n]), []byte("eval")) && p.takeLoss() {
				doomed.Store(true)
			}
			if _, err := server.Write(buffer[:n]); err != nil {
				return
			}
		}
	}()
	buffer := make([]byte, 1<<16)
	for {
		n, err := server.Read(buffer)
		if err != nil {
			return
		}
		if doomed.Load() {
			p.mu.Lock()
			p.lost++
			part := p.lost % 2 * (n - 1)
			between := p.between
			p.between = nil
			p.mu.Unlock()
			if between != nil {
				between()
			}
			client.Write(buffer[:part])
			return
		}
		if _, err := client.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func (p *Proxy) takeLoss() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lose == 0 {
		return false
	}
	p.lose--
	return true
}
