package parse

import (
	"bytes"
	"compress/zlib"
	"encoding/hex"
	"io"
	"unicode/utf16"
)

// Limits on what is read of one PDF.
const (
	maxPDFStreams = 200     // compressed object streams
	maxPDFStream  = 1 << 20 // bytes of one, decompressed
	maxPDFBytes   = 8 << 20 // of all of them
	maxPDFDict    = 16 << 10
)

// pdf reads the title of a PDF and the addresses of its link annotations (ISO
// 32000-1, 12.6.4.7 and 14.3.3), where they stand in the open or in object
// streams that are compressed as usual. It builds no table of objects and so
// follows no references; an encrypted file gives nothing.
func (p *parser) pdf(body []byte) {
	if bytes.Contains(body, []byte("/Encrypt")) {
		return
	}
	p.pdfPart(body)
	total := 0
	rest := body
	for n := 0; n < maxPDFStreams && total < maxPDFBytes && !p.late(); n++ {
		_, after, ok := bytes.Cut(rest, []byte("/ObjStm"))
		if !ok {
			return
		}
		rest = after
		part := inflated(after)
		total += len(part)
		p.pdfPart(part)
	}
}

// inflated decompresses the stream whose dictionary b is in the middle of, as
// far as it goes.
func inflated(b []byte) []byte {
	dict, stream, ok := bytes.Cut(b[:min(len(b), maxPDFDict+maxPDFStream)], []byte("stream"))
	if !ok || len(dict) > maxPDFDict {
		return nil
	}
	z, err := zlib.NewReader(bytes.NewReader(bytes.TrimLeft(stream, "\r\n")))
	if err != nil {
		return nil
	}
	out, _ := io.ReadAll(io.LimitReader(z, maxPDFStream)) // a damaged end takes nothing from what came before it
	return out
}

// pdfPart looks through objects in the open.
func (p *parser) pdfPart(b []byte) {
	for _, mark := range []string{"/Producer", "/CreationDate", "/ModDate"} { // of the document's own dictionary
		if at := bytes.Index(b, []byte(mark)); at >= 0 && p.doc.Title == "" {
			p.setText(&p.doc.Title, pdfValue(dictAround(b, at), "/Title"))
		}
	}
	for !p.late() {
		_, rest, ok := bytes.Cut(b, []byte("/URI"))
		if !ok {
			return
		}
		b = rest
		if ref, ok := pdfString(rest); ok && ref != "" {
			p.link(ref, Link{Element: "pdf", Attr: "uri"})
		}
	}
}

// dictAround returns the dictionary that at is in, one without others in it.
func dictAround(b []byte, at int) []byte {
	from := bytes.LastIndex(b[max(0, at-maxPDFDict):at], []byte("<<"))
	end := bytes.Index(b[at:min(len(b), at+maxPDFDict)], []byte(">>"))
	if from < 0 || end < 0 {
		return nil
	}
	return b[max(0, at-maxPDFDict)+from : at+end]
}

func pdfValue(dict []byte, name string) string {
	_, rest, ok := bytes.Cut(dict, []byte(name))
	if !ok {
		return ""
	}
	s, _ := pdfString(rest)
	return s
}

// pdfString reads the string that b begins with, but for white space (7.3.4).
func pdfString(b []byte) (string, bool) {
	b = bytes.TrimLeft(b, " \t\r\n\f\x00")
	b = b[:min(len(b), maxPDFDict)]
	switch {
	case len(b) > 0 && b[0] == '(':
		return pdfText(literal(b[1:])), true
	case len(b) > 1 && b[0] == '<' && b[1] != '<':
		digits, _, ok := bytes.Cut(b[1:], []byte(">"))
		if !ok {
			return "", false
		}
		digits = bytes.Join(bytes.Fields(digits), nil)
		if len(digits)%2 == 1 {
			digits = append(digits, '0')
		}
		raw := make([]byte, len(digits)/2)
		n, _ := hex.Decode(raw, digits)
		return pdfText(raw[:n]), true
	}
	return "", false
}

// literal reads a string in parentheses, which may nest.
func literal(b []byte) (out []byte) {
	for i, depth := 0, 1; i < len(b); i++ {
		switch c := b[i]; c {
		case '\\':
			var n int
			out, n = pdfEscape(out, b[i+1:])
			i += n
			continue
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return out
			}
		}
		out = append(out, b[i])
	}
	return out
}

// pdfEscape reads what follows a backslash and returns its length.
func pdfEscape(out, b []byte) ([]byte, int) {
	if len(b) == 0 {
		return out, 0
	}
	if i := bytes.IndexByte([]byte("nrtbf"), b[0]); i >= 0 {
		return append(out, "\n\r\t\b\f"[i]), 1
	}
	n, value := 0, 0
	for n < 3 && n < len(b) && '0' <= b[n] && b[n] <= '7' {
		value = value<<3 | int(b[n]-'0')
		n++
	}
	switch {
	case n > 0:
		return append(out, byte(value)), n
	case b[0] == '\r' && len(b) > 1 && b[1] == '\n':
		return out, 2
	case b[0] == '\r', b[0] == '\n':
		return out, 1
	}
	return append(out, b[0]), 1
}

// pdfText decodes a text string: UTF-16 or UTF-8 with a mark, else what is taken
// for Latin-1, which PDFDocEncoding is but for a few signs (7.9.2.2).
func pdfText(b []byte) string {
	switch {
	case bytes.HasPrefix(b, []byte("\xFE\xFF")):
		var units []uint16
		for b = b[2:]; len(b) > 1; b = b[2:] {
			units = append(units, uint16(b[0])<<8|uint16(b[1]))
		}
		return string(utf16.Decode(units))
	case bytes.HasPrefix(b, []byte("\xEF\xBB\xBF")):
		return string(b[3:])
	}
	runes := make([]rune, len(b))
	for i, c := range b {
		runes[i] = rune(c)
	}
	return string(runes)
}
