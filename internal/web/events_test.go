package web

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// listening is a client of the events.
type listening struct {
	t    *testing.T
	resp *http.Response
	in   *bufio.Reader
	id   string // last
}

// listen connects, and waits until the hub knows.
func (a *servedAPI) listen(t *testing.T, query, last string) *listening {
	t.Helper()
	req, err := http.NewRequest("GET", a.origin+"/v1/events"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+readToken)
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	l := &listening{t: t, resp: resp, in: bufio.NewReader(resp.Body)}
	if kind := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || kind != typeEvents {
		t.Fatalf("%s, %s", resp.Status, kind)
	}
	if kind, _ := l.next(); kind != "" {
		t.Fatalf("the stream begins with an event: %s", kind)
	}
	return l
}

// next reads a block of the stream.
func (l *listening) next() (kind, data string) {
	l.t.Helper()
	for {
		line, err := l.in.ReadString('\n')
		if err != nil {
			l.t.Fatalf("the stream ended: %v", err)
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "id":
			l.id = value
		case "event":
			kind = value
		case "data":
			data = value
		case "":
			return kind, data
		}
	}
}

func (l *listening) wants(kind, data string) {
	l.t.Helper()
	if k, d := l.next(); k != kind || d != data {
		l.t.Errorf("an event %s %s; wanted %s %s", k, d, kind, data)
	}
}

// TestEvents listens, is cut off, and comes back.
func TestEvents(t *testing.T) {
	a := serveAPI(t)
	first := a.listen(t, "", "")
	a.Hub.Publish("run.started", "acme@2", map[string]int{"n": 1})
	first.wants("run.started", `{"n":1}`)
	first.resp.Body.Close()
	for n := 2; n <= 4; n++ {
		a.Hub.Publish("run.progress", fmt.Sprintf("acme@%d", n), map[string]int{"n": n})
	}
	again := a.listen(t, "", first.id)
	for n := 2; n <= 4; n++ {
		again.wants("run.progress", fmt.Sprintf(`{"n":%d}`, n))
	}
	a.Hub.Publish("run.ended", "acme@4", "line\nend")
	again.wants("run.ended", `"line\nend"`)

	a.Hub.Publish("run.progress", "acme@1", 1)
	for _, name := range []string{"acme@1", "acme", "https://acme.example/1"} { // as everywhere
		one := a.listen(t, "?run="+name, first.id)
		one.wants("run.progress", "1")
		a.Hub.Publish("notice", "acme@4", "of another")
		a.Hub.Publish("notice", "acme@1", "last")
		one.wants("notice", `"last"`)
		one.resp.Body.Close()
		first.id = one.id
		a.Hub.Publish("run.progress", "acme@1", 1)
	}
	if status, body, _ := a.do(t, call{method: "GET", path: "/v1/events?run=nobody", token: readToken}); status != http.StatusNotFound {
		t.Errorf("events of a run that there is not: %d %s", status, body)
	}

	// a client that was there before anything happened knows where it was
	fresh := a.listen(t, "", "")
	at := fresh.id
	fresh.resp.Body.Close()
	a.Hub.Publish("notice", "", "meanwhile")
	a.listen(t, "", at).wants("notice", `"meanwhile"`)
}

// TestEventsForgotten says so where it cannot tell what was missed.
func TestEventsForgotten(t *testing.T) {
	a := serveAPI(t)
	first := a.listen(t, "", "")
	a.Hub.Publish("notice", "", 0)
	first.wants("notice", "0")
	first.resp.Body.Close()
	epoch, _, _ := strings.Cut(first.id, "-")
	for n := range ringEvents {
		a.Hub.Publish("notice", "", n)
	}
	a.listen(t, "", first.id).wants("notice", "0") // the ring has just all of it
	a.Hub.Publish("notice", "", "more")
	for _, id := range []string{first.id, "another-1", epoch + "-99999", epoch, "-", epoch + "-x", strings.Repeat("9", 100)} {
		l := a.listen(t, "", id)
		if kind, _ := l.next(); kind != eventReset {
			t.Errorf("behind %.20q: %s; wanted %s", id, kind, eventReset)
		}
		a.Hub.Publish("notice", "", id)
		l.wants("notice", quoteJSON(id))
	}
	if n, most := len(a.Hub.ring), ringEvents; n > most {
		t.Errorf("%d events are remembered, %d at most", n, most)
	}
	a.Hub.Publish("notice", "", strings.Repeat("x", ringBytes/2))
	a.Hub.Publish("notice", "", strings.Repeat("x", ringBytes/2))
	if n := len(a.Hub.ring); n != 1 || a.Hub.bytes > ringBytes {
		t.Errorf("%d events of %d bytes are remembered", n, a.Hub.bytes)
	}
}

// TestEventsRevoked tells nothing more to who shows a token that holds no longer.
func TestEventsRevoked(t *testing.T) {
	a := serveAPI(t)
	l := a.listen(t, "", "")
	a.Hub.Publish("notice", "", "before")
	l.wants("notice", `"before"`)
	tokens, err := ParseTokens("admin " + adminToken)
	if err != nil {
		t.Fatal(err)
	}
	a.SetTokens(tokens)
	a.Hub.Publish("notice", "", "after")
	if rest, err := io.ReadAll(l.in); err != nil || len(rest) > 0 {
		t.Errorf("the stream goes on: %q, %v", rest, err)
	}
}

// TestEventsSlow drops who does not keep up, and too many.
func TestEventsSlow(t *testing.T) {
	h := NewHub()
	slow, _, _, _, err := h.listen("")
	if err != nil {
		t.Fatal(err)
	}
	for n := range behindEvents + 1 {
		h.Publish("notice", "", n)
	}
	if h.Listening() != 0 {
		t.Error("a listener that is behind is still there")
	}
	n := 0
	for range slow.events {
		n++
	}
	if n != behindEvents {
		t.Errorf("it was handed %d events", n)
	}
	h.leave(slow) // again, as its stream does
	for range mostListen {
		if _, _, _, _, err := h.listen(""); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, _, _, err := h.listen(""); err == nil {
		t.Error("one too many listens")
	}
	h.Close()
	h.Publish("notice", "", "late")
	if h.Listening() != 0 {
		t.Error("somebody listens to a hub that has ended")
	}
}

func TestTokens(t *testing.T) {
	for text, want := range map[string]Scope{"admin " + adminToken: Admin, adminToken: Admin, "# a\n\nread " + adminToken + "\r\n": Read, "run " + adminToken + "\nread " + readToken: Run} {
		tokens, err := ParseTokens(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := tokens.scope(adminToken); got != want {
			t.Errorf("%q: %v", text, got)
		}
		if tokens.scope("") != Open || tokens.scope(adminToken+" ") != Open {
			t.Errorf("%q allows what it should not", text)
		}
	}
	for _, text := range []string{"", "# nothing", "short", "all " + adminToken, "open " + adminToken, "read two " + adminToken, "read " + strings.Repeat("x", mostToken+1), strings.Repeat(adminToken+"\n", maxTokens+1)} {
		if _, err := ParseTokens(text); err == nil {
			t.Errorf("%.40q: no error", text)
		} else if strings.Contains(err.Error(), "two") || strings.Contains(err.Error(), adminToken) {
			t.Errorf("the error tells a token: %v", err)
		}
	}
	if a, b := NewToken(), NewToken(); a == b || len(a) < 40 {
		t.Errorf("tokens %s and %s", a, b)
	}
}
