package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"crawl/fetcher"
	"crawl/internal/robots"
	"crawl/internal/weburl"

	"github.com/spf13/cobra"
	"golang.org/x/time/rate"
)

// robotsLine is the verdict on one URL.
type robotsLine struct {
	URL        string   `json:"url"`
	Allowed    bool     `json:"allowed"`
	Line       int      `json:"line"`
	Rule       string   `json:"rule"`
	Agent      string   `json:"agent"`
	CrawlDelay *float64 `json:"crawl_delay"` // seconds; null if none
	Sitemaps   []string `json:"sitemaps"`
	Note       string   `json:"note,omitempty"`
}

func newRobotsCommand() *cobra.Command {
	var file, agent string
	c := &cobra.Command{
		Use:   "robots URL...",
		Short: "Say for each URL whether robots.txt allows it, by which rule and line",
		Example: `  crawl robots https://example.com/ https://example.com/private/
  crawl robots --file robots.txt --agent acme-bot https://example.com/x`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return newUsageError("", "there is no URL to judge", "name one: crawl robots https://example.com/")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return runRobots(c, args, file, agent) },
	}
	c.Flags().StringVar(&file, "file", "", "read the rules from FILE (- for standard input) instead of fetching them")
	c.Flags().StringVar(&agent, "agent", "", "judge for this product token (default: of the user agent)")
	addSettingsFlags(c.Flags(), "user_agent", "contact", "header", "cookies", "auth", "proxy", "proxy_auth", "resolve", "timeout", "insecure",
		"allow_private", "max_fetch_time", "min_speed", "max_ratio", "max_header", "max_robots", "json", "quiet", "verbose", "log_format")
	addConfigFlag(c.Flags())
	return c
}

func runRobots(c *cobra.Command, args []string, file, agent string) error {
	r, err := loadSettings(c.Flags(), "")
	if err != nil {
		return err
	}
	warn(c, r)
	s := r.Settings
	urls, err := readSeeds(&s, args, c.InOrStdin())
	if err != nil {
		return err
	}
	if agent == "" {
		agent = robots.Product(s.agent())
	}
	read, end, err := robotsReader(c, &s, file, urls)
	if err != nil {
		return err
	}
	defer end()
	for _, u := range urls {
		f, note, err := read(c.Context(), u)
		if err != nil {
			return err
		}
		if err := printVerdict(c.OutOrStdout(), s.JSON, u, agent, f, note); err != nil {
			return err
		}
	}
	return nil
}

// robotsReader returns how the rules for a URL are found: in a file, or at the
// URL's origin, each origin once.
func robotsReader(c *cobra.Command, s *Settings, file string, urls []weburl.URL) (read func(context.Context, weburl.URL) (*robots.File, string, error), end func(), err error) {
	if file != "" {
		in := c.InOrStdin()
		if file != "-" {
			f, err := os.Open(file)
			if err != nil {
				return nil, nil, newUsageError("--file", err.Error(), "")
			}
			defer f.Close()
			in = f
		}
		body, err := io.ReadAll(io.LimitReader(in, int64(s.MaxRobots)))
		if err != nil {
			return nil, nil, newUsageError("--file", err.Error(), "")
		}
		rules := robots.ParseLimit(body, int(s.MaxRobots))
		return func(context.Context, weburl.URL) (*robots.File, string, error) { return rules, "", nil }, func() {}, nil
	}
	fetch, err := newFetcher(s, urls, nil, newLogger(s, c.ErrOrStderr()))
	if err != nil {
		return nil, nil, err
	}
	type answer struct {
		file *robots.File
		note string
	}
	known := map[string]answer{}
	pace := rate.NewLimiter(rate.Every(500*time.Millisecond), 1)
	return func(ctx context.Context, u weburl.URL) (*robots.File, string, error) {
		a, ok := known[u.Origin()]
		if !ok {
			if a.file, a.note, err = fetchRobots(ctx, fetch, pace, s, u); err != nil {
				return nil, "", err
			}
			known[u.Origin()] = a
		}
		return a.file, a.note, nil
	}, fetch.Close, nil
}

// robotsHops is how many redirects of robots.txt are followed (RFC 9309, 2.3.1.2).
const robotsHops = 5

// fetchRobots asks an origin for its rules. note says what stood in the way of
// them.
func fetchRobots(ctx context.Context, fetch *fetcher.Fetcher, pace *rate.Limiter, s *Settings, u weburl.URL) (*robots.File, string, error) {
	at, err := u.Resolve("/robots.txt")
	if err != nil {
		return nil, "", err
	}
	for range robotsHops + 1 {
		if !isLoopback(at) {
			if err := pace.Wait(ctx); err != nil {
				return nil, "", err
			}
		}
		resp, err := fetch.Fetch(ctx, fetcher.Request{URL: at, MaxBody: int64(s.MaxRobots)})
		if ctx.Err() != nil {
			return nil, "", ctx.Err()
		}
		if err != nil {
			return robots.DisallowAll(), "robots.txt is unreachable, nothing is allowed: " + err.Error(), nil
		}
		if next, err := resp.Location(at); resp.Redirect != "" && err == nil {
			at = next
			continue
		}
		switch robots.Answer(resp.Status) {
		case robots.Found:
			return robots.ParseLimit(resp.Body, int(s.MaxRobots)), "", nil
		case robots.Unreachable:
			return robots.DisallowAll(), fmt.Sprintf("robots.txt answered %d, nothing is allowed for now", resp.Status), nil
		}
		return robots.AllowAll(), fmt.Sprintf("robots.txt answered %d, everything is allowed", resp.Status), nil
	}
	return robots.AllowAll(), fmt.Sprintf("robots.txt redirects more than %d times, everything is allowed", robotsHops), nil
}

func printVerdict(out io.Writer, asJSON bool, u weburl.URL, agent string, f *robots.File, note string) error {
	v := f.Test(agent, u.RequestURI())
	line := robotsLine{URL: u.String(), Allowed: v.Allowed, Line: v.Line, Rule: v.Rule, Agent: v.Agent, Sitemaps: f.Sitemaps(), Note: note}
	if line.Sitemaps == nil {
		line.Sitemaps = []string{}
	}
	if d, ok := f.CrawlDelay(agent); ok {
		seconds := d.Seconds()
		line.CrawlDelay = &seconds
	}
	if asJSON {
		return writeJSON(out, line)
	}
	word, why := "allowed   ", "no rule matches"
	if !v.Allowed {
		word = "disallowed"
	}
	switch {
	case note != "":
		why = note
	case v.Line > 0:
		why = fmt.Sprintf("line %d %q (group %s)", v.Line, v.Rule, v.Agent)
	}
	if line.CrawlDelay != nil {
		why += fmt.Sprintf(", crawl-delay %gs", *line.CrawlDelay)
	}
	_, err := fmt.Fprintf(out, "%s  %s  %s\n", word, u, plain(why))
	return err
}
