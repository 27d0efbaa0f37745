package site

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestListen_TakesTheNextFreePort(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	listener, err := listenLocal(port)
	require.NoError(t, err)
	defer listener.Close()
	require.Greater(t, listener.Addr().(*net.TCPAddr).Port, port)
	require.LessOrEqual(t, listener.Addr().(*net.TCPAddr).Port, port+20)
	require.True(t, listener.Addr().(*net.TCPAddr).IP.IsLoopback())
}

func TestListen_LeavesAPortAloneThatIsTakenOnTheOtherAddress(t *testing.T) {
	taken, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("left out: this computer has no ::1")
	}
	defer taken.Close()
	if addrs, err := net.DefaultResolver.LookupHost(context.Background(), "localhost"); err != nil || len(addrs) < 2 {
		t.Skip("left out: localhost is one address only")
	}
	port := taken.Addr().(*net.TCPAddr).Port
	listener, err := listenLocal(port)
	require.NoError(t, err)
	defer listener.Close()
	require.Greater(t, listener.Addr().(*net.TCPAddr).Port, port)
}
