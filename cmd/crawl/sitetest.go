package main

import (
	"context"
	"errors"
	"fmt"

	"crawl/internal/weburl"

	"github.com/spf13/cobra"
)

func newSiteTest() *cobra.Command {
	pages := 5
	c := &cobra.Command{
		Use: "test NAME", Short: "Look at a few pages of a site before it is crawled", Args: exactlyOne("the site"),
		Long: `Fetch the seeds of a site and a few pages that they link to, as a crawl would
with its settings: robots.txt is obeyed and hosts are asked in turn. For each
page it is said whether it is in scope, what robots.txt and the page allow, and
what the fields of the site find. Nothing is kept.`,
		RunE: func(c *cobra.Command, args []string) error {
			if pages < 1 || pages > maxTestPages {
				return newUsageError("--pages", fmt.Sprintf("1 to %d pages are looked at", maxTestPages), "crawl the site for more")
			}
			return testSite(c, args[0], pages)
		},
	}
	c.Flags().IntVar(&pages, "pages", pages, "look at so many: `N`")
	addSettingsFlags(c.Flags(), "run", "json", "quiet", "verbose", "log_format")
	addConfigFlag(c.Flags())
	return c
}

// maxTestPages is how many pages a test may ask for.
const maxTestPages = 50

func testSite(c *cobra.Command, name string, pages int) error {
	r, err := loadSettings(c.Flags(), name)
	if err != nil {
		return err
	}
	warn(c, r)
	s := &r.Settings
	seeds, err := readSeeds(s, r.Seeds, c.InOrStdin())
	if err != nil {
		return err
	}
	seeds = unique(seeds)
	l, err := newLooker(s, r.Hosts, seeds, newLogger(s, c.ErrOrStderr()))
	if err != nil {
		return err
	}
	defer l.Close()
	p := &fetchPrinter{fetchFlags: &fetchFlags{}, out: c.OutOrStdout(), talk: c.ErrOrStderr(), scope: s.Scope, json: s.JSON, many: true, terminal: isTerminal(c.OutOrStdout())}
	t := &siteTest{looker: l, seen: map[weburl.URL]bool{}, refused: map[string]int{}}
	if err := t.walk(c.Context(), seeds, pages, p.print); err != nil {
		return err
	}
	if t.fetched == 0 {
		return &exitError{code: exitEmpty, err: errors.New("nothing could be fetched")}
	}
	refused := ""
	if len(t.refused) > 0 {
		refused = "; not followed: " + counted(t.refused)
	}
	return said(c, "%d of %d pages were fetched; %d links are in scope and were not looked at%s", t.fetched, t.looked, t.left, refused)
}

// siteTest is one look at a site.
type siteTest struct {
	*looker
	seen            map[weburl.URL]bool
	refused         map[string]int // links, by reason
	looked, fetched int
	left            int
}

// walk looks at pages one after the other: the seeds, then what is linked from
// them, each host in its turn.
func (t *siteTest) walk(ctx context.Context, queue []weburl.URL, pages int, show func(*visit) error) error {
	for _, u := range queue {
		t.seen[u] = true
	}
	for ; len(queue) > 0 && t.looked < pages; queue = queue[1:] {
		v := t.visit(ctx, queue[0])
		if ctx.Err() != nil {
			return ctx.Err()
		}
		t.looked++
		if v.resp != nil {
			t.fetched++
		}
		if err := show(v); err != nil {
			return err
		}
		queue = append(queue, t.links(v)...)
	}
	t.left = len(queue)
	return nil
}

// links are the pages that a page leads to and that a crawl would follow.
func (t *siteTest) links(v *visit) (next []weburl.URL) {
	for _, link := range v.doc.Links {
		u := link.URL
		if u.IsZero() || t.seen[u] || link.Asset || link.NoFollow && t.s.Robots == "obey" {
			continue
		}
		t.seen[u] = true
		if reason, _ := t.spec.Verdict(u); reason != "" {
			t.refused[string(reason)]++
			continue
		}
		next = append(next, u)
	}
	return next
}
