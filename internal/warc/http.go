package warc

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// ResponseHead writes an answer's head in the shape of HTTP/1.1, with its
// blank line: the Head of a response or revisit record. HTTP/2 and 3 have no
// such bytes on the wire; say so with ProtocolField. proto is as in
// http.Response ("HTTP/2.0"); an empty reason is the usual one for status.
//
// Header names are sorted and values keep their order. Bytes that would begin
// another line are blanked, so no server can inject a header.
//
// The body is kept without its transfer coding but with its content coding, so
// Transfer-Encoding and Trailer are left out: a reader that saw "chunked"
// would try to decode again. bodyLength is the length of the body as stored,
// for a revisit of the body it stands for. A Content-Length that differs
// (truncated body, a server that lies, several values) becomes bodyLength,
// since readers that trust it fail on a short body and cut a long one;
// WARC-Truncated tells that something is missing. None is invented where the
// server sent none: such a body ends with its record. Answers without a body
// by definition keep their Content-Length, which describes another message
// (RFC 9110, section 8.6): 1xx, 204, 304, and HEAD, for which bodyLength is -1.
//
// A head that would have no header at all gets "Connection: close": npm warcio
// looks for the end of such a head in the body, and that header says no more
// than that the body ends with its record.
func ResponseHead(proto string, status int, reason string, h http.Header, bodyLength int64) []byte {
	if reason == "" {
		reason = http.StatusText(status)
	}
	if status < 0 || status > 999 {
		status = 0
	}
	b := fmt.Appendf(make([]byte, 0, sizeOf(h, len(reason))), "%s %03d %s\r\n", wireProto(proto), status, oneLine(reason))
	bare := len(b)
	length := bodyLength >= 0 && status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
	for _, name := range slices.Sorted(maps.Keys(h)) {
		values := h[name]
		switch {
		case strings.EqualFold(name, "Transfer-Encoding"), strings.EqualFold(name, "Trailer"):
			continue
		case strings.EqualFold(name, "Content-Length"):
			if length && len(values) > 0 {
				values = []string{strconv.FormatInt(bodyLength, 10)}
			}
		}
		b = appendHeader(b, name, values)
	}
	if len(b) == bare {
		b = appendField(b, "Connection", "close")
	}
	return append(b, "\r\n"...)
}

// sizeOf is how many bytes a head takes that has h and so many more.
func sizeOf(h http.Header, more int) int {
	for name, values := range h {
		for _, v := range values {
			more += len(name) + len(v) + len(": \r\n")
		}
	}
	return more + len("HTTP/1.1 000 \r\n\r\nConnection: close\r\n")
}

// secretHeaders open doors, so no archive may hold them.
var secretHeaders = []string{"Authorization", "Proxy-Authorization", "Cookie"}

// RequestHead writes a request's head in the shape of HTTP/1.1, as
// ResponseHead does for answers: the Head of a request record. target is the
// request line's path and query, host the Host or :authority sent.
// Authorization, Proxy-Authorization and Cookie are left out, and so are the
// headers named in secret: archives get shared.
func RequestHead(method, target, host, proto string, h http.Header, secret ...string) []byte {
	if !isToken(method) {
		method = http.MethodGet
	}
	if target == "" {
		target = "/"
	}
	b := fmt.Appendf(make([]byte, 0, 512), "%s %s %s\r\n", method, escapeURI(target), wireProto(proto))
	b = appendHeader(b, "Host", []string{escapeURI(host)})
	hidden := func(name string) bool {
		same := func(s string) bool { return strings.EqualFold(s, name) }
		return same("Host") || slices.ContainsFunc(secretHeaders, same) || slices.ContainsFunc(secret, same)
	}
	for _, name := range slices.Sorted(maps.Keys(h)) {
		if !hidden(name) {
			b = appendHeader(b, name, h[name])
		}
	}
	return append(b, "\r\n"...)
}

// ProtocolField names the protocol spoken: "http/1.0", "http/1.1", "h2", "h3".
// It takes proto as in http.Response, and follows the IIPC's proposal for
// WARC-Protocol, which uses the names of ALPN.
func ProtocolField(proto string) Field {
	name := "http/1.1"
	switch {
	case proto == "HTTP/1.0":
		name = "http/1.0"
	case strings.HasPrefix(proto, "HTTP/2"):
		name = "h2"
	case strings.HasPrefix(proto, "HTTP/3"):
		name = "h3"
	}
	return Field{"WARC-Protocol", name}
}

func wireProto(proto string) string {
	if proto == "HTTP/1.0" {
		return proto
	}
	return "HTTP/1.1"
}

// appendHeader writes one line a value. A byte that cannot stand in a name
// becomes a dash; a header without a name is dropped.
func appendHeader(b []byte, name string, values []string) []byte {
	if name == "" {
		return b
	}
	if !isToken(name) {
		safe := []byte(name)
		for i, c := range safe {
			if !tokenByte[c] {
				safe[i] = '-'
			}
		}
		name = string(safe)
	}
	for _, v := range values {
		b = appendField(b, name, oneLine(v))
	}
	return b
}

var lineBreaks = strings.NewReplacer("\r", " ", "\n", " ", "\x00", " ")

// oneLine blanks what would end a line or a C string. All other bytes, 8-bit
// ones too, stay as the server sent them.
func oneLine(s string) string { return lineBreaks.Replace(s) }
