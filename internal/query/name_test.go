package query

import (
	"errors"
	"slices"
	"testing"
	"time"

	"crawl/internal/weburl"
	"crawl/store"
)

func mustURL(tb testing.TB, raw string) weburl.URL {
	tb.Helper()
	u, err := weburl.Parse(raw)
	if err != nil {
		tb.Fatal(err)
	}
	return u
}

func TestFindRun(t *testing.T) {
	st, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC) // a Wednesday
	if _, err := FindRun(t.Context(), st, "", now); !errors.Is(err, ErrNoRuns) {
		t.Errorf("an empty store: %v", err)
	}
	for _, r := range []store.Run{
		{Site: "acme", State: store.Complete, Ended: now.AddDate(0, 0, -9)},
		{Site: "acme", State: store.Interrupted},
		{Site: "acme", State: store.Partial, Ended: now.AddDate(0, 0, -3)},
		{Site: "acme", State: store.Complete, Ended: now.AddDate(0, 0, -1)},
		{Site: "cut.example", State: store.Interrupted},
		{Site: "acme", State: store.Running},
	} {
		if err := st.Begin(t.Context(), &r); err != nil {
			t.Fatal(err)
		}
	}
	if err := st.Put(t.Context(), &store.Page{URL: mustURL(t, "https://shop.example/x"), Run: 3, Try: 1}, nil, nil); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"": "acme@4", "acme": "acme@4", "acme~1": "acme@3", "acme~2": "acme@1", "acme~3": "", "acme@2": "acme@2", "acme@7": "",
		"acme@live": "acme@5", "cut.example": "cut.example@1", "cut.example@live": "cut.example@1", "cut.example~1": "",
		"acme@7d": "acme@1", "acme@monday": "acme@3", "acme@2026-11-22": "acme@3", "acme@2026-11-16": "acme@1", "acme@2026-11-15": "",
		"acme@sat": "acme@1", "acme@sun": "acme@3", "acme@wednesday": "acme@4", "acme@yesterday": "acme@4", "acme@2026-11-23T00:00:00Z": "acme@3", "acme@80h": "acme@1", "acme@2w": "",
		"https://shop.example/x": "acme@3", "https://cut.example/other": "cut.example@1", "https://nowhere.example/": "",
		"acme@-1": "", "acme~x": "", "acme@": "", "acm": "", "https://[/": "",
	} {
		got := ""
		run, err := FindRun(t.Context(), st, name, now)
		var none *NameError
		switch {
		case err == nil:
			got = RunName(run)
		case !errors.As(err, &none):
			t.Errorf("%q: %v", name, err)
		}
		if got != want {
			t.Errorf("%q is %q, want %q (%v)", name, got, want, err)
		}
	}
	_, err = FindRun(t.Context(), st, "acm", now)
	var none *NameError
	if !errors.As(err, &none) || !slices.Equal(none.Sites, []string{"acme", "cut.example"}) {
		t.Errorf("%+v", err)
	}
}
