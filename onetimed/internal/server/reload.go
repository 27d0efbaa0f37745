package server

import (
	"context"
	"errors"
	"net/url"
	"time"
)

// keepReading reads files again whenever the time has come, and at each hangup what programs print as well: a KMS may charge
// for each call.
func (s *Server) keepReading(ctx context.Context, hangup <-chan struct{}) {
	ticker := time.NewTicker(s.config.SecretsReload)
	defer ticker.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			err = s.reload(ctx, false)
		case <-hangup:
			err = s.Reload(ctx)
		}
		if err != nil && ctx.Err() == nil {
			s.log.Error("secrets were not taken: the old ones stay", "error", err.Error())
		}
	}
}

// Reload reads all secrets again and goes by them, or by none of them if anything is wrong. Requests under way end by the old
// ones.
func (s *Server) Reload(ctx context.Context) error { return s.reload(ctx, true) }

// reload runs programs again, or goes by what they printed.
func (s *Server) reload(ctx context.Context, programs bool) error {
	s.reading.Lock()
	defer s.reading.Unlock()
	printed := s.printed
	if programs {
		printed = map[string]string{}
	}
	changed, err := s.take(ctx, printed)
	outcome := "same"
	switch {
	case err != nil:
		outcome = "failed"
	case changed:
		outcome = "changed"
		s.log.Info("secrets have changed")
	}
	if err == nil {
		s.printed = printed
	}
	s.metrics.read(outcome, time.Now(), s.held.Load().ids())
	return err
}

// take reads secrets and goes by them, if they have changed and nothing is wrong.
func (s *Server) take(ctx context.Context, printed map[string]string) (changed bool, err error) {
	old := s.held.Load()
	fresh, err := readSecrets(ctx, s.config, s.env.Getenv, printed)
	if err != nil {
		return false, err
	}
	s.carryOver(fresh, old)
	if fresh.equal(old) {
		return false, nil
	}
	if !fresh.sameNames(old) {
		return false, errors.New("keys/naming: it never changes, or everything outstanding and every limit is lost from sight")
	}
	if placeOf(fresh.redisURL) != placeOf(old.redisURL) {
		return false, errors.New("redis/url: only user and password change while the server runs")
	}
	settings, err := s.apiConfig(fresh)
	if err != nil {
		return false, err
	}
	sender, err := s.sender(fresh)
	if err != nil {
		return false, err
	}
	if err := s.api.Replace(settings); err != nil { // the last that can fail
		return false, err
	}
	if u, err := url.Parse(fresh.redisURL); err == nil && s.database != nil { // it has the place of the old one
		s.database.relog(u)
	}
	s.sending.Store(&sender)
	s.held.Store(fresh)
	return true, nil
}

// carryOver keeps what was drawn for this run.
func (s *Server) carryOver(fresh, old *secrets) {
	if s.config.Keys.Naming.IsZero() {
		fresh.naming, fresh.current = old.naming, old.current
	}
	if len(s.config.SigningKeys) == 0 {
		fresh.signing = old.signing
	}
	if digests, drawn := old.callers[developer]; drawn && s.developerKey != "" {
		fresh.callers[developer] = digests
	}
}
