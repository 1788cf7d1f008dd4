package parse

// maxForeign is how many changes between HTML and SVG or MathML are kept track
// of; what lies deeper is read as what it lies in.
const maxForeign = 512

// foreign tells whether the tokens belong to SVG or MathML, where no element
// holds raw text and title is a tooltip. It follows the tree builder of the
// HTML standard (13.2.6.5) as far as that goes without a tree.
type foreign struct {
	open    []elem           // svg and math, and the elements in them that hold HTML
	outside [elemCount]int32 // blocks open where there is none
}

// inside reports whether the innermost content is SVG or MathML.
func (f *foreign) inside() bool {
	return len(f.open) > 0 && is(f.open[len(f.open)-1], foreignRoot)
}

// leave goes back to HTML.
func (f *foreign) leave() {
	for f.inside() {
		f.open = f.open[:len(f.open)-1]
	}
}

// start notes the start tag at hand.
func (f *foreign) start(w *walker) {
	e, inside := w.elem, f.inside()
	if inside && (is(e, breaksOut) || e == elemFont && w.has&(1<<attrColor|1<<attrFace|1<<attrSize) != 0) {
		f.leave()
		return
	}
	if w.closed || len(f.open) >= maxForeign {
		return
	}
	if is(e, foreignRoot) || inside && f.holdsHTML(w) {
		f.open = append(f.open, e)
	}
}

// holdsHTML tells the integration points of the innermost root.
func (f *foreign) holdsHTML(w *walker) bool {
	if f.open[len(f.open)-1] == elemSVG {
		return w.elem == elemForeignObject || w.elem == elemDesc || w.elem == elemTitle
	}
	if w.elem == elemAnnotationXML {
		encoding := lower(w.value(attrEncoding))
		return encoding == "text/html" || encoding == "application/xhtml+xml"
	}
	return is(w.elem, mathText)
}

// end notes an end tag. It closes the innermost element of that name; one of a
// block outside, or one that HTML makes an element of, closes all that is foreign.
func (f *foreign) end(e elem) {
	if f.inside() && (e == elemP || e == elemBR || f.outside[e] > 0) {
		f.leave()
		f.outside[e] = max(0, f.outside[e]-1)
		return
	}
	for i := len(f.open) - 1; i >= 0; i-- {
		if f.open[i] == e {
			f.open = f.open[:i]
			return
		}
	}
}
