package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"crawl/internal/query"
	"crawl/internal/search"
	"crawl/store"

	"github.com/spf13/cobra"
)

// searchFlags are the flags of search alone.
type searchFlags struct {
	limit            int
	noIndex, rebuild bool
	out              tableOutput
	exitCode         bool
}

func newSearchCommand() *cobra.Command {
	var f searchFlags
	c := &cobra.Command{
		Use:   "search [RUN] WORDS...",
		Short: "Find pages by the words in them",
		Long: `Find the pages of RUN that have all of WORDS, the best first, with the sentence.
RUN is the latest finished run unless the first word names one and more follow.

  anvil recall      both words        "anvil recall"    side by side
  anvil OR hammer   one of them       -hammer           not this word
  anv*              a word begins so  title:anvil       in the title; also h1,
                                      headings, description, body

Case and accents make no difference. In scripts without blanks, and in Korean,
any part of the text is found. Everything else in WORDS is text. What is searched
is the main text of pages that were answered with success, their title and
description, as the crawl kept them.

An index beside the store is made by the first search of a run (or by run
--search-index), from the texts that no other run had. It holds no text, may be
deleted, and is made again if it does not fit. --no-index reads all pages.`,
		Example: `  crawl search acme anvil recall
  crawl search acme '"anvil recall"' --limit 100 -f csv
  crawl search 'anvil -hammer title:news'
  crawl query "SELECT s.url, p.inlinks FROM search('anvil') s JOIN pages p USING (url)"`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return newUsageError("", "what is searched for?", "write: crawl search anvil recall")
			case f.limit < 0:
				return newUsageError("--limit", "a number of pages is 0 or more", "0 is no limit")
			case f.noIndex && f.rebuild:
				return newUsageError("--no-index", "it cannot be made anew and left alone", "leave one of the two out")
			}
			_, err := parseSearch(args) // a name of a run among them makes no difference
			return err
		},
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.out.check(c); err != nil {
				return err
			}
			return withStore(c, func(ctx context.Context, st *store.Bolt, dir string, s *Settings) error {
				run, words, err := searchedRun(ctx, st, args)
				if err == nil {
					run, err = upToDate(ctx, st, dir, run)
				}
				if err != nil {
					return err
				}
				return f.run(ctx, c, st, run, words, s)
			})
		},
	}
	fl := c.Flags()
	fl.IntVar(&f.limit, "limit", 20, "show at most `N` pages; 0: all")
	fl.BoolVar(&f.noIndex, "no-index", false, "read all pages, and leave the index alone")
	fl.BoolVar(&f.rebuild, "rebuild", false, "make the index anew first")
	fl.BoolVar(&f.exitCode, "exit-code", false, "exit with 1 if there are pages")
	f.out.flags(fl, "a list on a terminal, else tsv")
	addSettingsFlags(fl, "data", "quiet")
	return c
}

// parseSearch reads what is searched for.
func parseSearch(words []string) (*search.Query, error) {
	q, err := search.ParseQuery(strings.Join(words, " "))
	var bad *search.QueryError
	if errors.As(err, &bad) {
		return nil, newUsageError("", bad.What, bad.Next)
	}
	return q, err
}

// searchedRun tells the run from the words. Only what looks like nothing but the
// name of a run has to name one.
func searchedRun(ctx context.Context, st *store.Bolt, args []string) (run *store.Run, words []string, err error) {
	if len(args) > 1 {
		run, err := findRun(ctx, st, args[0])
		var usage *usageError
		if err == nil || !errors.As(err, &usage) || errors.Is(err, errNoRun) || strings.ContainsAny(args[0], "@~") || strings.Contains(args[0], "://") {
			return run, args[1:], err
		}
	}
	run, err = findRun(ctx, st, "")
	return run, args, err
}

func (f *searchFlags) run(ctx context.Context, c *cobra.Command, st *store.Bolt, run *store.Run, words []string, s *Settings) (err error) {
	q, err := parseSearch(words)
	if err != nil {
		return err
	}
	if f.rebuild && held(ctx) != nil {
		return newUsageError("--rebuild", "the store belongs to a crawl", "wait until it ends")
	}
	index, err := newSearchIndex(c, st, s, f.noIndex)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, index.Close()) }()
	if f.rebuild {
		if err := index.Remove(ctx); err != nil {
			return err
		}
	}
	began, all := time.Now(), 0
	shown, err := f.out.printAll(c.OutOrStdout(), f.rows(ctx, index, run, q, &all), f.writer(ctx, c.OutOrStdout()))
	if err != nil {
		return err
	}
	if !s.Quiet && (f.out.forPeople() || shown < all) {
		fmt.Fprintf(c.ErrOrStderr(), "%s · run %s, %s · %s\n", pagesText(shown, all), plain(runName(run)), run.Started.Local().Format("2 Jan 15:04"), took(time.Since(began)))
	}
	if f.exitCode && all > 0 {
		return &exitError{code: exitFound}
	}
	return nil
}

func pagesText(shown, all int) string {
	switch {
	case shown < all:
		return fmt.Sprintf("%s of %s pages, --limit 0 shows all", grouped(uint64(shown)), grouped(uint64(all)))
	case all == 1:
		return "1 page"
	}
	return grouped(uint64(all)) + " pages"
}

// searchColumns are those of the rows of a search.
var searchColumns = []query.ColumnOf{
	{Name: "rank", Kind: query.Int}, {Name: "places", Kind: query.Text}, {Name: "url", Kind: query.Text}, {Name: "title", Kind: query.Text}, {Name: "snippet", Kind: query.Text},
}

// rows yields what is found, up to the limit, and counts all. Who writes for
// people gets the excerpt as it is.
func (f *searchFlags) rows(ctx context.Context, index *search.Index, run *store.Run, q *search.Query, all *int) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for hit, err := range index.Find(ctx, run, q) {
			if err != nil {
				yield(nil, err)
				return
			}
			if *all++; f.limit > 0 && *all > f.limit {
				continue
			}
			shown, err := index.Show(ctx, run, q, hit)
			var snippet any = shown.Excerpt
			if !f.out.forPeople() {
				snippet = shown.Excerpt.Marked(query.MarkBefore, query.MarkBehind)
			}
			row := []any{int64(*all), strings.Join(shown.Places, ", "), hit.URL.String(), shown.Title, snippet}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

func (f *searchFlags) writer(ctx context.Context, out io.Writer) func(*bufio.Writer) (rowWriter, error) {
	return func(b *bufio.Writer) (rowWriter, error) {
		if f.out.forPeople() {
			return &hitRows{out: b, colours: f.out.file == "-" && hasColour(out)}, nil
		}
		return f.out.writer(ctx, b, 0, searchColumns, false)
	}
}

// hitRows writes what is found for people: a page takes three lines.
type hitRows struct {
	out     *bufio.Writer
	colours bool // the words stand out by that, else by marks
}

func (h *hitRows) row(row []any) error {
	excerpt, _ := row[4].(search.Excerpt)
	title := plain(cellText(row[3], query.Text))
	fmt.Fprintf(h.out, "%2d  %s  (%s)\n", row[0], plain(cellText(row[2], query.Text)), row[1])
	if title != "" {
		fmt.Fprintf(h.out, "    %s\n", title)
	}
	before, behind := query.MarkBefore, query.MarkBehind
	if h.colours {
		before, behind = bold, colourEnd
	}
	_, err := fmt.Fprintf(h.out, "    %s\n", excerpt.Map(plain).Marked(before, behind))
	return err
}

func (h *hitRows) end() error { return nil }
