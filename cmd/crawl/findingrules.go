package main

import (
	"strings"
	"time"

	"crawl/internal/query"

	"github.com/spf13/cobra"
)

// findingRules are what the configuration of who asks says of findings: for each
// site that has a block, and under "" for all others. They belong to the question:
// no run keeps them, and with a command that another process answers they go there.
type findingRules map[string]findingTexts

// findingTexts are the options severity and mute, as their texts.
type findingTexts struct {
	Severity []string `json:"severity,omitempty"`
	Mute     []string `json:"mute,omitempty"`
}

// findingRules resolves the rules of all sites.
func (l *layers) findingRules() (findingRules, error) {
	rules := findingRules{}
	for _, site := range append([]string{""}, l.sites()...) {
		r, err := l.resolve(site)
		if err != nil {
			return nil, err
		}
		rules[site] = findingTexts{r.Settings.Severity, r.Settings.Mute}
	}
	return rules, nil
}

// findingRulesOf are the rules that a command goes by.
func findingRulesOf(c *cobra.Command) (findingRules, error) {
	if h := held(c.Context()); h != nil {
		return h.asked, nil
	}
	l, err := readLayers(c.Flags())
	if err != nil {
		return nil, err
	}
	return l.findingRules()
}

func (f findingRules) texts(site string) findingTexts {
	if own, ok := f[site]; ok {
		return own
	}
	return f[""]
}

// mutes are all of a site, those too that have ended.
func (f findingRules) mutes(site string) (all []mute) {
	for _, text := range f.texts(site).Mute {
		if m, err := parseMute(text); err == nil { // checked when it was read
			all = append(all, m)
		}
	}
	return all
}

// of are the rules for a site's findings, as they are at this moment.
func (f findingRules) of(site string) *query.Rules {
	now := time.Now()
	rules := &query.Rules{Severity: map[string]string{}}
	for _, text := range f.texts(site).Severity {
		name, word, _ := strings.Cut(text, "=")
		rules.Severity[name] = word
	}
	for _, m := range f.mutes(site) {
		if rule, err := m.rule(); err == nil && !m.ended(now) {
			rules.Mutes = append(rules.Mutes, rule)
		}
	}
	return rules
}

// unmuted says which mutes of a site ended after a time, and hold no more.
func (f findingRules) unmuted(site string, since time.Time) (all []string) {
	now := time.Now()
	for _, m := range f.mutes(site) {
		if m.ended(now) && !m.ended(since) {
			all = append(all, m.what()+" until "+m.until+" ("+m.reason+")")
		}
	}
	return all
}
