package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"crawl/crawler"
	"crawl/frontier"
	"crawl/internal/web"
	"crawl/internal/weburl"
)

// liveRun is a run that goes on, for those who ask about it and steer it.
type liveRun struct {
	job        *crawler.Job
	name, site string
	began      time.Time
	stop       func() // as the first Ctrl-C does

	steering sync.Mutex // held while the run is steered; guards the next two for writing, as mu does
	mu       sync.Mutex // guards what follows; nobody waits for the disk with it
	hosts    map[string]HostSettings
	s        Settings
	seeds    []weburl.URL
	guest    bool

	state        string // web.StateRunning and so on
	latest, last sample // how far it was: lately, and before that
}

// sample is how far a run was at some moment.
type sample struct {
	crawler.Progress
	at time.Time
}

// leastSpan is how long before now a sample must be to tell of a rate.
const leastSpan = 2 * time.Second

func newLiveRun(job *crawler.Job, t *task, stop func()) *liveRun {
	now, state := time.Now(), web.StateRunning
	if t.run.Paused {
		state = web.StatePaused
	}
	return &liveRun{
		job: job, name: runName(t.run), site: t.run.Site, began: now, stop: stop, s: t.s, hosts: t.hosts, seeds: t.spec.Seeds, guest: t.guest,
		state: state, latest: sample{at: now}, last: sample{at: now},
	}
}

// progress is the job's, which is remembered to tell rates from.
func (l *liveRun) progress() crawler.Progress {
	p := l.job.Progress()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last, l.latest = l.latest, sample{p, time.Now()}
	return p
}

// sight is from where the run is watched.
func (l *liveRun) sight() sight { return sight{l.progress, l.status, l.job.Queues} }

// running is the run for those who steer it.
func (l *liveRun) running() web.Running {
	return web.Running{Name: l.name, Site: l.site, Progress: l.status, Pause: l.pause, Stop: l.end, Tune: l.tune}
}

// status is how far the run is, and how fast since it was looked at last.
func (l *liveRun) status() web.Progress {
	p := l.job.Progress()
	l.mu.Lock()
	since := l.latest
	if time.Since(since.at) < leastSpan {
		since = l.last
	}
	state, s := l.state, l.s
	l.mu.Unlock()
	line := newStatusLine(l.name, p, since.Progress, time.Since(since.at), &s)
	out := web.Progress{
		Run: l.name, State: state, Began: l.began.UTC(), Fetched: line.Fetched, Queued: line.Queued, Skipped: line.Skipped, Found: line.Found, Rate: line.Rate,
		Status2: line.Status2, Status3: line.Status3, Status4: line.Status4, Status5: line.Status5, NoAnswer: line.NoAnswer,
	}
	if line.Limited != nil && state == web.StateRunning {
		out.Limited = &web.Limited{By: string(line.Limited.By), Text: line.Limited.Text}
	}
	return out
}

func (l *liveRun) stateNow() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

func (l *liveRun) pause(on bool) error {
	l.steering.Lock()
	defer l.steering.Unlock()
	if l.stateNow() == web.StateStopping {
		return web.ErrOver
	}
	err := l.job.Pause(on)
	switch {
	case errors.Is(err, crawler.ErrOver), errors.Is(err, frontier.ErrNoRun), errors.Is(err, frontier.ErrClosed):
		return web.ErrOver
	case err != nil:
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state == web.StateStopping { // meanwhile
		return nil
	}
	l.state = web.StateRunning
	if on {
		l.state = web.StatePaused
	}
	return nil
}

func (l *liveRun) end() error {
	l.mu.Lock()
	l.state = web.StateStopping
	l.mu.Unlock()
	l.stop()
	return nil
}

// maxExcludes is how many patterns a run may come to have.
const maxExcludes = 1000

// tune changes the run, and the settings that it is resumed with.
func (l *liveRun) tune(ctx context.Context, t *web.Tuning) (*web.Tuned, error) {
	l.steering.Lock()
	defer l.steering.Unlock()
	s, hosts := l.s, maps.Clone(l.hosts)
	if err := tuneRate(&s, &hosts, t); err != nil {
		return nil, badTuning(err)
	}
	if err := tuneExcludes(&s, t); err != nil {
		return nil, badTuning(err)
	}
	exclude, err := patterns(s.Exclude)
	if err != nil {
		return nil, badTuning(err)
	}
	kept, err := json.Marshal(runSettings{s, hosts, weburl.DropVersion, l.guest})
	if err != nil {
		return nil, err
	}
	err = l.job.Tune(ctx, &crawler.Tuning{Exclude: exclude, Manners: manners(&s, hosts, l.seeds)}, kept)
	if errors.Is(err, crawler.ErrOver) {
		return nil, web.ErrOver
	}
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	l.s, l.hosts = s, hosts
	l.mu.Unlock()
	after := &web.Tuned{Run: l.name, Rate: s.Rate.String(), Hosts: map[string]string{}, Exclude: s.Exclude}
	for host, h := range hosts {
		if h.Rate != nil {
			after.Hosts[host] = h.Rate.String()
		}
	}
	return after, nil
}

// tuneRate sets the rate of all hosts, or of one.
func tuneRate(s *Settings, hosts *map[string]HostSettings, t *web.Tuning) error {
	if t.Rate == "" {
		if t.Host != "" {
			return newUsageError("host", "what is to change for it?", "say a rate too")
		}
		return nil
	}
	v, err := optionByKey["rate"].parse(t.Rate)
	if err != nil {
		return faultAt("rate", err)
	}
	r := v.Interface().(Rate)
	if t.Host == "" {
		s.Rate = r
		return nil
	}
	host, bad := hostName(t.Host)
	if bad != nil {
		return *bad
	}
	if *hosts == nil {
		*hosts = map[string]HostSettings{}
	}
	h := (*hosts)[host]
	h.Rate = &r
	(*hosts)[host] = h
	return nil
}

// tuneExcludes adds patterns, and takes some away.
func tuneExcludes(s *Settings, t *web.Tuning) error {
	left := slices.Clone(s.Exclude)
	for _, text := range t.DropExclude {
		i := slices.Index(left, text)
		if i < 0 {
			return newUsageError("drop_exclude", "the run does not exclude "+quoted(text), didYouMean(text, left, ""))
		}
		left = slices.Delete(left, i, i+1)
	}
	for _, text := range t.Exclude {
		if _, err := optionByKey["exclude"].parse(text); err != nil {
			return faultAt("exclude", err)
		}
		if !slices.Contains(left, text) {
			left = append(left, text)
		}
	}
	if len(left) > maxExcludes {
		return newUsageError("exclude", fmt.Sprintf("a run has at most %d patterns", maxExcludes), "write fewer that match more")
	}
	s.Exclude = left
	return nil
}

// badTuning is a fault of who asks.
func badTuning(err error) error {
	var f fault
	var usage *usageError
	switch {
	case errors.As(err, &usage):
		f = usage.Faults[0]
	case !errors.As(err, &f):
		f.What = err.Error()
	}
	if f.Where != "" {
		f.What = f.Where + ": " + f.What
	}
	return &web.Error{Status: 400, What: f.What, Next: f.Next}
}
