package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"crawl/crawler"
	"crawl/store"
)

// TestProgressEveryTenSeconds runs a reporter for 25 s of virtual time.
func TestProgressEveryTenSeconds(t *testing.T) {
	for _, tt := range []struct {
		progress  string
		json      bool
		talk, out int // lines that tell how far it is
	}{
		{"lines", false, 2, 0}, {"lines", true, 2, 2}, {"json", false, 2, 0}, {"none", true, 0, 2}, {"none", false, 0, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := defaultSettings()
			s.Progress, s.JSON = tt.progress, tt.json
			var out, talk bytes.Buffer
			r := newReporter(&out, &talk, &s, func() { t.Error("it was stopped") })
			pages := uint64(0)
			end := r.begin(&store.Run{Site: "acme", Number: 3, Seeds: []string{"https://acme.example/"}}, nil, sight{progress: func() crawler.Progress {
				pages += 25
				p := crawler.Progress{Status: [6]uint64{2: pages}}
				p.Done, p.Found = pages, 100
				return p
			}})
			time.Sleep(25 * time.Second)
			end()
			if n := strings.Count(talk.String(), "fetched"); n != tt.talk {
				t.Errorf("%+v: %d lines in\n%s", tt, n, talk.String())
			}
			if n := strings.Count(out.String(), `"type":"status"`); n != tt.out {
				t.Errorf("%+v: %d lines in\n%s", tt, n, out.String())
			}
			if want := "00:20 fetched=50 queued=0 skipped=0 found=100 rate=2.5/s 2xx=50 "; tt.progress == "lines" && !strings.Contains(talk.String(), want) {
				t.Errorf("%q is not in\n%s", want, talk.String())
			}
			for line := range strings.Lines(out.String()) {
				if !json.Valid([]byte(line)) {
					t.Errorf("no JSON: %q", line)
				}
			}
		})
	}
}

// failing is standard output on a full disk, or with nobody at the other end.
type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestOutputThatFailsStopsTheRun(t *testing.T) {
	for _, cause := range []error{syscall.EPIPE, syscall.ENOSPC} {
		s := defaultSettings()
		s.JSON, s.Quiet = true, true
		stopped := 0
		r := newReporter(failing{cause}, &bytes.Buffer{}, &s, func() { stopped++ })
		run := &store.Run{Site: "acme", Number: 1}
		r.event(crawler.Event{Run: run, Skip: &store.Skip{}})
		r.event(crawler.Event{Run: run, Skip: &store.Skip{}})
		err := r.end(run, nil, exitInterrupted)
		if wanted := cause != syscall.EPIPE; stopped != 1 || errors.Is(err, cause) != wanted {
			t.Errorf("%v: stopped %d times, then %v", cause, stopped, err)
		}
	}
}
