package parse

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// maxPath is how many steps a JSON-LD path may have.
const maxPath = 32

// jsonPath divides a path: the type of a thing, and the way from it to a value.
func jsonPath(expr string) ([]string, error) {
	steps := strings.Split(expr, ".")
	if slices.Contains(steps, "") || len(steps) > maxPath {
		return nil, fmt.Errorf("%s is no path: write Type.name.name, at most %d steps", shortQuote(expr), maxPath)
	}
	if len(steps) == 1 {
		return nil, fmt.Errorf("%s is a type alone: say what is wanted of it, such as %s.name", shortQuote(expr), expr)
	}
	return steps, nil
}

// jsonld asks a rule for values of things of a type, in the order of the page.
// Only where no script has the type at its top or in a @graph, things within
// things are looked through. The error is that of a script that is no JSON, if
// nothing was found, or of one that was not read.
func (p *fieldPage) jsonld(r *fieldRule, g *gathering) error {
	for _, deep := range []bool{false, true} {
		found := false
		for _, root := range p.roots {
			for thing := range things(root, deep) {
				if !isType(thing, r.path[0]) {
					continue
				}
				found = true
				if !takeJSON(thing, r.path[1:], g) {
					return nil
				}
			}
		}
		if found {
			break
		}
	}
	if p.unread == nil && len(g.v.Values) == 0 {
		return p.badJSON
	}
	return p.unread
}

// readScripts reads the JSON-LD, once for all rules.
func (p *fieldPage) readScripts() {
	for _, text := range p.scripts {
		if p.over() {
			p.unread = errLate
			return
		}
		root, err := readJSON(text)
		if err != nil {
			p.badJSON = fmt.Errorf("a script of JSON-LD is no JSON: %w", err)
			continue
		}
		p.roots = append(p.roots, root)
	}
}

// readJSON reads a script.
func readJSON(text string) (v any, err error) {
	d := json.NewDecoder(strings.NewReader(unhidden(text)))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("something follows its end")
	}
	return v, nil
}

// things yields the objects of a script: at its top and in each @graph, or all
// there are.
func things(v any, deep bool) func(yield func(map[string]any) bool) {
	return func(yield func(map[string]any) bool) { walkThings(v, deep, yield) }
}

func walkThings(v any, deep bool, yield func(map[string]any) bool) bool {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if !walkThings(e, deep, yield) {
				return false
			}
		}
	case map[string]any:
		if !yield(v) {
			return false
		}
		if !deep {
			return walkThings(v["@graph"], deep, yield)
		}
		for _, key := range sortedKeys(v) {
			if !walkThings(v[key], deep, yield) {
				return false
			}
		}
	}
	return true
}

// sortedKeys gives the names of an object an order, so that the same page
// always has the same values.
func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// isType tells whether a thing is of a type, however that is written: Product,
// schema:Product, https://schema.org/Product.
func isType(thing map[string]any, want string) bool {
	var is func(v any) bool
	is = func(v any) bool {
		switch v := v.(type) {
		case string:
			return v == want || v[strings.LastIndexAny(v, "/#:")+1:] == want
		case []any:
			return slices.ContainsFunc(v, is)
		}
		return false
	}
	return is(thing["@type"])
}

// takeJSON follows the rest of a path from v, and takes what it leads to. It
// reports whether more is wanted.
func takeJSON(v any, path []string, g *gathering) bool {
	if list, ok := v.([]any); ok {
		for _, e := range list {
			if !takeJSON(e, path, g) {
				return false
			}
		}
		return true
	}
	if thing, ok := v.(map[string]any); ok && len(path) > 0 {
		return takeJSON(thing[path[0]], path[1:], g)
	}
	if len(path) > 0 {
		return true
	}
	return g.take(jsonText(v), true, true)
}

// jsonText is a value as a field has it: an object as JSON, unless it is but a
// value with its language or type.
func jsonText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case json.Number:
		return v.String()
	case map[string]any:
		if inner, ok := v["@value"]; ok {
			if _, nested := inner.(map[string]any); !nested {
				return jsonText(inner)
			}
		}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil { // cannot be: it came from JSON
		return ""
	}
	return strings.TrimSuffix(b.String(), "\n")
}
