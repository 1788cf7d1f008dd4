package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"crawl/internal/retention"
)

// Keep says which runs of a site `db prune` leaves; the zero value leaves all.
// Its text is last=10 weekly=26, or all; a config file may write it as a block.
type Keep struct{ retention.Policy }

// maxKept is more runs than any rule keeps.
const maxKept = 1_000_000

const keepNext = "write last=10 daily=7 weekly=26 monthly=12 within=90d, or some of them, or all"

// counts are the rules that are numbers, by their names.
func (k *Keep) counts() []keepCount {
	return []keepCount{{"last", &k.Last}, {"daily", &k.Daily}, {"weekly", &k.Weekly}, {"monthly", &k.Monthly}}
}

type keepCount struct {
	name string
	n    *int
}

func (k Keep) String() string {
	var words []string
	for _, c := range k.counts() {
		if *c.n > 0 {
			words = append(words, fmt.Sprintf("%s=%d", c.name, *c.n))
		}
	}
	if k.Within > 0 {
		words = append(words, "within="+Duration(k.Within).String())
	}
	if len(words) == 0 {
		return "all"
	}
	return strings.Join(words, " ")
}

// MarshalText writes the text that UnmarshalText reads, for JSON.
func (k Keep) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads a policy; a fault says how one is written.
func (k *Keep) UnmarshalText(text []byte) error {
	var read Keep
	words := strings.FieldsFunc(string(text[:min(len(text), maxText)]), func(r rune) bool { return r == ' ' || r == ',' })
	if len(words) == 1 && words[0] == "all" {
		*k = read
		return nil
	}
	for _, w := range words {
		name, value, _ := strings.Cut(w, "=")
		if err := read.set(name, value); err != nil {
			return err
		}
	}
	if read.IsZero() {
		return badUnit(string(text), "a choice of runs to keep", keepNext)
	}
	*k = read
	return nil
}

func (k *Keep) set(name, value string) error {
	if name == "within" {
		d, err := parseDuration(value)
		if err != nil {
			return err
		}
		k.Within = time.Duration(max(d, 0))
		return nil
	}
	for _, c := range k.counts() {
		if c.name != name {
			continue
		}
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 || n > maxKept {
			return badUnit(value, "a number of runs", keepNext)
		}
		*c.n = n
		return nil
	}
	return badUnit(name, "a rule for keeping runs", keepNext)
}
