package crawler

import (
	"errors"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"

	"crawl/store"
)

// TestReread reads the text of stored pages: of one that was sent compressed and
// in Latin-1, of the 304 that stands for it, and of one that kept no body.
func TestReread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": paths{
			"/": tagged(`"1"`, zipped("<meta charset=iso-8859-1><title>Caf\xe9</title><nav>menu</nav><main><h1>Prix</h1><p>un  caf\xe9</main>")),
		}})
		w.audit.MayRepeat = again
		for _, keep := range []bool{true, true, false} {
			s := spec(t, "http://a/")
			s.Keep = keep
			r := w.newRun(s)
			if err := w.begin(r, s).Crawl(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			doc, err := s.Reread(t.Context(), slog.New(slog.DiscardHandler), w.store, w.page(r, "http://a/"))
			if err != nil || doc.Title != "Café" || doc.Text != "Prix\nun café" {
				t.Errorf("run %d: %q, %q, %v", r.ID, doc.Title, doc.Text, err)
			}
		}
		p := w.page(&store.Run{ID: 1}, "http://a/")
		p.Payload = store.Place{}
		if _, err := spec(t, "http://a/").Reread(t.Context(), slog.New(slog.DiscardHandler), w.store, p); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("without a body: %v", err)
		}
	})
}
