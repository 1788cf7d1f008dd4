package parse

import (
	"encoding/json"
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
	whole := walkJSON(json.NewDecoder(strings.NewReader(script)), w.limits.Depth, func(key, value string, asset bool) {
		if !strings.HasPrefix(key, "@") && isWebAddress(value) {
			w.link(value, Link{Element: "json-ld", Attr: strings.Clone(cut(key, maxScheme)), Asset: asset})
		}
	})
	if !whole {
		w.cut("depth")
	}
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
}

// walkJSON calls each for every string value of a document, with the key it
// stands under, until the end or a fault; it is not whole where it nests deeper.
func walkJSON(d *json.Decoder, depth int, each func(key, value string, asset bool)) (whole bool) {
	open := []jsonLevel{{}}
	for len(open) <= depth {
		t, err := d.Token()
		if err != nil {
			return true
		}
		top := &open[len(open)-1]
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
			top = &open[len(open)-1]
		case string:
			if top.object && !top.named {
				top.key, top.named = t, true
				continue
			}
			each(top.key, t, asset)
		}
		top.named = false
	}
	return false
}
