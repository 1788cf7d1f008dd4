package crawler

import (
	"context"
	"errors"

	"crawl/fetcher"
)

// maxPlain is about how many origins a run remembers as asked in HTTP/1.1 only.
const maxPlain = 10_000

// ask makes one request. An origin that broke off an exchange in HTTP/2, which
// some promise and cannot speak, is asked in HTTP/1.1 from then on, until that
// breaks off, too.
func (w *Job) ask(ctx context.Context, r fetcher.Request) (*fetcher.Response, error) {
	origin := r.URL.Origin()
	r.HTTP1 = w.isPlain(origin)
	w.requests.Add(1)
	resp, failed := w.fetchTimed(ctx, r)
	var f *fetcher.Fault
	if errors.As(failed, &f) && f.Temporary && (f.Kind == fetcher.Protocol || f.Kind == fetcher.Disconnect) && r.URL.Scheme() == "https" {
		w.setPlain(origin, !r.HTTP1)
	}
	return resp, failed
}

func (w *Job) fetchTimed(ctx context.Context, r fetcher.Request) (*fetcher.Response, error) {
	w.meter.network.add(1)
	defer w.meter.network.add(-1)
	return w.Fetcher.Fetch(ctx, r)
}

func (w *Job) isPlain(origin string) bool {
	_, is := w.plain.Load(origin)
	return is
}

func (w *Job) setPlain(origin string, on bool) {
	if !on {
		if _, was := w.plain.LoadAndDelete(origin); was {
			w.plains.Add(-1)
		}
	} else if w.plains.Load() < maxPlain {
		if _, was := w.plain.LoadOrStore(origin, true); !was {
			w.plains.Add(1)
		}
	}
}
