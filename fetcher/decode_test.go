package fetcher

import (
	"bytes"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// coder returns a writer that applies a coding.
func coder(t testing.TB, coding string, w io.Writer) io.WriteCloser {
	t.Helper()
	var z io.WriteCloser
	var err error
	switch coding {
	case "gzip":
		z = gzip.NewWriter(w)
	case "deflate":
		z = zlib.NewWriter(w)
	case "raw deflate":
		z, err = flate.NewWriter(w, 6)
	case "br":
		z = brotli.NewWriterLevel(w, 4)
	case "zstd":
		z, err = zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	}
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func code(t testing.TB, coding string, in []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := coder(t, coding, &b)
	z.Write(in)
	z.Close()
	return b.Bytes()
}

// decoded runs the decoder alone.
func decoded(f *Fetcher, raw []byte, truncated string, encoding ...string) *Response {
	r := &Response{Raw: raw, Truncated: truncated, Header: http.Header{"Content-Encoding": encoding}}
	decode(r, f.c.MaxBody, f.c.MaxRatio)
	return r
}

func TestDecode(t *testing.T) {
	f := open(t, Config{})
	text := []byte(strings.Repeat("The quick brown fox. ", 500))
	gz, zl, fl := code(t, "gzip", text), code(t, "deflate", text), code(t, "raw deflate", text)
	br, zs := code(t, "br", text), code(t, "zstd", text)
	crc := bytes.Clone(gz)
	crc[len(crc)-8] ^= 1
	flip := bytes.Clone(gz)
	flip[len(flip)/2] ^= 0xff
	window := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xf8, 0x01, 0, 0, 0} // window descriptor of 2 TiB
	for _, c := range []struct {
		name     string
		raw      []byte
		header   []string
		body     []byte // nil: not compared
		encoding string
		damaged  string
	}{
		{"plain", text, nil, text, "", ""},
		{"identity", text, []string{"identity, "}, text, "", ""},
		{"gzip", gz, []string{"gzip"}, text, "gzip", ""},
		{"GZip, x-gzip name", gz, []string{" X-GZip "}, text, "gzip", ""},
		{"zlib", zl, []string{"deflate"}, text, "deflate", ""},
		{"raw deflate", fl, []string{"deflate"}, text, "deflate", ""},
		{"br", br, []string{"br"}, text, "br", ""},
		{"zstd", zs, []string{"zstd"}, text, "zstd", ""},
		{"two in one line", code(t, "br", gz), []string{"gzip, br"}, text, "gzip, br", ""},
		{"two lines", code(t, "gzip", gz), []string{"gzip", "gzip"}, text, "gzip, gzip", ""},
		{"three", text, []string{"gzip, gzip, gzip"}, text, "", "more than 2 codings"},
		{"unknown", text, []string{"x-foo"}, text, "", "unknown coding x-foo"},
		{"unknown and known", gz, []string{"gzip, sdch"}, gz, "", "unknown coding sdch"},
		{"unknown and long", text, []string{strings.Repeat("y", 1000)}, text, "", "unknown coding"},
		{"unknown and ugly", text, []string{"\x1b[2J"}, text, "", "unknown coding"},
		{"not gzip", text, []string{"gzip"}, text, "", "not gzip"},
		{"not zstd", text, []string{"zstd"}, text, "", "not zstd"},
		{"not deflate", []byte("<html>hello</html>"), []string{"deflate"}, nil, "", "not deflate"},
		{"half gzip", code(t, "br", text), []string{"gzip, br"}, text, "br", "not gzip"},
		{"coded, not declared", gz, nil, gz, "", ""},
		{"empty", nil, []string{"gzip"}, nil, "", ""},
		{"checksum", crc, []string{"gzip"}, text, "gzip", "checksum"},
		{"gzip cut", gz[:len(gz)/2], []string{"gzip"}, nil, "gzip", "cut short"},
		{"gzip without trailer", gz[:len(gz)-4], []string{"gzip"}, text, "gzip", "cut short"},
		{"gzip head cut", gz[:5], []string{"gzip"}, []byte{}, "gzip", "cut short"},
		{"gzip one byte", gz[:1], []string{"gzip"}, []byte{}, "gzip", "cut short"},
		{"zlib cut", zl[:len(zl)/2], []string{"deflate"}, nil, "deflate", "cut short"},
		{"br cut", br[:len(br)/2], []string{"br"}, nil, "br", "cut short"},
		{"zstd cut", zs[:len(zs)/2], []string{"zstd"}, nil, "zstd", "cut short"},
		{"zstd window", window, []string{"zstd"}, []byte{}, "zstd", "window too large"},
		{"gzip members", append(bytes.Clone(gz), gz...), []string{"gzip"}, append(bytes.Clone(text), text...), "gzip", ""},
		{"gzip and rubbish", append(bytes.Clone(gz), "rubbish"...), []string{"gzip"}, text, "gzip", ""},
		{"gzip and zeros", append(bytes.Clone(gz), 0, 0, 0), []string{"gzip"}, text, "gzip", ""},
	} {
		r := decoded(f, c.raw, "", c.header...)
		if r.Encoding != c.encoding || r.Damaged != c.damaged || r.Truncated != "" {
			t.Errorf("%s: encoding %q, damaged %q, truncated %q; want %q, %q", c.name, r.Encoding, r.Damaged, r.Truncated, c.encoding, c.damaged)
		}
		if c.body != nil && !bytes.Equal(r.Body, c.body) {
			t.Errorf("%s: %d bytes %q, want %d", c.name, len(r.Body), short(r.Body), len(c.body))
		}
	}
	if r := decoded(f, flip, "", "gzip"); r.Damaged == "" {
		t.Error("a flipped byte in gzip is not noticed")
	}
	if r := decoded(f, gz[:len(gz)/2], "disconnect", "gzip"); r.Damaged != "" || r.Truncated != "disconnect" {
		t.Errorf("a cut body: truncated %q, damaged %q", r.Truncated, r.Damaged)
	}
}

// bomb is a gigabyte of zeros, coded: one megabyte, and a second one again and
// again. It has no end, which nobody should see.
func bomb(t *testing.T, coding string) []byte {
	zeros := make([]byte, 1<<20)
	var b bytes.Buffer
	z := coder(t, coding, &b).(interface {
		io.Writer
		Flush() error
	})
	z.Write(zeros)
	z.Flush()
	first := b.Len()
	z.Write(zeros)
	z.Flush()
	raw := bytes.Clone(b.Bytes())
	return append(raw, bytes.Repeat(raw[first:], 1022)...)
}

// TestBomb decodes bombs, also coded twice.
func TestBomb(t *testing.T) {
	f := open(t, Config{})
	for _, coding := range []string{"gzip", "deflate", "raw deflate", "br", "zstd"} {
		raw := bomb(t, coding)
		header := strings.TrimPrefix(coding, "raw ")
		twice := code(t, "gzip", raw)
		for _, c := range []struct {
			raw    []byte
			header string
		}{{raw, header}, {twice, header + ", gzip"}} {
			runtime.GC()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := cpuTime(t)
			r := decoded(f, c.raw, "", c.header)
			took := cpuTime(t) - start
			runtime.ReadMemStats(&after)
			limit := min(DefaultMaxBody, max(freeSize, DefaultMaxRatio*len(c.raw)))
			if r.Truncated != "length" || len(r.Body) > limit {
				t.Errorf("%s: %d bytes coded: truncated %q, %d bytes; limit %d", c.header, len(c.raw), r.Truncated, len(r.Body), limit)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 64<<20 || took > 2*time.Second {
				t.Errorf("%s: %d MiB allocated in %v", c.header, used>>20, took)
			}
		}
	}
}

func TestRatio(t *testing.T) {
	small := Config{MaxRatio: 10}
	f := open(t, small)
	if r := decoded(f, code(t, "gzip", make([]byte, 1<<20)), "", "gzip"); r.Truncated != "" || len(r.Body) != 1<<20 {
		t.Errorf("1 MiB is free: truncated %q, %d bytes", r.Truncated, len(r.Body))
	}
	if r := decoded(f, code(t, "gzip", make([]byte, 1<<20+1)), "", "gzip"); r.Truncated != "length" || len(r.Body) != 1<<20 {
		t.Errorf("one byte over: truncated %q, %d bytes", r.Truncated, len(r.Body))
	}
}

func FuzzDecode(f *testing.F) {
	text := []byte(strings.Repeat("hello ", 100))
	for _, c := range []string{"gzip", "deflate", "raw deflate", "br", "zstd"} {
		f.Add(code(f, c, text), strings.TrimPrefix(c, "raw "))
		f.Add(code(f, "gzip", code(f, c, text)), strings.TrimPrefix(c, "raw ")+", gzip")
	}
	fetcher := open(f, Config{MaxBody: 1 << 20})
	f.Fuzz(func(t *testing.T, raw []byte, encoding string) {
		r := decoded(fetcher, raw, "", encoding)
		if len(r.Body) > max(1<<20, len(raw)) {
			t.Errorf("%d bytes from %d", len(r.Body), len(raw))
		}
		if strings.ContainsFunc(r.Damaged, func(c rune) bool { return c < ' ' || c > '~' }) {
			t.Errorf("damaged %q", r.Damaged)
		}
		again := decoded(fetcher, raw, "", encoding)
		if !bytes.Equal(again.Body, r.Body) || again.Damaged != r.Damaged {
			t.Errorf("a pooled reader remembers: %q, then %q", r.Damaged, again.Damaged)
		}
	})
}
