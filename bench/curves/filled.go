package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"crawl/bench/internal/table"
)

const (
	filledGroup  = 512 << 20 // bytes that a filled crawl may have, files that it maps included
	filledSettle = 10 * time.Second
	filledRounds = 3 // pages of each host that must have been read then, lest what is measured be the first look at its queue
)

// filled goes on with crawls of the same hosts that know few URLs and many, in
// turn. A crawl would take hours to find so many: these are put into its queue
// by what it would do to it, see queue.
func (l *lab) filled() ([]*table.Table, error) {
	known, hosts, rounds := 1_000_000, 10_000, 2
	switch {
	case l.quick:
		known, hosts, rounds = 100_000, 1000, 1
	case l.huge:
		known = 10_000_000
	}
	w, err := serveWide(hosts)
	if err != nil {
		return nil, err
	}
	defer w.web.Close()
	few, err := l.begin(w)
	if err != nil {
		return nil, err
	}
	many, err := l.fill(w, few, known/hosts)
	if err != nil {
		return nil, err
	}
	t := &table.Table{
		Title: fmt.Sprintf("Filled queues: crawls of %s hosts gone on with, half of what they know queued; a page has 40 links, 4 of them new, and 8 KB, 64 requests in flight, no delay", table.Number(float64(hosts))),
		Header: []string{
			"known URLs", "in the end", "memory allowed MB", "pages", "pages/s", "CPU ms/page", "read from disk/page",
			"in memory MB, at most", "its own MB", "files MB", "processors: crawl", "server", "others", "idle",
		},
	}
	return []*table.Table{t}, l.compare(w, few, many, rounds, t)
}

// compare measures few and many in turn, within the memory allowed, and many
// once more with as much as it likes.
func (l *lab) compare(w *wide, few, many *crawled, rounds int, t *table.Table) error {
	g, err := newGroup(filledGroup)
	if err != nil {
		t.Notes = append(t.Notes, "Memory was not limited: "+err.Error())
	} else {
		defer g.remove()
	}
	l.group = g
	var rates, costs []float64
	for range rounds {
		var both [2]stretch
		for i, c := range []*crawled{few, many} {
			if both[i], err = l.goOn(w, c); err != nil {
				return err
			}
			both[i].row(t, g)
		}
		rates = append(rates, both[1].rate()/both[0].rate())
		costs = append(costs, both[1].cost()/both[0].cost())
	}
	l.group = nil
	if g != nil {
		free, err := l.goOn(w, many)
		if err != nil {
			return err
		}
		free.row(t, nil)
	}
	t.Notes = append(t.Notes, fmt.Sprintf("With many URLs known %.2f of the pages a second, and %.2f of the CPU a page, that it is with few; medians of %d.", middle(rates), middle(costs), rounds))
	return nil
}

// crawled is a run that can be gone on with, and what the web knows of it.
type crawled struct {
	data  string
	links *linking
}

// begin crawls until as many pages were read as there are hosts: robots.txt of
// nearly all is known then, and of nearly all some pages are queued, as later, when
// many are known.
func (l *lab) begin(w *wide) (*crawled, error) {
	list := filepath.Join(l.scratch, "roots.txt")
	if err := os.WriteFile(list, []byte(w.seeds()), 0o600); err != nil {
		return nil, err
	}
	data, err := os.MkdirTemp(l.scratch, "few")
	if err != nil {
		return nil, err
	}
	links := w.linking(1)
	w.links.Store(links)
	p, err := l.launch("run", "--list", list, "--scope", "host", "--sitemap", "off", "--data", data, "--max-pages", "100000000", "--progress", "none")
	if err != nil {
		return nil, err
	}
	defer p.kill()
	if err := p.until(l.ctx, "roots were read", func() bool { return w.asked.Load() >= int64(w.hosts) }); err != nil {
		return nil, err
	}
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		return nil, err
	}
	<-p.ended
	return &crawled{data, links}, nil
}

// fill makes so many pages of each host known to a copy of a crawl.
func (l *lab) fill(w *wide, few *crawled, known int) (*crawled, error) {
	data, err := l.copied(few.data)
	if err != nil {
		return nil, err
	}
	runs, err := filepath.Glob(filepath.Join(data, "runs", "*"))
	if err != nil || len(runs) != 1 {
		return nil, fmt.Errorf("%d runs in %s: %w", len(runs), data, err)
	}
	_, err = fillQueue(l.ctx, filepath.Dir(runs[0]), filepath.Base(runs[0]), w.hosts, w.url, 1, known)
	return &crawled{data, w.linking(known)}, err
}

func (l *lab) copied(data string) (string, error) {
	to, err := os.MkdirTemp(l.scratch, "data")
	if err != nil {
		return "", err
	}
	return to, os.CopyFS(to, os.DirFS(data))
}

// stretch is some time of a crawl.
type stretch struct {
	phase
	before, after int64 // known URLs
}

func (s stretch) took() time.Duration { return s.to.at.Sub(s.from.at) }
func (s stretch) cpu() time.Duration  { return s.to.cpu - s.from.cpu }
func (s stretch) rate() float64       { return float64(s.pages) / s.took().Seconds() }
func (s stretch) cost() float64       { return milliseconds(s.cpu()) / float64(s.pages) }

func (s stretch) row(t *table.Table, g *group) {
	allowed := ""
	if g != nil {
		allowed = megabytes(filledGroup)
	}
	served, others, idle := s.to.host.since(s.from.host, s.cpu(), s.took())
	t.Add(table.Number(float64(s.before)), table.Number(float64(s.after)), allowed,
		table.Number(float64(s.pages)), table.Number(s.rate()), table.Number(s.cost()), table.Number(float64(s.to.disk-s.from.disk)/float64(s.pages)),
		megabytes(s.to.peak), megabytes(s.to.anon), megabytes(s.to.rss-s.to.anon),
		table.Number(s.cpu().Seconds()/s.took().Seconds()), table.Number(served), table.Number(others), table.Number(idle))
}

// goOn resumes a copy of a crawl for some time and kills it. None of its files are in
// memory when it begins.
func (l *lab) goOn(w *wide, c *crawled) (s stretch, err error) {
	data, err := l.copied(c.data)
	if err != nil {
		return s, err
	}
	defer os.RemoveAll(data)
	links := c.links.clone()
	if err := forgotten(data); err != nil {
		return s, err
	}
	w.links.Store(links)
	w.asked.Store(0)
	p, err := l.launch("resume", "--data", data, "--progress", "none")
	if err != nil {
		return s, err
	}
	defer p.kill()
	settled := time.Now().Add(filledSettle)
	if err := p.until(l.ctx, "it had settled", func() bool { return time.Now().After(settled) && w.asked.Load() >= int64(filledRounds*w.hosts) }); err != nil {
		return s, err
	}
	s.before, s.pages = links.found(), -w.asked.Load()
	s.from, s.to, err = p.window(l, 0, choose(l, 10*time.Second, 40*time.Second))
	s.after, s.pages = links.found(), s.pages+w.asked.Load()
	return s, err
}

// forgotten has the system write the files of a folder to the disk and keep
// nothing of them in memory, where they would be no group's or another's.
func forgotten(folder string) error {
	return filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		out, err := exec.Command("dd", "of="+name, "oflag=nocache", "conv=notrunc,fdatasync", "count=0").CombinedOutput()
		if err != nil {
			return fmt.Errorf("dd: %w: %s", err, bytes.TrimSpace(out))
		}
		return nil
	})
}
