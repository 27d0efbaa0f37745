package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// A result is one line of the table.
type result struct {
	variant
	sample
	ratio   float64 // pairs a second ÷ those of the ceiling, of the same round, client, callers and pending
	scripts float64 // µs of a script ÷ those of return 1, as above; 0 for the ceiling
	bytes   float64 // of one pending challenge; 0 where there is none or it was not weighed
}

func (b *bench) results() []result {
	var results []result
	for v, samples := range b.samples {
		r := result{variant: v, sample: sample{
			pairs:  median(samples, func(s sample) float64 { return s.pairs }),
			p50:    median(samples, func(s sample) float64 { return s.p50 }),
			p99:    median(samples, func(s sample) float64 { return s.p99 }),
			own:    median(samples, func(s sample) float64 { return s.own }),
			server: median(samples, func(s sample) float64 { return s.server }),
			script: median(samples, func(s sample) float64 { return s.script }),
			allocs: median(samples, func(s sample) float64 { return s.allocs }),
		}}
		to := v
		to.operation = ceiling
		_, r.ratio, _ = quartiles(ratios(samples, b.samples[to], func(s sample) float64 { return s.pairs }))
		if v.operation != ceiling {
			to.operation = empty
			_, r.scripts, _ = quartiles(ratios(samples, b.samples[to], func(s sample) float64 { return s.script }))
		}
		r.bytes = b.bytes[v.operation][v.pending]
		results = append(results, r)
	}
	slices.SortFunc(results, func(x, y result) int {
		return cmp.Or(
			cmp.Compare(x.pending, y.pending),
			cmp.Compare(slices.Index(clients, x.client), slices.Index(clients, y.client)),
			cmp.Compare(x.callers, y.callers),
			cmp.Compare(slices.Index(operations, x.operation), slices.Index(operations, y.operation)),
		)
	})
	return results
}

// ratios divides round by round: what slows a round down slows both.
func ratios(samples, by []sample, value func(sample) float64) []float64 {
	list := make([]float64, len(samples))
	for i := range samples {
		list[i] = value(samples[i]) / value(by[i])
	}
	return list
}

func median(samples []sample, value func(sample) float64) float64 {
	list := make([]float64, len(samples))
	for i, s := range samples {
		list[i] = value(s)
	}
	_, m, _ := quartiles(list)
	return m
}

func quartiles(list []float64) (first, second, third float64) {
	list = slices.Sorted(slices.Values(list))
	at := func(part float64) float64 {
		place := part * float64(len(list)-1)
		low := int(place)
		high := min(low+1, len(list)-1)
		return list[low] + (list[high]-list[low])*(place-float64(low))
	}
	return at(0.25), at(0.5), at(0.75)
}

var columns = []string{
	"pending", "client", "callers", "pair", "pairs/s", "p50 ms", "p99 ms", "÷ ceiling",
	"client µs", "server µs", "script µs", "÷ empty", "bytes", "allocs",
}

func printTable(w io.Writer, results []result) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(cells ...string) { fmt.Fprintln(table, strings.Join(cells, "\t")+"\t") }
	row(columns...)
	for i, r := range results {
		if i > 0 && (r.pending != results[i-1].pending || r.client != results[i-1].client || r.callers != results[i-1].callers) {
			row(make([]string, len(columns))...)
		}
		row(strconv.Itoa(r.pending), r.client, strconv.Itoa(r.callers), r.operation,
			strconv.FormatFloat(r.pairs, 'f', 0, 64), fixed(r.p50/1000, 2), fixed(r.p99/1000, 2), fixed(r.ratio, 2),
			orNone(r.own, 1), fixed(r.server, 1), fixed(r.script, 1), orNone(r.scripts, 1), orNone(r.bytes, 0), fixed(r.allocs, 0))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprint(w, `
pair       two calls, one after the other: an issue and its verification, each of a new subject
÷ ceiling  pairs/s by those of SET+GETDEL with the same client, callers and pending
client µs  of CPU that this program used for each pair; server µs: that Redis did
script µs  in each script, or command of SET+GETDEL, by INFO commandstats; ÷ empty: by that of a script that is "return 1"
bytes      of Redis for each pending challenge, all counted
allocs     of the client for each call

`)
	return err
}

func fixed(x float64, digits int) string { return strconv.FormatFloat(x, 'f', digits, 64) }

func orNone(x float64, digits int) string {
	if x == 0 {
		return "-"
	}
	return fixed(x, digits)
}

// printGoals says how codes stand beside what they should reach, with the middle half of all rounds.
func (b *bench) printGoals(w io.Writer) {
	compare := func(name string, v, with variant, goal string) {
		fmt.Fprintf(w, "%s, %d callers, %s:", name, b.middle(), v.client)
		low, middle, high := quartiles(ratios(b.samples[v], b.samples[with], func(s sample) float64 { return s.pairs }))
		fmt.Fprintf(w, " %.2f (%.2f to %.2f),", middle, low, high)
		low, middle, high = quartiles(ratios(b.samples[with], b.samples[v], sample.cpu))
		fmt.Fprintf(w, " by CPU time %.2f (%.2f to %.2f). Goal: %s or more.\n", middle, low, high, goal)
	}
	least, most := b.pending[0], b.pending[len(b.pending)-1]
	for _, client := range clients {
		for _, operation := range []string{otp, asked} {
			compare(operation+" pairs ÷ ceiling", variant{least, client, b.middle(), operation}, variant{least, client, b.middle(), ceiling}, "0.5")
		}
	}
	if least == most {
		return
	}
	for _, client := range clients {
		compare(fmt.Sprintf("OTP pairs at %d pending ÷ at %d", most, least),
			variant{most, client, b.middle(), otp}, variant{least, client, b.middle(), otp}, "0.9")
	}
}
