package parse

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gogs/chardet"
	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
)

const (
	prescanBytes = 1024     // looked through for a declaration first (HTML standard, 13.2.3.2)
	lateBytes    = 32 << 10 // looked through if there was none, as a browser changes its mind on the way
	detectBytes  = 32 << 10 // looked at by the statistical detector
	minConfident = 10       // of 100, below which its guess is not taken
)

// decode returns body in UTF-8 and notes the encoding and what decided it:
// byte order mark, header, declaration in the body, detection, default, in
// that order (HTML standard, 13.2.3.2). Labels that the Encoding standard does
// not know decide nothing. What is not valid becomes U+FFFD.
func (p *parser) decode(body []byte, xml bool) []byte {
	p.doc.Charset, p.doc.CharsetFrom = p.charset(body, xml)
	if p.doc.Charset == "utf-8" {
		return toUTF8(bytes.TrimPrefix(body, []byte("\xEF\xBB\xBF")))
	}
	e, _ := charset.Lookup(p.doc.Charset)
	if e == nil {
		return toUTF8(body)
	}
	if !strings.HasPrefix(p.doc.Charset, "utf-16") && p.doc.Charset != "replacement" {
		p.legacy = e
	}
	if p.doc.CharsetFrom == "bom" {
		body = body[2:]
	}
	return decodeAll(e, body)
}

func (p *parser) charset(body []byte, xml bool) (name, from string) {
	if name = bomCharset(body); name != "" {
		return name, "bom"
	}
	if name = p.declared.label(); name != "" {
		return name, "header"
	}
	if name = declaration(body, p.doc.Type); name != "" {
		return name, "meta"
	}
	if name = detect(body, xml); name != "" {
		return name, "detected"
	}
	if xml {
		return "utf-8", "default"
	}
	return "windows-1252", "default"
}

func bomCharset(b []byte) string {
	switch {
	case bytes.HasPrefix(b, []byte("\xEF\xBB\xBF")):
		return "utf-8"
	case bytes.HasPrefix(b, []byte("\xFE\xFF")):
		return "utf-16be"
	case bytes.HasPrefix(b, []byte("\xFF\xFE")):
		return "utf-16le"
	}
	return ""
}

// declaration returns the encoding that the body itself names.
func declaration(body []byte, kind string) string {
	head := body[:min(len(body), prescanBytes)]
	if name := xmlDeclaration(head); name != "" {
		return name
	}
	switch kind {
	case "html":
		if name := prescan(head); name != "" {
			return name
		}
		return prescan(body[:min(len(body), lateBytes)])
	case "css":
		return cssCharset(head)
	}
	return ""
}

// xmlDeclaration follows "get an XML encoding" of the HTML standard.
func xmlDeclaration(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte("<\x00?\x00x\x00")):
		return "utf-16le"
	case bytes.HasPrefix(head, []byte("\x00<\x00?\x00x")):
		return "utf-16be"
	case !bytes.HasPrefix(head, []byte("<?xml")):
		return ""
	}
	head, _, found := bytes.Cut(head, []byte(">"))
	_, rest, has := bytes.Cut(head, []byte("encoding"))
	if !found || !has {
		return ""
	}
	rest = bytes.TrimLeft(rest, space)
	if len(rest) == 0 || rest[0] != '=' {
		return ""
	}
	rest = bytes.TrimLeft(rest[1:], space)
	if len(rest) == 0 || rest[0] != '"' && rest[0] != '\'' {
		return ""
	}
	label, _, found := bytes.Cut(rest[1:], rest[:1])
	if !found {
		return ""
	}
	return fromInside(string(label))
}

// cssCharset reads the @charset rule, which is a fixed sequence of bytes (CSS
// Syntax, 3.2).
func cssCharset(head []byte) string {
	rest, ok := bytes.CutPrefix(head, []byte(`@charset "`))
	if !ok {
		return ""
	}
	label, _, ok := bytes.Cut(rest, []byte(`";`))
	if !ok {
		return ""
	}
	return fromInside(string(label))
}

// fromInside returns the name of an encoding declared by the text itself. As
// the declaration was read byte by byte, it cannot be UTF-16.
func fromInside(label string) string {
	_, name := charset.Lookup(label)
	switch name {
	case "utf-16le", "utf-16be":
		return "utf-8"
	case "x-user-defined":
		return "windows-1252"
	}
	return name
}

// detect returns the encoding that the bytes show, "" if plain ASCII or
// nothing certain.
func detect(body []byte, xml bool) string {
	first := bytes.IndexFunc(body, func(r rune) bool { return r >= utf8.RuneSelf || r == 0x1B })
	if first < 0 {
		return ""
	}
	if body[first] != 0x1B && utf8.Valid(wholeRunes(body)) {
		return "utf-8"
	}
	sample := body[max(0, first-1024):]
	sample = sample[:min(len(sample), detectBytes)]
	detector := chardet.NewHtmlDetector()
	if xml {
		detector = chardet.NewTextDetector()
	}
	guesses, err := detector.DetectAll(sample)
	if err != nil {
		return ""
	}
	return windows(bestGuess(guesses), sample)
}

// windows returns the encoding of Windows that holds the one detected, where
// bytes or custom speak for it: 0x80 to 0x9F are no letters elsewhere, and the
// detector has no name for Hebrew with vowels.
func windows(name string, sample []byte) string {
	c1 := slices.ContainsFunc(sample, func(c byte) bool { return 0x80 <= c && c < 0xA0 })
	switch {
	case name == "iso-8859-8" || name == "iso-8859-8-i":
		return "windows-1255"
	case name == "iso-8859-2" && c1:
		return "windows-1250"
	case name == "iso-8859-7" && c1:
		return "windows-1253"
	}
	return name
}

// bestGuess returns the likeliest encoding that the web knows. The detector
// runs its parts at once and orders equals by chance: of equals the first by
// name wins, so that the same page always reads the same.
func bestGuess(guesses []chardet.Result) (best string) {
	top := minConfident - 1
	for _, g := range guesses {
		_, name := charset.Lookup(g.Charset)
		if name == "" || name == "replacement" || strings.HasPrefix(name, "utf-16") {
			continue
		}
		if g.Confidence > top || g.Confidence == top && name < best {
			best, top = name, g.Confidence
		}
	}
	return best
}

// wholeRunes drops the beginning of a character that a cut body ends in.
func wholeRunes(b []byte) []byte {
	for i := 1; i < utf8.UTFMax && i <= len(b); i++ {
		if c := b[len(b)-i]; utf8.RuneStart(c) {
			if c >= utf8.RuneSelf && !utf8.FullRune(b[len(b)-i:]) {
				return b[:len(b)-i]
			}
			break
		}
	}
	return b
}

// toUTF8 returns b if it is valid, else a copy with U+FFFD for each part that
// is not.
func toUTF8(b []byte) []byte {
	if validUTF8(b) {
		return b
	}
	e, _ := charset.Lookup("utf-8")
	return decodeAll(e, b)
}

// validUTF8 is utf8.Valid for texts that are mostly ASCII: it passes over that
// faster.
func validUTF8(b []byte) bool {
	for {
		for len(b) >= asciiBytes && isASCIIBlock(b) {
			b = b[asciiBytes:]
		}
		end := 0
		for end+asciiBytes <= len(b) && !isASCIIBlock(b[end:]) {
			end += asciiBytes
		}
		if end == 0 { // less than a block is left
			return utf8.Valid(b)
		}
		for end < len(b) && !utf8.RuneStart(b[end]) {
			end++
		}
		if !utf8.Valid(b[:end]) {
			return false
		}
		b = b[end:]
	}
}

// asciiBytes is how much of a text isASCIIBlock looks at.
const asciiBytes = 32

func isASCIIBlock(b []byte) bool {
	block := (*[asciiBytes]byte)(b)
	first := binary.LittleEndian.Uint64(block[:]) | binary.LittleEndian.Uint64(block[8:])
	second := binary.LittleEndian.Uint64(block[16:]) | binary.LittleEndian.Uint64(block[24:])
	return (first|second)&highBits == 0
}

func decodeAll(e encoding.Encoding, b []byte) []byte {
	out, err := e.NewDecoder().Bytes(b)
	if err != nil { // the decoders of the standard replace, they do not fail
		return bytes.ToValidUTF8(b, []byte("\uFFFD"))
	}
	return out
}

// queryIn spells the query of ref in the encoding of its document, as the URL
// standard asks ("percent-encode after encoding"); the rest of an address is
// UTF-8 always.
func queryIn(e encoding.Encoding, ref string) string {
	if e == nil {
		return ref
	}
	rest, fragment, _ := strings.Cut(ref, "#")
	path, query, ok := strings.Cut(rest, "?")
	if !ok || isASCII(query) {
		return ref
	}
	var b strings.Builder
	b.WriteString(path + "?")
	for _, r := range query {
		writeEncoded(&b, e, r)
	}
	if fragment != "" {
		b.WriteString("#" + fragment)
	}
	return b.String()
}

func writeEncoded(b *strings.Builder, e encoding.Encoding, r rune) {
	if r < utf8.RuneSelf {
		b.WriteRune(r)
		return
	}
	coded, err := e.NewEncoder().String(string(r))
	if err != nil {
		return
	}
	const hex = "0123456789ABCDEF"
	for i := 0; i < len(coded); i++ {
		if c := coded[i]; c <= ' ' || c >= 0x7F || strings.IndexByte(`"#<>'&;%`, c) >= 0 {
			b.WriteString(string([]byte{'%', hex[c>>4], hex[c&15]}))
		} else {
			b.WriteByte(c)
		}
	}
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
