package onetimesmtp

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/internal/child"
)

// patience is how long anything may take that must happen: so long that a busy machine manages it, and a hang ends.
const patience = 2 * time.Minute

// TestMain runs the tests and ends what they started. In CI they must have Postfix; where CI is not root, .ci/run runs
// what needs it a second time as root.
func TestMain(m *testing.M) {
	if why := noPostfix(); why != "" && why != notRoot && os.Getenv("CI") == "true" {
		fmt.Fprintf(os.Stderr, "%s: CI must test against a real MTA, which .ci/run installs\n", why)
		os.Exit(1)
	}
	code := m.Run()
	child.End()
	os.Exit(code)
}

const notRoot = "Postfix can be started by root only"

// noPostfix says why none can be started, or nothing.
func noPostfix() string {
	if _, err := exec.LookPath("postconf"); err != nil {
		return "no postconf on PATH, which is a part of Postfix"
	}
	for _, name := range []string{"postfix", "nobody"} {
		if _, err := user.Lookup(name); err != nil {
			return "no user " + name + ", which Debian's Postfix runs as"
		}
	}
	if os.Geteuid() != 0 {
		return notRoot
	}
	return ""
}

// A postfix is an MTA with files of its own, which takes mails from the test only, delivers to one Maildir and passes nothing on.
type postfix struct {
	url, dir string

	mu   sync.Mutex
	said bytes.Buffer // all that clients sent
}

// postfixMain is its main.cf, but for folders and SMTPUTF8.
const postfixMain = `compatibility_level = 3.6
myhostname = mx.example.com
inet_interfaces = loopback-only
inet_protocols = ipv4
disable_dns_lookups = yes
smtpd_peername_lookup = no
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
virtual_mailbox_domains = example.com, xn--bcher-kva.example
virtual_mailbox_maps = static:inbox/
default_transport = error:nothing is passed on
`

// postfixServices is its master.cf. Clients come by a socket in the file system: a port that is free when it is chosen could
// be taken when the server starts.
const postfixServices = `clients unix       n - n -   - smtpd
cleanup unix       n - n -   0 cleanup
qmgr    unix       n - n 300 1 qmgr
rewrite unix       - - n -   - trivial-rewrite
bounce  unix       - - n -   0 bounce
defer   unix       - - n -   0 bounce
trace   unix       - - n -   0 bounce
virtual unix       - n n -   - virtual
error   unix       - - n -   - error
retry   unix       - - n -   - error
anvil   unix       - - n -   1 anvil
postlog unix-dgram n - n -   1 postlogd
`

// startPostfix starts a Postfix that offers SMTPUTF8, or does not. It ends with the test.
func startPostfix(t testing.TB, smtputf8 bool) *postfix {
	t.Helper()
	if why := noPostfix(); why != "" {
		t.Skip("left out: " + why)
	}
	p := &postfix{dir: postfixFolders(t)}
	offer := map[bool]string{true: "yes", false: "no"}[smtputf8]
	nobody := lookUp(t, "nobody")
	config := postfixMain + "smtputf8_enable = " + offer + "\n" +
		"queue_directory = " + p.dir + "/queue\ndata_directory = " + p.dir + "/data\nvirtual_mailbox_base = " + p.dir + "/mail\n" +
		"maillog_file = " + p.dir + "/log\nmaillog_file_prefixes = " + p.dir + "\n" +
		"virtual_uid_maps = static:" + nobody.Uid + "\nvirtual_gid_maps = static:" + nobody.Gid + "\n"
	require.NoError(t, os.WriteFile(p.dir+"/main.cf", []byte(config), 0o644))
	require.NoError(t, os.WriteFile(p.dir+"/master.cf", []byte(postfixServices), 0o644))
	t.Cleanup(func() {
		if log, err := os.ReadFile(p.dir + "/log"); t.Failed() && err == nil {
			t.Logf("what Postfix wrote:\n%s", log)
		}
	})

	programs, err := exec.Command("postconf", "-d", "-h", "daemon_directory").Output()
	require.NoError(t, err)
	master := exec.Command(filepath.Join(strings.TrimSpace(string(programs)), "master"), "-c", p.dir, "-d") // -d: it stays in its process group
	child.Bind(master)
	output, inherited, err := os.Pipe() // by all programs that it starts
	require.NoError(t, err)
	master.Stdout, master.Stderr = inherited, inherited
	require.NoError(t, errors.Join(master.Start(), inherited.Close()))
	t.Cleanup(func() {
		master.Process.Kill()
		master.Wait()
		output.SetReadDeadline(time.Now().Add(patience))
		said, err := io.ReadAll(output)
		require.NoError(t, err, "a program of Postfix does not end with its master")
		require.Empty(t, string(said))
		output.Close()
	})
	eventually(t, func() error {
		conn, err := p.dial()
		if err != nil {
			return err
		}
		defer conn.Close()
		greeting := make([]byte, 3)
		_, err = io.ReadFull(conn, greeting)
		return err
	})
	p.listen(t)
	return p
}

func lookUp(t testing.TB, name string) *user.User {
	u, err := user.Lookup(name)
	require.NoError(t, err)
	return u
}

// postfixFolders makes a folder with what "postfix check" would make.
func postfixFolders(t testing.TB) string {
	dir, err := child.Dir()
	require.NoError(t, err)
	// Its programs run as users of their own, which have to get there.
	require.NoError(t, errors.Join(os.Chmod(filepath.Dir(dir), 0o711), os.Chmod(dir, 0o711)))
	make := func(owner string, mode os.FileMode, names ...string) {
		u := lookUp(t, owner)
		uid, err := strconv.Atoi(u.Uid)
		require.NoError(t, err)
		gid, err := strconv.Atoi(u.Gid)
		require.NoError(t, err)
		for _, name := range names {
			path := filepath.Join(dir, name)
			require.NoError(t, errors.Join(os.Mkdir(path, mode), os.Chmod(path, mode), os.Chown(path, uid, gid)))
		}
	}
	make("root", 0o755, "queue", "queue/pid")
	make("nobody", 0o700, "mail")
	make("postfix", 0o700, "data", "queue/active", "queue/bounce", "queue/corrupt", "queue/defer", "queue/deferred", "queue/flush",
		"queue/hold", "queue/incoming", "queue/private", "queue/saved", "queue/trace")
	make("postfix", 0o710, "queue/public")
	return dir
}

// eventually waits until a condition holds.
func eventually(t testing.TB, condition func() error) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		err := condition()
		if err == nil {
			return
		}
		require.True(t, time.Now().Before(end), "waited for %s: %v", patience, err)
	}
}

func (p *postfix) dial() (net.Conn, error) { return net.Dial("unix", p.dir+"/queue/public/clients") }

// listen takes connections on a port, passes them on, and keeps what clients say.
func (p *postfix) listen(t testing.TB) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	p.url = "smtp://" + listener.Addr().String()
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go p.pass(client)
		}
	}()
}

func (p *postfix) pass(client net.Conn) {
	defer client.Close()
	server, err := p.dial()
	if err != nil {
		return
	}
	go func() {
		defer server.Close()
		io.Copy(server, io.TeeReader(client, p))
	}()
	io.Copy(client, server)
}

// Write keeps what a client said.
func (p *postfix) Write(data []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.Write(data)
}

// commands returns the MAIL and RCPT commands of clients since the last call.
func (p *postfix) commands() (commands []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for line := range strings.Lines(p.said.String()) {
		if strings.HasPrefix(line, "MAIL ") || strings.HasPrefix(line, "RCPT ") {
			commands = append(commands, strings.TrimSpace(line))
		}
	}
	p.said.Reset()
	return commands
}

// next waits for the one mail that was delivered, and takes it out of the Maildir.
func (p *postfix) next(t testing.TB) received {
	t.Helper()
	var m received
	eventually(t, func() error {
		files, err := filepath.Glob(p.dir + "/mail/inbox/new/*")
		if err != nil || len(files) != 1 {
			return cmp.Or(err, fmt.Errorf("%d mails", len(files)))
		}
		raw, err := os.ReadFile(files[0])
		m.raw = string(raw)
		return errors.Join(err, os.Remove(files[0]))
	})
	return m
}
