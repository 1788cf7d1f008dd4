package testweb

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

// maxRepeat limits !body-repeat, which is held in memory only once.
const maxRepeat = 1 << 24

// answer is one fixed answer.
type answer struct {
	status int
	header http.Header
	delay  time.Duration
	body   []byte
	repeat int // how often body is sent; at least 1
}

// Text makes one handler for each host of a txtar archive. A file's name is
// the host, then path and query as the request line has them:
//
//	-- shop/list?page=2 --
//	!status 200
//	!header Cache-Control: no-store
//	!delay 200ms
//	!body-repeat 1000
//	<p>Lines beginning with "!" at the top are instructions; the rest is the
//	body, in which {{blog}} stands for the origin of the host blog.
//
// All instructions are optional, !header may be repeated. The type follows the
// path's extension and is HTML without one; answers of status 200 carry an ETag
// made from the body and answer 304 to it. All other paths answer 404.
func Text(archive string) (map[string]http.Handler, error) {
	sites := map[string]site{}
	for _, f := range txtar.Parse([]byte(archive)).Files {
		host, uri, ok := strings.Cut(f.Name, "/")
		if !ok || host == "" {
			return nil, fmt.Errorf("testweb: file %q: its name must be host/path", f.Name)
		}
		if sites[host] == nil {
			sites[host] = site{}
		}
		if sites[host]["/"+uri] != nil {
			return nil, fmt.Errorf("testweb: file %q: twice in the archive", f.Name)
		}
		a, err := readAnswer("/"+uri, f.Data)
		if err != nil {
			return nil, fmt.Errorf("testweb: file %q: %w", f.Name, err)
		}
		sites[host]["/"+uri] = a
	}
	handlers := map[string]http.Handler{}
	for host, s := range sites {
		handlers[host] = s
	}
	return handlers, nil
}

// readAnswer splits a file into its instructions and its body.
func readAnswer(uri string, text []byte) (*answer, error) {
	a := &answer{status: http.StatusOK, header: http.Header{}, repeat: 1}
	a.header.Set("Content-Type", typeOf(uri))
	for len(text) > 0 && text[0] == '!' {
		line, rest, _ := bytes.Cut(text, []byte("\n"))
		text = rest
		if err := a.instruct(string(line)); err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
	}
	a.body = text
	return a, nil
}

var (
	errInstruction = errors.New("must be !status, !header, !delay or !body-repeat")
	errStatus      = errors.New("status must be 200 to 599")
	errHeader      = errors.New("header must be a name, a colon and a value")
	errDelay       = errors.New("delay must be a duration such as 200ms")
	errRepeat      = fmt.Errorf("body-repeat must be 1 to %d", maxRepeat)
)

// instruct carries out one line such as "!status 301".
func (a *answer) instruct(line string) error {
	word, value, _ := strings.Cut(strings.TrimSpace(line), " ")
	var err error
	switch word {
	case "!status":
		if a.status, err = strconv.Atoi(value); err != nil || a.status < 200 || a.status > 599 {
			return errStatus
		}
	case "!header":
		key, text, ok := strings.Cut(value, ":")
		if !ok || key == "" {
			return errHeader
		}
		if http.CanonicalHeaderKey(key) == "Content-Type" {
			a.header.Del(key)
		}
		a.header.Add(key, strings.TrimSpace(text))
	case "!delay":
		if a.delay, err = time.ParseDuration(value); err != nil || a.delay < 0 {
			return errDelay
		}
	case "!body-repeat":
		if a.repeat, err = strconv.Atoi(value); err != nil || a.repeat < 1 || a.repeat > maxRepeat {
			return errRepeat
		}
	default:
		return errInstruction
	}
	return nil
}

// site answers by the request line's path and query.
type site map[string]*answer

func (s site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a, ok := s[r.URL.RequestURI()]
	if !ok {
		http.NotFound(w, r)
		return
	}
	a.ServeHTTP(w, r)
}

func (a *answer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !pause(r.Context(), a.delay) {
		return
	}
	body := withOrigins(r.Context(), a.body)
	for key, values := range a.header {
		for _, v := range values {
			w.Header().Add(key, string(withOrigins(r.Context(), []byte(v))))
		}
	}
	if a.status == http.StatusOK && a.repeat == 1 {
		serveBytes(w, r, body, time.Time{})
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)*a.repeat))
	w.WriteHeader(a.status)
	for range a.repeat {
		if _, err := w.Write(body); err != nil {
			return // the client has gone
		}
	}
}

// serveBytes answers with body, or with 304 or 206 as the request's conditions
// ask. The ETag is made from the body unless the header is set; a zero time
// gives no Last-Modified.
func serveBytes(w http.ResponseWriter, r *http.Request, body []byte, modified time.Time) {
	if w.Header().Get("ETag") == "" {
		sum := sha256.Sum256(body)
		w.Header().Set("ETag", fmt.Sprintf("%q", fmt.Sprintf("%x", sum[:8])))
	}
	if w.Header().Get("Content-Encoding") != "" {
		w.Header().Set("Content-Length", strconv.Itoa(len(body))) // ServeContent leaves it out then
	}
	http.ServeContent(w, r, "", modified, bytes.NewReader(body))
}

// withOrigins replaces {{host}} by that host's origin, for the hosts of the
// web that serves the request; other text in braces stays.
func withOrigins(ctx context.Context, text []byte) []byte {
	c, ok := ctx.Value(connKey{}).(*conn)
	if !ok || !bytes.Contains(text, []byte("{{")) {
		return text
	}
	var out []byte
	for {
		before, rest, ok := bytes.Cut(text, []byte("{{"))
		out = append(out, before...)
		if !ok {
			return out
		}
		name, after, closed := bytes.Cut(rest, []byte("}}"))
		if origin, known := c.web.origins[string(name)]; closed && known {
			out, text = append(out, origin...), after
			continue
		}
		out, text = append(out, "{{"...), rest
	}
}

// types are the content types by extension; the system's own table is not
// asked, since it differs from machine to machine.
var types = map[string]string{
	"": "text/html; charset=utf-8", ".html": "text/html; charset=utf-8", ".htm": "text/html; charset=utf-8",
	".txt": "text/plain; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".xml": "application/xml", ".rss": "application/rss+xml", ".atom": "application/atom+xml",
	".json": "application/json", ".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg",
	".gif": "image/gif", ".ico": "image/x-icon", ".pdf": "application/pdf", ".gz": "application/gzip",
}

// typeOf returns the content type for a path and query.
func typeOf(uri string) string {
	p, _, _ := strings.Cut(uri, "?")
	if t, ok := types[path.Ext(p)]; ok {
		return t
	}
	return types[""]
}

// pause waits for d, and reports whether ctx lasted as long.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// write sends text; a failure means that the client has gone, which the
// handler's end tells as well.
func write(w http.ResponseWriter, text string) { _, _ = io.WriteString(w, text) }
