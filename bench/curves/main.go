// Command curves measures what the comparison with others cannot show: how our
// own binary does as known URLs, hosts and requests in flight grow, how fast it
// begins and resumes, and what it stores. The webs are computed from a seed and
// served by this process; the crawler is the real binary, in a process of its
// own, whose time and memory alone are counted.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"crawl/bench/internal/table"
)

// lab is what all measurements share.
type lab struct {
	binary   string
	stripped string // the same without symbols; may be empty
	tree     string // documentation
	scratch  string // folder for data
	quick    bool
	huge     bool
	ctx      context.Context
	group    *group // that crawlers run in; nil for that of this process
}

// measurement is one of the curves.
type measurement struct {
	name string
	run  func(*lab) ([]*table.Table, error)
}

var measurements = []measurement{
	{"known", (*lab).known},
	{"filled", (*lab).filled},
	{"links", (*lab).links},
	{"polite", (*lab).polite},
	{"flight", (*lab).flight},
	{"start", (*lab).start},
	{"tree", (*lab).recrawl},
}

func main() {
	var l lab
	flag.StringVar(&l.binary, "binary", "bin/crawl", "the crawler")
	flag.StringVar(&l.stripped, "stripped", "", "the crawler without symbols, for its size")
	flag.StringVar(&l.tree, "tree", "/usr/share/doc/openjdk-17-jre-headless/api", "documentation to crawl")
	flag.BoolVar(&l.quick, "quick", false, "smaller sizes")
	flag.BoolVar(&l.huge, "huge", false, "ten million known URLs in filled queues, five million where links are handed in")
	markdown := flag.Bool("markdown", false, "print Markdown")
	only := flag.String("only", "", "these measurements alone, with commas: "+names())
	flag.Parse()
	var stop context.CancelFunc
	l.ctx, stop = signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := l.all(*only, *markdown); err != nil {
		fmt.Fprintln(os.Stderr, "curves:", err)
		os.Exit(1)
	}
}

func names() string {
	var list []string
	for _, m := range measurements {
		list = append(list, m.name)
	}
	return strings.Join(list, ",")
}

func (l *lab) all(only string, markdown bool) (err error) {
	if l.scratch, err = os.MkdirTemp("", "curves"); err != nil {
		return err
	}
	defer os.RemoveAll(l.scratch)
	for _, m := range measurements {
		if only != "" && !slices.Contains(strings.Split(only, ","), m.name) {
			continue
		}
		tables, err := m.run(l)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		for _, t := range tables {
			t.Write(os.Stdout, markdown)
		}
	}
	return nil
}

// choose returns less for a quick look, else whole.
func choose[T any](l *lab, less, whole T) T {
	if l.quick {
		return less
	}
	return whole
}

// middle is the median.
func middle[T int64 | float64 | time.Duration](values []T) T {
	slices.Sort(values)
	return values[len(values)/2]
}
