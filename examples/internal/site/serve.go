package site

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"
)

// Listen listens on addr, or else on localhost, on the first free port from 8080 on. It returns where browsers find the
// pages, which is origin unless that is empty, and whether nobody can reach them but this computer.
func Listen(addr, origin string) (listener net.Listener, found string, private bool, err error) {
	if addr == "" {
		listener, err = listenLocal(8080)
		addr = "localhost:"
	} else {
		listener, err = net.Listen("tcp", addr)
	}
	if err != nil {
		return nil, "", false, fmt.Errorf("ADDR: %w", err)
	}
	bound := listener.Addr().(*net.TCPAddr)
	switch {
	case origin != "":
		return listener, origin, false, nil
	case !bound.IP.IsLoopback():
		listener.Close()
		return nil, "", false, errors.New("ORIGIN: want where browsers find the pages, such as https://example.com: ADDR is not of this computer only")
	}
	host, _, _ := net.SplitHostPort(addr) // as net.Listen has split it
	return listener, "http://" + net.JoinHostPort(host, strconv.Itoa(bound.Port)), true, nil
}

// listenLocal tries this port and the 20 behind it.
func listenLocal(port int) (listener net.Listener, err error) {
	for end := port + 20; port <= end; port++ {
		addr := net.JoinHostPort("localhost", strconv.Itoa(port))
		// Somebody may answer on ::1 while 127.0.0.1 is free, and a browser may ask there first.
		if taken, dialErr := net.DialTimeout("tcp", addr, time.Second); dialErr == nil {
			taken.Close()
			err = fmt.Errorf("%s is taken", addr)
			continue
		}
		if listener, err = net.Listen("tcp", addr); err == nil {
			return listener, nil
		}
	}
	return nil, err
}

// Serve serves until ctx ends, and then ends in order: the server first, since its handlers queue work, then what works.
func (s *Site) Serve(ctx context.Context, handler http.Handler, workers ...interface{ Shutdown(context.Context) error }) error {
	server := &http.Server{
		Handler: handler,
		// A client that is slow, or silent, does not hold a connection for ever.
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: 16 << 10,
	}
	fmt.Fprintln(s.Out, "Open", s.Origin)
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(s.Listener) }()
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	errs := []error{err, server.Shutdown(bounded)}
	for _, w := range workers {
		errs = append(errs, w.Shutdown(bounded))
	}
	return errors.Join(errs...)
}
