package frontier

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"crawl/internal/kv"

	bolt "go.etcd.io/bbolt"
)

func (f *Bolt) path(name string) string { return filepath.Join(f.dir, name, "frontier.db") }

// named refuses a name that is not that of one folder below dir.
func named(name string) error {
	if name == "." || !filepath.IsLocal(name) || filepath.Base(name) != name {
		return fmt.Errorf("frontier: %q cannot name a run", name)
	}
	return nil
}

// alone waits until nobody else opens, copies or deletes the file of a run, and
// keeps others from it until done is called.
func (f *Bolt) alone(ctx context.Context, name string) (done func(), err error) {
	for {
		f.mu.Lock()
		busy := f.files[name]
		if busy == nil {
			over := make(chan struct{})
			f.files[name] = over
			f.mu.Unlock()
			return func() {
				f.mu.Lock()
				defer f.mu.Unlock()
				delete(f.files, name)
				close(over)
			}, nil
		}
		f.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Open implements Frontier.
func (f *Bolt) Open(ctx context.Context, name string, c Config) error {
	if err := named(name); err != nil {
		return err
	}
	done, err := f.alone(ctx, name)
	if err != nil {
		return err
	}
	defer done()
	f.mu.Lock()
	closed, known := f.closed, f.runs[name] != nil
	f.mu.Unlock()
	if closed {
		return ErrClosed
	}
	if known {
		return fmt.Errorf("frontier: run %s is open already", name)
	}
	if err := os.MkdirAll(filepath.Dir(f.path(name)), 0o700); err != nil {
		return fmt.Errorf("frontier: %w", err)
	}
	if err := errors.Join(kv.SyncDir(filepath.Dir(f.dir)), kv.SyncDir(f.dir)); err != nil {
		return fmt.Errorf("frontier: %w", err)
	}
	r, err := openRun(ctx, f, name, c)
	if err != nil {
		return err
	}
	f.mu.Lock()
	if closed = f.closed; closed {
		f.forget(r)
	} else {
		f.runs[name] = r
	}
	f.mu.Unlock()
	if closed {
		return cmp.Or(r.db.Close(), ErrClosed)
	}
	return nil
}

// Leave implements Frontier.
func (f *Bolt) Leave(name string) error {
	done, err := f.alone(context.Background(), name)
	if err != nil {
		return err
	}
	defer done()
	return f.leave(name)
}

// leave is Leave for who is alone with the file.
func (f *Bolt) leave(name string) error {
	f.mu.Lock()
	r, err := f.find(name)
	if err == nil {
		f.forget(r)
	}
	f.mu.Unlock()
	if err != nil {
		return err
	}
	return r.db.Close()
}

// forget takes a run out of memory; f.mu is held. Clocks stay: the next run
// of the process goes by them, and requests that are out count as over.
func (f *Bolt) forget(r *run) {
	now := time.Now()
	for _, st := range r.leases {
		r.release(st, Answer{Conduct: Blameless}, now)
	}
	r.gone = true
	delete(f.runs, r.name)
	for _, h := range r.hosts {
		h.clock.drop(h)
	}
	f.tidy(now)
	if r.timer != nil {
		r.timer.Stop()
	}
	r.wakeAll()
}

// Drop implements Frontier.
func (f *Bolt) Drop(name string) error {
	if err := named(name); err != nil {
		return err
	}
	done, err := f.alone(context.Background(), name)
	if err != nil {
		return err
	}
	defer done()
	if _, err := f.lookup(name); err == nil {
		if err := f.leave(name); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(filepath.Dir(f.path(name))); err != nil {
		return fmt.Errorf("frontier: drop run %s: %w", name, err)
	}
	return nil
}

// copyFill is how far the pages of a copy are filled: whoever goes on with the
// run writes between them.
const copyFill = 0.8

// Copy writes one state of the queue of a run to a new file, open or not; whoever
// opens it meanwhile waits. It returns ErrNoRun if there is none. Of what the store
// has by then the queue may not know yet, as after a crash: it is to be copied
// before the store is.
func (f *Bolt) Copy(ctx context.Context, name, to string) error {
	if err := named(name); err != nil {
		return err
	}
	done, err := f.alone(ctx, name)
	if err != nil {
		return err
	}
	defer done()
	r, err := f.lookup(name)
	switch {
	case err == nil:
		err = r.db.Copy(ctx, to, copyFilling)
	case errors.Is(err, ErrNoRun):
		err = f.copyClosed(ctx, name, to)
	}
	if err != nil {
		return fmt.Errorf("frontier: copy run %s: %w", name, err)
	}
	return nil
}

func copyFilling([]byte) float64 { return copyFill }

// copyClosed copies a file as it lies there: whoever opens the copy finds in it
// what he would have found.
func (f *Bolt) copyClosed(ctx context.Context, name, to string) error {
	if _, err := os.Stat(f.path(name)); errors.Is(err, os.ErrNotExist) {
		return ErrNoRun
	}
	db, err := kv.Open(f.path(name), kv.Options{}, func(*bolt.Tx, []struct{}) error { return nil }, nil)
	if err != nil {
		return err
	}
	return errors.Join(db.Copy(ctx, to, copyFilling), db.Close())
}

// Close implements Frontier.
func (f *Bolt) Close() error {
	f.mu.Lock()
	f.closed = true
	var open []*run
	for _, r := range f.runs {
		open = append(open, r)
		f.forget(r)
	}
	f.mu.Unlock()
	var first error
	for _, r := range open {
		if err := r.db.Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}
