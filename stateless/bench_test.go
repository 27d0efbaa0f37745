package stateless_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/stateless"
)

func BenchmarkCode(b *testing.B) {
	m, _ := manager(b)
	b.ReportAllocs()
	for b.Loop() {
		m.Code("sign-in", alice, "session")
	}
}

func BenchmarkVerify(b *testing.B) {
	m, _ := manager(b)
	right := code(b, m).Code
	for name, typed := range map[string]string{"right": right, "wrong": other(right)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				verify(b, m, typed)
			}
		})
	}
}

func BenchmarkVerifyDigits(b *testing.B) {
	g := guard(b, 100)
	m, _ := manager(b, stateless.WithDigits(6, g))
	c := code(b, m)
	b.ReportAllocs()
	for b.Loop() {
		verify(b, m, c.Code, stateless.WithHandle(c.Handle))
	}
}

func BenchmarkOpenLink(b *testing.B) {
	m, _ := manager(b)
	shown := token(b, m, alice, time.Hour)
	_, err := m.OpenLink("newsletter", shown)
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		m.OpenLink("newsletter", shown)
	}
}
