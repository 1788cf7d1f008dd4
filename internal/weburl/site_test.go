package weburl

import (
	"slices"
	"testing"
)

func TestRegistrableDomain(t *testing.T) {
	tests := []struct{ host, want string }{
		{"example.com", "example.com"},
		{"a.b.example.com", "example.com"},
		{"a.example.co.uk", "example.co.uk"},
		{"www.example.com.", "example.com"},
		{"user.github.io", "user.github.io"},
		{"x.user.github.io", "user.github.io"},
		{"a.www.ck", "www.ck"},
		{"a.b.kawasaki.jp", "a.b.kawasaki.jp"},
		{"x.city.kawasaki.jp", "city.kawasaki.jp"},
		{"www.食狮.公司.cn", "xn--85x722f.xn--55qx5d.cn"},
		{"a.unlisted", "a.unlisted"},
		{"com", ""},
		{"co.uk", ""},
		{"github.io", ""},
		{"localhost", ""},
		{".example", ""},
		{"a..com", ""},
		{"a.com..", ""},
		{".", ""},
		{"127.0.0.1", "127.0.0.1"},
		{"0x7f.1", "127.0.0.1"},
		{"[::1]:80", "::1"},
	}
	for _, tt := range tests {
		if got := mustParse(t, "https://"+tt.host).RegistrableDomain(); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.host, got, tt.want)
		}
	}
}

func TestIsIP(t *testing.T) {
	tests := map[string]string{
		"127.0.0.1": "127.0.0.1", "0": "0.0.0.0", "[::1]:8": "::1", "[FFFF::]": "ffff::", "[::ffff:1.2.3.4]": "::ffff:1.2.3.4",
		"a.example": "", "1a.example": "", "1.2.3.4a": "", "face": "",
	}
	for host, want := range tests {
		a, ok := mustParse(t, "http://"+host).IsIP()
		if ok != (want != "") || ok && a.String() != want {
			t.Errorf("%s: got %v, %v, want %q", host, a, ok, want)
		}
	}
}

func TestIsLocalName(t *testing.T) {
	local := []string{"localhost", "LOCALHOST.", "a.localhost", "printer.local", "local", "metadata.google.internal", "x.onion", "home.arpa", "a.home.arpa.", "intranet", "com", "."}
	public := []string{"example.com", "local.example", "mylocal.example", "notlocal.xlocal", "localhost.example", "x.arpa", "127.0.0.1", "[::1]", "a.internal.example"}
	for _, host := range local {
		if !mustParse(t, "http://"+host).IsLocalName() {
			t.Errorf("%s is said to be public", host)
		}
	}
	for _, host := range public {
		if mustParse(t, "http://"+host).IsLocalName() {
			t.Errorf("%s is said to be local", host)
		}
	}
}

func TestBadPort(t *testing.T) {
	tests := map[string]bool{
		"http://a/": false, "https://a/": false, "http://a:8080/": false, "http://a:3000/": false, "http://a:65535/": false,
		"http://a:0/": true, "http://a:1/": true, "http://a:22/": true, "http://a:25/": true, "https://a:6667/": true, "http://a:10080/": true, "http://[::1]:23/": true,
	}
	for raw, want := range tests {
		if got := mustParse(t, raw).BadPort(); got != want {
			t.Errorf("%s: got %v", raw, got)
		}
	}
	if !slices.IsSorted(badPorts) || len(badPorts) != 83 {
		t.Errorf("badPorts: %d, sorted %v; want 83 sorted", len(badPorts), slices.IsSorted(badPorts))
	}
}
