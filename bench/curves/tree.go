package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"crawl/bench/internal/table"
	"crawl/internal/testweb"
)

// docs is a documentation tree, served.
type docs struct {
	root     *os.Root
	web      *testweb.Web
	answered atomic.Int64 // files, and 304 for them
}

// recrawl crawls real pages twice, weighs the store and asks it.
func (l *lab) recrawl() ([]*table.Table, error) {
	root, err := os.OpenRoot(l.tree)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	d := &docs{root: root}
	if d.web, err = (testweb.Config{MaxHits: 1}).Serve(map[string]http.Handler{"docs": http.HandlerFunc(d.answer)}); err != nil {
		return nil, err
	}
	defer d.web.Close()
	speed := &table.Table{
		Title:  "Recrawl of unchanged pages, " + l.tree,
		Header: []string{"run", "pages", "pages/s", "CPU ms/page", "peak MB", "stored KB/page"},
	}
	var first, again []visit
	times := choose(l, 1, 5)
	for range times {
		data, err := os.MkdirTemp(l.scratch, "data")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(data)
		for _, to := range []*[]visit{&first, &again} {
			v, err := l.visit(d, data)
			if err != nil {
				return nil, err
			}
			*to = append(*to, v)
		}
	}
	speed.Add(row("first", first)...)
	speed.Add(row("again", again)...)
	speed.Notes = []string{fmt.Sprintf("Medians of %d.", times)}
	answers, err := l.ask(d, first[0].data)
	return []*table.Table{speed, first[0].weigh(), answers}, err
}

// answer serves a file as a plain server does. http.FileServer would redirect
// /index.html to /.
func (d *docs) answer(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	if name == "" || strings.HasSuffix(name, "/") {
		name += "index.html"
	}
	f, err := d.root.Open(filepath.FromSlash(name))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.IsDir() {
		http.NotFound(w, r)
		return
	}
	d.answered.Add(1)
	http.ServeContent(w, r, name, info.ModTime(), f)
}

// visit is one run over the tree, and what the store has after it.
type visit struct {
	data                  string
	pages                 int64
	took, cpu             time.Duration
	peak                  int64
	added, archive, index int64 // bytes
}

func (l *lab) visit(d *docs, data string) (v visit, err error) {
	before, err := sizes(data, func(string) bool { return true })
	if err != nil {
		return v, err
	}
	v.data = data
	d.answered.Store(0)
	p, err := l.run("run", d.web.URL("docs", "/"), "--data", data, "--per-host", "64", "--progress", "none")
	if err != nil {
		return v, err
	}
	v.took, v.cpu, v.peak, v.pages = p.took(), p.total(), p.peak, d.answered.Load()
	if v.added, err = sizes(data, func(string) bool { return true }); err != nil {
		return v, err
	}
	v.added -= before
	if v.archive, err = sizes(data, func(name string) bool { return strings.HasSuffix(name, ".warc.gz") }); err != nil {
		return v, err
	}
	v.index, err = sizes(data, func(name string) bool { return filepath.Base(name) == "crawl.db" })
	return v, err
}

// row is the medians of some visits.
func row(name string, visits []visit) []any {
	of := func(value func(visit) float64) string {
		var values []float64
		for _, v := range visits {
			values = append(values, value(v))
		}
		return table.Number(middle(values))
	}
	return []any{
		name,
		of(func(v visit) float64 { return float64(v.pages) }),
		of(func(v visit) float64 { return float64(v.pages) / v.took.Seconds() }),
		of(func(v visit) float64 { return milliseconds(v.cpu) / float64(v.pages) }),
		of(func(v visit) float64 { return float64(v.peak) / 1e6 }),
		of(func(v visit) float64 { return float64(v.added) / 1e3 / float64(v.pages) }),
	}
}

// weigh holds the store after a first run against the archive in it.
func (v visit) weigh() *table.Table {
	t := &table.Table{
		Title:  "Stored by the first run",
		Header: []string{"what", "MB", "KB/page", "of the archive"},
	}
	for _, part := range []struct {
		name  string
		bytes int64
	}{
		{"archive alone: requests and answers, WARC/1.1", v.archive},
		{"index: pages, links, who links here", v.index},
		{"all", v.added},
	} {
		t.Add(part.name, megabytes(part.bytes), table.Number(float64(part.bytes)/1e3/float64(v.pages)),
			table.Number(float64(part.bytes)/float64(v.archive)))
	}
	return t
}

// ask measures what answers from a store with two runs take, start of the
// program and all.
func (l *lab) ask(d *docs, data string) (*table.Table, error) {
	times := choose(l, 1, 3)
	t := &table.Table{
		Title:  "Asked from the store, start of the program and all",
		Header: []string{"what", "wall ms", "CPU ms"},
		Notes:  []string{fmt.Sprintf("Medians of %d.", times)},
	}
	site := strings.TrimPrefix(d.web.Origin("docs"), "http://")
	for _, question := range []struct {
		name string
		args []string
	}{
		{"a run's summary", []string{"show", site}},
		{"pages, one JSON line each", []string{"export", site}},
		{"links, one JSON line each", []string{"export", site, "--table", "links"}},
		{"who links to the front page", []string{"export", site, "--table", "links", "--target", d.web.URL("docs", "/index.html")}},
	} {
		var wall, cpu []time.Duration
		for range times {
			p, err := l.run(append(question.args, "--data", data)...)
			if err != nil {
				return nil, err
			}
			wall, cpu = append(wall, p.took()), append(cpu, p.total())
		}
		t.Add(question.name, table.Number(milliseconds(middle(wall))), table.Number(milliseconds(middle(cpu))))
	}
	return t, nil
}
