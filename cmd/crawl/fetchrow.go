package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"reflect"
	"strings"

	"crawl/internal/parse"
	"crawl/internal/weburl"
	"crawl/store"
)

// fetchRow is what `crawl fetch --json` says of a URL: the columns of pages, and
// what else is known of a single one.
type fetchRow struct {
	page *store.Page
	fetchExtras
}

// fetchExtras is what else is known.
type fetchExtras struct {
	Requested string            `json:"requested"` // before redirects
	Hops      []hop             `json:"hops"`
	Scope     scopeVerdict      `json:"scope"`
	RobotsTxt *robotsLine       `json:"robots_txt"` // null: not read
	NoIndex   []string          `json:"noindex"`    // whence
	NoFollow  []string          `json:"nofollow"`   // whence
	Headings  []headingRow      `json:"headings"`
	JSONLD    []json.RawMessage `json:"jsonld"` // a string where it is no JSON
	Microdata []itemRow         `json:"microdata"`
	Refused   map[string]int    `json:"refused"` // addresses that are no link, by reason
	Links     []fetchLink       `json:"links"`
	States    []stateRow        `json:"field_states"`
	Text      string            `json:"text"`
	Headers   http.Header       `json:"headers,omitempty"`
	Body      *string           `json:"body,omitempty"`
}

// fetchKeys are the names of what else is known.
var fetchKeys = func() (names []string) {
	for i := range reflect.TypeFor[fetchExtras]().NumField() {
		name, _, _ := strings.Cut(reflect.TypeFor[fetchExtras]().Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}()

// MarshalJSON writes the columns, and then what else is known.
func (r *fetchRow) MarshalJSON() ([]byte, error) {
	page, err := pageJSON(&store.Run{}, r.page, fieldNamesOf(r.page))
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(&r.fetchExtras); err != nil {
		return nil, err
	}
	return joinObjects(page, b.Bytes()), nil
}

func fieldNamesOf(p *store.Page) (names []string) {
	for _, f := range p.Fields {
		names = append(names, f.Name)
	}
	return names
}

type headingRow struct {
	Level int    `json:"level"`
	Text  string `json:"text"`
}

type itemRow struct {
	Type  string `json:"type"`
	Prop  string `json:"prop"`
	Value string `json:"value"`
}

type fetchLink struct {
	Target   string `json:"target"`
	Anchor   string `json:"anchor"`
	Rel      string `json:"rel"`
	Place    string `json:"place"`
	Element  string `json:"element"`
	NoFollow bool   `json:"nofollow"`
	Internal bool   `json:"internal"`
}

// stateRow says how a field came to its value.
type stateRow struct {
	Name    string   `json:"name"`
	State   string   `json:"state"`
	Why     string   `json:"why,omitempty"`
	Matched []string `json:"matched,omitempty"` // markup of the elements
}

func newFetchRow(v *visit) *fetchRow {
	d := &v.doc
	r := &fetchRow{
		page: v.page, fetchExtras: fetchExtras{
			Requested: v.asked.String(), Hops: listOf(v.hops), Scope: v.scope, RobotsTxt: v.robots,
			NoIndex: listOf(v.whence.noindex), NoFollow: listOf(v.whence.nofollow),
			Headings: []headingRow{}, JSONLD: []json.RawMessage{}, Microdata: []itemRow{},
			Refused: d.Refused, Links: []fetchLink{}, States: []stateRow{}, Text: d.Text,
		},
	}
	if r.Refused == nil {
		r.Refused = map[string]int{}
	}
	r.lists(d)
	for _, l := range d.Links {
		r.Links = append(r.Links, newFetchLink(v.page.URL, &l))
	}
	for _, f := range v.fields {
		r.States = append(r.States, stateRow{f.Name, f.State, f.Why, f.Matched})
	}
	return r
}

// lists fills in what a page has several of.
func (r *fetchRow) lists(d *parse.Doc) {
	for _, h := range d.Headings {
		r.Headings = append(r.Headings, headingRow(h))
	}
	for _, text := range d.JSONLD {
		r.JSONLD = append(r.JSONLD, asJSON(text))
	}
	for _, i := range d.Microdata {
		r.Microdata = append(r.Microdata, itemRow(i))
	}
}

// asJSON is text itself if it is JSON, else a string of it.
func asJSON(text string) json.RawMessage {
	if json.Valid([]byte(text)) {
		return json.RawMessage(strings.TrimSpace(text))
	}
	quoted, err := json.Marshal(text)
	if err != nil { // cannot be, of a string
		return json.RawMessage("null")
	}
	return quoted
}

func newFetchLink(page weburl.URL, l *parse.Link) fetchLink {
	return fetchLink{
		Target: l.URL.String(), Anchor: l.Text, Rel: l.Rel, Place: l.Place, Element: l.Element, NoFollow: l.NoFollow,
		Internal: l.URL.Host() == page.Host(),
	}
}

// listOf makes of no list an empty one.
func listOf[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
