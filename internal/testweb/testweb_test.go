package testweb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func hello(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) })
}

func TestServeLogsWhatTheClientSaw(t *testing.T) {
	big := strings.Repeat("x", 300<<10)
	mux := http.NewServeMux()
	mux.Handle("/hello", hello("hello"))
	mux.Handle("/big", hello(big))
	mux.Handle("/gone", http.NotFoundHandler())
	mux.HandleFunc("/busy", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	mux.HandleFunc("/hints", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusTeapot)
	})
	w := serve(t, Config{}, map[string]http.Handler{"a": mux})
	c := client(t, w)
	tests := []struct {
		uri    string
		status int
		bytes  int64
		retry  time.Duration
	}{
		{"/hello?q=1", 200, 5, 0},
		{"/big", 200, 300 << 10, 0},
		{"/gone", 404, 19, 0},
		{"/busy", 503, 0, 7 * time.Second},
		{"/hints", 418, 0, 0},
	}
	for i, test := range tests {
		get(t, c, w.URL("a", test.uri), "X-Test", test.uri)
		hits := w.Hits()
		if len(hits) != i+1 {
			t.Fatalf("%s: %d hits in the log, want %d", test.uri, len(hits), i+1)
		}
		h := hits[i]
		if h.Host != "a" || h.Method != "GET" || h.URI != test.uri || h.Status != test.status || h.Bytes != test.bytes || h.RetryAfter != test.retry || h.Broken {
			t.Errorf("%s: logged as %+v", test.uri, h)
		}
		if h.End.Before(h.Start) || h.Header.Get("X-Test") != test.uri || h.Addr == "" {
			t.Errorf("%s: End, Header or Addr wrong: %+v", test.uri, h)
		}
		if i > 0 && h.Start.Before(hits[i-1].End) {
			t.Errorf("%s: arrived before the end of the answer before it", test.uri)
		}
	}
}

func TestHeadHasNoBytes(t *testing.T) {
	w := serve(t, Config{}, map[string]http.Handler{"a": hello("hello")})
	resp, err := client(t, w).Head(w.URL("a", "/"))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if h := w.Hits()[0]; h.Method != "HEAD" || h.Bytes != 0 || h.Broken || h.Status != 200 {
		t.Errorf("logged as %+v", h)
	}
}

func TestLogOfHijackedConnection(t *testing.T) {
	raw := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		_, _ = io.WriteString(c, "HTTP/1.0 200 fine\r\n\r\nraw")
	})
	w := serve(t, Config{}, map[string]http.Handler{"a": raw})
	if _, body := get(t, client(t, w), w.URL("a", "/")); body != "raw" {
		t.Errorf("body %q", body)
	}
	if h := w.Hits()[0]; h.Status != 0 || h.End.IsZero() {
		t.Errorf("logged as %+v", h)
	}
}

func TestBrokenAnswers(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/short", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "short")
	})
	mux.HandleFunc("/abort", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "some")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	mux.HandleFunc("/hang", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	for _, uri := range []string{"/short", "/abort", "/hang"} {
		synctest.Test(t, func(t *testing.T) {
			w, err := Config{Pipe: true}.Serve(map[string]http.Handler{"a": mux})
			if err != nil {
				t.Fatal(err)
			}
			c := client(t, w)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if n, err := readUntil(ctx, c, w.URL("a", uri)); err == nil {
				t.Errorf("%s: the client noticed nothing in %d bytes", uri, n)
			}
			c.CloseIdleConnections()
			w.Close() // waits for the handler, so the log is final
			if h := w.Hits()[0]; !h.Broken || h.End.IsZero() {
				t.Errorf("%s: logged as %+v", uri, h)
			}
		})
	}
}

func TestAddresses(t *testing.T) {
	hosts := map[string]http.Handler{"a": hello("A"), "b.a": hello("B"), "c": hello("C")}
	for _, config := range []Config{{}, {OwnPorts: true}, {Pipe: true}} {
		t.Run(fmt.Sprintf("%+v", config), func(t *testing.T) {
			w := serve(t, config, hosts)
			origins := map[string]bool{}
			ports := map[string]bool{}
			for name := range hosts {
				origin := w.Origin(name)
				origins[origin] = true
				_, port, _ := strings.Cut(strings.TrimPrefix(origin, "http://"), ":")
				ports[port] = true
				want := strings.ToUpper(name[:1])
				if _, body := get(t, client(t, w), w.URL(name, "/")); body != want {
					t.Errorf("%s answered %q, want %q", origin, body, want)
				}
				named := &http.Client{Transport: &http.Transport{DialContext: w.DialContext, DisableKeepAlives: true}}
				if _, body := get(t, named, "http://"+name+"/"); body != want {
					t.Errorf("http://%s/ answered %q, want %q", name, body, want)
				}
			}
			if len(origins) != 3 {
				t.Errorf("origins %v: want three", origins)
			}
			if want := config.OwnPorts || !config.Pipe && runtime.GOOS != "linux"; want != (len(ports) == 3) {
				t.Errorf("ports %v: three is to be %v", ports, want)
			}
			_, err := w.DialContext(t.Context(), "tcp", "nobody:80")
			if dns, ok := errors.AsType[*net.DNSError](err); !ok || !dns.IsNotFound {
				t.Errorf("dialling a host that is not there: %v", err)
			}
			if got := w.URL("nobody", "/x"); got != "http://nobody.invalid/x" {
				t.Errorf("URL of a host that is not there: %s", got)
			}
		})
	}
}

func TestOriginIn(t *testing.T) {
	asks := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, OriginIn(r.Context(), "b")+" "+OriginIn(r.Context(), "else"))
	})
	w := serve(t, Config{}, map[string]http.Handler{"a": asks, "b": asks})
	if _, body := get(t, client(t, w), w.URL("a", "/")); body != w.Origin("b")+" http://else" {
		t.Errorf("OriginIn gave %s", body)
	}
	if got := OriginIn(t.Context(), "b"); got != "http://b" {
		t.Errorf("OriginIn outside of a web gave %s", got)
	}
}

func TestServeRefuses(t *testing.T) {
	if _, err := Serve(nil); err == nil {
		t.Error("no hosts were served")
	}
	w := serve(t, Config{OwnPorts: true}, map[string]http.Handler{"a": hello("")})
	_, port, err := net.SplitHostPort(strings.TrimPrefix(w.Origin("a"), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	var taken int
	if _, err := fmt.Sscan(port, &taken); err != nil {
		t.Fatal(err)
	}
	if _, err := (Config{OwnPorts: true, Port: taken}).Serve(map[string]http.Handler{"a": hello("")}); err == nil {
		t.Error("a port was served twice")
	}
}

func TestFullLog(t *testing.T) {
	w := serve(t, Config{MaxHits: 2}, map[string]http.Handler{"a": hello("")})
	c := client(t, w)
	for range 5 {
		get(t, c, w.URL("a", "/"))
	}
	if len(w.Hits()) != 2 || w.Lost() != 3 {
		t.Errorf("%d kept, %d lost; want 2 and 3", len(w.Hits()), w.Lost())
	}
}

// TestThousandHosts serves as many hosts as the crawl tests need, and holds
// that Close leaves no goroutine (TestMain) although connections are kept.
func TestThousandHosts(t *testing.T) {
	hosts := map[string]http.Handler{}
	for i := range 1000 {
		hosts[fmt.Sprintf("h%d", i)] = hello(fmt.Sprint(i))
	}
	w := serve(t, Config{}, hosts)
	c := client(t, w)
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := worker; i < 1000; i += 8 {
				if _, body := get(t, c, w.URL(fmt.Sprintf("h%d", i), "/")); body != fmt.Sprint(i) {
					t.Errorf("host %d answered %q", i, body)
				}
			}
		})
	}
	group.Wait()
	if n := len(w.Hits()); n != 1000 {
		t.Errorf("%d hits, want 1000", n)
	}
}

func TestVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			pause(r.Context(), time.Minute)
			_, _ = io.WriteString(w, "late")
		})
		w, err := Config{Pipe: true}.Serve(map[string]http.Handler{"a": slow})
		if err != nil {
			t.Fatal(err)
		}
		c := client(t, w)
		get(t, c, w.URL("a", "/1"))
		time.Sleep(time.Second)
		get(t, c, w.URL("a", "/2"))
		c.CloseIdleConnections()
		w.Close()
		hits := w.Hits()
		if took := hits[0].End.Sub(hits[0].Start); took != time.Minute {
			t.Errorf("answered after %v, want a minute", took)
		}
		if gap := hits[1].Start.Sub(hits[0].End); gap != time.Second {
			t.Errorf("gap %v, want a second", gap)
		}
		if _, err := w.DialContext(t.Context(), "tcp", "a:80"); err == nil {
			t.Error("dialled a closed web")
		}
	})
}

func BenchmarkServe(b *testing.B) {
	w, err := Serve(map[string]http.Handler{"a": hello("hello")})
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	tr := &http.Transport{MaxIdleConnsPerHost: 8}
	defer tr.CloseIdleConnections()
	c := &http.Client{Transport: tr}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			resp, err := c.Get(w.URL("a", "/"))
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
}
