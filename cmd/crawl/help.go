package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// topics are the pages of help that belong to no command.
var topics = []struct{ name, short, text string }{
	{"exit-codes", "What the exit code tells", `The exit code means the same in every command:

  0    done
  1    done, and the gate failed: ` + "`--fail-on` of run, resume and report" + `; or rows were
       found: ` + "`--exit-code` of query, report, search and diff" + `
  2    wrong usage or configuration
  3    partial: a limit ended the run (pages, time, bytes); the summary says which;
       or the answer of a query (--max-rows, --max-time)
  4    nothing crawled: seed unreachable, blocked or disallowed; the summary says why
       (fetch: none of the URLs could be fetched)
  5    store trouble: held by another process, damaged, no space
  6    no run goes on that could be asked or steered
  130  interrupted (Ctrl-C, or its terminal closed); state saved, ` + "`crawl resume`" + ` goes on
  143  terminated (SIGTERM); likewise

Whoever reads standard output may stop doing so, as in ` + "`crawl export | head`" + `:
that is no error, the code is 0. A run that writes there (--json) stops as if
by Ctrl-C: 130, and ` + "`crawl resume`" + ` goes on.
`},
	{"formats", "Where output goes, and in which form", `Data goes to standard output, talk (progress, summary, faults) to standard
error: a pipe never holds a progress line.

  crawl run --json      one JSON object a line; "type" is page, skip, error,
                        status or summary
  --progress json       what a run says while it goes, as JSON lines on standard
                        error
  crawl export -f jsonl the rows of a table, one a line; keys are the columns
  crawl export -f csv   the same as RFC 4180, with a header; cells that a
                        spreadsheet would run get an apostrophe, unless --raw
  crawl export -f warc  requests and answers as they were sent, WARC/1.1
  crawl query, report,  a table on a terminal; in a pipe TSV with whole values and
  search, diff, fields, no names (--header); -f table, wide, tsv, csv, jsonl, json, md
  tree

Of rows, export included, there is more:

  --json=url,status     a list of objects with these fields alone; --json has all
  --jq EXPR             what a program of jq makes of the list, each result on a
                        line, texts without quotes:
                          --jq '.[].url'
                          --jq 'group_by(.status)[] | [.[0].status, length] | @tsv'
  --template TEXT       the list through a template of Go:
                          --template '{{range .}}{{.url}}{{"\n"}}{{end}}'
                        with json, join SEP LIST, truncate N, lower and upper

--jq and --template get the list as a whole, as with gh, so that they can sort and
group: it is held in memory, 64 MB at most. For more write -f jsonl and pipe it.
What a terminal would obey is escaped in all of these.

-o FILE picks the format by its name (.csv, .warc.gz; else JSON lines). FILE
appears when it is whole, and is replaced only with --overwrite.
`},
	{"names", "How a run is named", `  acme                  the latest finished run of the site acme of config.yaml;
                        if none is finished, the latest
  example.com           likewise of a host crawled by its address
  https://example.com/x the latest run that has this URL
  acme~1                the finished run before; acme~2, two before
  acme@43               run number 43
  acme@2026-11-17       the last run that was finished by the end of that day;
  acme@monday           also yesterday, 7d (seven days ago), 12h, and RFC 3339
  acme@live             the run that was begun and not finished yet

Without a name it is the latest finished run of all.
`},
	{"politeness", "How hosts are treated", `A host is asked one thing at a time, 2 times a second at first, up to 8 while it
answers fast and clean; less after 429, 503, timeouts and slow answers.
Retry-After and the Crawl-delay of robots.txt are kept. A host that keeps failing
rests, is tried again and is given up with a reason. A loopback seed that you
typed has no delay.

  --rate 1/s            a pace of your own      --per-host 4   requests at once
  --robots report       crawl, and note what robots.txt disallows
  --contact URL         tell servers who you are

For one host alone, whichever run meets it: ` + "`hosts:`" + ` in config.yaml.
`},
	{"rules", "How fields of pages are asked for", `A rule names a field and says where its value stands:

  price=css:.price|number         the text of what a CSS selector finds
  buy=css:a.buy@href              an attribute of it; addresses are made absolute
  sku=jsonld:Product.sku          JSON-LD: a type, then the way to a value; lists
                                  are gone through, @graph too
  image=meta:og:image             a meta element, by name or property
  build=re:build (\d+)            the first group, or all that matches, of a regular
                                  expression (RE2) over the source of the page

Filters follow, with bars between (for re they stand before the colon:
re|number:…):

  number    a number, as people write it: € 1.234,56 or 1,234.56. One mark with
            three digits behind it is of thousands. Text that has no number, or
            more than one, has failed
  all       all values, 100 at most, not the first alone
  html      the markup inside the element (css)
  trim      no white space around it, single blanks within

A name is a-z, 0-9 and _, and none that pages have a column of. In a config file
rules stand below extract:, as text or {css: .price, as: number, attr: …, all:
true, trim: true}. On each HTML page with status 200 a field is filled, empty or
failed; the summary counts that for each rule. Values are cut at 64 KiB; a script
of JSON-LD above 256 KiB is not read, and what may stand in it has failed.

  crawl fetch URL --extract RULE        try a rule on one page
  crawl extract RUN --extract RULE      run it over a run's stored pages
  crawl export RUN -f csv               each field is a column
`},
	{"scope", "Which links are followed", `  --scope host          the seed's host, http and https; where a seed redirects to
                        another host (apex to www) that one too: the default
  --scope domain        all hosts of the registrable domain, at most 10,000 unless
                        --max-hosts says otherwise; a host whose robots.txt
                        redirects to one beyond that limit is given up
  --scope prefix        what lies below the seed's folder
  --scope list          the seeds alone: the default with --list
  --scope page          the seeds, and with --assets fetch what shows them

  --exclude '/cart*'    a glob: * is anything, other signs stand for themselves;
                        it is held against path and query as a whole, or against
                        the whole address if it has :// in it
  --exclude 're:\?month=\d+'
                        a Go regular expression, met anywhere in the address
  --include GLOB        crawl only what matches, besides the seeds

  --max-variants 100    of links to one path that differ in the values of their
                        parameters only, such as a calendar's months, so many;
                        10,000 unless set, and not of those a sitemap names

--depth counts clicks from a seed, redirects not. ` + "`crawl export --table skipped`" + `
has every URL that was not fetched, with the reason and the rule.
`},
	{"units", "How times, sizes and rates are written", `  times   500ms 30s 5m 2h 7d, also 1h30m
  sizes   500KB 10MB 2GB (thousands), 64KiB 5MiB (1024s), or bytes
  rates   4/s 30/m 1/h 1/10s, or adaptive
  counts  500 100k 2M
  unlimited, where there need not be a limit
`},
}

// groups are the headings of the commands.
var groups = []*cobra.Group{{ID: "do", Title: "Do"}, {ID: "steer", Title: "Steer"}, {ID: "look", Title: "Look"}, {ID: "take", Title: "Take"}, {ID: "repeat", Title: "Repeat"}, {ID: "keep", Title: "Keep"}}

// newTopics makes the help topics: commands that do nothing.
func newTopics() []*cobra.Command {
	var all []*cobra.Command
	for _, t := range topics {
		all = append(all, &cobra.Command{Use: t.name, Short: t.short, Long: strings.TrimSuffix(t.text, "\n")})
	}
	return all
}

// newHelpCommand makes `crawl help [COMMAND | TOPIC]`, which unlike cobra's
// takes an unknown one for an error.
func newHelpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND | TOPIC]", Short: "Say more of a command or a topic", GroupID: "keep",
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return commandNames(root), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			c := root
			for _, word := range args {
				i := slices.IndexFunc(c.Commands(), func(sub *cobra.Command) bool { return sub.Name() == word })
				if i < 0 {
					return newUsageError("", "there is no help on "+quoted(strings.Join(args, " ")), didYouMean(word, commandNames(c), "see `crawl help`"))
				}
				c = c.Commands()[i]
			}
			return c.Help()
		},
	}
}

func commandNames(c *cobra.Command) []string {
	var names []string
	for _, sub := range c.Commands() {
		names = append(names, sub.Name())
	}
	return names
}

// isTopic tells a help topic from a command.
func isTopic(c *cobra.Command) bool { return !c.Runnable() && !c.HasSubCommands() }

// showUsage writes how a command is used, its flags under the headings of their
// options; for cobra's SetUsageFunc.
func showUsage(c *cobra.Command) error {
	w := c.OutOrStderr()
	if isTopic(c) {
		return nil
	}
	fmt.Fprintf(w, "Usage:\n  %s\n", c.UseLine())
	if c.Example != "" {
		fmt.Fprintf(w, "\nExamples:\n%s\n", c.Example)
	}
	for _, g := range c.Groups() {
		listCommands(w, c, g.Title, func(sub *cobra.Command) bool { return sub.GroupID == g.ID })
	}
	listCommands(w, c, "Commands", func(sub *cobra.Command) bool { return sub.GroupID == "" && sub.IsAvailableCommand() })
	listCommands(w, c, "Topics", isTopic)
	for _, section := range flagSections(c) {
		fmt.Fprintf(w, "\n%s:\n%s", section.title, section.flags.FlagUsagesWrapped(usageWidth))
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(w, "\nMore: crawl help%s NAME\n", strings.TrimPrefix(c.CommandPath(), c.Root().Name()))
	}
	return nil
}

// usageWidth is how wide the text of flags is.
const usageWidth = 110

func listCommands(w io.Writer, c *cobra.Command, title string, wanted func(*cobra.Command) bool) {
	for _, sub := range c.Commands() {
		if !wanted(sub) {
			continue
		}
		if title != "" {
			fmt.Fprintf(w, "\n%s:\n", title)
			title = ""
		}
		fmt.Fprintf(w, "  %-11s %s\n", sub.Name(), sub.Short)
	}
}

// flagSection is the flags under one heading.
type flagSection struct {
	title string
	flags *pflag.FlagSet
}

// flagSections divides a command's flags: its own, then those of the options in
// the order of their sections.
func flagSections(c *cobra.Command) []flagSection {
	titles := []string{"Flags"}
	for _, o := range options {
		if title := sectionTitle(o.Section); !slices.Contains(titles, title) && title != dataTitle {
			titles = append(titles, title)
		}
	}
	titles = append(titles, dataTitle)
	var all []flagSection
	for _, title := range titles {
		flags := pflag.NewFlagSet("", pflag.ContinueOnError)
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if sectionTitle(strings.Join(f.Annotations[sectionAnnotation], "")) == title && !f.Hidden {
				flags.AddFlag(f)
			}
		})
		if flags.HasFlags() {
			all = append(all, flagSection{title, flags})
		}
	}
	return all
}

// dataTitle is the heading that comes last: it matters least.
const dataTitle = "Data"

func sectionTitle(section string) string {
	if section == "" {
		return "Flags"
	}
	return strings.ToUpper(section[:1]) + section[1:]
}
