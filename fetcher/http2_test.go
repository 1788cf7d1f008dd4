package fetcher

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// frames is a server that speaks HTTP/2 frame by frame: serve is called with
// each request's stream.
func frames(t *testing.T, a *authority, serve func(w *http2.Framer, stream uint32)) Config {
	cert := a.sign(t, nil, []string{"www.example.com"}, nil)
	return Config{Roots: a.pool, Dial: func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		go func() {
			defer there.Close()
			c := tls.Server(there, &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2"}})
			if c.HandshakeContext(context.Background()) != nil {
				return
			}
			if _, err := io.ReadFull(c, make([]byte, len(http2.ClientPreface))); err != nil {
				return
			}
			w := http2.NewFramer(c, c)
			if w.WriteSettings() != nil {
				return
			}
			for {
				frame, err := w.ReadFrame()
				if err != nil {
					return
				}
				if h, ok := frame.(*http2.HeadersFrame); ok {
					// Its own goroutine: over a pipe, a write waits for the reader.
					go serve(http2.NewFramer(c, nil), h.StreamID)
				}
			}
		}()
		return here, nil
	}}
}

func head(fields ...string) []byte {
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	for i := 0; i < len(fields); i += 2 {
		e.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return b.Bytes()
}

func respond(w *http2.Framer, stream uint32) {
	w.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: head(":status", "200"), EndHeaders: true})
	w.WriteData(stream, true, []byte("x"))
}

// TestHostileHTTP2 abuses the protocol. Want is a kind of fault, or how the
// body ends.
func TestHostileHTTP2(t *testing.T) {
	block := func(w *http2.Framer, stream uint32, end bool, fields ...string) {
		w.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: head(fields...), EndHeaders: true, EndStream: end})
	}
	for _, c := range []struct {
		name  string
		serve func(w *http2.Framer, stream uint32)
		want  string
		most  int // requests the server may see
	}{
		{"plain", respond, "page", 1},
		{"refused", func(w *http2.Framer, s uint32) { w.WriteRSTStream(s, http2.ErrCodeRefusedStream) }, "disconnect", 3},
		{"reset", func(w *http2.Framer, s uint32) { w.WriteRSTStream(s, http2.ErrCodeInternal) }, "protocol", 1},
		{"go away", func(w *http2.Framer, s uint32) { w.WriteGoAway(s, http2.ErrCodeEnhanceYourCalm, nil) }, "timeout", 1}, // the stream may still be answered
		{"go away unread", func(w *http2.Framer, s uint32) { w.WriteGoAway(0, http2.ErrCodeNo, nil) }, "disconnect", 3},
		{"settings flood", func(w *http2.Framer, s uint32) {
			for range 1000 {
				w.WriteSettings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 1 << 14})
			}
			respond(w, s)
		}, "page", 1},
		{"bad setting", func(w *http2.Framer, s uint32) {
			w.WriteSettings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 0})
			respond(w, s)
		}, "protocol", 1},
		{"ping flood", func(w *http2.Framer, s uint32) {
			for range 1000 {
				w.WritePing(false, [8]byte{1})
			}
			respond(w, s)
		}, "page", 1},
		{"window overflow", func(w *http2.Framer, s uint32) {
			w.WriteWindowUpdate(0, 1<<31-1)
			w.WriteWindowUpdate(0, 1<<31-1)
		}, "protocol", 1},
		{"push", func(w *http2.Framer, s uint32) {
			w.WritePushPromise(http2.PushPromiseParam{StreamID: s, PromiseID: 2, BlockFragment: head(":path", "/"), EndHeaders: true})
		}, "protocol", 1},
		{"header flood", func(w *http2.Framer, s uint32) {
			block(w, s, true, append([]string{":status", "200"}, strings.Split(strings.Repeat("a "+strings.Repeat("b", 1000)+" ", 100)+"a b", " ")...)...)
		}, "too_large", 1},
		{"continuation flood", func(w *http2.Framer, s uint32) {
			w.WriteHeaders(http2.HeadersFrameParam{StreamID: s, BlockFragment: head(":status", "200")})
			for range 1000 {
				if w.WriteContinuation(s, false, head("a", strings.Repeat("b", 4000))) != nil {
					return
				}
			}
		}, "too_large protocol", 1},
		{"1xx flood", func(w *http2.Framer, s uint32) {
			for range 1000 {
				block(w, s, false, ":status", "103", "link", "x")
			}
		}, "protocol", 1},
		{"no status", func(w *http2.Framer, s uint32) { block(w, s, true, "a", "b") }, "protocol", 1},
		{"upper case", func(w *http2.Framer, s uint32) { block(w, s, true, ":status", "200", "A", "b") }, "protocol", 1},
		{"length too big", func(w *http2.Framer, s uint32) {
			block(w, s, false, ":status", "200", "content-length", "9")
			w.WriteData(s, true, []byte("abc"))
		}, "cut", 1},
		{"length too small", func(w *http2.Framer, s uint32) {
			block(w, s, false, ":status", "200", "content-length", "2")
			w.WriteData(s, true, []byte("abc"))
		}, "cut", 1},
		{"trailers", func(w *http2.Framer, s uint32) {
			block(w, s, false, ":status", "200")
			w.WriteData(s, false, []byte("x"))
			block(w, s, true, "set-cookie", "a=b")
		}, "page", 1},
		{"data before head", func(w *http2.Framer, s uint32) { w.WriteData(s, true, []byte("abc")) }, "protocol", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				requests := 0
				f := open(t, frames(t, newAuthority(t), func(w *http2.Framer, s uint32) {
					requests++
					w.AllowIllegalWrites = true
					c.serve(w, s)
				}))
				r, err := f.Fetch(t.Context(), Request{URL: parse(t, "https://www.example.com/")})
				got := ""
				if fault, ok := err.(*Fault); ok {
					got = string(fault.Kind)
					clean(t, fault)
				} else if err != nil {
					t.Fatal(err)
				} else if got = "page"; r.Truncated+r.Damaged != "" {
					got = "cut"
				}
				if !strings.Contains(c.want, got) {
					t.Errorf("%s (%v), want %s", got, err, c.want)
					if f, ok := err.(*Fault); ok {
						t.Logf("cause: %v", f.Err)
					}
				}
				if requests > c.most {
					t.Errorf("%d requests, at most %d wanted", requests, c.most)
				}
				f.Close()
				synctest.Wait()
			})
		})
	}
}
