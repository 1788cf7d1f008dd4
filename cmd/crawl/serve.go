package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"crawl/internal/query"
	"crawl/internal/schedule"
	"crawl/internal/web"
	"crawl/store"

	"github.com/spf13/cobra"
)

func newServeCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "serve",
		Short: "Crawl as a daemon: schedules, an HTTP API, metrics",
		Long: `Hold the store, run what is scheduled and what clients of the API ask for, and
answer questions meanwhile, until it is told to stop. It stays in the foreground,
for systemd or a container. SIGTERM stops it: runs that go on are saved, and the
next start goes on with them. SIGHUP reads config.yaml, tokens and certificates
anew; what is faulty is refused, and the old holds.

The API needs a token (DATA/token has one) and listens on this machine alone unless
it is told otherwise; GET /openapi.json describes it.`,
		Example: `  crawl serve
  crawl serve --listen 0.0.0.0:7878 --allow-host crawl.example.com --behind-proxy
  curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:7878/v1/runs`,
		Args: none,
		RunE: runServe,
	}
	addSettingsFlags(c.Flags(), "data", "machine", "serve", "quiet", "verbose", "log_format")
	return c
}

func runServe(c *cobra.Command, _ []string) (err error) {
	signals := make(chan os.Signal, 4) // those that come before anybody looks are not lost, and do not end the process
	signal.Notify(signals, heard(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)...)
	defer signal.Stop(signals)
	read := func() (*config, error) {
		l, err := readLayers(c.Flags())
		if err != nil {
			return nil, err
		}
		return newConfig(l)
	}
	v := &service{read: read, paths: configPaths(c.Flags())}
	v.seen = v.fingerprint()
	conf, err := read()
	if err != nil {
		return err
	}
	warn(c, conf.base)
	s := conf.base.Settings
	if err := checkServe(&s); err != nil {
		return err
	}
	s.Verbose = max(s.Verbose, 1) // it says when runs begin and end
	log := newLogger(&s, c.ErrOrStderr())
	budget, _ := s.Memory.here()
	defer holdTo(budget)()
	l, certs, err := listenTCP(&s)
	if err != nil {
		return err
	}
	if l != nil {
		defer l.Close() // the server may have done so
	}
	st, dir, err := openStore(&s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	v.daemon, v.s, v.certs = newDaemon(st, dir, conf, log), &s, certs
	defer func() { err = errors.Join(err, v.close()) }()
	if err := v.answer(c.Context(), l); err != nil {
		return err
	}
	return v.until(signals)
}

// service is a daemon with all that it answers by.
type service struct {
	*daemon
	s     *Settings               // that the process was started with
	read  func() (*config, error) // reads the configuration anew
	certs *certificates           // nil without TLS
	paths []configPath            // where that is
	api   *web.API                // nil before it answers
	loop  *schedule.Loop

	reading sync.Mutex // held while the configuration is read anew; guards seen
	seen    string     // fingerprint of what was read
}

// answer goes on with what the last daemon left, and then answers: nobody may
// begin a run before.
func (v *service) answer(ctx context.Context, l net.Listener) error {
	tokens, where, err := loadTokens(v.s, v.holder.dir)
	if err != nil {
		return err
	}
	if readByOthers(where) {
		v.log.Warn("others can read the tokens", "file", where, "next", "chmod 600 "+where)
	}
	if err := v.recover(ctx); err != nil {
		return err
	}
	v.tidy("")
	v.loop = v.scheduler()
	v.wake, v.holder.asked = v.loop.Wake, v.loop.Wake
	v.holder.schedules = v.schedules
	v.api = web.NewAPI(v.holder.server, web.APIOptions{
		Engine: v, Hub: v.hub, Stats: v.stats, Hosts: v.s.AllowHost, Tokens: tokens, Rows: apiRows,
		Summary: func(run *store.Run) any { return newSummary(run, nil, exitOf(run, nil)) },
	})
	v.holder.listen()
	if l != nil {
		v.api.Serve(l)
		v.log.Info("the API listens", "address", l.Addr().String(), "tokens", where)
	}
	return nil
}

// close ends all answers, then all runs, and what these write to last.
func (v *service) close() error {
	v.halt()
	if v.api != nil {
		v.api.Shut()
	}
	return errors.Join(v.holder.server.Close(), v.daemon.close(), v.holder.search.Close())
}

// apiRows makes what writes rows for clients of the API.
func apiRows(w *bufio.Writer, form string, columns []query.ColumnOf) web.RowWriter {
	switch form {
	case "text/csv":
		return rowsOut{newCSVRows(w, columns, true)}
	case "application/jsonl":
		return rowsOut{&jsonRows{out: w, columns: columns}}
	}
	return rowsOut{&jsonRows{out: w, columns: columns, list: true}}
}

// rowsOut is a rowWriter for others.
type rowsOut struct{ rowWriter }

// Row implements web.RowWriter.
func (r rowsOut) Row(values []any) error { return r.row(values) }

// End implements web.RowWriter.
func (r rowsOut) End() error { return r.end() }

// until lets the daemon work until a signal stops it, or the scheduler cannot go
// on. A second signal cuts off what outlasts the first.
func (v *service) until(signals <-chan os.Signal) error {
	planning, end := context.WithCancel(context.Background())
	defer end()
	planned := make(chan error, 1)
	go func() { planned <- v.loop.Run(planning) }()
	v.tell(notifyReady)
	v.log.Info("ready")
	defer v.watchdog()()
	err := v.wait(signals, planned)
	v.tell(notifyStopping)
	v.log.Info("stopping: fetches under way have 5s to end; a second signal stops now")
	v.halt() // before the scheduler ends: what it began is not replaced, but goes on later
	end()
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		if err == nil {
			err = <-planned
		}
		v.all.Wait()
	}()
	for {
		select {
		case sig := <-signals:
			if sig != syscall.SIGHUP {
				v.cut()
			}
		case <-stopped:
			return err
		}
	}
}

// wait returns at the first signal to stop, or the scheduler's error.
func (v *service) wait(signals <-chan os.Signal, planned <-chan error) error {
	for {
		select {
		case err := <-planned:
			return fmt.Errorf("the scheduler: %w", err)
		case sig := <-signals:
			if sig != syscall.SIGHUP {
				return nil
			}
			v.tell(notifyReloading)
			v.refresh()
			v.tell(notifyReady)
		}
	}
}

// refresh reads configuration, tokens and certificates anew, and takes all of
// them or none. It says what is wrong with them.
func (v *service) refresh() {
	v.reading.Lock()
	defer v.reading.Unlock()
	v.seen = v.fingerprint()
	conf, err := v.read()
	var tokens *web.Tokens
	if err == nil {
		tokens, _, err = loadTokens(v.s, v.holder.dir)
	}
	if err == nil && v.certs != nil {
		err = v.certs.load()
	}
	if err != nil {
		v.log.Error("the configuration has faults: the old one holds", "faults", err)
		v.hub.Publish("config.refused", "", failure(err))
		return
	}
	v.api.SetTokens(tokens)
	v.reload(conf)
	v.wake()
	v.log.Info("the configuration was read anew")
}

func (v *service) tell(state string) {
	if err := notify(state); err != nil {
		v.log.Warn("whoever supervises this process was not told", "state", state, "error", err)
	}
}

// watchdog tells the supervisor again and again that the daemon is alive, as long
// as it is. The function returned ends that.
func (v *service) watchdog() (end func()) {
	every := watchdogEvery()
	if every == 0 {
		return func() {}
	}
	done, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			if v.Ready() == nil {
				v.tell(notifyAlive)
			}
		}
	}()
	return func() {
		close(done)
		<-gone
	}
}
