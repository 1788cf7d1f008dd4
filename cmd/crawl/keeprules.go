package main

import (
	"encoding/json"

	"github.com/spf13/cobra"
)

// keepRules are the rules that a user's configuration has for the runs of sites:
// that of each site which has one of its own, and under "" that of all others.
// Whoever holds the store has another configuration: they go with the command.
type keepRules map[string]Keep

// rulesFlag carries them; it is not for users.
const rulesFlag = "keep-rules"

// siteRules resolves the rules of all sites.
func siteRules(l *layers) (keepRules, error) {
	rules := keepRules{}
	for _, site := range append([]string{""}, l.sites()...) {
		r, err := l.resolve(site)
		if err != nil {
			return nil, err
		}
		if site == "" || r.Settings.Keep != rules[""] {
			rules[site] = r.Settings.Keep
		}
	}
	return rules, nil
}

// read resolves the rules of a command, unless they came with it.
func (k *keepRules) read(c *cobra.Command) error {
	if c.Flags().Changed(rulesFlag) {
		return nil
	}
	l, err := readLayers(c.Flags())
	if err != nil {
		return err
	}
	rules, err := siteRules(l)
	if err != nil {
		return err
	}
	return c.Flags().Set(rulesFlag, rules.String())
}

// of is the rule for the runs of a site.
func (k keepRules) of(site string) Keep {
	if keep, ok := k[site]; ok {
		return keep
	}
	return k[""]
}

// String implements pflag.Value.
func (k keepRules) String() string {
	if len(k) == 0 {
		return ""
	}
	text, err := json.Marshal(k)
	if err != nil { // a map of texts
		return ""
	}
	return string(text)
}

// Set implements pflag.Value.
func (k *keepRules) Set(text string) error {
	read := keepRules{}
	if err := json.Unmarshal([]byte(text), &read); err != nil {
		return err
	}
	*k = read
	return nil
}

// Type implements pflag.Value.
func (*keepRules) Type() string { return "rules" }
