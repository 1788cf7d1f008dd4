package fetcher

import (
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"crawl/internal/weburl"

	"golang.org/x/net/http/httpguts"
)

// MaxHeaderLines is the most header lines of a response.
const MaxHeaderLines = 200

// maxETag is the longest ETag sent back, in bytes.
const maxETag = 1 << 10

const defaultAccept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

// newRequest writes everything but the secrets. It reports whether the request
// is conditional.
func (f *Fetcher) newRequest(x *exchange, r Request) (*http.Request, bool) {
	h := maps.Clone(f.base) // whose values nobody changes
	if r.Accept != "" {
		h.Set("Accept", r.Accept)
	}
	conditional := false
	if usableETag(r.ETag) {
		h.Set("If-None-Match", r.ETag)
		conditional = true
	}
	if usableDate(r.LastModified, time.Now()) {
		h.Set("If-Modified-Since", r.LastModified)
		conditional = true
	}
	method := http.MethodGet
	if r.Head {
		method = http.MethodHead
	}
	req := &http.Request{
		Method: method,
		URL:    target(r.URL, f.net.forwards(r.URL)),
		Host:   r.URL.Host(),
		Header: h,
		Proto:  "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	return req.WithContext(x.traced()), conditional
}

// baseHeader is what all requests have in common.
func baseHeader(c *Config) http.Header {
	h := make(http.Header)
	for name, values := range c.Header {
		for _, v := range values {
			h.Add(name, v)
		}
	}
	h.Set("User-Agent", c.UserAgent)
	h.Set("Accept-Encoding", acceptEncoding)
	if h.Get("Accept") == "" {
		h.Set("Accept", defaultAccept)
	}
	return h
}

// target writes u for net/http so that it sends the path and query byte for
// byte: url.Parse would refuse or rewrite what the URL standard allows, such as
// a lone %. forward asks for the absolute form that an HTTP proxy wants.
func target(u weburl.URL, forward bool) *url.URL {
	t := &url.URL{Scheme: u.Scheme(), Host: u.Host()}
	path, query, hasQuery := strings.Cut(u.RequestURI(), "?")
	t.RawQuery, t.ForceQuery = query, hasQuery
	// net/http takes an opaque part that begins with two slashes for the
	// absolute form. A server must understand that too (RFC 9112, 3.2.2).
	t.Opaque = path
	if forward || strings.HasPrefix(path, "//") {
		t.Opaque = "//" + u.Host() + path
	}
	return t
}

// usableETag reports whether a validator may be sent back: as it came, if it
// fits and cannot break the head.
func usableETag(s string) bool {
	return s != "" && len(s) <= maxETag && httpguts.ValidHeaderFieldValue(s)
}

func usableDate(s string, now time.Time) bool {
	if s == "" || len(s) > 64 || !httpguts.ValidHeaderFieldValue(s) {
		return false
	}
	t, ok := ParseDate(s)
	return ok && t.Unix() >= 0 && !t.After(now)
}

// boundHeaders groups by origin; New has checked each.
func boundHeaders(list []BoundHeader) map[string]http.Header {
	m := make(map[string]http.Header)
	for _, b := range list {
		origin, err := originOf(b.Origin)
		if err != nil {
			continue // cannot be: Config.check refused it
		}
		if m[origin] == nil {
			m[origin] = make(http.Header)
		}
		m[origin].Add(b.Name, b.Value)
	}
	return m
}

// addSecrets puts bound headers and cookies into req and returns its head
// without them, which is also what is sent where there are none: net/http takes
// the host from elsewhere. They replace a harmless header of the same name.
func (f *Fetcher) addSecrets(req *http.Request, u weburl.URL) http.Header {
	sent := req.Header
	sent.Set("Host", u.Host())
	cookies, bound := f.jar.header(u, time.Now()), f.bound[u.Origin()]
	if cookies == "" && len(bound) == 0 {
		return sent
	}
	req.Header = maps.Clone(sent)
	for name, values := range bound {
		req.Header[name] = append([]string(nil), values...)
		sent.Del(name)
	}
	if own := req.Header.Get("Cookie"); own != "" && cookies != "" {
		cookies = own + "; " + cookies
	}
	if cookies != "" {
		req.Header.Set("Cookie", cookies)
	}
	return sent
}

// checkHead refuses answers that cannot be taken for what they say they are.
func (f *Fetcher) checkHead(resp *http.Response, u weburl.URL, conditional bool) *Fault {
	lines := 0
	for _, values := range resp.Header {
		lines += len(values)
		for _, v := range values {
			if strings.ContainsAny(v, "\x00\r\n") {
				return newFault(Protocol, false, "a header of the answer holds a NUL or a line break")
			}
		}
	}
	switch {
	case lines > MaxHeaderLines:
		return newFault(TooLarge, false, "the head of the answer has too many lines")
	case strings.ContainsAny(resp.Status, "\x00\r\n"):
		return newFault(Protocol, false, "the status line holds a NUL or a line break")
	case resp.StatusCode == http.StatusSwitchingProtocols:
		return newFault(Protocol, false, "the server changed the protocol unasked")
	case resp.StatusCode == http.StatusNotModified && !conditional:
		return newFault(Protocol, true, "the server said 304 to a request without a condition")
	case resp.StatusCode == http.StatusProxyAuthRequired && f.net.forwards(u):
		return &Fault{Kind: Proxy, Sentence: "the proxy does not accept our credentials", Err: errProxyAuth}
	case redirects(resp.StatusCode) && differ(resp.Header.Values("Location")):
		return newFault(Protocol, false, "the redirect names several targets")
	}
	return nil
}

func redirects(status int) bool {
	switch status {
	case 301, 302, 303, 307, 308:
		return true
	}
	return false
}

func differ(values []string) bool {
	for _, v := range values {
		if v != values[0] {
			return true
		}
	}
	return false
}

// newResponse fills in what the head says.
func (f *Fetcher) newResponse(x *exchange, resp *http.Response, sent http.Header) *Response {
	r := &Response{
		Status: resp.StatusCode,
		Proto:  resp.Proto,
		Header: resp.Header,
		Sent:   sent,
		Start:  x.start,
		TTFB:   time.Duration(x.ttfb.Load()),
	}
	if resp.ProtoMajor == 1 {
		_, r.Reason, _ = strings.Cut(resp.Status, " ")
	}
	if a := x.addr.Load(); a != nil && f.net.via == nil {
		r.Addr = *a
	}
	if redirects(resp.StatusCode) {
		r.Redirect = escapeLocation(resp.Header.Get("Location"))
	}
	r.RetryAfter, r.HasRetryAfter = retryAfter(resp.Header.Get("Retry-After"), time.Now())
	return r
}

// escapeLocation percent-encodes every byte that is no visible ASCII, so that
// latin-1 and UTF-8 survive as the server wrote them and nothing can be
// injected. Blanks at the ends are dropped, as URL parsing would.
func escapeLocation(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range []byte(strings.Trim(s, " \t")) {
		if c > ' ' && c < 0x7f {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'%', hex[c>>4], hex[c&15]})
	}
	return b.String()
}

// retryAfter reads RFC 9110, 10.2.3: seconds or a date.
func retryAfter(s string, now time.Time) (time.Duration, bool) {
	s = strings.TrimSpace(s)
	if s == "" {
		return 0, false
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		const most = int64(1<<63-1) / int64(time.Second)
		return time.Duration(min(max(n, 0), most)) * time.Second, true
	}
	if t, ok := ParseDate(s); ok {
		return max(t.Sub(now), 0), true
	}
	return 0, false
}
