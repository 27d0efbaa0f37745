package address_test

import (
	"testing"

	"github.com/seed-3f7b73d1/onetime/address"
)

func benchmark(b *testing.B, normalize normalizer, typed string) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := normalize(typed); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMail(b *testing.B) {
	b.Run("usual", func(b *testing.B) { benchmark(b, address.Mail, "alice@example.com") })
	b.Run("long", func(b *testing.B) { benchmark(b, address.Mail, "alice.example+newsletter@mail.example.co.uk") })
	b.Run("capital", func(b *testing.B) { benchmark(b, address.Mail, "Alice@Example.com") })
	b.Run("blank", func(b *testing.B) { benchmark(b, address.Mail, "alice@example.com ") })
	b.Run("international", func(b *testing.B) { benchmark(b, address.Mail, "ann@BÜCHER.example") })
}

func BenchmarkPhone(b *testing.B) {
	b.Run("usual", func(b *testing.B) { benchmark(b, address.Phone, "+15550100100") })
	b.Run("written", func(b *testing.B) { benchmark(b, address.Phone, "+1 (0)555 010-0100") })
}
