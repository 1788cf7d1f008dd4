package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"crawl/internal/parse"
	"crawl/internal/query"
	"crawl/store"
)

// checkExtract checks one rule, "name=kind:…".
func checkExtract(text string) error {
	f, err := parse.CompileFields([]string{text})
	if err != nil {
		return fault{What: err.Error(), Next: "see `crawl help rules`"}
	}
	if name := f.Names()[0]; query.Reserved(name) || slices.Contains(fetchKeys, name) {
		return fault{What: "field " + name + ": there is a column of that name", Next: "take another name, such as my_" + name}
	}
	return nil
}

// coverage tells of each field on how many pages it was found.
type coverage []store.Coverage

// MarshalJSON writes an object by name.
func (c coverage) MarshalJSON() ([]byte, error) {
	type counts struct {
		Filled uint64 `json:"filled"`
		Empty  uint64 `json:"empty"`
		Failed uint64 `json:"failed"`
		Why    string `json:"why,omitempty"` // of the first that failed
	}
	m := map[string]counts{}
	for _, f := range c {
		m[f.Name] = counts{f.Filled, f.Empty, f.Failed, f.Why}
	}
	return json.Marshal(m)
}

// printCoverage writes what became of the fields for people.
func printCoverage(w io.Writer, all []store.Coverage) {
	if len(all) == 0 {
		return
	}
	width := len("FIELDS")
	for _, c := range all {
		width = max(width, len(c.Name))
	}
	fmt.Fprintf(w, "\n  %-*s %9s %9s %9s\n", width, "FIELDS", "filled", "empty", "failed")
	for _, c := range all {
		note := ""
		switch {
		case c.Why != "":
			note = "   " + plain(c.Why)
		case c.Filled == 0 && c.Empty > 0:
			note = "   found on no page: is the rule right?"
		}
		fmt.Fprintf(w, "  %-*s %9s %9s %9s%s\n", width, c.Name, grouped(c.Filled), grouped(c.Empty), grouped(c.Failed), note)
	}
	fmt.Fprintln(w)
}
