package warc

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestResponseHead(t *testing.T) {
	const line, bare = "HTTP/1.1 200 OK\r\n", "Connection: close\r\n\r\n"
	tests := map[string]struct {
		proto  string
		status int
		reason string
		header http.Header
		length int64
		want   string
	}{
		"plain":             {"HTTP/1.1", 200, "OK", http.Header{"B": {"2", "1"}, "A": {"x"}}, 3, line + "A: x\r\nB: 2\r\nB: 1\r\n\r\n"},
		"http/1.0":          {"HTTP/1.0", 404, "Gone fishing", nil, 0, "HTTP/1.0 404 Gone fishing\r\n" + bare},
		"h2":                {"HTTP/2.0", 200, "", nil, 0, line + bare},
		"odd code":          {"HTTP/1.1", 999, "", nil, 0, "HTTP/1.1 999 \r\n" + bare},
		"code out of range": {"HTTP/1.1", -5, "", nil, 0, "HTTP/1.1 000 \r\n" + bare},
		"reason injected":   {"HTTP/1.1", 200, "OK\r\nA: b", nil, 0, "HTTP/1.1 200 OK  A: b\r\n" + bare},
		"value injected":    {"HTTP/1.1", 200, "", http.Header{"A": {"b\r\n\r\n<p>\x00"}}, 0, line + "A: b    <p> \r\n\r\n"},
		"name injected":     {"HTTP/1.1", 200, "", http.Header{"A\r\nB: c": {"d"}, "": {"e"}}, 0, line + "A--B--c: d\r\n\r\n"},
		"8-bit stays":       {"HTTP/1.1", 200, "", http.Header{"A": {"\xe4\x1b\t"}}, 0, line + "A: \xe4\x1b\t\r\n\r\n"},
		"chunked goes": {
			"HTTP/1.1", 200, "",
			http.Header{"Transfer-Encoding": {"chunked"}, "Trailer": {"X"}, "Content-Encoding": {"gzip"}},
			7,
			line + "Content-Encoding: gzip\r\n\r\n",
		},
		"lower-case names go":  {"HTTP/1.1", 200, "", http.Header{"transfer-encoding": {"chunked"}}, 7, line + bare},
		"length agrees":        {"HTTP/1.1", 200, "", http.Header{"Content-Length": {"7"}}, 7, line + "Content-Length: 7\r\n\r\n"},
		"length of the whole":  {"HTTP/1.1", 200, "", http.Header{"Content-Length": {"900"}}, 7, line + "Content-Length: 7\r\n\r\n"},
		"two lengths":          {"HTTP/1.1", 200, "", http.Header{"Content-Length": {"7", "8"}}, 7, line + "Content-Length: 7\r\n\r\n"},
		"length is no number":  {"HTTP/1.1", 200, "", http.Header{"Content-Length": {"x"}}, 0, line + "Content-Length: 0\r\n\r\n"},
		"304 keeps its length": {"HTTP/1.1", 304, "", http.Header{"Content-Length": {"900"}}, 0, "HTTP/1.1 304 Not Modified\r\nContent-Length: 900\r\n\r\n"},
		"204 too":              {"HTTP/1.1", 204, "", http.Header{"Content-Length": {"1"}}, 0, "HTTP/1.1 204 No Content\r\nContent-Length: 1\r\n\r\n"},
		"HEAD too":             {"HTTP/1.1", 200, "", http.Header{"Content-Length": {"900"}}, -1, line + "Content-Length: 900\r\n\r\n"},
	}
	for name, test := range tests {
		got := string(ResponseHead(test.proto, test.status, test.reason, test.header, test.length))
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
		if headEnd([]byte(got)) != len(got) {
			t.Errorf("%s: the head ends early: %q", name, got)
		}
	}
}

func TestResponseHeadChangesNothing(t *testing.T) {
	h := http.Header{"Content-Length": {"9", "8"}, "A": {"b\r\n"}}
	before := h.Clone()
	ResponseHead("HTTP/1.1", 200, "", h, 7)
	if diff := cmp.Diff(before, h); diff != "" {
		t.Errorf("the header given changed: (-want +got)\n%s", diff)
	}
}

func TestRequestHead(t *testing.T) {
	h := http.Header{
		"User-Agent": {"crawl"}, "Accept": {"*/*"}, "Host": {"other"}, "Cookie": {"canary"}, "authorization": {"canary"},
		"Proxy-Authorization": {"canary"}, "X-Key": {"canary"}, "X-Ok": {"a\r\nb"},
	}
	got := string(RequestHead("GET", "/a b?c\r\nd", "example.com", "HTTP/2.0", h, "x-key"))
	const want = "GET /a%20b?c%0D%0Ad HTTP/1.1\r\nHost: example.com\r\nAccept: */*\r\nUser-Agent: crawl\r\nX-Ok: a  b\r\n\r\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := string(RequestHead("G T", "", "a", "HTTP/1.0", nil)); got != "GET / HTTP/1.0\r\nHost: a\r\n\r\n" {
		t.Errorf("without a method or target: %q", got)
	}
}

func TestProtocolField(t *testing.T) {
	for proto, want := range map[string]string{
		"HTTP/1.0": "http/1.0", "HTTP/1.1": "http/1.1", "HTTP/2.0": "h2", "HTTP/3.0": "h3", "": "http/1.1",
	} {
		if got := ProtocolField(proto); got != (Field{"WARC-Protocol", want}) {
			t.Errorf("ProtocolField(%q) = %v", proto, got)
		}
	}
}

func TestCodingFor(t *testing.T) {
	tests := []struct {
		encoding, kind string
		want           Coding
	}{
		{"", "", Deflated},
		{"", "text/html; charset=utf-8", Deflated},
		{"identity", "text/html", Deflated},
		{"gzip", "text/html", Stored},
		{" br ", "", Stored},
		{"zstd", "", Stored},
		{"", "image/png", Stored},
		{"", "IMAGE/JPEG ; x=y", Stored},
		{"", "image/svg+xml", Deflated},
		{"", "image/bmp", Deflated},
		{"", "video/mp4", Stored},
		{"", "audio/mpeg", Stored},
		{"", "audio/x-wav", Deflated},
		{"", "font/woff2", Stored},
		{"", "font/ttf", Deflated},
		{"", "application/zip", Stored},
		{"", "application/epub+zip", Stored},
		{"", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", Stored},
		{"", "application/pdf", Deflated},
		{"", "application/json", Deflated},
	}
	for _, test := range tests {
		h := http.Header{"Content-Encoding": {test.encoding}, "Content-Type": {test.kind}}
		if got := CodingFor(h); got != test.want {
			t.Errorf("CodingFor(%q, %q) = %d, want %d", test.encoding, test.kind, got, test.want)
		}
	}
}

func TestParseHTTP(t *testing.T) {
	tests := map[string]struct {
		block  string
		start  string
		header http.Header
		body   string
	}{
		"plain":           {"HTTP/1.1 200 OK\r\nA: b\r\na: c\r\n\r\nbody", "HTTP/1.1 200 OK", http.Header{"A": {"b", "c"}}, "body"},
		"line feeds":      {"HTTP/1.0 404 No\nA: b\n\nbody\r\n", "HTTP/1.0 404 No", http.Header{"A": {"b"}}, "body\r\n"},
		"folded":          {"HTTP/1.1 200 OK\r\nA: b\r\n\t c \r\n  d\r\n\r\n", "HTTP/1.1 200 OK", http.Header{"A": {"b c d"}}, ""},
		"folded at once":  {"HTTP/1.1 200 OK\r\n folded\r\nA: b\r\n\r\n", "HTTP/1.1 200 OK", http.Header{"A": {"b"}}, ""},
		"no colon":        {"HTTP/1.1 200 OK\r\nnonsense\r\n: x\r\nA:b\r\n\r\n", "HTTP/1.1 200 OK", http.Header{"A": {"b"}}, ""},
		"blank at colon":  {"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "HTTP/1.1 200 OK", http.Header{"A": {"b"}}, ""},
		"no blank line":   {"HTTP/1.1 200 OK\r\nA: b", "HTTP/1.1 200 OK", http.Header{"A": {"b"}}, ""},
		"first line only": {"HTTP/1.1 200 OK", "HTTP/1.1 200 OK", http.Header{}, ""},
		"http/0.9":        {"<p>hello</p>\r\n\r\nmore", "", http.Header{}, "<p>hello</p>\r\n\r\nmore"},
		"empty":           {"", "", http.Header{}, ""},
		"request":         {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1", http.Header{"Host": {"a"}}, ""},
		"odd status":      {"HTTP/1.1   200\r\n\r\n", "HTTP/1.1   200", http.Header{}, ""},
	}
	for name, test := range tests {
		start, h, body := ParseHTTP([]byte(test.block))
		if start != test.start || string(body) != test.body {
			t.Errorf("%s: start %q, body %q", name, start, body)
		}
		if diff := cmp.Diff(test.header, h); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

func TestParseHTTPFoldsInLinearTime(t *testing.T) {
	const folds = 1 << 20 // took hours when each fold copied the value
	_, h, _ := ParseHTTP([]byte("HTTP/1.1 200 OK\r\nA: b\r\n" + strings.Repeat(" c\n", folds) + "\r\nbody"))
	if got := len(h.Get("A")); got != 1+2*folds {
		t.Errorf("%d bytes", got)
	}
}
