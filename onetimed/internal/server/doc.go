/*
Package server runs the API: it opens Redis and the senders, listens, says whether it lives, and ends without losing an answer.

	s, err := server.Open(ctx, config, server.Environment{Out: os.Stdout, Log: os.Stderr})
	err = s.Run(ctx)  // until ctx ends; then not ready, wait, finish, drain

What the configuration refers to is read again while it runs, all or nothing: see [Server.Reload].
*/
package server
