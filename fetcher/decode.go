package fetcher

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/net/http/httpguts"
)

// acceptEncoding lists exactly what decode can undo.
const acceptEncoding = "gzip, deflate, br, zstd"

const (
	maxCodings = 2       // content codings on top of each other
	freeSize   = 1 << 20 // decoded bytes that no ratio limits
	zstdWindow = 8 << 20 // RFC 9659
)

// Decode removes the content coding of a body that came with the header and was
// kept as sent, as Fetch does. maxBody and maxRatio are as in Config.
func Decode(header http.Header, raw []byte, maxBody int64, maxRatio int) []byte {
	r := &Response{Header: header, Raw: raw}
	decode(r, positive(maxBody, DefaultMaxBody), positive(maxRatio, DefaultMaxRatio))
	return r.Body
}

// decode fills Body, and Encoding, Damaged and Truncated where it must. limit
// is the most bytes of the decoded body, and of what lies between two codings.
func decode(r *Response, limit int64, maxRatio int) {
	r.Body = r.Raw
	if len(r.Raw) == 0 {
		return
	}
	codings := codings(r.Header.Values("Content-Encoding"))
	if len(codings) == 0 {
		return
	}
	if why := undecodable(codings); why != "" {
		r.Damaged = why
		return
	}
	limit = min(limit, max(freeSize, int64(maxRatio)*int64(len(r.Raw))))
	body := r.Raw
	for i := len(codings) - 1; i >= 0; i-- { // the last one applied is undone first
		out, over, err := undo(codings[i], body, limit)
		if errors.Is(err, errNotCoded) {
			r.Damaged = "not " + codings[i]
			break
		}
		body = out
		r.Encoding = strings.Join(codings[i:], ", ")
		if over {
			r.Truncated = "length"
		} else if err != nil && r.Truncated == "" {
			r.Damaged = damage(codings[i], err)
		}
	}
	r.Body = body
}

// codings reads Content-Encoding (RFC 9110, 8.4), in order of application.
func codings(headers []string) []string {
	var list []string
	for _, h := range headers {
		for c := range strings.SplitSeq(h, ",") {
			c = strings.ToLower(strings.TrimSpace(c))
			switch c {
			case "", "identity":
				continue
			case "x-gzip":
				c = "gzip"
			}
			if list = append(list, c); len(list) > maxCodings {
				return list
			}
		}
	}
	return list
}

func undecodable(codings []string) string {
	if len(codings) > maxCodings {
		return fmt.Sprintf("more than %d codings", maxCodings)
	}
	for _, c := range codings {
		switch c {
		case "gzip", "deflate", "br", "zstd":
		default:
			if len(c) > 32 || !httpguts.ValidHeaderFieldName(c) {
				return "unknown coding"
			}
			return "unknown coding " + c
		}
	}
	return ""
}

// errNotCoded says that a body does not begin like what it is said to be.
var errNotCoded = errors.New("not coded as declared")

// damage words an error of a decoder.
func damage(coding string, err error) string {
	switch {
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, zlib.ErrChecksum), errors.Is(err, zstd.ErrCRCMismatch):
		return "checksum"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "cut short"
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		return "window too large"
	}
	return "corrupt " + coding
}

// undo removes one coding. Whatever could be decoded is in out, also with an
// error.
func undo(coding string, in []byte, limit int64) (out []byte, over bool, err error) {
	switch coding {
	case "gzip":
		return undoGzip(in, limit)
	case "deflate":
		return undoDeflate(in, limit)
	case "br":
		return undoBrotli(in, limit)
	case "zstd":
		return undoZstd(in, limit)
	}
	return nil, false, errNotCoded // cannot be: undecodable saw it
}

// pooled is a decoder with its input, which it gives up between two uses.
type pooled[Z any] struct {
	src bytes.Reader
	z   Z
}

// take gets a decoder from pool, with in for its input. The zero Z says that
// none was there.
func take[Z any](pool *sync.Pool, in []byte) *pooled[Z] {
	p, ok := pool.Get().(*pooled[Z])
	if !ok {
		p = new(pooled[Z])
	}
	p.src.Reset(in)
	return p
}

func (p *pooled[Z]) put(pool *sync.Pool) {
	p.src.Reset(nil)
	pool.Put(p)
}

var (
	gzips   sync.Pool // of *pooled[*gunzip]
	zlibs   sync.Pool // of *pooled[io.ReadCloser]
	flates  sync.Pool // of *pooled[io.ReadCloser]
	brotlis sync.Pool // of *pooled[*brotli.Reader]
	zstds   sync.Pool // of *pooled[*zstd.Decoder]
)

// gunzip reads gzip members one after another and, like browsers, ignores what
// follows the last and is none.
type gunzip struct {
	buf *bufio.Reader
	z   gzip.Reader
}

func undoGzip(in []byte, limit int64) ([]byte, bool, error) {
	if len(in) >= 2 && !bytes.HasPrefix(in, gzipMagic) {
		return nil, false, errNotCoded
	}
	p := take[*gunzip](&gzips, in)
	defer p.put(&gzips)
	if p.z == nil {
		p.z = &gunzip{buf: bufio.NewReader(nil)}
	}
	g := p.z
	g.buf.Reset(&p.src)
	if err := g.next(); err != nil {
		if errors.Is(err, gzip.ErrHeader) {
			return nil, false, errNotCoded
		}
		return nil, false, noEOF(err)
	}
	return readUpTo(g, limit, 0)
}

var gzipMagic = []byte{0x1f, 0x8b}

func (g *gunzip) next() error {
	err := g.z.Reset(g.buf)
	g.z.Multistream(false)
	return err
}

func (g *gunzip) Read(p []byte) (int, error) {
	n, err := g.z.Read(p)
	if err != io.EOF {
		return n, err
	}
	if more, _ := g.buf.Peek(2); !bytes.Equal(more, gzipMagic) {
		return n, io.EOF
	}
	return n, noEOF(g.next())
}

// noEOF is for places where the end of the input is too early.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// undoDeflate takes "deflate" for zlib as RFC 9110 says, then for the bare
// deflate that many servers send.
func undoDeflate(in []byte, limit int64) ([]byte, bool, error) {
	out, over, err := undoZlib(in, limit)
	if err == nil || len(out) > 0 {
		return out, over, err
	}
	p := take[io.ReadCloser](&flates, in)
	defer p.put(&flates)
	if p.z == nil {
		p.z = flate.NewReader(&p.src)
	} else if err := p.z.(flate.Resetter).Reset(&p.src, nil); err != nil {
		return nil, false, err
	}
	out, over, err = readUpTo(p.z, limit, 0)
	if err != nil && len(out) == 0 && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, false, errNotCoded
	}
	return out, over, err
}

func undoZlib(in []byte, limit int64) ([]byte, bool, error) {
	p := take[io.ReadCloser](&zlibs, in)
	defer p.put(&zlibs)
	var err error
	if p.z == nil {
		p.z, err = zlib.NewReader(&p.src)
	} else {
		err = p.z.(zlib.Resetter).Reset(&p.src, nil)
	}
	if err != nil {
		p.z = nil // it may hold half a header
		return nil, false, noEOF(err)
	}
	return readUpTo(p.z, limit, 0)
}

func undoBrotli(in []byte, limit int64) ([]byte, bool, error) {
	p := take[*brotli.Reader](&brotlis, in)
	defer p.put(&brotlis)
	if p.z == nil {
		p.z = brotli.NewReader(&p.src)
	} else if err := p.z.Reset(&p.src); err != nil {
		return nil, false, err
	}
	out, over, err := readUpTo(p.z, limit, 0)
	if err != nil && len(out) == 0 && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, false, errNotCoded
	}
	return out, over, err
}

func undoZstd(in []byte, limit int64) ([]byte, bool, error) {
	p := take[*zstd.Decoder](&zstds, in)
	defer p.put(&zstds)
	var err error
	if p.z == nil {
		p.z, err = zstd.NewReader(&p.src, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(zstdWindow))
	} else {
		err = p.z.Reset(&p.src)
	}
	if err != nil {
		p.z = nil
		return nil, false, err
	}
	out, over, err := readUpTo(p.z, limit, 0)
	if errors.Is(err, zstd.ErrMagicMismatch) && len(out) == 0 {
		return nil, false, errNotCoded
	}
	return out, over, err
}
