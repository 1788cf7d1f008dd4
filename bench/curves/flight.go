package main

import (
	"fmt"
	"os"
	"time"

	"crawl/bench/internal/table"
	"crawl/internal/testweb"
)

// load is how many requests may be in flight, and how long each takes.
type load struct {
	requests int
	latency  time.Duration
}

const (
	most        = 5000 // requests that a machine of two processors is to hold
	flightHosts = 6000 // for all loads alike: what hosts take in memory is no request's
	flightPages = 5    // likewise, a host, when the look begins: what is known of them takes memory too
	flightBody  = 4096 // bytes of a page
)

// flight crawls more hosts than there are requests in flight. What the runs
// take in memory beyond the first, which has few, is what a request takes.
func (l *lab) flight() ([]*table.Table, error) {
	t := &table.Table{
		Title:  "Requests in flight, one to a host, pages of 4 KB",
		Header: []string{"allowed", "latency s", "in flight, mean", "pages/s", "CPU ms/page", "own memory MB", "KB a request", "of it the page", "beyond"},
		Notes: []string{
			"KB a request: own memory at the end beyond that of the first row, for each request more that is allowed, page and all. In flight is what the server\n" +
				"sees; the others that are allowed have their answer, and wait for a processor or for room before the disk.",
			"Of it the page: the bodies of those others, were each of them held once.",
		},
	}
	loads := []load{{64, 0}, {1000, time.Second}, {most, time.Second}, {most, 8 * time.Second}}
	if l.quick {
		loads = []load{{64, 0}, {most, time.Second}}
	}
	var base flown
	for i, of := range loads {
		f, err := l.fly(of)
		if err != nil {
			return nil, err
		}
		each, page, beyond := "", "", ""
		if i == 0 {
			base = f
		} else {
			more := float64(of.requests - loads[0].requests)
			whole, body := (f.memory-base.memory)/more/1e3, (float64(of.requests)-f.mean)*flightBody/more/1e3
			each, page, beyond = table.Number(whole), table.Number(body), table.Number(whole-body)
		}
		t.Add(of.requests, of.latency.Seconds(), table.Number(f.mean), table.Number(f.rate), table.Number(f.cpu),
			table.Number(f.memory/1e6), each, page, beyond)
	}
	return []*table.Table{t}, nil
}

// flown is what a load took.
type flown struct{ mean, rate, cpu, memory float64 }

func (l *lab) fly(of load) (flown, error) {
	s, err := serve(testweb.SyntheticOptions{
		Seed: 3, Hosts: flightHosts, Pages: 100 * flightHosts, LinksPerPage: 20, BodySize: flightBody,
	}, of.latency, 1)
	if err != nil {
		return flown{}, err
	}
	defer s.web.Close()
	p, data, err := l.crawl(s, "--concurrency", fmt.Sprint(of.requests))
	if err != nil {
		return flown{}, err
	}
	defer os.RemoveAll(data)
	defer p.kill()
	first := int64(choose(l, 1, flightPages) * flightHosts)
	if err := p.until(l.ctx, "all hosts were asked", func() bool { return s.pages.Load() >= first }); err != nil {
		return flown{}, err
	}
	return l.watch(p, s)
}

// watch looks at a crawl for some time.
func (l *lab) watch(p *process, s *site) (flown, error) {
	from, err := p.usage()
	if err != nil {
		return flown{}, err
	}
	before := s.pages.Load()
	end := time.Now().Add(choose(l, 5*time.Second, 20*time.Second))
	var sum float64
	looks := 0
	err = p.until(l.ctx, "the time was over", func() bool {
		sum += float64(s.inFlight.Load())
		looks++
		return time.Now().After(end)
	})
	if err != nil {
		return flown{}, err
	}
	to, err := p.usage()
	if err != nil {
		return flown{}, err
	}
	n := float64(s.pages.Load() - before)
	return flown{
		mean: sum / float64(looks), rate: n / to.at.Sub(from.at).Seconds(),
		cpu: milliseconds(to.cpu-from.cpu) / n, memory: float64(to.anon),
	}, nil
}
