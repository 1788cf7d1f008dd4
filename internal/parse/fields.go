package parse

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"time"

	"crawl/internal/weburl"
)

// Limits on fields: of the user's rules, and of what a page may make of them.
const (
	maxFields      = 100      // rules of a run
	maxFieldName   = 64       // bytes
	maxExpr        = 4 << 10  // bytes of a selector, path, name or pattern
	MaxFieldValues = 100      // values kept of a field
	MaxFieldValue  = 64 << 10 // bytes kept of a value
	maxFieldBytes  = 1 << 20  // bytes kept of all values of a page
	maxMatched     = 2 << 10  // bytes of markup shown of an element
	maxFieldWhy    = 256      // bytes of a reason
)

// States of a field of a page.
const (
	FieldFilled = "filled"
	FieldEmpty  = "empty"  // nothing is there, or only white space
	FieldFailed = "failed" // FieldValue.Why says why
)

// FieldValue is what one rule found on one page.
type FieldValue struct {
	Name   string
	Values []string // none unless filled; decimal numbers such as "-1234.56" if Number
	Number bool     // the rule asks for numbers
	Many   bool     // the rule asks for all values
	State  string   // FieldFilled, FieldEmpty, FieldFailed
	// Why is the reason of a failure; of a filled field, which limit cut it.
	Why string
	// Matched is the markup of the elements that the values came from, each cut
	// at 2 KiB; only of css rules, and only with FieldOptions.Matched.
	Matched []string
}

// FieldOptions bounds what the fields of one page may cost.
type FieldOptions struct {
	Time    time.Duration // looked at between elements; default 2 s
	Matched bool          // fill in FieldValue.Matched
}

// Fields are compiled rules. Any number of goroutines may use them; a nil
// *Fields has no rule.
type Fields struct {
	rules []*fieldRule
	id    string
	tree  bool          // a rule wants the tree of elements
	marks bool          // a rule wants meta elements or JSON-LD
	json  bool          // a rule wants JSON-LD
	trees chan struct{} // a place for each page whose tree or JSON-LD is in memory, many times as large as the page
}

// fieldRule is a rule that can be asked for its values.
type fieldRule struct {
	Rule
	css  *cssSelector
	path []string
	re   *pattern
}

// fieldsVersion changes when the same rules come to find other values.
const fieldsVersion = "1"

// CompileFields compiles rules as ParseRule reads them, in the order of their
// columns. The error names the field.
func CompileFields(rules []string) (*Fields, error) {
	if len(rules) > maxFields {
		return nil, fmt.Errorf("%d fields: %d is the limit", len(rules), maxFields)
	}
	f := &Fields{trees: make(chan struct{}, runtime.GOMAXPROCS(0))}
	hash := sha256.New()
	hash.Write([]byte(fieldsVersion))
	for _, text := range rules {
		r, err := ParseRule(text)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(f.rules, func(have *fieldRule) bool { return have.Name == r.Name }) {
			return nil, fmt.Errorf("field %s: it is there twice", r.Name)
		}
		compiled, err := r.compile()
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", r.Name, err)
		}
		f.rules = append(f.rules, compiled)
		f.tree = f.tree || r.Kind == "css"
		f.marks = f.marks || r.Kind == "meta" || r.Kind == "jsonld"
		f.json = f.json || r.Kind == "jsonld"
		hash.Write([]byte("\x00" + r.String()))
	}
	if len(f.rules) > 0 {
		f.id = string(hash.Sum(nil)[:16])
	}
	return f, nil
}

// ID is the same for the same rules, and for no others: 16 bytes, "" if there
// is no rule.
func (f *Fields) ID() string {
	if f == nil {
		return ""
	}
	return f.id
}

// Names returns the names of the fields in their order.
func (f *Fields) Names() []string {
	if f == nil {
		return nil
	}
	var names []string
	for _, r := range f.rules {
		names = append(names, r.Name)
	}
	return names
}

// Fail returns every field failed, for a page that cannot be looked at.
func (f *Fields) Fail(why string) []FieldValue {
	if f == nil {
		return nil
	}
	var all []FieldValue
	for _, r := range f.rules {
		all = append(all, FieldValue{Name: r.Name, Number: r.Number, Many: r.All, State: FieldFailed, Why: why})
	}
	return all
}

// Extract applies the rules to an HTML page with the given header and decoded
// body, found at base. It never fails as a whole.
func (f *Fields) Extract(base weburl.URL, header http.Header, body []byte, o FieldOptions) []FieldValue {
	if f == nil || len(f.rules) == 0 {
		return nil
	}
	p := newFieldPage(base, header, body, o)
	if f.marks {
		p.readMarks()
	}
	scripts := f.json && len(p.scripts) > 0
	if f.tree || scripts {
		f.trees <- struct{}{}
		defer func() { <-f.trees }()
	}
	if scripts {
		p.readScripts()
	}
	if f.tree {
		p.plant()
	}
	left := maxFieldBytes
	all := make([]FieldValue, 0, len(f.rules))
	for _, r := range f.rules {
		v := r.extract(p, o.Matched)
		left = v.fit(left)
		all = append(all, v)
	}
	return all
}

// extract asks one rule.
func (r *fieldRule) extract(p *fieldPage, matched bool) FieldValue {
	v := FieldValue{Name: r.Name, Number: r.Number, Many: r.All}
	g := &gathering{rule: r, v: &v, matched: matched}
	var err error
	switch r.Kind {
	case "css":
		err = p.css(r, g)
	case "jsonld":
		err = p.jsonld(r, g)
	case "meta":
		p.meta(r, g)
	case "re":
		err = p.search(r, g)
	}
	switch {
	case g.err != nil:
		v.fail(g.err.Error())
	case err != nil && (r.All || len(v.Values) == 0):
		v.fail(err.Error())
	case len(v.Values) == 0:
		v.State = FieldEmpty
	default:
		v.State = FieldFilled
	}
	return v
}

func (v *FieldValue) fail(why string) {
	v.State, v.Values, v.Why = FieldFailed, nil, cut(strings.ToValidUTF8(why, "\uFFFD"), maxFieldWhy)
}

// fit drops the values that are beyond what is left for the page, and returns
// what is left after it.
func (v *FieldValue) fit(left int) int {
	for i, text := range v.Values {
		if left -= len(text); left >= 0 {
			continue
		}
		if v.Values = v.Values[:i]; i == 0 {
			v.fail("the values of the page are larger than 1 MiB")
			return 0
		}
		v.Why = "cut: the values of the page are larger than 1 MiB"
		return 0
	}
	return left
}

// gathering takes the values that a rule finds.
type gathering struct {
	rule    *fieldRule
	v       *FieldValue
	matched bool
	err     error // of the first text that is no number
}

// take adds a text as the rule wants it, unless it is blank, and reports
// whether more are wanted. plain is for text that a program wrote for programs;
// whole is false for the beginning of a longer text.
func (g *gathering) take(text string, plain, whole bool) (more bool) {
	if strings.TrimSpace(text) == "" {
		return true
	}
	if len(g.v.Values) == MaxFieldValues {
		g.v.Why = fmt.Sprintf("cut: more than %d values", MaxFieldValues)
		return false
	}
	text = strings.ToValidUTF8(text, "\uFFFD")
	if short := clip(text, MaxFieldValue); short != text || !whole {
		text, g.v.Why = short, fmt.Sprintf("cut: a value is longer than %d KiB", MaxFieldValue>>10)
	}
	if g.rule.Trim {
		text = strings.Join(strings.Fields(text), " ")
	}
	if g.rule.Number {
		n, err := parseNumber(text, plain)
		if err != nil {
			g.err = err
			return false
		}
		text = n
	}
	g.v.Values = append(g.v.Values, text)
	return g.rule.All
}

// clip returns at most limit bytes of s, whole runes only.
func clip(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.Clone(strings.ToValidUTF8(s[:limit], ""))
}
