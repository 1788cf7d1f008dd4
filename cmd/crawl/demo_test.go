package main

import (
	"net"
	"net/http"
	"strconv"
	"testing"

	"crawl/internal/testweb"
	"crawl/internal/weburl"
	"crawl/store"
)

// TestDemoIsServedAgain: wherever the demo was served, a run that goes on finds
// it there, also if its usual ports are taken.
func TestDemoIsServedAgain(t *testing.T) {
	for _, taken := range []int{0, demoPort, demoPort + 1} {
		if taken != 0 {
			l, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(taken)))
			if err == nil { // else somebody else has it
				defer l.Close()
			}
		}
		web, err := serveSomewhere(demoPort)
		if err != nil {
			t.Fatal(err)
		}
		web.Close()
		seeds := map[string]weburl.URL{}
		for host := range testweb.Demo() {
			if seeds[host], err = weburl.Parse(web.URL(host, "/")); err != nil {
				t.Fatal(err)
			}
		}
		end := serveAgain(&store.Run{Site: demoSite}, []weburl.URL{seeds["shop"], seeds["blog"]})
		for host, u := range seeds {
			client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			resp, err := client.Get(u.String())
			if err != nil {
				t.Errorf("with port %d taken, %s: %v", taken, host, err)
				continue
			}
			if resp.Body.Close(); resp.StatusCode != http.StatusOK {
				t.Errorf("with port %d taken, %s: status %d", taken, host, resp.StatusCode)
			}
		}
		end()
	}
}
