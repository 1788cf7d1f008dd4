package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v4"
)

func newMuteCommand() *cobra.Command {
	var m mute
	c := &cobra.Command{
		Use: "mute ID|REPORT [SITE]", Short: "Count findings that are known no more, until a day",
		Long: `Write into the config file that a finding, or what a report finds at such URLs, is
known: into the block of SITE, or into the defaults of all. It then fails no gate
and is not counted until that day is over, in UTC; crawl report NAME --muted still
shows it. It holds for all runs, also those that are over.`,
		Example: "  crawl report broken acme --muted\n  crawl mute a1b2c3d4e5f60718 acme --until 2027-01-31 --reason 'the shop is being rebuilt'\n  crawl mute broken acme --url '/old/*' --until 30d --reason 'the shop is being rebuilt'",
		Args:    muteArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if err := m.read(args[0]); err != nil {
				return err
			}
			return addMute(c, &m, strings.Join(args[1:], ""))
		},
	}
	c.Flags().StringVar(&m.url, "url", "", "only what is about such URLs, a `GLOB` as for --exclude")
	c.Flags().StringVar(&m.until, "until", "", "last `DAY`: 2027-01-31, or 30d from now")
	c.Flags().StringVar(&m.reason, "reason", "", "`TEXT` that says why it may be so")
	addDryFlag(c.Flags())
	addSettingsFlags(c.Flags(), "data", "quiet")
	return c
}

func newUnmuteCommand() *cobra.Command {
	var url string
	c := &cobra.Command{
		Use: "unmute ID|REPORT [SITE]", Short: "Count findings again that were muted",
		Long: `Take what ` + "`crawl mute`" + ` wrote with the same words out of the config file.`,
		Args: muteArgs,
		RunE: func(c *cobra.Command, args []string) error {
			return removeMute(c, args[0], url, strings.Join(args[1:], ""))
		},
	}
	c.Flags().StringVar(&url, "url", "", "the `GLOB` of the mute")
	addDryFlag(c.Flags())
	addSettingsFlags(c.Flags(), "data", "quiet")
	return c
}

func muteArgs(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return newUsageError("", "what is meant?", "name a report, or the id of a finding: crawl report NAME --muted")
	}
	return atMost(2, c, args)
}

// read checks what flags set, and takes the word that names findings.
func (m *mute) read(word string) error {
	if d, err := parseDuration(m.until); err == nil && d.Limited() {
		m.until = time.Now().UTC().Add(d.Std()).Format(time.DateOnly)
	}
	m.name(word)
	for _, key := range muteKeys {
		if value := *m.field(key); value != "" {
			if err := m.set(key, value); err != nil {
				return &usageError{[]fault{faultAt("", err)}}
			}
		}
	}
	if err := m.whole(); err != nil {
		return &usageError{[]fault{faultAt("", err)}}
	}
	if m.ended(time.Now()) {
		return newUsageError("--until", m.until+" is over", "name the last day on which it is to be muted")
	}
	return nil
}

// name takes a word for an id or a report's name.
func (m *mute) name(word string) {
	if probe := (&mute{}); probe.set("id", word) == nil {
		m.id = word
		return
	}
	m.report = word
}

// mutePath is where the mutes of a site stand in a file.
func mutePath(site string) []string {
	if site == "" {
		return []string{"defaults", "mute"}
	}
	return []string{"sites", site, "mute"}
}

// muteFile is the file where a site's mutes are to stand. The edit is to be closed.
func muteFile(c *cobra.Command, site string) (edit *configEdit, err error) {
	if site == "" {
		return editConfig(c.Flags(), "")
	}
	edit, _, err = siteToChange(c, site)
	return edit, err
}

func addMute(c *cobra.Command, m *mute, site string) error {
	edit, err := muteFile(c, site)
	defer edit.close()
	if err != nil {
		return err
	}
	if err := edit.add(m.node(), mutePath(site)...); err != nil {
		return err
	}
	if err := edit.save(); err != nil {
		return err
	}
	return said(c, "%s is muted until %s, in %s", m.what(), m.until, edit.path)
}

// node writes a mute in one line.
func (m *mute) node() *yaml.Node {
	n := mapping()
	n.Style = yaml.FlowStyle
	for _, key := range muteKeys {
		if value := *m.field(key); value != "" {
			n.Content = append(n.Content, textNode(key), textNode(value))
		}
	}
	return n
}

func removeMute(c *cobra.Command, word, url, site string) error {
	var wanted mute
	wanted.name(word)
	wanted.url = url
	edit, err := muteFile(c, site)
	defer edit.close()
	if err != nil {
		return err
	}
	_, list := edit.find(mutePath(site)...)
	removed := 0
	for i := 0; list != nil && i < len(list.Content); i++ {
		r := &configReader{path: edit.path}
		nodes := r.mutes(&yaml.Node{Kind: yaml.SequenceNode, Content: list.Content[i : i+1]})
		if len(nodes) == 0 {
			continue
		}
		if m, err := parseMute(nodes[0].Value); err != nil || m.what() != wanted.what() {
			continue
		}
		if err := edit.removeItem(i, mutePath(site)...); err != nil {
			return err
		}
		removed++
		i--
		_, list = edit.find(mutePath(site)...)
	}
	if removed == 0 {
		return newUsageError("", fmt.Sprintf("%s is not muted in %s", quoted(wanted.what()), edit.path), "see `crawl config show "+site+"`")
	}
	if err := edit.save(); err != nil {
		return err
	}
	return said(c, "%s is muted no more, in %s", wanted.what(), edit.path)
}
