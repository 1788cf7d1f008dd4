package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"sync"

	"crawl/crawler"
	"crawl/fetcher"
	"crawl/internal/parse"
	"crawl/store"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
)

func newExtractCommand() *cobra.Command {
	var dry bool
	c := &cobra.Command{
		Use:   "extract [RUN]",
		Short: "Run new rules over the stored pages of a run",
		Long: `Apply rules to the HTML pages of a run as they are stored, ask no server, and put
what they find in place of the fields that the pages had. The rules are those of
--extract, else those of the configuration for the run's site, else those that
the run has. Needs bodies: a run with --store none has none.`,
		Example: `  crawl extract example.com --extract 'price=css:.price|number' --dry-run
  crawl extract acme@43`,
		Args: atMostOne,
		RunE: func(c *cobra.Command, args []string) error {
			return withRun(c, args, func(ctx context.Context, st *store.Bolt, run *store.Run, s *Settings) error {
				return runExtract(ctx, c, st, run, s, dry)
			})
		},
	}
	c.Flags().BoolVar(&dry, "dry-run", false, "say what the rules find, and keep nothing")
	addSettingsFlags(c.Flags(), "data", "extract", "json", "quiet")
	return c
}

// extraction is one pass of rules over the pages of a run.
type extraction struct {
	store store.Store
	spec  *crawler.Spec
	log   *slog.Logger
	dry   bool
	read  chan struct{} // a place for each page whose body is in memory

	mu       sync.Mutex // guards what follows
	coverage []store.Coverage
	pages    int
	missing  int // of them without a body
	damaged  int // of them with one that cannot be read
}

func newExtraction(st store.Store, spec *crawler.Spec, log *slog.Logger) *extraction {
	return &extraction{store: st, spec: spec, log: log, read: make(chan struct{}, runtime.GOMAXPROCS(0))}
}

func runExtract(ctx context.Context, c *cobra.Command, st store.Store, run *store.Run, s *Settings, dry bool) error {
	rules, err := rulesFor(c, s, run)
	if err != nil {
		return err
	}
	spec, err := readingOf(run)
	if err != nil {
		return err
	}
	if spec.Fields, err = parse.CompileFields(rules); err != nil {
		return newUsageError("extract", err.Error(), "")
	}
	x := newExtraction(st, spec, newLogger(s, c.ErrOrStderr()))
	x.dry, x.coverage = dry, crawler.CoverageOf(rules)
	if err := x.all(ctx, run.ID); err != nil {
		return err
	}
	if !dry { // at the end, so that a pass that was cut short is seen to be
		run.Rules, run.Counts.Fields = rules, x.coverage
		if err := st.Update(ctx, run); err != nil {
			return err
		}
	}
	return x.print(c.OutOrStdout(), run, s.JSON)
}

// rulesFor finds the rules for a run.
func rulesFor(c *cobra.Command, s *Settings, run *store.Run) ([]string, error) {
	rules := s.Extract
	files, _ := readConfigFiles(configPaths(c.Flags())) // loadSettings has told of the faults
	if _, configured := findSite(files, run.Site); configured {
		r, err := loadSettings(c.Flags(), run.Site)
		if err != nil {
			return nil, err
		}
		rules = r.Settings.Extract
	}
	if len(rules) == 0 {
		rules = run.Rules
	}
	if len(rules) == 0 {
		return nil, newUsageError("", "there are no rules for run "+runName(run), "give some: --extract 'price=css:.price|number'")
	}
	return rules, nil
}

// movedAtOnce is how many pages may wait for the store together: it commits
// what waits in one go.
const movedAtOnce = 64

// all applies the rules to every page.
func (x *extraction) all(ctx context.Context, run store.RunID) error {
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(movedAtOnce)
	for p, err := range x.store.Pages(ctx, run) {
		if err != nil {
			return errors.Join(err, work.Wait())
		}
		if crawler.HasFields(p) {
			work.Go(func() error { return x.page(ctx, p) })
		}
	}
	return work.Wait()
}

func (x *extraction) page(ctx context.Context, p *store.Page) error {
	err := x.fields(ctx, p)
	missing, damaged := errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrDamaged)
	switch {
	case missing:
		x.fail(p, "no body was kept")
	case damaged: // its page alone is lost
		x.log.Warn("a stored body is damaged", "url", p.URL.String(), "cause", err)
		x.fail(p, "the stored body is damaged")
	case err != nil:
		return err
	}
	x.mu.Lock()
	x.pages++
	if missing {
		x.missing++
	}
	if damaged {
		x.damaged++
	}
	x.coverage = crawler.CountFields(x.coverage, p)
	x.mu.Unlock()
	if x.dry {
		return nil
	}
	return x.store.Move(ctx, p)
}

// fields asks the rules about a page when it has a place. The error is the
// store's.
func (x *extraction) fields(ctx context.Context, p *store.Page) error {
	x.read <- struct{}{}
	defer func() { <-x.read }()
	header, raw, err := x.store.Body(ctx, p)
	if err == nil {
		x.spec.SetFields(x.log, p, header, fetcher.Decode(header, raw, x.spec.MaxBody, x.spec.MaxRatio))
	}
	return err
}

// fail is for a page that the rules cannot be asked about.
func (x *extraction) fail(p *store.Page, why string) {
	p.Fields, p.FieldsBy = crawler.StoreFields(x.spec.Fields.Fail(why)), ""
}

func (x *extraction) print(w io.Writer, run *store.Run, asJSON bool) error {
	if asJSON {
		return writeJSON(w, struct {
			Run     string   `json:"run"`
			Pages   int      `json:"pages"`
			Missing int      `json:"without_body"`
			Damaged int      `json:"damaged_body"`
			DryRun  bool     `json:"dry_run"`
			Fields  coverage `json:"fields"`
		}{runName(run), x.pages, x.missing, x.damaged, x.dry, x.coverage})
	}
	kept := ""
	if x.dry {
		kept = ", nothing kept"
	}
	fmt.Fprintf(w, "%s: %s HTML pages%s\n", plain(runName(run)), grouped(uint64(x.pages)), kept)
	printCoverage(w, x.coverage)
	if x.damaged > 0 {
		fmt.Fprintf(w, "  damaged  %s stored bodies: see `crawl db check`\n", grouped(uint64(x.damaged)))
	}
	if !x.dry {
		fmt.Fprintf(w, "  next     crawl export %s -f csv -o pages.csv\n", shellWord(plain(runName(run))))
	}
	return nil
}
