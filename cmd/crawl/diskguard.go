package main

import (
	"fmt"
	"log/slog"
	"time"

	"crawl/crawler"
)

// diskGuard pauses a run while the volume of the store has too little room, so
// that it need not end there, and nobody else on the volume does.
type diskGuard struct {
	path  string
	least Space
	free  func(path string) (free, volume uint64, err error)
	every time.Duration
	pause func(on bool) error
	say   func(text string)
	log   *slog.Logger

	paused  bool
	unknown bool // said that the free space cannot be told
}

// guardEvery is how often free space is looked at.
const guardEvery = time.Second

// watch looks at once, and then again and again until the function that it
// returns is called.
func (g *diskGuard) watch() (end func()) {
	g.look()
	done, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		every := time.NewTicker(g.every)
		defer every.Stop()
		for {
			select {
			case <-every.C:
				g.look()
			case <-done:
				return
			}
		}
	}()
	return func() {
		close(done)
		<-gone
	}
}

// look pauses the run, or lets it go on.
func (g *diskGuard) look() {
	free, volume, err := g.free(g.path)
	if err != nil {
		if !g.unknown {
			g.log.Debug("free space is not known", "folder", g.path, "error", err)
		}
		g.unknown = true
		return
	}
	low, high := g.least.marks(volume)
	switch {
	case !g.paused && free < low:
		g.set(true, fmt.Sprintf("paused: %s are free on the volume of the store, fewer than %s (--min-disk %s); goes on by itself from %s on",
			bytesText(free), bytesText(low), g.least, bytesText(high)))
	case g.paused && free >= high:
		g.set(false, bytesText(free)+" are free on the volume of the store: goes on")
	}
}

func (g *diskGuard) set(on bool, text string) {
	if err := g.pause(on); err != nil {
		g.log.Debug("the run has ended", "error", err)
		return
	}
	g.paused = on
	g.say(text)
}

// guardDisk watches the room there is for the store until the function that it
// returns is called.
func (t *task) guardDisk(engine *crawler.Crawler, job *crawler.Job) (end func()) {
	dir, err := t.s.dataDir()
	if err != nil { // the store is open: there is one
		return func() {}
	}
	g := &diskGuard{
		path: dir, least: t.s.MinDisk, free: freeSpace, every: guardEvery, pause: job.PauseForSpace, log: engine.Log,
		say: func(text string) {
			if engine.Watch != nil {
				engine.Watch(crawler.Event{Run: t.run, Notice: text})
			}
		},
	}
	return g.watch()
}
