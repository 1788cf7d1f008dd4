package query

import (
	"fmt"
	"strings"
)

// Select is a question by its parts, each as one types it: lists are separated
// by commas. All but Table may be empty.
type Select struct {
	Table   string
	Where   []string // conditions, all of which hold
	Columns string   // names or expressions
	Sort    string   // names or expressions, those with a minus from the greatest on
	Group   string   // names or expressions
	Facet   string   // likewise: a count of the values of each by itself
	Limit   int      // 0: none
}

// facetRows is how many values of a facet are counted where no limit is given.
const facetRows = 10

// SQL writes the question as a statement, a clause a line.
func (s *Select) SQL() (string, error) {
	where, err := s.where()
	if err != nil {
		return "", err
	}
	if s.Facet != "" {
		return s.facets(where)
	}
	columns, order := s.Columns, ""
	if s.Group != "" {
		if _, err := list(s.Group); err != nil {
			return "", err
		}
		columns, order = s.Group+", count(*) AS count", "count DESC, "+s.Group
		if s.Columns != "" {
			columns += ", " + s.Columns
		}
	}
	if columns == "" {
		columns = "*"
	} else if _, err := list(columns); err != nil {
		return "", err
	}
	if s.Sort != "" {
		if order, err = sorting(s.Sort); err != nil {
			return "", err
		}
	}
	sql := "SELECT " + columns + "\nFROM " + s.Table + where
	if s.Group != "" {
		sql += "\nGROUP BY " + s.Group
	}
	if order != "" {
		sql += "\nORDER BY " + order
	}
	if s.Limit > 0 {
		sql += fmt.Sprintf("\nLIMIT %d", s.Limit)
	}
	return sql, nil
}

// where writes the conditions, each in parentheses if there are several.
func (s *Select) where() (string, error) {
	var all []string
	for _, w := range s.Where {
		tokens, bad := lexWhole(w)
		if bad != nil {
			return "", bad
		}
		if len(tokens) == 0 {
			return "", &Error{What: "a condition is empty"}
		}
		if last := tokens[len(tokens)-1]; len(s.Where) == 1 && strings.TrimSpace(w[last.end():]) == "" {
			return "\nWHERE " + w, nil // no comment that hides what follows
		}
		all = append(all, "("+w+"\n)")
	}
	if len(all) == 0 {
		return "", nil
	}
	return "\nWHERE " + strings.Join(all, " AND "), nil
}

// list checks a list of names and expressions.
func list(text string) ([]string, error) {
	items, bad := splitList(text)
	if bad != nil {
		return nil, bad
	}
	return items, nil
}

// sorting makes of "-inlinks,url" an ORDER BY.
func sorting(text string) (string, error) {
	items, err := list(text)
	for i, item := range items {
		if name, ok := strings.CutPrefix(item, "-"); ok {
			items[i] = strings.TrimSpace(name) + " DESC"
		}
	}
	return strings.Join(items, ", "), err
}

// facets counts the values of several columns, each by itself.
func (s *Select) facets(where string) (string, error) {
	items, err := list(s.Facet)
	if err != nil {
		return "", err
	}
	limit := s.Limit
	if limit == 0 {
		limit = facetRows
	}
	for i, item := range items {
		items[i] = fmt.Sprintf("SELECT * FROM (SELECT %s AS facet, %s AS value, count(*) AS count\nFROM %s%s\nGROUP BY 2 ORDER BY 3 DESC, 2 LIMIT %d)",
			Literal(item), item, s.Table, where, limit)
	}
	return strings.Join(items, "\nUNION ALL\n"), nil
}
