package parse

import "strings"

// place is a part of a page that readers know it by.
type place uint8

const (
	placeNone place = iota
	placeHeader
	placeNav
	placeMain
	placeAside
	placeFooter
)

var placeNames = [...]string{"", "header", "nav", "main", "aside", "footer"}

// roles are the landmark roles of ARIA.
var roles = map[string]place{
	"banner": placeHeader, "navigation": placeNav, "main": placeMain, "complementary": placeAside, "contentinfo": placeFooter,
}

// placeNamed returns the place that a class or an id names, as pages without
// landmarks do.
func placeNamed(class string) place {
	switch class {
	case "header", "masthead", "site-header", "page-header":
		return placeHeader
	case "nav", "navbar", "navigation", "menu", "breadcrumb", "breadcrumbs", "navheader", "navfooter": // the last two are DocBook's
		return placeNav
	case "main", "main-content", "maincontent":
		return placeMain
	case "sidebar", "side-bar":
		return placeAside
	case "footer", "site-footer", "page-footer":
		return placeFooter
	}
	return placeNone
}

// region is an open element that is a place, or that holds microdata.
type region struct {
	elem      elem
	nested    int   // elements of the same name open in it
	place     place // in it
	sectioned bool  // header and footer in it are not the page's
	item      bool  // itemscope
	itemType  string
	prop      string // itemprop whose value is the text of the element
	from      mark   // where that begins
}

// regions are open elements, found again by the name of their end tags, which
// need not fit: there is no tree.
type regions struct {
	outside place // the place of the document itself
	open    []region
	has     [2]uint64 // names in open
}

func (r *regions) holds(e elem) bool { return r.has[e>>6]>>(e&63)&1 != 0 }

// innermost returns the index of the innermost region of that name.
func (r *regions) innermost(e elem) int {
	for i := len(r.open) - 1; i >= 0; i-- {
		if r.open[i].elem == e {
			return i
		}
	}
	return -1
}

const regionAttrs = 1<<attrRole | 1<<attrItemscope | 1<<attrItemprop

// start notes the start tag at hand.
func (r *regions) start(w *walker) {
	e := w.elem
	if r.holds(e) {
		if i := r.innermost(e); is(e, once) && r.open[i].nested == 0 {
			r.closeFrom(w, i)
		} else {
			r.open[i].nested++
		}
	}
	if !is(e, landmark) && w.has&regionAttrs == 0 {
		return
	}
	around := region{place: w.place}
	if n := len(r.open); n > 0 {
		around.sectioned = r.open[n-1].sectioned
	}
	reg := region{elem: e, place: around.place, sectioned: around.sectioned}
	reg.locate(w)
	if w.has&(1<<attrItemscope|1<<attrItemprop) != 0 {
		w.microdata(&reg)
	}
	same := reg.place == around.place && reg.sectioned == around.sectioned && !reg.item && reg.prop == ""
	if same || is(e, void) || w.closed && w.foreign.inside() || e == elemOther {
		return
	}
	if len(r.open) >= w.limits.Depth {
		w.cut("depth")
		return
	}
	if r.holds(e) {
		r.open[r.innermost(e)].nested-- // this one is found first
	}
	r.open = append(r.open, reg)
	r.has[e>>6] |= 1 << (e & 63)
	w.place = reg.place
}

// locate says which place the element of the tag at hand is.
func (reg *region) locate(w *walker) {
	if w.has&(1<<attrRole) != 0 {
		if place, ok := roles[lower(trimSpace(w.value(attrRole)))]; ok {
			reg.place = place
			return
		}
	}
	switch w.elem {
	case elemArticle, elemSection:
		reg.sectioned = true
	case elemMain:
		reg.place, reg.sectioned = placeMain, true
	case elemNav:
		reg.place, reg.sectioned = placeNav, true
	case elemAside:
		reg.place, reg.sectioned = placeAside, true
	case elemHeader, elemFooter:
		if !reg.sectioned {
			reg.place = placeHeader
			if w.elem == elemFooter {
				reg.place = placeFooter
			}
		}
	default:
		if is(w.elem, landmark) {
			reg.locateByClass(w)
		}
	}
}

func (reg *region) locateByClass(w *walker) {
	for _, id := range [...]attrID{attrIdent, attrClass} {
		if w.has&(1<<id) != 0 {
			if place := placeOfClass(w.at(w.values[id])); place != placeNone {
				reg.place = place
				return
			}
		}
	}
}

// placeOfClass returns the place that the first word of a class names that names
// one; a word counts whole.
func placeOfClass(class string) place {
	for start, i := 0, 0; i <= len(class); i++ {
		if i < len(class) && !isSpace(class[i]) {
			continue
		}
		if place := placeNamed(class[start:i]); place != placeNone {
			return place
		}
		start = i + 1
	}
	return placeNone
}

// end notes the end tag at hand, one that r holds. It closes the innermost
// element of its name, and all in it.
func (r *regions) end(w *walker) {
	i := r.innermost(w.elem)
	if r.open[i].nested > 0 {
		r.open[i].nested--
		return
	}
	r.closeFrom(w, i)
}

func (r *regions) closeAll(w *walker) { r.closeFrom(w, 0) }

func (r *regions) closeFrom(w *walker, i int) {
	for n := len(r.open) - 1; n >= i; n-- {
		reg := r.open[n]
		r.open = r.open[:n]
		if reg.prop != "" && len(w.doc.Microdata) < maxItems {
			w.addItem(r.itemType(), reg.prop, w.textOf(w.keep(reg.from, w.limits.Text)))
		}
	}
	r.has = [2]uint64{}
	w.place = r.outside
	for _, reg := range r.open {
		r.has[reg.elem>>6] |= 1 << (reg.elem & 63)
		w.place = reg.place
	}
}

// itemType is the type of the innermost item.
func (r *regions) itemType() string {
	for i := len(r.open) - 1; i >= 0; i-- {
		if r.open[i].item {
			return r.open[i].itemType
		}
	}
	return ""
}

// microdata reads the attributes of microdata in the tag at hand (HTML
// standard, 5.2). A property whose value is the text of its element waits for
// its end; one that is an item itself has no value of its own.
func (w *walker) microdata(reg *region) {
	props := w.value(attrItemprop)
	if _, scope := w.attr(attrItemscope); scope {
		reg.item, reg.itemType = true, w.clean(w.value(attrItemtype))
		return
	}
	if props = w.clean(props); props == "" {
		return
	}
	if value, ok := w.itemValue(); ok {
		w.addItem(w.regions.itemType(), props, value)
		return
	}
	reg.prop, reg.from = props, w.mark()
}

// itemValue returns the value that the attributes of the tag hold.
func (w *walker) itemValue() (string, bool) {
	address := func(id attrID) (string, bool) {
		u, reason := w.resolve(w.value(id))
		if reason != "" {
			return "", true
		}
		return u.String(), true
	}
	switch w.elem {
	case elemMeta:
		return w.value(attrContent), true
	case elemA, elemArea, elemLink:
		return address(attrHref)
	case elemAudio, elemEmbed, elemIframe, elemImg, elemSource, elemTrack, elemVideo:
		return address(attrSrc)
	case elemObject:
		return address(attrData)
	case elemData, elemMeter:
		return w.value(attrValue), true
	case elemTime:
		return w.attr(attrDatetime)
	}
	return "", false
}

func (p *parser) addItem(kind, props, value string) {
	value = p.clean(value)
	for prop := range strings.FieldsSeq(props) {
		if len(p.doc.Microdata) >= maxItems {
			p.cut("microdata")
			return
		}
		p.doc.Microdata = append(p.doc.Microdata, Item{kind, strings.Clone(prop), value})
	}
}
