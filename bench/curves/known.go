package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"crawl/bench/internal/table"
	"crawl/internal/testweb"
)

// scale is one point of the curve over known URLs.
type scale struct {
	urls, hosts int
	pages       int // asked for after nearly all are known
}

const (
	linksAPage = 40   // half of them to pages nearer than others
	bodySize   = 8192 // bytes of a page
	nearlyAll  = 0.95 // share of the URLs that must be known before the second phase
	resumes    = 3
)

// known crawls webs of more and more URLs. In the first phase most links are
// new, in the second nearly all are known. The largest is killed and resumed.
func (l *lab) known() ([]*table.Table, error) {
	scales := []scale{{10_000, 100, 5_000}, {100_000, 1_000, 10_000}, {1_000_000, 1_000, 20_000}}
	if l.quick {
		scales = []scale{{10_000, 100, 3_000}, {100_000, 1_000, 5_000}}
	}
	growth := &table.Table{
		Title: "Known URLs: a page has 40 links and 8 KB, 64 requests in flight, no delay; new: while links are new; old: when nearly all are known",
		Header: []string{
			"known URLs", "hosts", "pages, new", "pages/s", "CPU ms/page", "pages, old", "pages/s", "CPU ms/page",
			"in memory MB", "of it files MB", "queue B/URL",
		},
	}
	again := &table.Table{
		Title:  "Resumed after kill -9: from start to the first request",
		Header: []string{"known URLs", "hosts", "ms", "CPU ms until then"},
	}
	for i, sc := range scales {
		if err := l.grow(sc, growth, again, i == len(scales)-1); err != nil {
			return nil, err
		}
	}
	return []*table.Table{growth, again}, nil
}

func (l *lab) grow(sc scale, growth, again *table.Table, last bool) error {
	s, err := serve(testweb.SyntheticOptions{
		Seed: 1, Hosts: sc.hosts, Pages: sc.urls, LinksPerPage: linksAPage, CrossHost: 0.2, BodySize: bodySize,
	}, 0, 1)
	if err != nil {
		return err
	}
	defer s.web.Close()
	p, data, err := l.crawl(s)
	if err != nil {
		return err
	}
	defer os.RemoveAll(data)
	defer p.kill()
	growing, grown, err := l.phases(p, s, sc)
	if err != nil {
		return err
	}
	known := s.links.Load()
	p.kill()
	queue, err := sizes(data, func(name string) bool { return strings.HasPrefix(filepath.Base(name), "frontier") })
	if err != nil {
		return err
	}
	end := grown.to
	growth.Add(slices.Concat([]any{table.Number(float64(known)), sc.hosts}, growing.cells(), grown.cells(),
		[]any{megabytes(end.rss), megabytes(end.rss - end.anon), table.Number(float64(queue) / float64(known))})...)
	if !last {
		return nil
	}
	return l.resume(s, data, known, again)
}

// phase is what the crawler used for some pages.
type phase struct {
	from, to usage
	pages    int64
}

// phases waits until nearly all URLs are known, and for some pages more.
func (l *lab) phases(p *process, s *site, sc scale) (growing, grown phase, err error) {
	growing.from = usage{at: p.began}
	most := int64(nearlyAll * float64(sc.urls))
	if err := p.until(l.ctx, "URLs were known", func() bool { return s.links.Load() >= most }); err != nil {
		return growing, grown, err
	}
	growing.pages = s.pages.Load()
	if growing.to, err = p.usage(); err != nil {
		return growing, grown, err
	}
	last := growing.pages + int64(sc.pages)
	if err := p.until(l.ctx, "pages were read", func() bool { return s.pages.Load() >= last }); err != nil {
		return growing, grown, err
	}
	grown = phase{from: growing.to, pages: s.pages.Load() - growing.pages}
	grown.to, err = p.usage()
	return growing, grown, err
}

// cells are the pages, pages a second, and CPU a page.
func (ph phase) cells() []any {
	n := float64(ph.pages)
	return []any{
		table.Number(n),
		table.Number(n / ph.to.at.Sub(ph.from.at).Seconds()),
		table.Number(milliseconds(ph.to.cpu-ph.from.cpu) / n),
	}
}

// resume goes on with a killed run, again and again, and kills it as soon as
// it asks for something.
func (l *lab) resume(s *site, data string, known int64, again *table.Table) error {
	var waits, cpu []time.Duration
	for range resumes {
		next := s.arrival()
		p, err := l.launch("resume", "--data", data, "--progress", "none")
		if err != nil {
			return err
		}
		select {
		case at := <-next:
			waits = append(waits, at.Sub(p.began))
		case <-p.ended:
			return p.fault(" before it asked for anything")
		}
		u, err := p.usage()
		p.kill()
		if err != nil {
			return err
		}
		cpu = append(cpu, u.cpu)
	}
	again.Add(table.Number(float64(known)), s.hosts, table.Number(milliseconds(middle(waits))), table.Number(milliseconds(middle(cpu))))
	again.Notes = []string{fmt.Sprintf("Medians of %d.", resumes)}
	return nil
}

// sizes sums up the files below folder that are meant.
func sizes(folder string, meant func(name string) bool) (int64, error) {
	var sum int64
	err := filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !meant(name) {
			return err
		}
		info, err := d.Info()
		if err == nil {
			sum += info.Size()
		}
		return err
	})
	return sum, err
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func megabytes(n int64) string { return table.Number(float64(n) / 1e6) }
