package main

import (
	"os"
	"time"

	"crawl/bench/internal/table"
	"crawl/internal/testweb"
)

// start measures how long a user waits for the first request, and the binary.
func (l *lab) start() ([]*table.Table, error) {
	const times = 11
	s, err := serve(testweb.SyntheticOptions{Seed: 4, Pages: 1}, 0, 1)
	if err != nil {
		return nil, err
	}
	defer s.web.Close()
	var waits []time.Duration
	for range times {
		next := s.arrival()
		p, data, err := l.crawl(s)
		if err != nil {
			return nil, err
		}
		select {
		case at := <-next:
			waits = append(waits, at.Sub(p.began))
		case <-p.ended:
			return nil, p.fault(" before it asked for anything")
		}
		p.kill()
		os.RemoveAll(data)
	}
	t := &table.Table{Title: "Start", Header: []string{"what", ""}}
	t.Add("start to first request, ms, median of 11", table.Number(milliseconds(middle(waits))))
	for _, b := range []struct{ name, file string }{
		{"binary, static, -trimpath, MB", l.binary}, {"the same without symbols (-ldflags '-s -w'), MB", l.stripped},
	} {
		if b.file == "" {
			continue
		}
		info, err := os.Stat(b.file)
		if err != nil {
			return nil, err
		}
		t.Add(b.name, megabytes(info.Size()))
	}
	return []*table.Table{t}, nil
}
