package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"crawl/fetcher"
	"crawl/internal/weburl"

	"github.com/spf13/cobra"
)

// fetchFlags are the flags of fetch alone.
type fetchFlags struct {
	body, text, links, headers bool
	file, base, contentType    string
}

func newFetchCommand() *cobra.Command {
	var f fetchFlags
	c := &cobra.Command{
		Use:   "fetch URL...",
		Short: "Fetch single URLs and say what a crawl would make of each",
		Long: `Fetch URLs and say what a crawl would make of each: scope and robots verdict,
redirects, status, type and charset, title, directives, links by place, fields.
robots.txt is obeyed unless --robots says otherwise, and each host is asked one
thing at a time. Nothing is kept: the store is not even opened.

With --body, --text, --links or --headers only these are written, --body as it
was sent unless it goes to a terminal. With --json each URL is one object on one
line, whose keys are the columns of pages.`,
		Example: `  crawl fetch https://example.com/
  crawl fetch https://example.com/anvil --extract 'price=css:.price|number'
  crawl fetch --file page.html --base https://example.com/ --json`,
		Args: func(_ *cobra.Command, args []string) error { return f.check(args) },
		RunE: func(c *cobra.Command, args []string) error { return f.run(c, args) },
	}
	fl := c.Flags()
	fl.BoolVar(&f.body, "body", false, "write the body; with --json add it as text")
	fl.BoolVar(&f.text, "text", false, "write the main text")
	fl.BoolVar(&f.links, "links", false, "write the links, tabs between their parts")
	fl.BoolVar(&f.headers, "headers", false, "write the headers of the answer")
	fl.StringVar(&f.file, "file", "", "read a page from FILE (- for standard input) instead of fetching it")
	fl.StringVar(&f.base, "base", "", "with --file: the URL that the page is of")
	fl.StringVar(&f.contentType, "content-type", "", "with --file: its type, such as \"text/html; charset=utf-8\" (default: by the name of FILE)")
	addSettingsFlags(fl, "include", "exclude", "list", "external", "robots", "rate", "concurrency", "user_agent", "contact", "header", "cookies", "auth",
		"proxy", "proxy_auth", "resolve", "timeout", "insecure", "allow_private", "max_fetch_time", "min_speed", "max_body", "max_ratio",
		"max_header", "max_redirects", "max_links", "max_url_length", "max_robots", "max_cookies", "max_parse_time", "max_retry_after", "max_nesting",
		"extract", "json", "quiet", "verbose", "log_format")
	addConfigFlag(fl)
	return c
}

// check finds faults in how the flags go together.
func (f *fetchFlags) check(args []string) error {
	switch {
	case f.file == "" && f.base+f.contentType != "":
		return newUsageError("", "--base and --content-type tell of a file, and there is none", "name it with --file FILE")
	case f.file == "":
		return nil
	case len(args) > 0:
		return newUsageError("", quoted(args[0])+" is to be fetched and a file to be read", "do one after the other")
	case f.base == "":
		return newUsageError("--file", "where the page is from is not said", "add --base https://…")
	}
	return nil
}

func (f *fetchFlags) run(c *cobra.Command, args []string) error {
	r, err := loadSettings(c.Flags(), "")
	if err != nil {
		return err
	}
	warn(c, r)
	s := &r.Settings
	if f.file != "" {
		args, s.List = []string{f.base}, ""
	}
	urls, err := readSeeds(s, args, c.InOrStdin())
	if err != nil {
		return err
	}
	l, err := newLooker(s, r.Hosts, unique(urls), newLogger(s, c.ErrOrStderr()))
	if err != nil {
		return err
	}
	defer l.Close()
	l.text = f.text || s.JSON
	p := &fetchPrinter{fetchFlags: f, out: c.OutOrStdout(), talk: c.ErrOrStderr(), scope: s.Scope, checks: s.External == "check", json: s.JSON, many: len(l.urls) > 1, terminal: isTerminal(c.OutOrStdout())}
	if f.file != "" {
		resp, err := f.read(c.InOrStdin(), int64(s.MaxBody))
		if err != nil {
			return err
		}
		v := &visit{asked: l.urls[0], local: true}
		l.see(v, l.urls[0], resp, nil)
		return p.print(v)
	}
	return l.all(c.Context(), p.print)
}

func unique(urls []weburl.URL) (all []weburl.URL) {
	seen := map[weburl.URL]bool{}
	for _, u := range urls {
		if !seen[u] {
			seen[u] = true
			all = append(all, u)
		}
	}
	return all
}

// read makes an answer of a file.
func (f *fetchFlags) read(in io.Reader, limit int64) (*fetcher.Response, error) {
	if f.file != "-" {
		file, err := os.Open(f.file)
		if err != nil {
			return nil, newUsageError("--file", err.Error(), "")
		}
		defer file.Close()
		in = file
	}
	body, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err != nil {
		return nil, newUsageError("--file", err.Error(), "")
	}
	resp := &fetcher.Response{Status: http.StatusOK, Header: http.Header{}, Start: time.Now()}
	if int64(len(body)) > limit {
		body, resp.Truncated = body[:limit], "length"
	}
	resp.Body, resp.Raw = body, body
	resp.Header.Set("Content-Type", cmp.Or(f.contentType, typeOf(f.file)))
	return resp, nil
}

// typeOf is the media type of a file by its name; of one that tells nothing, it
// is a page, as what it begins with may contradict.
func typeOf(file string) string {
	switch strings.ToLower(filepath.Ext(file)) {
	case ".css":
		return "text/css"
	case ".txt", ".md", ".csv", ".json", ".js":
		return "text/plain"
	case ".xml", ".rss", ".atom":
		return "application/xml"
	}
	return "text/html"
}

// all looks at every URL and hands what it saw to show, in the order they were
// named. Hosts are asked at once, each one thing at a time.
func (l *looker) all(ctx context.Context, show func(*visit) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// Each visit under way has a place; one that waits to be shown keeps it, so
	// that no more of them than this are in memory.
	visits := make(chan chan *visit, inFlight(l.s.Concurrency, openFiles()))
	go func() {
		defer close(visits)
		for _, u := range l.urls {
			c := make(chan *visit, 1)
			select {
			case visits <- c:
				go func() { c <- l.visit(ctx, u) }()
			case <-ctx.Done():
				return
			}
		}
	}()
	fetched, err := 0, error(nil)
	for c := range visits { // to the end in any case, so that no goroutine is left
		v := <-c
		if err == nil && ctx.Err() == nil {
			err = show(v)
		}
		if err != nil {
			cancel()
		}
		if v.resp != nil {
			fetched++
		}
	}
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case fetched == 0:
		return &exitError{code: exitEmpty, err: fmt.Errorf("nothing could be fetched")}
	}
	return nil
}
