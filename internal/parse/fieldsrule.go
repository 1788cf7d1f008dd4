package parse

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
)

// Rule says where the values of one field stand.
type Rule struct {
	Name string // [a-z][a-z0-9_]*, at most 64 bytes
	Kind string // "css", "jsonld", "meta" or "re"
	Expr string // selector, path, name or pattern
	Attr string // css: the attribute that holds the value; "" for the text

	Number bool // the value is a number
	All    bool // all values, not the first alone
	HTML   bool // css: the markup inside the element
	Trim   bool // no white space around it, and single blanks within
}

// RuleKinds are the kinds of Rule.
var RuleKinds = []string{"css", "jsonld", "meta", "re"}

// ruleForms says how a rule is written.
const ruleForms = "write name=css:SELECTOR[@attr], name=jsonld:Type.path, name=meta:NAME or name=re:PATTERN"

// ParseRule reads a rule:
//
//	name=css:SELECTOR[@attr][|number|all|html|trim]
//	name=jsonld:Type.path[|number|all|trim]
//	name=meta:NAME[|number|all|trim]
//	name=re[|number|all|trim]:PATTERN
//
// A pattern may hold any sign, so that the filters stand before it. The error
// names the field.
func ParseRule(text string) (Rule, error) {
	name, rest, ok := strings.Cut(text, "=")
	if !ok {
		return Rule{}, fmt.Errorf("%s is no rule: %s", shortQuote(text), ruleForms)
	}
	r := Rule{Name: name}
	if !isFieldName(name) {
		return Rule{}, fmt.Errorf("%s is no name of a field: take a-z, 0-9 and _, a letter first, at most %d", shortQuote(name), maxFieldName)
	}
	if err := r.read(rest); err != nil {
		return Rule{}, fmt.Errorf("field %s: %w", name, err)
	}
	return r, nil
}

func isFieldName(s string) bool {
	for i := range len(s) {
		if c := s[i]; !('a' <= c && c <= 'z') && (i == 0 || c != '_' && (c < '0' || c > '9')) {
			return false
		}
	}
	return s != "" && len(s) <= maxFieldName
}

// shortQuote quotes what the user wrote, the beginning of it if it is long.
func shortQuote(s string) string { return fmt.Sprintf("%.60q", s) }

// read reads what follows the name.
func (r *Rule) read(text string) error {
	kind, expr, ok := strings.Cut(text, ":")
	kind, filters, _ := strings.Cut(kind, "|")
	if !ok || !slices.Contains(RuleKinds, kind) {
		return fmt.Errorf("%s is no rule: %s", shortQuote(text), ruleForms)
	}
	if r.Kind = kind; kind != "re" {
		if filters != "" {
			return fmt.Errorf("filters stand at the end: %s:…|%s", kind, filters)
		}
		expr, filters = cutTop(expr, '|')
	}
	if kind == "css" {
		if i := top(expr, '@'); i >= 0 {
			expr, r.Attr = expr[:i], lower(strings.TrimSpace(expr[i+1:]))
			if !isToken(strings.ReplaceAll(r.Attr, ":", "-")) {
				return fmt.Errorf("%s is no name of an attribute", shortQuote(r.Attr))
			}
		}
	}
	if r.Expr = expr; kind != "re" {
		r.Expr = strings.TrimSpace(expr)
	}
	if r.Expr == "" || len(r.Expr) > maxExpr {
		return fmt.Errorf("what follows %s: has %d bytes: 1 to %d are wanted", kind, len(r.Expr), maxExpr)
	}
	return r.filter(filters)
}

// filter reads names of filters, with bars between.
func (r *Rule) filter(names string) error {
	if names == "" {
		return nil
	}
	for name := range strings.SplitSeq(names, "|") {
		set := map[string]*bool{"number": &r.Number, "all": &r.All, "trim": &r.Trim, "html": &r.HTML}[strings.TrimSpace(name)]
		switch {
		case set == nil:
			return fmt.Errorf("%s is no filter: take number, all, html or trim", shortQuote(name))
		case set == &r.HTML && r.Kind != "css":
			return errors.New("html is a filter of css alone")
		case *set:
			return fmt.Errorf("the filter %s is there twice", strings.TrimSpace(name))
		}
		*set = true
	}
	if r.HTML && (r.Attr != "" || r.Number) {
		return errors.New("html goes with neither an attribute nor number")
	}
	return nil
}

// cutTop divides s at the first sep that stands in no string, bracket or
// parenthesis.
func cutTop(s string, sep byte) (before, after string) {
	if i := top(s, sep); i >= 0 {
		return s[:i], s[i+1:]
	}
	return s, ""
}

// top returns the index of the first c of a selector that stands in no string,
// bracket or parenthesis and behind no backslash; -1 if there is none.
func top(s string, c byte) int {
	depth := 0
	var quote byte
	for i := 0; i < len(s); i++ {
		switch b := s[i]; {
		case b == '\\':
			i++
		case quote != 0:
			if b == quote {
				quote = 0
			}
		case b == c && depth == 0:
			return i
		case b == '"' || b == '\'':
			quote = b
		case b == '[' || b == '(':
			depth++
		case (b == ']' || b == ')') && depth > 0:
			depth--
		}
	}
	return -1
}

// String writes the rule as ParseRule reads it.
func (r Rule) String() string {
	filters := ""
	for _, f := range []struct {
		on   bool
		name string
	}{{r.Number, "number"}, {r.All, "all"}, {r.HTML, "html"}, {r.Trim, "trim"}} {
		if f.on {
			filters += "|" + f.name
		}
	}
	if r.Kind == "re" {
		return r.Name + "=re" + filters + ":" + r.Expr
	}
	attr := ""
	if r.Attr != "" {
		attr = "@" + r.Attr
	}
	return r.Name + "=" + r.Kind + ":" + r.Expr + attr + filters
}

// compile makes the rule ready to be asked.
func (r Rule) compile() (c *fieldRule, err error) {
	c = &fieldRule{Rule: r}
	switch r.Kind {
	case "css":
		c.css, err = compileCSS(r.Expr)
	case "jsonld":
		c.path, err = jsonPath(r.Expr)
	case "re":
		c.re, err = compilePattern(r.Expr)
	}
	return c, err
}

// maxProgram is how many instructions a pattern may become. What a search
// costs is that, times the length of the page.
const maxProgram = 2000

// pattern is a regular expression, and how long its program is.
type pattern struct {
	*regexp.Regexp
	size  int
	group int // that is the value
}

func compilePattern(expr string) (*pattern, error) {
	tree, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	program, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return nil, err
	}
	if len(program.Inst) > maxProgram {
		return nil, fmt.Errorf("the pattern is too costly: it becomes %d instructions, %d is the limit", len(program.Inst), maxProgram)
	}
	re, err := regexp.Compile(expr)
	if err != nil {
		return nil, err
	}
	return &pattern{re, len(program.Inst), min(re.NumSubexp(), 1)}, nil
}
