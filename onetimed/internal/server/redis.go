package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"github.com/seed-3f7b73d1/onetime/onetimed/internal/config"
)

// login is how to log in to Redis. It may change while the server runs.
type login struct{ user, password string }

// A database is the client of a Redis whose password may change.
type database struct {
	client redis.UniversalClient
	login  atomic.Pointer[login]
}

var errRedisURL = errors.New("want redis://USER:PASSWORD@HOST:PORT/DB or rediss://, redis+cluster://…?addr=HOST:PORT or redis+sentinel://…?master_name=NAME&addr=HOST:PORT")

// openDatabase makes a client. It asks nobody. The error does not hold the URL, which may have a password.
func openDatabase(address string, c config.Redis) (*database, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errRedisURL
	}
	scheme, kind, _ := strings.Cut(u.Scheme, "+")
	if scheme != "redis" && scheme != "rediss" || u.Host == "" {
		return nil, errRedisURL
	}
	d := &database{}
	d.relog(u)
	u.Scheme = scheme
	credentials := func(context.Context) (string, string, error) {
		l := d.login.Load()
		return l.user, l.password, nil
	}
	switch kind {
	case "":
		o, err := redis.ParseURL(u.String())
		if err != nil {
			return nil, errRedisURL
		}
		o.ContextTimeoutEnabled, o.CredentialsProviderContext = true, credentials // without the first, deadlines are ignored
		o.PoolSize = c.PoolSize
		d.client = redis.NewClient(o)
	case "cluster":
		o, err := redis.ParseClusterURL(u.String())
		if err != nil {
			return nil, errRedisURL
		}
		o.ContextTimeoutEnabled, o.CredentialsProviderContext = true, credentials
		o.PoolSize = c.PoolSize
		d.client = redis.NewClusterClient(o)
	case "sentinel":
		o, err := redis.ParseFailoverURL(u.String())
		if err != nil || o.MasterName == "" {
			return nil, errRedisURL
		}
		o.ContextTimeoutEnabled, o.CredentialsProviderContext = true, credentials
		o.PoolSize = c.PoolSize
		d.client = redis.NewFailoverClient(o)
	default:
		return nil, errRedisURL
	}
	return d, nil
}

// relog takes the login of a URL.
func (d *database) relog(u *url.URL) {
	password, _ := u.User.Password()
	d.login.Store(&login{u.User.Username(), password})
}

// placeOf returns a URL without its login.
func placeOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	u.User = nil
	return u.String()
}

// redisLog writes what the client has to say to the log of the server.
type redisLog struct{ log *slog.Logger }

func (l redisLog) Printf(ctx context.Context, format string, v ...any) {
	l.log.WarnContext(ctx, "redis", "message", fmt.Sprintf(format, v...))
}

// LogRedis lets the client of Redis write to a log, for the whole process. It speaks of connections, and holds no keys and no
// values.
func LogRedis(log *slog.Logger) { redis.SetLogger(redisLog{log}) }

// Log returns the log of the server.
func (s *Server) Log() *slog.Logger { return s.log }
