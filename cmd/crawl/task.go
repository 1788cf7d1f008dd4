package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"crawl/crawler"
	"crawl/fetcher"
	"crawl/internal/query"
	"crawl/internal/weburl"
	"crawl/store"
)

// order is a run that is to be crawled, and by what. The run may be in the store
// already, or is yet to begin.
type order struct {
	s     Settings
	hosts map[string]HostSettings
	seeds []weburl.URL
	guest bool // see runSettings
	run   *store.Run
}

// newOrder makes a new run of what was resolved, with the settings as they are to
// be.
func newOrder(r *Resolved, s Settings, site string, seeds []weburl.URL, guest bool) (*order, error) {
	if s.List != "" && r.Origin["scope"] == originDefault {
		s.Scope = crawler.ScopeList
	}
	if r.Origin["max_hosts"] == originDefault {
		s.MaxHosts = defaultHosts(s.Scope, len(seeds))
	}
	s.Severity, s.Mute = []string{}, []string{} // see findingRules
	kept, err := json.Marshal(runSettings{s, r.Hosts, weburl.DropVersion, guest})
	if err != nil {
		return nil, err
	}
	run := &store.Run{Site: site, Settings: kept, Rules: s.Extract, Program: version(), Started: time.Now()}
	for _, u := range seeds {
		run.Seeds = append(run.Seeds, u.String())
	}
	return &order{s: s, hosts: r.Hosts, seeds: seeds, guest: guest, run: run}, nil
}

// orderOf is the order that a run in the store was begun with. What concerns the
// machine, which may be another, and what is said is as it is set now.
func orderOf(run *store.Run, now *Settings) (*order, error) {
	if err := sameAddresses(run); err != nil {
		return nil, err
	}
	kept, err := keptSettings(run)
	if err != nil {
		return nil, err
	}
	o := &order{s: kept.Settings, hosts: kept.Hosts, guest: kept.Guest, run: run}
	o.s.Data, o.s.Memory, o.s.MinDisk = now.Data, now.Memory, now.MinDisk
	o.s.Progress, o.s.JSON, o.s.Quiet, o.s.Verbose, o.s.LogFormat = now.Progress, now.JSON, now.Quiet, now.Verbose, now.LogFormat
	if run.Rules != nil { // `crawl extract` may have changed them
		o.s.Extract = run.Rules
	}
	for _, text := range run.Seeds {
		u, err := weburl.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("resume run %s: %w", runName(run), err)
		}
		o.seeds = append(o.seeds, u)
	}
	return o, nil
}

// keptSettings reads what a run stores of its settings.
func keptSettings(r *store.Run) (runSettings, error) {
	var raw struct {
		Settings json.RawMessage         `json:"settings"`
		Hosts    map[string]HostSettings `json:"hosts"`
		Guest    bool                    `json:"guest"`
	}
	if err := json.Unmarshal(r.Settings, &raw); err != nil {
		return runSettings{}, fmt.Errorf("settings of run %s: %w", runName(r), err)
	}
	s, err := settingsFromJSON(raw.Settings)
	return runSettings{Settings: s, Hosts: raw.Hosts, Guest: raw.Guest}, err
}

// storedSettings reads the settings that a run was begun with.
func storedSettings(r *store.Run) (Settings, map[string]HostSettings, error) {
	kept, err := keptSettings(r)
	return kept.Settings, kept.Hosts, err
}

// task is an order that is ready to be carried out: its settings are sound and
// its secrets are read.
type task struct {
	*order
	spec  *crawler.Spec
	fetch *fetcher.Fetcher
	gate  *query.Gate // nil for none
}

// prepare makes a task of an order. It must be closed.
func (o *order) prepare(r room, log *slog.Logger) (*task, error) {
	gate, err := newGate(o.s.FailOn, query.FieldNames(o.run))
	if err != nil {
		return nil, err
	}
	spec, err := newSpec(&o.s, o.hosts, o.seeds, r)
	if err != nil {
		return nil, newUsageError("", err.Error(), "")
	}
	if spec.Workers < o.s.Concurrency {
		log.Warn("fewer requests in flight: few files may be open (ulimit -n)", "wanted", o.s.Concurrency, "now", spec.Workers)
	}
	fetch, err := newFetcher(&o.s, o.trusted(), r, o.run.Cookies, log)
	if err != nil {
		return nil, err
	}
	return &task{o, spec, fetch, gate}, nil
}

// trusted are the seeds that may have private addresses, and to whose origins
// secrets go.
func (o *order) trusted() []weburl.URL {
	if o.guest {
		return nil
	}
	return o.seeds
}

func (t *task) close() { t.fetch.Close() }

// crawl sees the run through: until it ends, stop is closed or ctx ends, see
// crawler.Job. begun is called when it is under way, and what that returns when
// it no longer is. The engine's Fetcher is the task's, its store is st.
func (t *task) crawl(ctx context.Context, engine *crawler.Crawler, st *store.Bolt, stop <-chan struct{}, begun func(*crawler.Job) (ended func())) error {
	engine.Fetcher = t.fetch
	base, err := query.Baseline(ctx, st, t.run)
	if err != nil {
		return err
	}
	if base != nil {
		t.spec.Since = base.Started
		t.takeFrom(base, engine.Log)
	}
	job, err := engine.Begin(ctx, t.run, t.spec)
	if err != nil {
		return err
	}
	ended := begun(job)
	unguarded := t.guardDisk(engine, job)
	err = job.Crawl(ctx, stop)
	unguarded()
	ended()
	if err != nil {
		return err
	}
	t.run.Cookies, t.run.Daemon = nil, t.run.Daemon && t.run.State == store.Interrupted
	if t.run.State == store.Interrupted {
		t.run.Cookies = t.fetch.CookieState()
	}
	t.run.Changes = changesOf(ctx, st, t.run, engine.Log)
	return st.Update(context.WithoutCancel(ctx), t.run)
}

// takeFrom lets the run take fresh pages over from the one that it is held
// against, if that asked for them as this one would.
func (t *task) takeFrom(base *store.Run, log *slog.Logger) {
	if t.s.Cache != crawler.CacheFresh {
		return
	}
	before, err := keptSettings(base)
	if err != nil {
		log.Warn("no page is taken over unasked: how the run before asked cannot be read", "run", runName(base), "cause", err)
		return
	}
	if other := t.otherRequests(base, &before); other != "" {
		log.Warn("no page is taken over unasked: the run before asked in another way", "run", runName(base), "setting", other)
		return
	}
	t.spec.Base = base.ID
}

// otherRequests names a setting in which a run and the one before differ and by which
// servers may answer otherwise; "" if there is none.
func (t *task) otherRequests(base *store.Run, kept *runSettings) string {
	s, before := &t.s, &kept.Settings
	secrets := len(s.Header) > 0 || s.Auth != ""
	if kept.Guest != t.guest || secrets && !slices.Equal(slices.Sorted(slices.Values(base.Seeds)), slices.Sorted(slices.Values(t.run.Seeds))) {
		return "seeds" // whose origins get secrets, unless they are a guest's
	}
	for _, key := range []string{"user_agent", "contact", "header", "cookies", "auth", "proxy", "resolve", "insecure"} {
		if o := optionByKey[key]; !slices.Equal(o.texts(s), o.texts(before)) {
			return key
		}
	}
	return ""
}

// judge finds out what is wrong with the run if it has ended, and records it. base
// is the run that it was held against, if there is one.
func (t *task) judge(ctx context.Context, h *holder, log *slog.Logger) (base *store.Run, err error) {
	rules, err := h.findingRules()
	if err != nil {
		return nil, err
	}
	if base, err = conclude(ctx, h.store, t.run, t.gate, rules, log); err == nil {
		err = h.store.Update(context.WithoutCancel(ctx), t.run)
	}
	return base, err
}
