package main

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"crawl/internal/query"
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

// runServe opens all that a daemon needs, one after the other, and closes it in
// the other order.
func runServe(c *cobra.Command, _ []string) (err error) {
	read := func() (*config, error) {
		l, err := readLayers(c.Flags())
		if err != nil {
			return nil, err
		}
		return newConfig(l)
	}
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
		defer l.Close() // whoever served has closed it
	}
	st, dir, err := openStore(&s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	tokens, where, err := loadTokens(&s, dir)
	if err != nil {
		return err
	}
	if readByOthers(where) {
		log.Warn("others can read the tokens", "file", where, "next", "chmod 600 "+where)
	}
	d := newDaemon(st, dir, conf, log)
	defer func() { err = errors.Join(err, d.close()) }()
	defer func() { err = errors.Join(err, d.holder.close()) }()
	api := web.NewAPI(d.holder.server, apiOptions(d, &s, tokens))
	defer api.Shut()
	if err := d.recover(c.Context()); err != nil {
		return err
	}
	d.holder.listen()
	if l != nil {
		api.Serve(l)
		log.Info("the API listens", "address", l.Addr().String(), "tokens", where)
	}
	v := &serving{daemon: d, log: log, read: func() error {
		conf, err := read()
		if err != nil {
			return err
		}
		tokens, _, err := loadTokens(&s, dir)
		if err == nil && certs != nil {
			err = certs.load()
		}
		if err == nil {
			api.SetTokens(tokens)
			d.reload(conf)
		}
		return err
	}}
	return v.until(c.Context())
}

// apiOptions is what the API needs of the daemon.
func apiOptions(d *daemon, s *Settings, tokens *web.Tokens) web.APIOptions {
	return web.APIOptions{
		Engine: d, Hub: d.hub, Stats: d.stats, Hosts: s.AllowHost, Tokens: tokens,
		Summary: func(run *store.Run) any { return newSummary(run, exitOf(run, nil)) },
		Rows:    apiRows,
	}
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

// serving is a daemon that waits for signals.
type serving struct {
	daemon *daemon
	log    *slog.Logger
	read   func() error // reads the configuration anew
}

// until lets the daemon work until a signal, or the end of ctx, stops it. A second
// signal cuts off what outlasts the first.
func (v *serving) until(ctx context.Context) error {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, heard(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)...)
	defer signal.Stop(signals)
	v.tell(notifyReady)
	v.log.Info("ready")
	defer v.watchdog()()
	v.wait(signals)
	v.tell(notifyStopping)
	v.log.Info("stopping: fetches under way have 5s to end; a second signal stops now")
	v.daemon.halt()
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		v.daemon.all.Wait()
	}()
	for {
		select {
		case sig := <-signals:
			if sig != syscall.SIGHUP {
				v.daemon.cut()
			}
		case <-stopped:
			return nil
		}
	}
}

// wait returns at the first signal to stop.
func (v *serving) wait(signals <-chan os.Signal) {
	for sig := range signals {
		if sig != syscall.SIGHUP {
			return
		}
		v.tell(notifyReloading)
		v.reload()
		v.tell(notifyReady)
	}
}

// reload reads the configuration anew, and says what is wrong with it.
func (v *serving) reload() {
	err := v.read()
	if err == nil {
		v.log.Info("the configuration was read anew")
		return
	}
	v.log.Error("the configuration has faults: the old one holds", "faults", err)
	v.daemon.hub.Publish("config.refused", "", failure(err))
}

func (v *serving) tell(state string) {
	if err := notify(state); err != nil {
		v.log.Warn("whoever supervises this process was not told", "state", state, "error", err)
	}
}

// watchdog tells the supervisor again and again that the daemon is alive, as long
// as it is. The function returned ends that.
func (v *serving) watchdog() (end func()) {
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
			if v.daemon.Ready() == nil {
				v.tell(notifyAlive)
			}
		}
	}()
	return func() {
		close(done)
		<-gone
	}
}
