package parse

// maxForeign is how many changes between HTML and SVG or MathML are kept track
// of; what lies deeper is read as what it lies in.
const maxForeign = 512

// foreign tells whether the tokens belong to SVG or MathML, where no element
// holds raw text and title is a tooltip. It follows the tree builder of the
// HTML standard (13.2.6.5) as far as that goes without a tree.
type foreign struct {
	open []string // "svg" and "math", and the elements in them that hold HTML
}

// inside reports whether the innermost content is SVG or MathML.
func (f *foreign) inside() bool {
	return len(f.open) > 0 && isForeignRoot(f.open[len(f.open)-1])
}

func isForeignRoot(name string) bool { return name == "svg" || name == "math" }

// start notes a start tag.
func (f *foreign) start(name string, selfClosing bool) {
	if f.inside() && breaksOut[name] {
		for f.inside() {
			f.open = f.open[:len(f.open)-1]
		}
		return
	}
	if selfClosing || len(f.open) >= maxForeign {
		return
	}
	if isForeignRoot(name) || f.inside() && holdsHTML(name) {
		f.open = append(f.open, name)
	}
}

// end notes an end tag. It closes the innermost element of that name.
func (f *foreign) end(name string) {
	if !isForeignRoot(name) && !holdsHTML(name) {
		return
	}
	for i := len(f.open) - 1; i >= 0; i-- {
		if f.open[i] == name {
			f.open = f.open[:i]
			return
		}
	}
}

// holdsHTML names the integration points.
func holdsHTML(name string) bool {
	switch name {
	case "foreignobject", "desc", "title", "annotation-xml", "mi", "mo", "mn", "ms", "mtext":
		return true
	}
	return false
}

// breaksOut names the start tags that end foreign content.
var breaksOut = nameSet("b", "big", "blockquote", "body", "br", "center", "code", "dd", "div", "dl", "dt", "em", "embed",
	"h1", "h2", "h3", "h4", "h5", "h6", "head", "hr", "i", "img", "li", "listing", "menu", "meta", "nobr", "ol", "p", "pre", "ruby",
	"s", "small", "span", "strong", "strike", "sub", "sup", "table", "tt", "u", "ul", "var")

func nameSet(names ...string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, n := range names {
		set[n] = true
	}
	return set
}
