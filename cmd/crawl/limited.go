package main

import (
	"fmt"
	"math"
	"time"

	"crawl/crawler"
	"crawl/store"
)

// limitedBy is what limits a crawl, and by which figures, as --json tells it.
// Parts are of the time there was; network and disk are of the time of pages.
type limitedBy struct {
	By      crawler.Limit `json:"by"`
	Text    string        `json:"text"`
	CPU     float64       `json:"cpu"`
	Places  float64       `json:"places"`
	Network float64       `json:"network"`
	Disk    float64       `json:"disk"`
	Full    float64       `json:"full"`
	Pace    float64       `json:"pace"`
	Rest    float64       `json:"rest"`
	PerHost float64       `json:"per_host"`
	Empty   float64       `json:"empty"`
	Space   float64       `json:"space"`
}

// newLimitedBy says what a load tells of a run with these settings; nil if it
// tells nothing.
func newLimitedBy(l *store.Load, s *Settings) *limitedBy {
	by := crawler.LimitedBy(l)
	if by == crawler.LimitNone {
		return nil
	}
	part := func(n, whole int64) float64 { return math.Round(1000*crawler.Part(n, whole)) / 1000 }
	return &limitedBy{
		By: by, Text: limitText(by, l, s),
		CPU: part(l.CPU, l.Elapsed*int64(max(l.Processors, 1))), Places: part(l.Visits, l.Elapsed*int64(max(l.Places, 1))),
		Network: part(l.Network, l.Visits), Disk: part(l.Disk, l.Visits), Full: part(l.Full, l.Elapsed),
		Pace: part(l.Pace, l.Elapsed), Rest: part(l.Rest, l.Elapsed), PerHost: part(l.PerHost, l.Elapsed), Empty: part(l.Empty, l.Elapsed), Space: part(l.Space, l.Elapsed),
	}
}

// limitText names a limit with its figures, and what there is to do about it.
func limitText(by crawler.Limit, l *store.Load, s *Settings) string {
	switch by {
	case crawler.LimitRate:
		return "the hosts' rate (" + paceText(l, s) + ")"
	case crawler.LimitRest:
		return fmt.Sprintf("hosts at rest (%d of %d hosts: they failed or asked for less, or a URL waits for another try)", l.Resting, l.Hosts)
	case crawler.LimitNetwork:
		return fmt.Sprintf("the network or the servers (%s of the time of pages was waiting for answers; --per-host %d)", percent(l.Network, l.Visits), s.PerHost)
	case crawler.LimitConcurrency:
		return fmt.Sprintf("--concurrency %d (all in use %s of the time; %s of the time of pages was waiting for answers)", l.Places, percent(l.Full, l.Elapsed), percent(l.Network, l.Visits))
	case crawler.LimitCPU:
		return fmt.Sprintf("CPU (%s at %s)", processors(l.Processors), percent(l.CPU, l.Elapsed*int64(max(l.Processors, 1))))
	case crawler.LimitDisk:
		if s.unsynced() {
			return fmt.Sprintf("commits (%s of the time of pages was waiting for them; none was synced)", percent(l.Disk, l.Visits))
		}
		return fmt.Sprintf("the disk (%s of the time of pages was waiting for writes)", percent(l.Disk, l.Visits))
	case crawler.LimitSpace:
		return fmt.Sprintf("disk space (paused %s of the time: too little is free; --min-disk %s)", percent(l.Space, l.Elapsed), s.MinDisk)
	case crawler.LimitPages:
		return fmt.Sprintf("few known pages (nothing was queued %s of the time)", percent(l.Empty, l.Elapsed))
	}
	return ""
}

// paceText says how fast which hosts are asked, and who wants it so.
func paceText(l *store.Load, s *Settings) string {
	hosts := fmt.Sprintf("%d of %d hosts", l.Resting, l.Hosts)
	if l.CrawlDelay > 0 && l.CrawlDelay == l.Delay {
		return fmt.Sprintf("robots.txt: Crawl-delay %s, %s", Duration(l.CrawlDelay), hosts)
	}
	if s.Rate.Adaptive() {
		return fmt.Sprintf("adaptive, %s at %s; --rate sets it", hosts, pace(l.Delay))
	}
	return fmt.Sprintf("--rate %s, %s", s.Rate, hosts)
}

// pace is how often there is one request, if there is one every so often.
func pace(delay int64) string {
	switch each := time.Duration(delay); {
	case each <= 0:
		return "any rate"
	case each > time.Second:
		return "1 in " + Duration(each.Round(100*time.Millisecond)).String()
	default:
		return fmt.Sprintf("%.3g/s", float64(time.Second)/float64(each))
	}
}

func processors(n int) string {
	if n == 1 {
		return "1 processor"
	}
	return fmt.Sprintf("%d processors", n)
}

func percent(n, whole int64) string { return fmt.Sprintf("%.0f %%", 100*crawler.Part(n, whole)) }
