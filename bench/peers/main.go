// Command peers makes tables of what run.sh measured. It reads lines of
//
//	corpus crawler round wall user sys peak-kB pages stored-bytes
//
// and prints for each corpus the medians over the rounds, and the medians of
// the ratios to us in the same round.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"

	"crawl/bench/internal/table"
)

func main() {
	markdown := flag.Bool("markdown", false, "print Markdown")
	flag.Parse()
	if err := run(os.Stdin, os.Stdout, *markdown); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

// ours is the crawler that the others are compared with.
const ours = "crawl"

// measure is one run of one crawler.
type measure struct{ wall, cpu, peak, pages, stored float64 }

// corpus has the runs of each crawler, in the order of the rounds.
type corpus struct {
	name     string
	crawlers []string // in the order in which they first ran
	runs     map[string][]measure
}

func run(in io.Reader, out io.Writer, markdown bool) error {
	all, err := read(in)
	if err != nil {
		return err
	}
	for _, c := range all {
		t, err := c.table()
		if err != nil {
			return err
		}
		t.Write(out, markdown)
	}
	return nil
}

func read(in io.Reader) ([]*corpus, error) {
	var all []*corpus
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var name, crawler string
		var round int
		var m measure
		var user, system float64
		if _, err := fmt.Sscan(lines.Text(), &name, &crawler, &round, &m.wall, &user, &system, &m.peak, &m.pages, &m.stored); err != nil {
			return nil, fmt.Errorf("%q: %w", lines.Text(), err)
		}
		m.cpu = user + system
		i := slices.IndexFunc(all, func(c *corpus) bool { return c.name == name })
		if i < 0 {
			i = len(all)
			all = append(all, &corpus{name: name, runs: map[string][]measure{}})
		}
		c := all[i]
		if !slices.Contains(c.crawlers, crawler) {
			c.crawlers = append(c.crawlers, crawler)
		}
		c.runs[crawler] = append(c.runs[crawler], m)
	}
	return all, lines.Err()
}

func (c *corpus) table() (*table.Table, error) {
	t := &table.Table{
		Title:  c.name,
		Header: []string{"crawler", "pages", "CPU s/1,000", "wall s", "pages/s", "peak MB", "stored MB", "our CPU ÷ its", "our wall ÷ its", "our peak ÷ its"},
	}
	us := c.runs[ours]
	for _, name := range c.crawlers {
		runs := c.runs[name]
		if len(runs) != len(us) {
			return nil, fmt.Errorf("%s: %d runs of %s, %d of %s", c.name, len(runs), name, len(us), ours)
		}
		row := []any{name}
		for _, of := range []func(measure) float64{
			func(m measure) float64 { return m.pages },
			func(m measure) float64 { return 1000 * m.cpu / m.pages },
			func(m measure) float64 { return m.wall },
			func(m measure) float64 { return m.pages / m.wall },
			func(m measure) float64 { return m.peak * 1024 / 1e6 },
			func(m measure) float64 { return m.stored / 1e6 },
		} {
			row = append(row, table.Number(median(runs, of)))
		}
		t.Add(append(row, ratios(us, runs, name)...)...)
	}
	t.Notes = []string{fmt.Sprintf("Medians of %d rounds.", len(us))}
	return t, nil
}

// ratios compares us with another crawler, round by round: what the machine
// did beside is about the same for both then.
func ratios(us, them []measure, name string) []any {
	if name == ours {
		return []any{"", "", ""}
	}
	var list []any
	for _, of := range []func(measure) float64{
		func(m measure) float64 { return m.cpu / m.pages },
		func(m measure) float64 { return m.wall / m.pages },
		func(m measure) float64 { return m.peak },
	} {
		var each []float64
		for i := range us {
			each = append(each, of(us[i])/of(them[i]))
		}
		slices.Sort(each)
		list = append(list, table.Number(each[len(each)/2]))
	}
	return list
}

func median(runs []measure, of func(measure) float64) float64 {
	var values []float64
	for _, m := range runs {
		values = append(values, of(m))
	}
	slices.Sort(values)
	return values[len(values)/2]
}
