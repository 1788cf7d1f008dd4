package parse

import (
	"encoding/json"
	"io"
	"strings"
)

// readJSONLD keeps a script of JSON-LD as it is written and takes the addresses
// in it: whole http and https addresses, but for names of vocabularies and
// identifiers. One that is not JSON to its end gives what was read before.
func (w *walker) readJSONLD(script string) {
	script = trimSpace(script)
	if script == "" {
		return
	}
	if len(w.doc.JSONLD) >= maxJSONLD || len(script) > maxJSONLDBytes {
		w.cut("json-ld")
		return
	}
	w.doc.JSONLD = append(w.doc.JSONLD, strings.Clone(script))
	whole, fault := walkJSON(json.NewDecoder(strings.NewReader(unhidden(script))), w.limits.Depth, func(key, value string, asset bool) {
		if !strings.HasPrefix(key, "@") && isWebAddress(value) {
			w.link(value, Link{Element: "json-ld", Attr: strings.Clone(cut(key, maxScheme)), Asset: asset})
		}
	})
	if !whole {
		w.cut("depth")
	}
	if w.doc.JSONLDFault == "" {
		w.doc.JSONLDFault = fault
	}
}

// unhidden is a script without the comments that hid it from browsers which
// knew none.
func unhidden(script string) string {
	script = trimSpace(script)
	for _, w := range [][2]string{{"<!--", "-->"}, {"//<![CDATA[", "//]]>"}, {"<![CDATA[", "]]>"}} {
		if inner, ok := strings.CutPrefix(script, w[0]); ok {
			return strings.TrimSuffix(trimSpace(inner), w[1])
		}
	}
	return script
}

// What is wrong with JSON-LD, see Doc.JSONLDFault.
const (
	faultNoJSON    = "no JSON"
	faultNoContext = "no @context"
	faultNoType    = "no @type"
)

// faultOf is what an object at the top lacks to be of use to anybody: what its
// words mean, and what it is about.
func (l *jsonLevel) faultOf() string {
	switch {
	case !l.context:
		return faultNoContext
	case !l.kind:
		return faultNoType
	}
	return ""
}

// isJSONLD tells the type of a script that holds JSON-LD.
func isJSONLD(mime string) bool {
	mime, _, _ = strings.Cut(mime, ";")
	return strings.EqualFold(trimSpace(mime), "application/ld+json")
}

func isWebAddress(s string) bool {
	return (strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://")) && !strings.ContainsAny(s, " {}\n\r\t")
}

// isJSONAsset tells properties of schema.org whose value is a file to be shown.
func isJSONAsset(key string) bool {
	switch key {
	case "image", "logo", "contentUrl", "thumbnailUrl", "thumbnail", "photo", "embedUrl":
		return true
	}
	return false
}

// jsonLevel is an open object or array of a JSON document.
type jsonLevel struct {
	object bool
	named  bool   // the next token is the value of key
	key    string // in an array that of the array
	asset  bool   // what is in it belongs to a file to be shown

	context, kind bool // it has @context; @type, or @graph
}

// name begins a property of the object.
func (l *jsonLevel) name(key string) {
	l.key, l.named = key, true
	l.context = l.context || key == "@context"
	l.kind = l.kind || key == "@type" || key == "@graph"
}

// walkJSON calls each for every string value of a document, with the key it
// stands under, until the end or a fault; it is not whole where it nests deeper.
// It returns the first fault of the document as JSON-LD.
func walkJSON(d *json.Decoder, depth int, each func(key, value string, asset bool)) (whole bool, fault string) {
	open, documents := []jsonLevel{{}}, 0
	for len(open) <= depth {
		t, err := d.Token()
		if err != nil {
			if err != io.EOF || len(open) > 1 || documents != 1 {
				fault = faultNoJSON
			}
			return true, fault
		}
		top := &open[len(open)-1]
		if len(open) == 1 {
			documents++
		}
		asset := top.asset || isJSONAsset(top.key)
		switch t := t.(type) {
		case json.Delim:
			if t == '{' || t == '[' {
				next := jsonLevel{object: t == '{', asset: asset}
				if t == '[' {
					next.key = top.key
				}
				open = append(open, next)
				continue
			}
			open = open[:len(open)-1]
			if fault == "" && top.object && atTop(open) {
				fault = top.faultOf()
			}
			top = &open[len(open)-1]
		case string:
			if top.object && !top.named {
				top.name(t)
				continue
			}
			each(top.key, t, asset)
		}
		top.named = false
	}
	return false, fault
}

// atTop tells whether an object in these levels is the document, or one of a
// list that is.
func atTop(around []jsonLevel) bool {
	return len(around) == 1 || len(around) == 2 && !around[1].object
}
