package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"

	"crawl/internal/robots"
	"crawl/internal/weburl"

	"github.com/spf13/cobra"
)

// robotsLine is the verdict on one URL.
type robotsLine struct {
	URL        string          `json:"url"`
	Allowed    bool            `json:"allowed"`
	Line       int             `json:"line"`
	Rule       string          `json:"rule"`
	Agent      string          `json:"agent"`
	CrawlDelay *float64        `json:"crawl_delay"` // seconds; null if none
	Sitemaps   []string        `json:"sitemaps"`
	Note       string          `json:"note,omitempty"`
	Problems   []robotsProblem `json:"problems"`
}

// robotsProblem is a defect of the file.
type robotsProblem struct {
	Line int    `json:"line"` // 0: of the whole file
	What string `json:"what"`
	Text string `json:"text"`
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
	read, end, err := robotsReader(c, &s, r.Hosts, file, urls)
	if err != nil {
		return err
	}
	defer end()
	told := map[*robots.File]bool{}
	for _, u := range urls {
		f, note, err := read(c.Context(), u)
		if err != nil {
			return err
		}
		if !told[f] && !s.JSON && !s.Quiet {
			printProblems(c.ErrOrStderr(), cmp.Or(file, u.Origin()+"/robots.txt"), f)
		}
		told[f] = true
		if err := printVerdict(c.OutOrStdout(), s.JSON, u, agent, f, note); err != nil {
			return err
		}
	}
	return nil
}

// robotsReader returns how the rules for a URL are found: in a file, or at the
// URL's origin, each origin once.
func robotsReader(c *cobra.Command, s *Settings, hosts map[string]HostSettings, file string, urls []weburl.URL) (read func(context.Context, weburl.URL) (*robots.File, string, error), end func(), err error) {
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
	a, err := newAsker(s, hosts, urls, newLogger(s, c.ErrOrStderr()))
	if err != nil {
		return nil, nil, err
	}
	return a.robots, a.Close, nil
}

// printProblems says what is wrong with the rules that were found at a place.
func printProblems(talk io.Writer, place string, f *robots.File) {
	for _, p := range f.Problems() {
		where := place
		if p.Line > 0 {
			where = fmt.Sprintf("%s:%d", place, p.Line)
		}
		text := ""
		if p.Text != "" {
			text = fmt.Sprintf(": %q", p.Text)
		}
		fmt.Fprintf(talk, "note: %s: %s%s\n", plain(where), p.What, text)
	}
}

func printVerdict(out io.Writer, asJSON bool, u weburl.URL, agent string, f *robots.File, note string) error {
	line := newRobotsLine(u, agent, f, note)
	if asJSON {
		return writeJSON(out, line)
	}
	word := "allowed   "
	if !line.Allowed {
		word = "disallowed"
	}
	_, err := fmt.Fprintf(out, "%s  %s  %s\n", word, u, plain(line.why()))
	return err
}

func newRobotsLine(u weburl.URL, agent string, f *robots.File, note string) robotsLine {
	v := f.Test(agent, u.RequestURI())
	line := robotsLine{URL: u.String(), Allowed: v.Allowed, Line: v.Line, Rule: v.Rule, Agent: v.Agent, Sitemaps: f.Sitemaps(), Note: note, Problems: []robotsProblem{}}
	if line.Sitemaps == nil {
		line.Sitemaps = []string{}
	}
	for _, p := range f.Problems() {
		line.Problems = append(line.Problems, robotsProblem(p))
	}
	if d, ok := f.CrawlDelay(agent); ok {
		seconds := d.Seconds()
		line.CrawlDelay = &seconds
	}
	return line
}

// why says which rule the verdict is by.
func (l *robotsLine) why() string {
	why := "no rule matches"
	switch {
	case l.Note != "":
		why = l.Note
	case l.Line > 0:
		why = fmt.Sprintf("line %d %q (group %s)", l.Line, l.Rule, l.Agent)
	}
	if l.CrawlDelay != nil {
		why += fmt.Sprintf(", crawl-delay %gs", *l.CrawlDelay)
	}
	return why
}
