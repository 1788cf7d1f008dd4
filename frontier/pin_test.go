package frontier

import (
	"strings"
	"testing"
	"unsafe"

	"crawl/internal/weburl"
)

// TestQueuedURLsPinNothing: a link may share memory with all that its page links
// to, and what is held of the queue may not keep that.
func TestQueuedURLsPinNothing(t *testing.T) {
	f := NewBolt(t.TempDir())
	if err := f.Open(t.Context(), "run", Config{}); err != nil {
		t.Fatal(err)
	}
	page := "http://a.test/" + strings.Repeat("x", 1000) + "http://a.test/b"
	u, err := weburl.Restore(page[len(page)-len("http://a.test/b"):])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Add(t.Context(), "run", Link{URL: u}); err != nil {
		t.Fatal(err)
	}
	held := f.runs["run"].hosts["http://a.test"].window
	if len(held) != 1 || held[0].link.URL != u || unsafe.StringData(held[0].link.URL.String()) == unsafe.StringData(u.String()) {
		t.Errorf("%+v shares memory with its page", held)
	}
	if h := f.runs["run"].hosts["http://a.test"]; unsafe.StringData(h.rec.Origin) == unsafe.StringData(u.String()) {
		t.Error("the name of the host shares memory with the page")
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}
