package parse

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
)

const (
	sniffBytes = 1445    // as far as the MIME Sniffing standard looks
	rootBytes  = 8 << 10 // as far as the root element is looked for
)

// Sniff names the kind of a body: "html", "xml", "sitemap", "feed", "css",
// "text", "binary", or "" if it is empty. The declared type is believed unless
// it is missing, says nothing, or says text where the bytes are a picture, an
// archive or a program; text/plain never becomes HTML. With nosniff only a
// missing type is made up for. It looks at the beginning only.
func Sniff(header http.Header, body []byte) string {
	return sniff(declared(header).essence, header, body)
}

// sniff is Sniff for a header that declares this type.
func sniff(mime string, header http.Header, body []byte) string {
	if len(body) == 0 {
		return ""
	}
	nosniff := strings.EqualFold(strings.TrimSpace(header.Get("X-Content-Type-Options")), "nosniff")
	switch kind := declaredKind(mime); kind {
	case "html":
		return sniffMarkup(body, "html", nosniff)
	case "xml":
		return sniffMarkup(body, "xml", nosniff)
	case "css", "text":
		if isBinary(body) {
			return "binary"
		}
		return kind
	case "binary":
		return kind
	case "unknown":
		if nosniff {
			return "binary"
		}
	}
	return sniffUnknown(body)
}

// declaredKind sorts media types; "" is no type at all, "unknown" one that
// says nothing.
func declaredKind(mime string) string {
	major, sub, _ := strings.Cut(mime, "/")
	switch {
	case mime == "", mime == "unknown/unknown", mime == "application/unknown":
		return ""
	case mime == "application/octet-stream", mime == "binary/octet-stream":
		return "unknown"
	case mime == "text/html", mime == "application/xhtml+xml":
		return "html"
	case sub == "xml", sub == "x-xml", strings.HasSuffix(sub, "+xml"):
		return "xml"
	case mime == "text/css":
		return "css"
	case major == "text", strings.HasSuffix(sub, "json"), strings.HasSuffix(sub, "javascript"), strings.HasSuffix(sub, "ecmascript"):
		return "text"
	}
	return "binary"
}

// sniffMarkup finds out what a body declared as HTML or XML is. A feed or a
// sitemap is often sent as HTML; a page as XML.
func sniffMarkup(body []byte, kind string, nosniff bool) string {
	if hasMagic(body) {
		return "binary"
	}
	head := trimHead(body)
	root := rootElement(head)
	if root == "" && mostlyBinary(body, head) {
		return "binary"
	}
	if kind == "html" && nosniff {
		return kind
	}
	if k := rootKind(root); k != "" {
		return k
	}
	return kind
}

// sniffUnknown finds out what a body without a type is.
func sniffUnknown(body []byte) string {
	head := trimHead(body)
	if k := rootKind(rootElement(head)); k != "" && !hasMagic(body) {
		return k
	}
	if bytes.HasPrefix(head, []byte("<?xml")) {
		return "xml"
	}
	if looksHTML(head) {
		return "html"
	}
	if isBinary(body) {
		return "binary"
	}
	return "text"
}

// rootKind returns the kind that the name of the root element shows, "" if it
// shows none.
func rootKind(name string) string {
	if _, local, ok := strings.Cut(name, ":"); ok {
		name = local
	}
	switch lower(name) {
	case "urlset", "sitemapindex":
		return "sitemap"
	case "rss", "feed", "rdf":
		return "feed"
	case "html":
		return "html"
	}
	return ""
}

// trimHead returns the beginning of body without a byte order mark, without
// the NULs of UTF-16 and without leading white space.
func trimHead(body []byte) []byte {
	head := body[:min(len(body), rootBytes)]
	switch {
	case bytes.HasPrefix(head, []byte("\xEF\xBB\xBF")):
		head = head[3:]
	case isUTF16(head):
		head = bytes.ReplaceAll(bytes.TrimLeft(head, "\xFE\xFF"), []byte{0}, nil)
	}
	if t := bytes.TrimLeft(head, space); len(t) > 0 || len(body) <= rootBytes {
		return t
	}
	rest := bytes.TrimLeft(body, space) // blanks only, so far
	return rest[:min(len(rest), rootBytes)]
}

func isUTF16(b []byte) bool {
	if bytes.HasPrefix(b, []byte{0xFE, 0xFF}) || bytes.HasPrefix(b, []byte{0xFF, 0xFE}) {
		return true
	}
	return bytes.HasPrefix(b, []byte("<\x00?\x00")) || bytes.HasPrefix(b, []byte("\x00<\x00?"))
}

// rootElement returns the name of the first element in head, "" if something
// else than comments, declarations and instructions comes before it.
func rootElement(head []byte) string {
	for {
		head = bytes.TrimLeft(head, space)
		var end string
		switch {
		case bytes.HasPrefix(head, []byte("<?")):
			end = "?>"
		case bytes.HasPrefix(head, []byte("<!--")):
			end = "-->"
		case bytes.HasPrefix(head, []byte("<!")):
			head = afterDeclaration(head)
			continue
		case len(head) > 1 && head[0] == '<':
			n := bytes.IndexAny(head[1:], space+"/>")
			if n < 0 {
				n = len(head) - 1
			}
			return string(head[1 : 1+min(n, 64)])
		default:
			return ""
		}
		i := bytes.Index(head, []byte(end))
		if i < 0 {
			return ""
		}
		head = head[i+len(end):]
	}
}

// afterDeclaration skips a DOCTYPE with its internal subset.
func afterDeclaration(head []byte) []byte {
	depth := 0
	for i, c := range head {
		switch c {
		case '<':
			depth++
		case '>':
			if depth--; depth == 0 {
				return head[i+1:]
			}
		}
	}
	return nil
}

// looksHTML reports whether head begins as the MIME Sniffing standard's
// patterns for HTML do (section 7.1), with a few more tags.
func looksHTML(head []byte) bool {
	if bytes.HasPrefix(head, []byte("<!--")) {
		return true
	}
	for _, p := range [...]string{
		"<!doctype html", "<html", "<head", "<script", "<iframe", "<h1", "<div", "<font", "<table", "<a", "<style",
		"<title", "<b", "<body", "<br", "<p", "<meta", "<link", "<base", "<ul", "<frameset", "<center",
	} {
		if len(head) >= len(p) && strings.EqualFold(string(head[:len(p)]), p) {
			if len(head) == len(p) || head[len(p)] == '>' || isSpace(head[len(p)]) || head[len(p)] == '/' {
				return true
			}
		}
	}
	return false
}

// magic are the first bytes of formats that hold no text.
var magic = []string{
	"%PDF-", "%!PS-Adobe-", "\x89PNG\r\n", "\xFF\xD8\xFF", "GIF87a", "GIF89a", "\x00\x00\x01\x00", "II*\x00", "MM\x00*",
	"PK\x03\x04", "PK\x05\x06", "\x1F\x8B\x08", "BZh9", "\xFD7zXZ\x00", "7z\xBC\xAF\x27\x1C", "Rar!\x1A\x07", "(\xB5/\xFD",
	"\x7FELF", "MZ\x90", "\xCF\xFA\xED\xFE", "\xCA\xFE\xBA\xBE", "\x00asm", "wOFF", "wOF2", "OTTO\x00", "\x00\x01\x00\x00",
	"OggS\x00", "ID3", "fLaC", "\x1A\x45\xDF\xA3", "FLV\x01", "\xD0\xCF\x11\xE0", "SQLite format 3\x00", "\x00\x00\x00",
}

// magicBegins has the bytes that those begin with, none of which begins a page.
var magicBegins = func() (t [256]bool) {
	for _, m := range magic {
		t[m[0]] = true
	}
	return t
}()

func hasMagic(b []byte) bool {
	if len(b) > 0 && magicBegins[b[0]] && slices.ContainsFunc(magic, func(m string) bool { return bytes.HasPrefix(b, []byte(m)) }) {
		return true
	}
	return len(b) >= 12 && string(b[:4]) == "RIFF" || len(b) >= 8 && string(b[4:8]) == "ftyp"
}

// isBinary reports whether b is not text: by its first bytes, or by a binary
// data byte of the MIME Sniffing standard (section 3) near the beginning.
func isBinary(b []byte) bool {
	if isUTF16(b) {
		return false
	}
	return hasMagic(b) || binaryBytes(b) > 0
}

// mostlyBinary is the weaker question for a body declared as markup without a
// root element, where a few control characters are a fault of the page.
func mostlyBinary(b, head []byte) bool {
	n := min(len(b), sniffBytes)
	return binaryBytes(b)*10 > n && !isUTF16(b) && !looksHTML(head) && !wideText(b[:n])
}

// wideText reports whether every second byte of b is NUL: UTF-16 without a mark.
func wideText(b []byte) bool {
	var odd, even int
	for i, c := range b {
		if c == 0 && i%2 == 0 {
			even++
		} else if c == 0 {
			odd++
		}
	}
	return (odd == 0 || even == 0) && (odd+even)*3 > len(b)
}

func binaryBytes(b []byte) (n int) {
	for _, c := range b[:min(len(b), sniffBytes)] {
		if c <= 0x08 || c == 0x0B || 0x0E <= c && c <= 0x1A || 0x1C <= c && c <= 0x1F {
			n++
		}
	}
	return n
}
