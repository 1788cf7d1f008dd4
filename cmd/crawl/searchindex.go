package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"crawl/crawler"
	"crawl/internal/query"
	"crawl/internal/search"
	"crawl/store"

	"github.com/spf13/cobra"
)

// newSearchIndex is the index of a store. With scan it is left alone. Beside a
// crawl, whose store it is, it is read and not written.
func newSearchIndex(c *cobra.Command, st *store.Bolt, s *Settings, scan bool) (*search.Index, error) {
	log := slog.New(logHandler(s, c.ErrOrStderr()))
	o := search.Options{Read: searchedText(st, log), Warn: func(text string, cause error) { log.Warn(text, "cause", cause) }}
	if !s.Quiet {
		o.Tell = (&searchTalk{talk: c.ErrOrStderr()}).progress
	}
	dir, err := s.dataDir()
	if h := held(c.Context()); h != nil {
		dir, err, o.Use = h.dir, nil, search.AsItIs
	}
	if scan {
		o.Use = search.Never
	}
	return search.New(filepath.Join(dir, search.File), st, o), err
}

// indexText makes a run that ended part of the index, if its settings say so. If
// that fails, a search of the run tries again.
func (h *holder) indexText(ctx context.Context, t *task) {
	if !t.s.SearchIndex || !query.Finished(t.run) {
		return
	}
	h.log.Info("the run is indexed for crawl search", "run", runName(t.run))
	if err := h.search.Build(ctx, t.run); err != nil {
		h.log.Warn("the run is not indexed for crawl search", "run", runName(t.run), "cause", err)
	}
}

// searchedText returns what reads a page for the index, as its run read it.
func searchedText(st *store.Bolt, log *slog.Logger) func(context.Context, *store.Run, *store.Page) (*search.Text, error) {
	var mu sync.Mutex // guards specs
	specs := map[store.RunID]*crawler.Spec{}
	reading := func(run *store.Run) (spec *crawler.Spec, err error) {
		mu.Lock()
		defer mu.Unlock()
		if spec = specs[run.ID]; spec == nil {
			spec, err = readingOf(run)
			specs[run.ID] = spec
		}
		return spec, err
	}
	return func(ctx context.Context, run *store.Run, p *store.Page) (*search.Text, error) {
		spec, err := reading(run)
		if err != nil {
			return nil, err
		}
		doc, err := spec.Reread(ctx, log, st, p)
		if err != nil && !errors.Is(err, crawler.ErrParser) { // a page on which the parser fails has no words
			return nil, err
		}
		t := &search.Text{Title: doc.Title, H1: doc.H1, Description: doc.Description, Body: doc.Text}
		for _, h := range doc.Headings {
			if h.Level > 1 {
				t.Headings += h.Text + "\n"
			}
		}
		return t, nil
	}
}

// searchTalk says what a search waits for.
type searchTalk struct {
	talk io.Writer
	said time.Time // when the last line was written; zero if there is none
}

// quietFor is how long nobody asks what is going on.
const quietFor = time.Second

func (t *searchTalk) progress(p search.Progress) {
	now := time.Now()
	took := took(now.Sub(p.Begun))
	name, pages, patient := plain(runName(p.Run)), grouped(uint64(p.Pages)), now.Sub(p.Begun) < quietFor
	switch {
	case p.Done && p.Scan && p.Run.State == store.Running:
		fmt.Fprintf(t.talk, "%s is not finished and has no index: %s pages were read in %s\n", name, pages, took)
	case p.Done && p.Scan:
		fmt.Fprintf(t.talk, "%s was searched without an index: %s pages were read in %s\n", name, pages, took)
	case p.Done && !patient:
		fmt.Fprintf(t.talk, "%s was indexed for crawl search: %s pages, %s texts read, %s\n", name, pages, grouped(uint64(p.Texts)), took)
	case !p.Done && !patient && now.Sub(t.said) > lineEvery:
		t.said = now
		fmt.Fprintf(t.talk, "%s is read: %s pages so far, %s\n", name, pages, took)
	}
	if p.Done && p.Unread > 0 {
		fmt.Fprintf(t.talk, "note: of %s pages no body is kept, they are found by title, h1 and description\n", grouped(uint64(p.Unread)))
	}
}
