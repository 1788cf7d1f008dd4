//go:build linux && acceptance

package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"crawl/internal/testweb"
)

// The size of TestAcceptanceMillion, and the memory it may take.
const (
	millionHosts   = 1000
	linksAHost     = 1000
	millionsMemory = 256 << 20
)

// TestAcceptanceMillion crawls the front pages of 1,000 hosts, which link to
// 1,000 pages each, and comes to its page limit with a million URLs queued,
// every one of which is refused and recorded. The memory of the process, mapped
// files apart, stays below 256 MiB: they are the kernel's to drop.
func TestAcceptanceMillion(t *testing.T) {
	front := []byte("<title>front</title>" + links())
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		w.Write(front)
	})
	hosts := map[string]http.Handler{}
	for i := range millionHosts {
		hosts[fmt.Sprintf("h%04d", i)] = page
	}
	web, err := testweb.Serve(hosts)
	if err != nil {
		t.Fatal(err)
	}
	defer web.Close()
	bin := buildCrawl(t)
	var seeds []string
	for name := range hosts {
		seeds = append(seeds, web.URL(name, "/"))
	}
	data := filepath.Join(bin.home, "data")
	c := bin.command("run", "--list", bin.listFile(t, seeds), "--scope", "host", "--sitemap", "off", "--data", data,
		"--max-pages", strconv.Itoa(millionHosts), "--max-pages-per-host", "1", "--concurrency", "64", "--progress", "none")
	c.Env = append(c.Env, "GOMEMLIMIT=160MiB")
	var talk strings.Builder
	c.Stderr = &talk
	began := time.Now()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	most := 0
	for over := false; !over; {
		select {
		case <-ended:
			over = true
		case <-time.After(20 * time.Millisecond):
			most = max(most, anonymous(c.Process.Pid))
		}
	}
	t.Logf("%v, at most %d MiB", time.Since(began).Round(time.Second), most>>20)
	if code := c.ProcessState.ExitCode(); code != exitPartial {
		t.Fatalf("exit %d\n%s", code, talk.String())
	}
	if s := bin.summaryOf(t, data); s.Found != millionHosts*(linksAHost+1) || s.Done != millionHosts || s.Queued != 0 {
		t.Errorf("found %d, done %d, queued %d", s.Found, s.Done, s.Queued)
	}
	if most == 0 || most > millionsMemory {
		t.Errorf("%d bytes of memory, want at most %d", most, millionsMemory)
	}
}

func links() string {
	var b strings.Builder
	for i := range linksAHost {
		fmt.Fprintf(&b, "<a href=/a/path/of/usual/length/page-%04d.html>page</a>\n", i)
	}
	return b.String()
}

// anonymous is how much memory of a process is its own, in bytes.
func anonymous(pid int) int {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(raw)) {
		if kb, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			n, _ := strconv.Atoi(strings.Fields(kb)[0])
			return n << 10
		}
	}
	return 0
}
