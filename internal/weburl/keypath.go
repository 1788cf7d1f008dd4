package weburl

import "bytes"

// KeyRequestURI returns what RequestURI is of the URL with this Key, without
// making the URL: "" for what is no key.
func KeyRequestURI(key []byte) string {
	_, rest, _ := bytes.Cut(key, []byte{keyHost})
	end := bytes.IndexAny(rest, "hs")
	if end < 0 {
		return ""
	}
	return string(rest[end+1:])
}
