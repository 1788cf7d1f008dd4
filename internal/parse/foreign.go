package parse

// maxForeign is how many changes between HTML and SVG or MathML are kept track
// of; what lies deeper is read as what it lies in.
const maxForeign = 512

// foreign tells whether the tokens belong to SVG or MathML, where no element
// holds raw text and title is a tooltip. It follows the tree builder of the
// HTML standard (13.2.6.5) as far as that goes without a tree.
type foreign struct {
	open []elem // svg and math, and the elements in them that hold HTML
}

// inside reports whether the innermost content is SVG or MathML.
func (f *foreign) inside() bool {
	return len(f.open) > 0 && is(f.open[len(f.open)-1], foreignRoot)
}

// start notes a start tag.
func (f *foreign) start(e elem, selfClosing bool) {
	inside := f.inside()
	if inside && is(e, breaksOut) {
		for f.inside() {
			f.open = f.open[:len(f.open)-1]
		}
		return
	}
	if selfClosing || len(f.open) >= maxForeign {
		return
	}
	if is(e, foreignRoot) || inside && is(e, holdsHTML) {
		f.open = append(f.open, e)
	}
}

// end notes an end tag. It closes the innermost element of that name.
func (f *foreign) end(e elem) {
	if !is(e, foreignRoot|holdsHTML) {
		return
	}
	for i := len(f.open) - 1; i >= 0; i-- {
		if f.open[i] == e {
			f.open = f.open[:i]
			return
		}
	}
}
