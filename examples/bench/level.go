package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-3f7b73d1/onetime"
)

// A level is a database that holds as many pending codes as it says.
type level struct {
	pending int
	client  *redis.Client
	pairs   map[string]map[string]func(context.Context, string) error // by client and operation
	close   func() error
}

func (b *bench) open(ctx context.Context, options *redis.Options, key []byte) (*level, error) {
	client := redis.NewClient(options)
	size, err := client.DBSize(ctx).Result()
	if err == nil && size > 0 {
		err = fmt.Errorf("holds %d keys: want an empty one", size)
	}
	if err == nil {
		b.bareSHA, err = client.ScriptLoad(ctx, "return 1").Result()
	}
	if err != nil {
		client.Close()
		return nil, err
	}
	pipeliner, err := client.AutoPipeline()
	if err != nil {
		client.Close()
		return nil, err
	}
	l := &level{client: client, pairs: map[string]map[string]func(context.Context, string) error{}}
	l.close = func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		return errors.Join(pipeliner.Close(), client.FlushDB(ctx).Err(), client.Close()) // it was empty when it was opened
	}
	for name, rdb := range map[string]redis.Cmdable{plain: client, automatic: pipeliner} {
		m, err := onetime.New(rdb, key, onetime.WithLinkBase("https://example.com/sign-in"))
		if err != nil {
			return nil, errors.Join(err, l.close())
		}
		l.pairs[name] = b.pairsOf(rdb, m)
	}
	return l, nil
}

func (b *bench) close() {
	for _, l := range append(b.levels, b.spare) {
		if l != nil {
			l.close()
		}
	}
}

// pairsOf returns each operation as a function of a subject that nobody has used before.
func (b *bench) pairsOf(rdb redis.Cmdable, m *onetime.Manager) map[string]func(context.Context, string) error {
	value := strings.Repeat("v", 42)               // as many bytes as a code takes in a record
	lifetime := 5*time.Minute + 1*time.Millisecond // go-redis says EX instead of PX where whole seconds do
	none := []string{}
	request := onetime.WithRequest("128 random bits, say")
	return map[string]func(context.Context, string) error{
		ceiling: func(ctx context.Context, subject string) error {
			if err := rdb.Set(ctx, subject, value, lifetime).Err(); err != nil {
				return err
			}
			return rdb.GetDel(ctx, subject).Err()
		},
		empty: func(ctx context.Context, subject string) error {
			if err := rdb.EvalSha(ctx, b.bareSHA, none).Err(); err != nil {
				return err
			}
			return rdb.EvalSha(ctx, b.bareSHA, none).Err()
		},
		otp: func(ctx context.Context, subject string) error {
			made, err := m.IssueOTP(ctx, subject)
			if err == nil {
				_, err = m.VerifyOTP(ctx, subject, made.Code)
			}
			return err
		},
		asked: func(ctx context.Context, subject string) error {
			made, err := m.IssueOTP(ctx, subject, request)
			if err == nil {
				_, err = m.VerifyOTP(ctx, subject, made.Code, request)
			}
			return err
		},
		token: func(ctx context.Context, subject string) error {
			made, err := m.IssueToken(ctx, subject)
			if err == nil {
				_, err = m.VerifyToken(ctx, made.Value)
			}
			return err
		},
		link: func(ctx context.Context, subject string) error {
			made, err := m.IssueLink(ctx, subject, onetime.WithCode())
			if err == nil {
				_, err = m.VerifyToken(ctx, made.Token)
			}
			return err
		},
		"issue " + otp: func(ctx context.Context, subject string) error {
			_, err := m.IssueOTP(ctx, subject)
			return err
		},
		"issue " + asked: func(ctx context.Context, subject string) error {
			_, err := m.IssueOTP(ctx, subject, request)
			return err
		},
		"issue " + token: func(ctx context.Context, subject string) error {
			_, err := m.IssueToken(ctx, subject)
			return err
		},
		"issue " + link: func(ctx context.Context, subject string) error {
			_, err := m.IssueLink(ctx, subject, onetime.WithCode())
			return err
		},
	}
}

// A namer tells the name of the record that a call is about, and sends nothing.
type namer struct {
	redis.Scripter
	key string
}

var errNamed = errors.New("not sent")

func (n *namer) EvalSha(ctx context.Context, _ string, keys []string, _ ...any) *redis.Cmd {
	n.key = keys[0]
	cmd := redis.NewCmd(ctx)
	cmd.SetErr(errNamed)
	return cmd
}

// subject is the n-th, with the length of an ordinary address.
func subject(n int64) string {
	text := make([]byte, 0, 32)
	text = append(text, "person"...)
	text = strconv.AppendInt(text, 10_000_000+n, 10)
	return string(append(text, "@example.com"...))
}
