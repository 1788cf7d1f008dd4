package fetcher

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"crawl/internal/weburl"
)

// inner lists addresses that are never public, with why; outer some that are.
var inner = strings.Fields(`
	0.0.0.0 0.1.2.3 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255
	127.0.0.1 127.1.2.3 127.255.255.255 169.254.0.1 169.254.169.254 172.16.0.0 172.31.255.255
	192.0.0.0 192.0.0.8 192.0.0.11 192.0.0.170 192.0.2.1 192.88.99.1 192.168.0.0 192.168.255.255
	198.18.0.0 198.19.255.255 198.51.100.7 203.0.113.7 224.0.0.1 239.255.255.255 240.0.0.1
	255.255.255.255
	:: ::1 ::2 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254
	::ffff:0.0.0.0 64:ff9b::127.0.0.1 64:ff9b::10.1.1.1 64:ff9b::169.254.169.254 64:ff9b::192.0.2.1
	64:ff9b:1::1 64:ff9b:1:ffff::8.8.8.8 100::1 100:0:0:1::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2
	2001:2::1 2001:10::1 2001:1ff::1 2001:db8::1 2002::1 2002:7f00:1::1 2002:a00:1::1 2002:808:808::1
	3fff::1 5f00::1 fc00::1 fd00::1 fdff:ffff::1 fe80::1 febf::1 fe80::1%eth0 2606:4700::1%1 fec0::1 feff::1
	ff02::1 ff0e::1 2606:4700::5efe:10.0.0.1 2606:4700::200:5efe:127.0.0.1`)

var outer = strings.Fields(`
	1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.1
	169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.0.0.9 192.0.0.10 192.0.1.0 192.0.3.0
	192.31.196.1 192.52.193.1 192.167.255.255 192.169.0.0 192.175.48.1 198.17.255.255 198.20.0.0
	223.255.255.255 ::ffff:8.8.8.8 64:ff9b::8.8.8.8 2001:1::1 2001:3::1 2001:4:112::1 2001:20::1
	2001:200::1 2001:4860:4860::8888 2606:4700:4700::1111 2606:4700::5efe:8.8.8.8 2a00:1450::1`)

func TestPublic(t *testing.T) {
	for _, s := range inner {
		if Public(netip.MustParseAddr(s)) {
			t.Errorf("%s is public", s)
		}
	}
	for _, s := range outer {
		if !Public(netip.MustParseAddr(s)) {
			t.Errorf("%s is not public", s)
		}
	}
	if Public(netip.Addr{}) {
		t.Error("no address is public")
	}
}

// TestResolvedAddress gives each address as what a name resolves to: none may
// be dialled, and no error may tell which it was.
func TestResolvedAddress(t *testing.T) {
	f := open(t, Config{})
	for _, s := range inner {
		a := netip.MustParseAddr(s)
		f.net.lookup = func(context.Context, string) ([]netip.Addr, error) { return []netip.Addr{a}, nil }
		fault := fails(t, f, "http://www.example.com/")
		if fault.Kind != RefusedAddress || fault.Temporary {
			t.Errorf("%s: %s (%v)", s, fault.Kind, fault.Err)
		}
		if text := fault.Error() + fault.Err.Error(); len(s) > 3 && strings.Contains(text, s) {
			t.Errorf("%s: the error tells: %s", s, text)
		}
	}
}

// spellings of addresses that a page or a redirect might name.
var spellings = strings.Fields(`
	http://127.0.0.1:P/ http://127.1:P/ http://127.0.1:P/ http://2130706433:P/ http://0x7f000001:P/
	http://0x7f.1:P/ http://0177.0.0.1:P/ http://017700000001:P/ http://127.0.0.1.:P/ http://0:P/
	http://0.0.0.0:P/ http://[::1]:P/ http://[::]:P/ http://[0:0:0:0:0:0:0:1]:P/ http://[::ffff:127.0.0.1]:P/
	http://[::ffff:7f00:1]:P/ http://[::127.0.0.1]:P/ http://[64:ff9b::7f00:1]:P/ http://user@127.0.0.1:P/
	http://example.com@127.0.0.1:P/ http://１２７.０.０.１:P/ http://127。0。0。1:P/ http://127%2e0%2e0%2e1:P/
	http://localhost:P/ http://LOCALHOST:P/ http://localhost.:P/ http://a.localhost:P/ http://ⓛocalhost:P/
	http://printer.local:P/ http://metadata.google.internal/ http://router.home.arpa/ http://wiki/ http://x.onion/
	http://169.254.169.254/ http://[fd00:ec2::254]/ http://[fe80::1]/ http:\\127.0.0.1:P\ http:127.0.0.1:P/`)

// TestSpellings counts connections at a listener on loopback: there must be
// none, whichever way the address is written.
func TestSpellings(t *testing.T) {
	canary := says(t, page("x"), false)
	_, port, _ := net.SplitHostPort(canary.l.Addr().String())
	f := open(t, Config{})
	for _, s := range spellings {
		u, err := weburl.Parse(strings.ReplaceAll(s, ":P", ":"+port))
		if err != nil {
			continue // no address at all
		}
		if fault := fails(t, f, u.String()); fault.Kind != RefusedAddress {
			t.Errorf("%s: %s", s, fault.Kind)
		}
	}
	if n := canary.taken(); n != 0 {
		t.Errorf("%d connections to loopback", n)
	}
}

func TestPorts(t *testing.T) {
	f := open(t, Config{AllowPrivate: true, Trusted: []string{"http://127.0.0.1:25"}})
	for _, p := range strings.Fields("1 22 25 53 6000 6667 10080") {
		u := parse(t, "http://127.0.0.1:"+p)
		_, err := f.guard.judge(u)
		if want := p != "25"; (err == errBadPort) != want {
			t.Errorf("port %s: %v", p, err)
		}
	}
	if fault := fails(t, f, "http://127.0.0.1:22"); fault.Kind != RefusedAddress || !strings.Contains(fault.Sentence, "port") {
		t.Errorf("%+v", fault)
	}
	for _, p := range strings.Fields("80 443 8080 8443 3000") {
		if _, err := f.guard.judge(parse(t, "http://example.com:"+p)); err != nil {
			t.Errorf("port %s: %v", p, err)
		}
	}
}

// TestTrusted: a typed seed opens its own origin and nothing beside it.
func TestTrusted(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "x") }))
	defer s.Close()
	other := says(t, page("x"), false)
	f := open(t, Config{Trusted: []string{s.URL}})
	get(t, f, s.URL+"/")
	for _, u := range []string{
		other.origin(), strings.Replace(s.URL, "http:", "https:", 1),
		strings.Replace(s.URL, "127.0.0.1", "localhost", 1), strings.Replace(s.URL, "127.0.0.1", "127.0.0.2", 1),
	} {
		if fault := fails(t, f, u); fault.Kind != RefusedAddress {
			t.Errorf("%s: %s", u, fault.Kind)
		}
	}
	f = open(t, Config{AllowPrivate: true})
	get(t, f, s.URL+"/")
	get(t, f, strings.Replace(s.URL, "127.0.0.1", "localhost", 1))
	if n := other.taken(); n != 0 {
		t.Errorf("%d connections to another port", n)
	}
}

// TestRebinding: a name that was public and then is not is refused at the dial,
// whatever was said of it before.
func TestRebinding(t *testing.T) {
	canary := says(t, page("x"), false)
	port := netip.MustParseAddrPort(canary.l.Addr().String()).Port()
	f := open(t, Config{})
	answers := []string{"127.0.0.1", "::1"}
	f.net.lookup = func(context.Context, string) ([]netip.Addr, error) {
		a := netip.MustParseAddr(answers[0])
		answers = append(answers[1:], answers[0])
		return []netip.Addr{a}, nil
	}
	for range 4 {
		fault := fails(t, f, "http://rebind.example:"+itoa(int(port))+"/")
		if fault.Kind != RefusedAddress {
			t.Errorf("got %s: %v", fault.Kind, fault.Err)
		}
	}
	if n := canary.taken(); n != 0 {
		t.Errorf("%d connections to loopback", n)
	}
}

func TestSearchDomains(t *testing.T) {
	var asked []string
	f := open(t, Config{Trusted: []string{"http://wiki", "http://wiki.corp"}})
	f.net.lookup = func(_ context.Context, host string) ([]netip.Addr, error) {
		asked = append(asked, host)
		return nil, &net.DNSError{IsNotFound: true}
	}
	for _, u := range []string{"http://www.example.com/", "http://www.example.com./", "http://wiki/", "http://wiki.corp/"} {
		if fault := fails(t, f, u); fault.Kind != DNS || fault.Temporary {
			t.Errorf("%s: %+v", u, fault)
		}
	}
	if got := strings.Join(asked, " "); got != "www.example.com. www.example.com. wiki wiki.corp" {
		t.Errorf("looked up %q", got)
	}
}
