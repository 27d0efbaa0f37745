package model

import (
	"context"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

/*
What is held is all that Redis has shown of codes, and of what issue. The same codes are issued and typed again and again,
and yet nothing of one issue may be found with another: anybody who sees both would know what they have in common. Marks are
so short that two may be equal by chance, once in a while.
*/
type held struct {
	digests map[string]string // to the id of the issue
	marks   map[string]bool   // that were seen
	marked  map[string]bool   // a mark and the id of the newest issue beside it
	twice   int               // marks under two issues
}

// look reads all records.
func (h *held) look(t require.TestingT, s *server) {
	ctx := context.Background()
	keys, err := s.Keys(ctx, "*").Result()
	require.NoError(t, err)
	records := make([]*redis.MapStringStringCmd, len(keys))
	_, err = s.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, key := range keys {
			records[i] = p.HGetAll(ctx, key)
		}
		return nil
	})
	require.NoError(t, err)
	for _, r := range records {
		for field, value := range r.Val() {
			switch scope := field[:len(field)-1]; {
			case rig.IsSlot(field):
				h.slot(t, value)
			case field == "w" || len(scope) == 9 && field[9] == 'w':
				h.marksOf(t, r.Val()[scope+"1"][:12], value)
			}
		}
	}
}

// slot takes the digests of a slot, whose layout common.lua describes.
func (h *held) slot(t require.TestingT, slot string) {
	id := slot[:12]
	for secret := slot[21:]; secret != ""; secret = secret[21:] {
		digest := secret[5:21]
		if of, ok := h.digests[digest]; ok {
			require.Equal(t, of, id, "a digest of two issues")
		}
		h.digests[digest] = id
	}
}

func (h *held) marksOf(t require.TestingT, id, marks string) {
	for ; marks != ""; marks = marks[4:] {
		mark := marks[:4]
		if h.marks[mark] && !h.marked[mark+id] {
			h.twice++
		}
		h.marks[mark], h.marked[mark+id] = true, true
	}
	require.LessOrEqual(t, h.twice, 1, "marks under two issues")
}
