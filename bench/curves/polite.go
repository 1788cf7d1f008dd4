package main

import (
	"fmt"
	"os"
	"time"

	"crawl/bench/internal/table"
	"crawl/internal/testweb"
)

const (
	politeRate    = time.Second // between the end of an answer and the next request to its host
	politeLatency = 100 * time.Millisecond
	politeSettle  = 10 * time.Second // for robots.txt of all hosts
)

// polite crawls many hosts at a fixed rate. The server's log says how many
// requests there were of those that manners allow, and which were too early.
func (l *lab) polite() ([]*table.Table, error) {
	t := &table.Table{
		Title:  "Polite throughput: one request a second to each host, counted from the end of an answer, 100 ms latency",
		Header: []string{"hosts", "possible/s", "asked/s", "share %", "violations", "CPU ms/page", "processors: crawl", "server", "others", "idle"},
	}
	for _, hosts := range choose(l, []int{1000}, []int{500, 1000, 2000, 4000}) {
		if err := l.politely(hosts, choose(l, 10*time.Second, 30*time.Second), t); err != nil {
			return nil, err
		}
	}
	return []*table.Table{t}, nil
}

func (l *lab) politely(hosts int, window time.Duration, t *table.Table) error {
	rounds := int((window + 2*politeSettle) / politeRate) // pages a host, more than can be asked for
	s, err := serve(testweb.SyntheticOptions{
		Seed: 2, Hosts: hosts, Pages: hosts * rounds, LinksPerPage: 20, BodySize: 4096,
	}, politeLatency, 2*hosts*rounds)
	if err != nil {
		return err
	}
	defer s.web.Close()
	p, data, err := l.crawl(s, "--rate", "1/s", "--concurrency", fmt.Sprint(hosts))
	if err != nil {
		return err
	}
	defer os.RemoveAll(data)
	defer p.kill()
	from, to, err := p.window(l, politeSettle, window)
	if err != nil {
		return err
	}
	p.kill()
	log := s.web.Hits()
	breaches := testweb.Audit{
		Delay: func(string) time.Duration { return politeRate }, Tolerance: -1, Agent: "crawl",
	}.Check(log, s.graph.Robots)
	for _, b := range breaches {
		fmt.Fprintln(os.Stderr, "polite:", b)
	}
	asked := 0.
	for _, h := range log {
		if h.Start.After(from.at) && h.Start.Before(to.at) {
			asked++
		}
	}
	took, cpu := to.at.Sub(from.at), to.cpu-from.cpu
	served, others, idle := to.host.since(from.host, cpu, took)
	possible, rate := float64(hosts)/(politeRate+politeLatency).Seconds(), asked/took.Seconds()
	t.Add(hosts, table.Number(possible), table.Number(rate), table.Number(100*rate/possible), len(breaches),
		table.Number(milliseconds(cpu)/asked), table.Number(cpu.Seconds()/took.Seconds()),
		table.Number(served), table.Number(others), table.Number(idle))
	return nil
}

// window lets the crawler settle and returns what it had used at the begin and
// the end of a time after that.
func (p *process) window(l *lab, settle, window time.Duration) (from, to usage, err error) {
	for _, step := range []struct {
		wait time.Duration
		u    *usage
	}{{settle, &from}, {window, &to}} {
		end := time.Now().Add(step.wait)
		if err := p.until(l.ctx, "the time was over", func() bool { return time.Now().After(end) }); err != nil {
			return from, to, err
		}
		if *step.u, err = p.usage(); err != nil {
			return from, to, err
		}
	}
	return from, to, nil
}
