package warc

import (
	"encoding/binary"
	"hash/crc32"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/klauspost/compress/flate"
)

// Coding says how a record's body is packed into its gzip member. Readers need
// not know: every inflater takes both.
type Coding uint8

const (
	// Deflated compresses the whole record at the fastest level, a short one in
	// codes that are not made for it.
	Deflated Coding = iota
	// Stored compresses the headers and puts the body into stored blocks,
	// for a body that is compressed already.
	Stored
	// Verbatim puts all of it into stored blocks, for a record that is too
	// short for it to matter: to compress a kilobyte costs as much as ten.
	Verbatim
)

// CodingFor chooses Stored for a response whose body is compressed already, by
// its content coding or its media type.
func CodingFor(h http.Header) Coding {
	if ce := strings.TrimSpace(h.Get("Content-Encoding")); ce != "" && !strings.EqualFold(ce, "identity") {
		return Stored
	}
	kind, _, _ := strings.Cut(strings.ToLower(h.Get("Content-Type")), ";")
	kind = strings.TrimSpace(kind)
	group, name, _ := strings.Cut(kind, "/")
	switch group {
	case "image":
		if slices.Contains([]string{"svg+xml", "bmp", "x-icon", "vnd.microsoft.icon", "x-ms-bmp"}, name) {
			return Deflated
		}
		return Stored
	case "video":
		return Stored
	case "audio":
		if strings.Contains(name, "wav") || strings.Contains(name, "midi") {
			return Deflated
		}
		return Stored
	}
	if slices.Contains(packedTypes, kind) || strings.HasSuffix(name, "+zip") || strings.HasPrefix(name, "vnd.openxmlformats-") {
		return Stored
	}
	return Deflated
}

// packedTypes are compressed by nature. PDF is not among them: how much of a
// PDF is compressed varies, and deflating it is often worth it.
var packedTypes = []string{
	"font/woff", "font/woff2", "application/font-woff", "application/font-woff2",
	"application/zip", "application/x-zip-compressed", "application/gzip", "application/x-gzip",
	"application/zstd", "application/x-bzip2", "application/x-xz", "application/x-7z-compressed",
	"application/vnd.rar", "application/x-rar-compressed", "application/java-archive",
	"application/vnd.android.package-archive",
}

// sink lets a deflater append to a slice. Its writes never fail.
type sink struct{ b []byte }

func (s *sink) Write(p []byte) (int, error) {
	s.b = append(s.b, p...)
	return len(p), nil
}

type deflater struct {
	sink
	w *flate.Writer
}

var deflaters = sync.Pool{New: func() any {
	d := new(deflater)
	d.w, _ = flate.NewWriter(&d.sink, flate.BestSpeed) // fails for an unknown level only
	return d
}}

// packedShare is how many bytes of a body become one, in much that is compressed.
const packedShare = 8

// recordEnd closes every record: two line breaks that belong to no block.
const recordEnd = "\r\n\r\n"

// The gzip header (RFC 1952, section 2.3) names no file, no time and no
// system, so the same record is always the same bytes.
const gzipHeader = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"

// appendMember frames deflate data by itself because gzip writers offer no way
// to change the kind of block in the middle.
func appendMember(dst []byte, c Coding, header, head, body []byte) []byte {
	if c != Deflated {
		dst = slices.Grow(dst, len(header)+len(head)+len(body)+len(body)/maxStored*5+256)
	}
	dst = append(dst, gzipHeader...)
	if c == Verbatim {
		dst = appendStored(appendStored(dst, header), head)
		dst = appendLast(appendStored(dst, body))
	} else if size := len(header) + len(head) + len(body) + len(recordEnd); c == Deflated && size <= maxShort {
		var buf [maxShort]byte
		whole := append(append(append(append(buf[:0], header...), head...), body...), recordEnd...)
		dst = appendShort(dst, whole)
	} else {
		dst = deflate(dst, c, header, head, body)
	}
	sum, size := uint32(0), 0
	for _, part := range [...][]byte{header, head, body, []byte(recordEnd)} {
		sum = crc32.Update(sum, crc32.IEEETable, part)
		size += len(part)
	}
	dst = binary.LittleEndian.AppendUint32(dst, sum)
	return binary.LittleEndian.AppendUint32(dst, uint32(size)) // modulo 2^32, by RFC 1952
}

// deflate compresses a record, all of it or its headers alone.
func deflate(dst []byte, c Coding, header, head, body []byte) []byte {
	d := deflaters.Get().(*deflater)
	defer deflaters.Put(d)
	d.b = slices.Grow(dst, len(body)/packedShare)
	d.w.Reset(&d.sink)
	d.w.Write(header)
	d.w.Write(head)
	if c == Stored {
		d.w.Flush() // ends on a byte boundary, where a stored block may begin
		d.b = appendLast(appendStored(d.b, body))
	} else {
		d.w.Write(body)
		d.w.Write([]byte(recordEnd))
		d.w.Close()
	}
	dst, d.b = d.b, nil
	return dst
}

// maxStored is the most that one stored block holds (RFC 1951, section 3.2.4).
const maxStored = 0xffff

// appendStored writes p as stored blocks.
func appendStored(dst, p []byte) []byte {
	for len(p) > 0 {
		n := min(len(p), maxStored)
		dst = appendBlock(dst, 0, p[:n])
		p = p[n:]
	}
	return dst
}

// appendLast writes the record's end as the last stored block.
func appendLast(dst []byte) []byte { return appendBlock(dst, 1, []byte(recordEnd)) }

func appendBlock(dst []byte, final byte, p []byte) []byte {
	n := uint16(len(p))
	dst = append(dst, final)
	dst = binary.LittleEndian.AppendUint16(dst, n)
	dst = binary.LittleEndian.AppendUint16(dst, ^n)
	return append(dst, p...)
}
