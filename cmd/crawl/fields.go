package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"crawl/internal/parse"
	"crawl/store"
)

// checkExtract checks one rule, "name=kind:…".
func checkExtract(text string) error {
	f, err := parse.CompileFields([]string{text})
	if err != nil {
		return fault{What: err.Error(), Next: "see `crawl help rules`"}
	}
	if name := f.Names()[0]; isColumn(name) {
		return fault{What: "field " + name + ": there is a column of that name", Next: "take another name, such as my_" + name}
	}
	return nil
}

// isColumn tells whether pages have a column of that name of their own.
func isColumn(name string) bool {
	return slices.Contains(ownColumns, name) || strings.HasPrefix(name, "prev_")
}

// ownColumns are the names that pages have, in whatever command.
var ownColumns = func() (names []string) {
	for i := range reflect.TypeFor[fetchRow]().NumField() {
		name, _, _ := strings.Cut(reflect.TypeFor[fetchRow]().Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	for i := range reflect.TypeFor[pageRow]().NumField() {
		name, _, _ := strings.Cut(reflect.TypeFor[pageRow]().Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return append(names, "type", "near_hash")
}()

// ruleNames are the names of rules that are known to be sound.
func ruleNames(rules []string) (names []string) {
	for _, rule := range rules {
		name, _, _ := strings.Cut(rule, "=")
		names = append(names, name)
	}
	return names
}

// fieldSet is the fields of a page: in JSON an object of names and values, null
// where there is none.
type fieldSet []store.Field

// MarshalJSON writes the fields in their order.
func (s fieldSet) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, f := range s {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(f.Name)
		if err != nil {
			return nil, err
		}
		value, err := fieldJSON(&f)
		if err != nil {
			return nil, err
		}
		b.Write(append(append(name, ':'), value...))
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// fieldJSON is a field's value, or the list of its values where the rule wants
// all.
func fieldJSON(f *store.Field) ([]byte, error) {
	if f.State != store.FieldFilled {
		return []byte("null"), nil
	}
	var values []any
	for _, v := range f.Values {
		if f.Number {
			values = append(values, json.Number(v))
		} else {
			values = append(values, v)
		}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	var err error
	if f.Many {
		err = e.Encode(values)
	} else {
		err = e.Encode(values[0])
	}
	return bytes.TrimSpace(b.Bytes()), err
}

// cell is a field as CSV shows it: empty if there is no value, a JSON list where
// the rule wants all.
func (s fieldSet) cell(name string, guard bool) string {
	i := slices.IndexFunc(s, func(f store.Field) bool { return f.Name == name })
	if i < 0 || s[i].State != store.FieldFilled {
		return ""
	}
	text := s[i].Values[0]
	if s[i].Many {
		list, err := fieldJSON(&s[i])
		if err != nil { // text and decimals always can be written
			return ""
		}
		text = string(list)
	} else if s[i].Number {
		return text
	}
	if guard {
		return guarded(text)
	}
	return text
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
