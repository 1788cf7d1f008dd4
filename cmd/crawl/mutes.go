package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"crawl/crawler"
	"crawl/internal/query"

	"go.yaml.in/yaml/v4"
)

// mute is an entry of the option of that name: findings that the user knows of,
// until a day. Its text is report=broken url=/old/* until=2027-01-31 reason=TEXT; a
// config file may write it as a block.
type mute struct{ report, id, url, until, reason string }

// muteKeys are what a mute has, in the order in which it is written.
var muteKeys = []string{"report", "id", "url", "until", "reason"}

// Bounds of a mute. An id is shown with 16 digits; its first tell it from others.
const (
	leastID   = 8
	wholeID   = 16
	maxReason = 300 // bytes
)

const muteNext = `write report=broken url=/old/* until=2027-01-31 reason=TEXT, or id=ID in place of report and url`

func (m *mute) field(key string) *string {
	return map[string]*string{"report": &m.report, "id": &m.id, "url": &m.url, "until": &m.until, "reason": &m.reason}[key]
}

// set sets and checks one key. The error is a fault without a place.
func (m *mute) set(key, value string) error {
	field := m.field(key)
	if field == nil {
		return fault{What: quoted(key) + " is no part of a mute", Next: didYouMean(key, muteKeys, muteNext)}
	}
	*field = value
	switch key {
	case "report":
		return checkFinder(value)
	case "id":
		if strings.Trim(value, "0123456789abcdef") != "" || len(value) < leastID || len(value) > wholeID {
			return fault{What: quoted(value) + " is no id of a finding", Next: "see them: crawl query findings --select id,kind,url"}
		}
	case "url":
		if strings.ContainsFunc(value, unicode.IsSpace) {
			return fault{What: "the url of a mute has a blank", Next: "write %20"}
		}
		return checkPattern(value)
	case "until":
		if _, err := time.Parse(time.DateOnly, value); err != nil {
			return fault{What: quoted(value) + " is no day", Next: "write it as 2027-01-31"}
		}
	case "reason":
		if strings.TrimSpace(value) == "" || len(value) > maxReason || strings.ContainsFunc(value, unsafeRune) {
			return fault{What: "the reason of a mute is a line of text, of at most " + fmt.Sprint(maxReason) + " bytes", Next: "say in a few words why it may be so"}
		}
	}
	return nil
}

// whole finds what is missing.
func (m *mute) whole() error {
	switch {
	case m.report+m.id+m.url == "":
		return fault{What: "a mute does not say of what", Next: muteNext}
	case m.until == "":
		return fault{What: "a mute has no end", Next: "write until, the last day: 2027-01-31"}
	case m.reason == "":
		return fault{What: "a mute has no reason", Next: "say in a few words why it may be so"}
	}
	return nil
}

func parseMute(text string) (m mute, err error) {
	words, reason, found := strings.Cut(text, "reason=")
	for _, word := range strings.Fields(words) {
		key, value, _ := strings.Cut(word, "=")
		if err := m.set(key, value); err != nil {
			return m, err
		}
	}
	if found {
		if err := m.set("reason", strings.TrimSpace(reason)); err != nil {
			return m, err
		}
	}
	return m, m.whole()
}

func checkMute(text string) error {
	_, err := parseMute(text)
	return err
}

// String is the text that parseMute reads.
func (m *mute) String() string {
	var words []string
	for _, key := range muteKeys {
		if value := *m.field(key); value != "" {
			words = append(words, key+"="+value)
		}
	}
	return strings.Join(words, " ")
}

// what names what is muted, in words.
func (m *mute) what() string {
	return strings.Join(slices.DeleteFunc([]string{m.report, m.id, m.url}, func(s string) bool { return s == "" }), " ")
}

// ended tells whether the last day was over at a time. Days are those of UTC, so
// that they are the same for whoever asks.
func (m *mute) ended(at time.Time) bool {
	day, err := time.Parse(time.DateOnly, m.until)
	return err != nil || !at.Before(day.AddDate(0, 0, 1))
}

// rule is the mute as questions know it.
func (m *mute) rule() (query.Mute, error) {
	rule := query.Mute{Report: m.report, ID: m.id, Until: m.until, Reason: m.reason}
	if m.url == "" {
		return rule, nil
	}
	p, err := crawler.NewPattern(m.url)
	rule.URL = p.Match
	return rule, err
}

// checkFinder wants the name of a report whose rows are findings.
func checkFinder(name string) error {
	var names []string
	for _, r := range query.Reports(nil) {
		if !r.Find() {
			if r.Name == name {
				return fault{What: "report " + name + " says what there is, and calls nothing wrong", Next: "take one of crawl report"}
			}
			continue
		}
		if r.Name == name {
			return nil
		}
		names = append(names, r.Name)
	}
	return fault{What: "there is no report " + quoted(name), Next: didYouMean(name, names, "see them all: crawl report --list")}
}

// checkSeverity wants REPORT=WORD.
func checkSeverity(text string) error {
	name, word, _ := strings.Cut(text, "=")
	if err := checkFinder(name); err != nil {
		return err
	}
	if !slices.Contains(query.Severities, word) {
		return fault{What: quoted(word) + " is no severity", Next: didYouMean(word, query.Severities, "write "+name+"="+strings.Join(query.Severities, ", "))}
	}
	return nil
}

// words makes entries NAME=WORD of a block of names with words.
func (r *configReader) words(o *option, block *yaml.Node) (nodes []*yaml.Node) {
	for key, n := range r.entries(block, o.Key) {
		if n.Kind != yaml.ScalarNode || isNull(n) {
			r.fault(n, key.Value+" of "+o.Key+" is "+nodeKind(n)+" where a word belongs", "write one of "+strings.Join(query.Severities, ", "))
			continue
		}
		nodes = append(nodes, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key.Value + "=" + n.Value, Line: key.Line})
	}
	return nodes
}

// mutes makes texts of the entries of a list that are blocks. What is wrong is said
// at its own line.
func (r *configReader) mutes(list *yaml.Node) (nodes []*yaml.Node) {
	for _, n := range list.Content {
		if n.Kind == yaml.AliasNode {
			n = n.Alias
		}
		if n.Kind != yaml.MappingNode {
			nodes = append(nodes, n)
			continue
		}
		if m, ok := r.mute(n); ok {
			nodes = append(nodes, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: m.String(), Line: n.Line})
		}
	}
	return nodes
}

func (r *configReader) mute(block *yaml.Node) (m mute, ok bool) {
	before := len(r.faults)
	for key, n := range r.entries(block, "a mute") {
		at := n
		if m.field(key.Value) == nil {
			at = key
		} else if n.Kind != yaml.ScalarNode || isNull(n) {
			r.fault(n, key.Value+" is "+nodeKind(n)+" where a single value belongs", "")
			continue
		}
		if err := m.set(key.Value, n.Value); err != nil {
			r.faults = append(r.faults, faultAt(r.where(at), err))
		}
	}
	if err := m.whole(); err != nil && len(r.faults) == before {
		r.faults = append(r.faults, faultAt(r.where(block), err))
	}
	return m, len(r.faults) == before
}

// placedMute is a mute of a config file, and its line.
type placedMute struct {
	mute
	where string
}

// over are the faults of mutes that have ended. They stop nothing but the question
// whether all is well: who runs a crawl every night must not find it refused.
func (l *layers) over(now time.Time) (faults []fault) {
	for _, f := range l.files {
		for _, m := range f.mutes {
			if m.ended(now) {
				faults = append(faults, fault{m.where, "the mute of " + m.what() + " ended on " + m.until, "take it out, or give it a later day"})
			}
		}
	}
	return faults
}
