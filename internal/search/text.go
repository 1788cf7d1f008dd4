package search

import (
	"strings"

	"crawl/store"
)

// Text is what a page says, as far as it is searched.
type Text struct{ Title, H1, Headings, Description, Body string }

// field is a part of a Text, in the order in which they count.
type field int

const (
	anywhere field = iota - 1
	title
	h1
	headings
	description
	body
	fields // how many there are
)

var fieldNames = [fields]string{"title", "h1", "headings", "description", "body"}

// weights are how much a word counts in each field.
var weights = [fields]float64{10, 6, 3, 2, 1}

func fieldNamed(name string) field {
	for f, known := range fieldNames {
		if strings.EqualFold(name, known) {
			return field(f)
		}
	}
	return anywhere
}

func (t *Text) get(f field) string {
	return [fields]string{t.Title, t.H1, t.Headings, t.Description, t.Body}[f]
}

// textOf is what the record of a page tells, where its body was not kept.
func textOf(p *store.Page) *Text { return &Text{Title: p.Title, H1: p.H1, Description: p.Description} }
