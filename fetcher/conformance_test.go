//go:build conformance

package fetcher

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"crawl/internal/conformance"
	"crawl/internal/weburl"
)

// skipped are vectors that the design answers otherwise, with the reason.
type skipped map[string]string

// skip reports whether a vector is in the table, and counts it in the log.
func (s skipped) skip(t *testing.T, name string) bool {
	why, ok := s[name]
	if ok {
		t.Logf("not as in the vector: %s: %s", name, why)
	}
	return ok
}

func TestConformanceDates(t *testing.T) {
	type vector struct {
		Date  string
		Epoch *int64
	}
	skips := skipped{
		"Sun, 06 Nov 2044 08:49:37 GMT": "a valid RFC 9110 date; the same set takes 2094 and 2038 (its null is a 32-bit time_t)",
	}
	for _, v := range conformance.Load[vector](t, "dates/curl.json") {
		if skips.skip(t, v.Date) {
			continue
		}
		got, ok := ParseDate(v.Date)
		switch {
		case ok != (v.Epoch != nil):
			t.Errorf("%q: a date: %v (%v), want %v", v.Date, ok, got, v.Epoch != nil)
		case ok && got.Unix() != *v.Epoch:
			t.Errorf("%q: %d, want %d", v.Date, got.Unix(), *v.Epoch)
		}
	}
}

func TestConformanceCoding(t *testing.T) {
	type vector struct {
		File            string
		ContentEncoding string `json:"content_encoding"`
		Decoded         *struct {
			Bytes  int
			SHA256 string
		}
		Note string
	}
	skips := skipped{
		"files/off0.bin.zst": "klauspost/compress takes the forbidden offset 0 for 1, as older libzstd did: bounded and harmless",
	}
	f := open(t, Config{})
	for _, v := range conformance.Load[vector](t, "coding/bodies.json") {
		if skips.skip(t, v.File) {
			continue
		}
		raw, err := os.ReadFile(conformance.Path(t, "coding/"+v.File))
		if err != nil {
			t.Fatal(err)
		}
		r := &Response{Raw: raw, Header: http.Header{"Content-Encoding": {v.ContentEncoding}}}
		decode(r, DefaultMaxBody, f.c.MaxRatio)
		sum := sha256.Sum256(r.Body)
		switch {
		case strings.Contains(v.Note, "bomb"):
			if r.Truncated != "length" || len(r.Body) > DefaultMaxBody {
				t.Errorf("%s: truncated %q, %d bytes", v.File, r.Truncated, len(r.Body))
			}
		case v.Decoded == nil:
			if r.Damaged == "" {
				t.Errorf("%s: not damaged; %d bytes", v.File, len(r.Body))
			}
		case len(r.Body) != v.Decoded.Bytes || hex.EncodeToString(sum[:]) != v.Decoded.SHA256 || r.Damaged != "" || r.Truncated != "":
			t.Errorf("%s: %d bytes, damaged %q, truncated %q; want %d bytes", v.File, len(r.Body), r.Damaged, r.Truncated, v.Decoded.Bytes)
		}
	}
}

func TestConformanceCookies(t *testing.T) {
	type vector struct {
		Name      string
		SetCookie []string `json:"set_cookie"`
		Sent      []struct{ Name, Value string }
		SentTo    string `json:"sent_to"`
	}
	skips := skipped{
		"DISABLED_CHROMIUM0022": "a NUL in a header is a protocol fault; the set itself disables the case",
	}
	for _, v := range conformance.Load[vector](t, "cookies/http_state.json") {
		if skips.skip(t, v.Name) {
			continue
		}
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(time.Until(time.Date(2010, 1, 1, 0, 0, 0, 0, time.UTC)))
			f := open(t, Config{Cookies: true})
			from := parse(t, "http://home.example.org:8888/cookie-parser?"+strings.ToLower(v.Name))
			f.jar.store(from, http.Header{"Set-Cookie": v.SetCookie}, time.Now())
			to := parse(t, "http://home.example.org:8888/cookie-parser-result?"+strings.ToLower(v.Name))
			if v.SentTo != "" {
				var err error
				if to, err = to.Resolve(v.SentTo); err != nil {
					t.Fatal(err)
				}
			}
			var want []string
			for _, c := range v.Sent {
				want = append(want, c.Name+"="+c.Value)
			}
			if got := f.jar.header(to, time.Now()); got != strings.Join(want, "; ") {
				t.Errorf("%s: %q\n got %q\nwant %q", v.Name, v.SetCookie, got, strings.Join(want, "; "))
			}
		})
	}
}

func TestConformanceAddresses(t *testing.T) {
	type block struct {
		CIDR              string
		First, Last       string
		GloballyReachable *bool `json:"globally_reachable"`
	}
	blocks := conformance.Load[block](t, "ssrf/special_purpose.json")
	for _, b := range blocks {
		want := b.GloballyReachable != nil && *b.GloballyReachable
		for _, s := range []string{b.First, b.Last} {
			a := netip.MustParseAddr(s)
			inner, embeds := embedded(a)
			if embeds && !Public(inner) {
				want = false
			}
			if got := Public(a); got != want {
				t.Errorf("%s in %s: public %v, want %v", s, b.CIDR, got, want)
			}
		}
	}
	type single struct {
		IP      string
		Blocked bool
	}
	for _, v := range conformance.Load[single](t, "ssrf/smokescreen.json") {
		if got := !Public(netip.MustParseAddr(v.IP)); got != v.Blocked {
			t.Errorf("%s: blocked %v, want %v", v.IP, got, v.Blocked)
		}
	}
}

func TestConformanceURLs(t *testing.T) {
	type vector struct{ URL, Scheme, Verdict string }
	dials := 0
	f := open(t, Config{Dial: func(_ context.Context, network, address string) (net.Conn, error) {
		dials++
		return nil, io.EOF
	}})
	for _, v := range conformance.Load[vector](t, "ssrf/urls.json") {
		u, err := weburl.Parse(v.URL)
		if v.Verdict == "invalid" || v.Verdict == "scheme-not-crawlable" {
			if err == nil {
				t.Errorf("%s: parsed as %s, want %s", v.URL, u, v.Verdict)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v, want %s", v.URL, err, v.Verdict)
			continue
		}
		before := dials
		_, err = f.Fetch(t.Context(), Request{URL: u})
		fault, _ := err.(*Fault)
		if v.Verdict == "blocked-address" && (fault == nil || fault.Kind != RefusedAddress || dials != before) {
			t.Errorf("%s: %v after %d dials, want refused_address", v.URL, err, dials-before)
		}
	}
}

func TestConformanceRedirects(t *testing.T) {
	type vector struct {
		Name        string
		URL         string
		Status      int
		Location    *string
		LocationB64 string `json:"location_b64"`
		Then        *string
	}
	for _, v := range conformance.Load[vector](t, "redirects/scrapy.json") {
		head := fmt.Sprintf("HTTP/1.1 %d X\r\nContent-Length: 0\r\n", v.Status)
		if v.Location != nil || v.LocationB64 != "" {
			plain := ""
			if v.Location != nil {
				plain = *v.Location
			}
			head += "Location: " + string(conformance.Bytes(t, plain, v.LocationB64)) + "\r\n"
		}
		s := says(t, head+"\r\n", false)
		c := to(s, parse(t, v.URL).Hostname())
		f := open(t, c)
		base := parse(t, v.URL)
		r := get(t, f, "http://"+base.Hostname()+base.RequestURI())
		then, err := r.Location(base)
		got := ""
		if err == nil {
			got = then.String()
		}
		want := ""
		if v.Then != nil {
			want = *v.Then
		}
		if got != want || r.Status != v.Status {
			t.Errorf("%s %s: status %d, then %q (%v), want %q", v.Name, v.URL, r.Status, got, err, want)
		}
	}
}

// verdict is one word for how a fetch of a raw answer ended.
func verdict(r *Response, err error) string {
	switch {
	case err != nil:
		if _, ok := err.(*Fault); !ok {
			return "untyped error " + err.Error()
		}
		return "fault"
	case r.Truncated != "" || r.Damaged != "":
		return "cut"
	}
	return "page"
}

// impatient has short limits, so that a server that never ends is soon found
// out. It is for cases in which any failure will do: a busy machine is late, too.
func impatient(c Config) Config {
	c.Timeout, c.MaxTime = 300*time.Millisecond, 400*time.Millisecond
	return c
}

func TestConformanceBadServers(t *testing.T) {
	type vector struct {
		Name, Raw    string
		RawB64       string `json:"raw_b64"`
		RawHead      string `json:"raw_head"`
		Repeat       string
		Generator    string
		ClosedByPeer bool `json:"closed_by_server"`
		Expect, Body string
		Status       int
	}
	skips := skipped{
		"/chunked_non_standard_delim": "chunk lines that end in LF alone: net/http refuses them (CVE-2025-22871); the body is marked",
		"/chunked_with_extension":     "the same: one of its chunk lines ends in LF alone",
	}
	for _, v := range conformance.Load[vector](t, "http/wpull_badapp.json") {
		if skips.skip(t, v.Name) {
			continue
		}
		answer := conformance.Bytes(t, v.Raw+v.RawHead, v.RawB64)
		if v.RawHead != "" {
			tail := v.RawHead[max(0, len(v.RawHead)-120):]
			for len(answer) < 300_000 {
				answer = append(answer, tail...)
			}
		}
		hold := !v.ClosedByPeer && v.RawHead == ""
		s := says(t, string(answer), hold)
		switch v.Name {
		case "/infinite":
			s = listen(t, func(c net.Conn) {
				readRequest(c)
				io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
				for {
					if _, err := io.WriteString(c, strings.Repeat("<a href=\"/x\">hi</a>", 1000)); err != nil {
						return
					}
				}
			})
		case "/big":
			s = says(t, page(strings.Repeat("\x00\xff", 5<<20)), true)
		case "/sleep_long":
			s = says(t, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx", true)
		}
		c := to(s)
		if v.Name == "/sleep_long" {
			c = impatient(c)
		}
		r, err := open(t, c).Fetch(t.Context(), Request{URL: parse(t, s.origin()+v.Name)})
		got := verdict(r, err)
		want := map[string]string{"page": "page", "redirect-refused": "page", "error": "fault cut", "either": "page fault cut"}[v.Expect]
		if v.Name == "/false_gzip" {
			want = "cut" // kept as it came, with a mark
		}
		if !strings.Contains(want, got) {
			t.Errorf("%s: %s (%v), want %s", v.Name, got, err, want)
			continue
		}
		if got == "page" && v.Body != "" && string(r.Body) != v.Body {
			t.Errorf("%s: body %q, want %q", v.Name, short(r.Body), v.Body)
		}
		if v.Expect == "redirect-refused" {
			if u, err := r.Location(parse(t, s.origin())); err == nil {
				t.Errorf("%s: leads to %s", v.Name, u)
			}
		}
	}
}

func TestConformanceHeads(t *testing.T) {
	type vector struct {
		Name, Response, Note string
		Status               *int
	}
	skips := skipped{
		"HTTP/1.1 1 OK\r\nheader-parsing: is sad\r\n\r\n": "RFC 9112, 4 wants three digits; curl and llhttp refuse one as we do",
	}
	for _, v := range conformance.Load[vector](t, "http/wpt_h1.json") {
		if skips.skip(t, v.Response) {
			continue
		}
		s := says(t, v.Response, false)
		r, err := open(t, to(s)).Fetch(t.Context(), Request{URL: parse(t, s.origin())})
		switch {
		case v.Name == "lone-cr": // the note leaves the verdict open
			if err == nil && (strings.Contains(fmt.Sprint(r.Header), "BODY") || verdict(r, err) == "") {
				t.Errorf("%q: header from the body: %v", v.Response, r.Header)
			}
		case v.Status == nil && verdict(r, err) != "fault":
			t.Errorf("%q: %s, want a fault", v.Response, verdict(r, err))
		case v.Status != nil && (err != nil || r.Status != *v.Status):
			t.Errorf("%q: %v, want status %d", v.Response, err, *v.Status)
		}
	}
}

// curlCase is one of curl's test cases: what a server sends, how curl ended.
type curlCase struct {
	Name, URL  string
	Flags      []string
	CurlResult string `json:"curl_result"`
	Requests   []string
	Responses  []struct {
		Part, Raw string
		RawB64    string `json:"raw_b64"`
	}
}

// number is the 11 of "curl test 11: ...".
func (c *curlCase) number() int {
	n := 0
	fmt.Sscanf(c.Name, "curl test %d", &n)
	return n
}

// answer picks a response as curl's test server does.
func (c *curlCase) answer(t *testing.T, uri string, bounce int) []byte {
	asked := 0
	fmt.Sscanf(uri[strings.LastIndexByte(uri, '/')+1:], "%d", &asked)
	part := "data"
	n := asked - c.number()*10000
	if n < 0 || n > 9999 {
		n = 0
	}
	if n == 0 {
		n = bounce
	}
	if n > 0 {
		part = fmt.Sprintf("data%d", n)
	}
	for _, r := range c.Responses {
		if r.Part == part {
			return conformance.Bytes(t, r.Raw, r.RawB64)
		}
	}
	r := c.Responses[0]
	return conformance.Bytes(t, r.Raw, r.RawB64)
}

func TestConformanceCurl(t *testing.T) {
	skips := skipped{
		"395":  "a Content-Length over 2^63 is a protocol fault; curl takes it for none",
		"772":  "two Locations of a 200 lead nowhere and harm nobody",
		"1122": "Transfer-Encoding: gzip, never asked for, is a clear fault",
		"1124": "Transfer-Encoding: gzip, never asked for, is a clear fault",
		"1277": "Transfer-Encoding: gzip, never asked for, is a clear fault",
		"1617": "Transfer-Encoding: gzip, never asked for, is a clear fault",
		"319":  "an unknown Transfer-Encoding is a clear fault",
		"1482": "chunked twice is refused by net/http; RFC 9112, 6.1 forbids it",
		"1494": "identity is no transfer coding since RFC 7230; net/http refuses it",
		"1090": "chunk lines that end in LF alone, as 1417",
		"1417": "chunk lines that end in LF alone: net/http refuses them (CVE-2025-22871); the body is marked",
		"1267": "HTTP/0.9 is refused",
		"1479": "the second answer, HTTP/0.9, is another exchange here",
		"1473": "a first header line that begins with a blank is refused by net/http; llhttp refuses it too",
		"2106": "the fault is in the trailer, which is never used; the body is whole",
	}
	count := 0
	for _, v := range conformance.Load[curlCase](t, "http/curl.json") {
		name := fmt.Sprint(v.number())
		if skips.skip(t, name) {
			count++
			continue
		}
		bounce := 0 // "swsbounce": the next request gets the next part
		s := listen(t, func(c net.Conn) {
			req, err := http.ReadRequest(bufio.NewReader(c))
			if err != nil {
				return
			}
			answer := v.answer(t, req.RequestURI, bounce)
			answer = bytes.ReplaceAll(answer, []byte("127.0.0.1:8990"), []byte(c.LocalAddr().String()))
			if bytes.Contains(answer, []byte("swsbounce")) {
				bounce++
			}
			c.Write(answer)
			lastWords(c)
		})
		addr := s.l.Addr().String()
		u, err := weburl.Parse(strings.ReplaceAll(strings.TrimPrefix(v.URL, "http://"), "127.0.0.1:8990", "http://"+addr))
		if err != nil {
			t.Logf("%s: no URL here: %v", name, err)
			count++
			continue
		}
		f := open(t, to(s))
		follow := slices.Contains(v.Flags, "-L") || slices.Contains(v.Flags, "--location")
		var chain []string
		got := ""
		for hop := 0; hop < 10 && u.Host() == addr; hop++ {
			chain = append(chain, u.RequestURI())
			r, err := f.Fetch(t.Context(), Request{URL: u})
			if got = verdict(r, err); err != nil || !follow || r.Redirect == "" {
				break
			}
			if u, err = r.Location(u); err != nil {
				break
			}
		}
		if follow && len(v.Requests) > 0 && !slices.Equal(chain, v.Requests) {
			t.Errorf("%s: asked for %q, want %q", v.Name, chain, v.Requests)
		}
		switch v.CurlResult {
		case "ok":
			if got != "page" {
				t.Errorf("%s: %s, want a page", v.Name, got)
			}
		case "empty-reply", "recv-error", "weird-server-reply", "partial-file", "bad-content-encoding":
			if got == "page" {
				t.Errorf("%s: a page, want %s", v.Name, v.CurlResult)
			}
		}
	}
	t.Logf("%d cases not asked", count)
}

func TestConformanceLlhttp(t *testing.T) {
	type vector struct {
		Name, Mode, Response string
		ResponseB64          string `json:"response_b64"`
		Status               *int
		Error                *string
		Body                 string
		Complete             bool `json:"message_complete"`
	}
	for _, v := range conformance.Load[vector](t, "http/llhttp.json") {
		s := says(t, string(conformance.Bytes(t, v.Response, v.ResponseB64)), false)
		r, err := open(t, to(s)).Fetch(t.Context(), Request{URL: parse(t, s.origin())})
		if got := verdict(r, err); strings.HasPrefix(got, "untyped") {
			t.Errorf("%s: %s", v.Name, got)
		}
		if err != nil {
			continue // refusing what a strict parser takes is no harm: heads are often cut in this set
		}
		if v.Status != nil && r.Status != *v.Status {
			t.Errorf("%s: status %d, want %d", v.Name, r.Status, *v.Status)
		}
		if v.Status == nil && v.Error != nil {
			t.Logf("%s: taken (%d); llhttp: %s", v.Name, r.Status, *v.Error)
		}
		if v.Error == nil && v.Complete && r.Truncated == "" && string(r.Body) != v.Body {
			t.Errorf("%s: body %q, want %q", v.Name, r.Body, v.Body)
		}
	}
}

func TestConformanceTLS(t *testing.T) {
	type vector struct{ Name, What, Default string }
	skips := skipped{
		"revoked":           "either; no OCSP or CRL is asked",
		"rsa8192":           "either; its key takes minutes to make",
		"dh480":             "Go's server cannot be made to offer it, and its client does not",
		"ssl3":              "Go's server cannot be made to speak it, and its client does not",
		"sha1-intermediate": "crypto/x509 no longer signs with SHA-1, and refuses it always",
		"mixed-script":      "a matter of the page, not of the exchange",
	}
	a, cases := tlsCases(t)
	idn := cases["sha256"]
	idn.server = secure(t, a.sign(t, nil, []string{"xn--n1aae7f7o.example"}, nil), nil)
	cases["xn--n1aae7f7o"] = idn
	for _, v := range conformance.Load[vector](t, "tls/badssl.json") {
		if skips.skip(t, v.Name) {
			continue
		}
		c, ok := cases[v.Name]
		if !ok {
			t.Errorf("%s is not rebuilt here", v.Name)
			continue
		}
		to := c.server.Listener.Addr().String()
		f := open(t, Config{Roots: a.pool, Timeout: 5 * time.Second, Resolve: map[string]string{
			"www.example.com:443": to, "xn--n1aae7f7o.example:443": to,
		}})
		host := "www.example.com"
		if v.Name == "xn--n1aae7f7o" {
			host = "xn--n1aae7f7o.example"
		}
		_, err := f.Fetch(t.Context(), Request{URL: parse(t, "https://"+host+"/")})
		fault, _ := err.(*Fault)
		switch {
		case v.Default == "accept" && err != nil:
			t.Errorf("%s: %v", v.Name, err)
		case v.Default == "refuse" && (fault == nil || fault.Kind != TLS):
			t.Errorf("%s: %v, want a TLS fault", v.Name, err)
		}
	}
}
