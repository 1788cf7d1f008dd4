package main

import (
	"fmt"
	"strings"

	"crawl/internal/robots"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// dryFlag is the flag of commands that can say what they would do.
const dryFlag = "dry-run"

// addDryFlag gives a command that changes the config file the flag: what would be
// changed is checked, and not written.
func addDryFlag(fs *pflag.FlagSet) {
	fs.Bool(dryFlag, false, "check what would become of the config file, and leave it as it is")
}

// isDry tells whether nothing is to be done.
func isDry(fs *pflag.FlagSet) bool {
	f := fs.Lookup(dryFlag)
	return f != nil && f.Value.String() == "true"
}

// planRun says what a run would begin with. Of the web it reads robots.txt alone, and
// it makes no store.
func planRun(c *cobra.Command, o *order, r *Resolved) error {
	log := newLogger(&o.s, c.ErrOrStderr())
	t, err := o.prepare(o.s.room(1), log) // finds what is wrong with settings and secrets
	if err != nil {
		return err
	}
	t.close()
	a, err := newAsker(&o.s, o.hosts, o.seeds, log)
	if err != nil {
		return err
	}
	defer a.Close()
	out, allowed := c.OutOrStdout(), 0
	fmt.Fprintf(out, "%s: a run would begin so; nothing but robots.txt was fetched\n", plain(o.run.Site))
	for _, u := range unique(o.seeds) {
		line := robotsLine{Allowed: true, Note: "robots.txt is not read"}
		if o.s.Robots != "ignore" {
			f, note, err := a.robots(c.Context(), u)
			if err != nil {
				return err
			}
			line = newRobotsLine(u, robots.Product(o.s.agent()), f, note)
		}
		word := "allowed"
		if !line.Allowed {
			word = "disallowed"
		}
		if line.Allowed || o.s.Robots != "obey" {
			allowed++
		}
		fmt.Fprintf(out, "  %-12s %s   %s: %s\n", "seed", plain(u.String()), word, plain(line.why()))
	}
	for _, opt := range options {
		where, usual := r.Origin[opt.Key], plannedOptions[opt.Key]
		if opt.Group != "run" && opt.Group != "gate" || where == originDefault && !usual {
			continue
		}
		fmt.Fprintf(out, "  %-12s %s   (%s)\n", opt.Key, plain(strings.Join(opt.texts(&o.s), ", ")), plain(where))
	}
	if allowed == 0 {
		return &exitError{code: exitEmpty}
	}
	return nil
}

// plannedOptions are said also where nobody set them.
var plannedOptions = map[string]bool{"scope": true, "depth": true, "max_pages": true, "max_time": true, "robots": true, "rate": true}
