package testweb

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const archive = `A small web.
-- shop/ --
<a href="/list?page=2">list</a> <a href="{{blog}}/">blog</a> {{else}} {{
-- shop/list?page=2 --
page two
-- shop/old --
!status 301
!header Location: {{blog}}/new
-- shop/long.txt --
!body-repeat 3
ab
-- shop/slow --
!delay 200ms
slow
-- shop/odd --
!header Content-Type: text/html; charset=koi8-r
!header X-A: 1
!header X-A: 2
!status 200
<!DOCTYPE html>
-- blog/new --
new
-- blog/style.css --
a{}
`

func TestText(t *testing.T) {
	hosts, err := Text(archive)
	if err != nil {
		t.Fatal(err)
	}
	w := serve(t, Config{}, hosts)
	blog := w.Origin("blog")
	const html = "text/html; charset=utf-8"
	tests := []struct {
		host, uri string
		status    int
		kind      string
		body      string
	}{
		{"shop", "/", 200, html, `<a href="/list?page=2">list</a> <a href="` + blog + `/">blog</a> {{else}} {{` + "\n"},
		{"shop", "/list?page=2", 200, html, "page two\n"},
		{"shop", "/list", 404, "text/plain; charset=utf-8", "404 page not found\n"},
		{"shop", "/old", 301, html, ""},
		{"shop", "/long.txt", 200, "text/plain; charset=utf-8", "ab\nab\nab\n"},
		{"shop", "/odd", 200, "text/html; charset=koi8-r", "<!DOCTYPE html>\n"},
		{"shop", "/new", 404, "text/plain; charset=utf-8", "404 page not found\n"},
		{"blog", "/new", 200, html, "new\n"},
		{"blog", "/style.css", 200, "text/css; charset=utf-8", "a{}\n"},
	}
	c := client(t, w)
	for _, test := range tests {
		resp, body := get(t, c, w.URL(test.host, test.uri))
		if resp.StatusCode != test.status || resp.Header.Get("Content-Type") != test.kind || body != test.body {
			t.Errorf("%s%s: %d %s %q; want %+v", test.host, test.uri, resp.StatusCode, resp.Header.Get("Content-Type"), body, test)
		}
	}
	resp, _ := get(t, c, w.URL("shop", "/old"))
	if got := resp.Header.Get("Location"); got != blog+"/new" {
		t.Errorf("Location %q", got)
	}
	resp, _ = get(t, c, w.URL("shop", "/odd"))
	if got := resp.Header.Values("X-A"); len(got) != 2 {
		t.Errorf("X-A %q, want two values", got)
	}
	resp, _ = get(t, c, w.URL("shop", "/"), "If-None-Match", etag(t, c, w.URL("shop", "/")))
	if resp.StatusCode != http.StatusNotModified {
		t.Errorf("with its ETag: %d, want 304", resp.StatusCode)
	}
}

// etag returns the ETag that url answers with.
func etag(t *testing.T, c *http.Client, url string) string {
	t.Helper()
	resp, _ := get(t, c, url)
	tag := resp.Header.Get("ETag")
	if tag == "" {
		t.Fatalf("%s has no ETag", url)
	}
	return tag
}

func TestTextDelay(t *testing.T) {
	hosts, err := Text(archive)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		w, err := Config{Pipe: true}.Serve(hosts)
		if err != nil {
			t.Fatal(err)
		}
		c := client(t, w)
		begin := time.Now()
		if _, body := get(t, c, w.URL("shop", "/slow")); body != "slow\n" {
			t.Errorf("body %q", body)
		}
		if took := time.Since(begin); took != 200*time.Millisecond {
			t.Errorf("took %v, want 200ms", took)
		}
		c.CloseIdleConnections()
		w.Close()
	})
}

func TestTextRefuses(t *testing.T) {
	tests := []struct{ archive, want string }{
		{"-- shop --\n", "host/path"},
		{"-- /x --\n", "host/path"},
		{"-- a/x --\n-- a/x --\n", "twice"},
		{"-- a/x --\n!status 99\n", "200 to 599"},
		{"-- a/x --\n!status ok\n", "200 to 599"},
		{"-- a/x --\n!header X\n", "colon"},
		{"-- a/x --\n!delay -1s\n", "duration"},
		{"-- a/x --\n!delay 5\n", "duration"},
		{"-- a/x --\n!body-repeat 0\n", "1 to"},
		{"-- a/x --\n!sleep 1s\n", "!delay"},
	}
	for _, test := range tests {
		_, err := Text(test.archive)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: error %v, want one with %q", test.archive, err, test.want)
		}
	}
}
