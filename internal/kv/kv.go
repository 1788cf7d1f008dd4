// Package kv is a bbolt file with group commit.
//
// bbolt syncs the disk once a transaction, so a transaction for each change is
// slow and one goroutine that waits for each is slower. Here callers hand in
// changes and wait; one committer applies whatever arrived while the last sync
// ran as one transaction. An idle file commits at once; a busy one lets changes
// gather for a moment, so that it commits hundreds or thousands together.
//
// The package knows nothing of what is stored. It refuses to hide damage:
// bbolt panics on a corrupt file, and every panic becomes an error that names
// the file.
package kv

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// Errors that Open returns; test with errors.Is.
var (
	ErrLocked  = errors.New("held by another process")
	ErrDamaged = errors.New("damaged")
	ErrClosed  = errors.New("closed")
)

// Options tunes one file.
type Options struct {
	MaxBatch int           // changes in one transaction; 0 means 4096
	LockWait time.Duration // how long Open waits for another process; 0 means 500 ms
	// NoSync leaves it to the system when what is written reaches the disk,
	// until Close: the order of writes stays, so that the end of the process
	// loses nothing. A power cut before Close may leave a damaged file, as any
	// later page may be there and any earlier one not.
	NoSync bool
}

// Where many callers hand in changes at once, the committer rests after a
// batch for so many times as long as that took: it is at work a part of the
// time, however fast changes come. A caller alone never waits for this.
const (
	manyAtOnce = 4
	restFactor = 3
	maxRest    = 50 * time.Millisecond
)

// DB is one bbolt file. Its methods may be called from any goroutine.
type DB[T any] struct {
	bolt      *bolt.DB
	path      string
	apply     func(*bolt.Tx, []T) error
	committed func([]T)
	maxBatch  int
	damage    error // met by a batch: no later one may build on it; the committer's own
	unsynced  error // of the sync that NoSync left to Close; the committer's until it has ended

	step   sync.Mutex // guards making and makes
	making bool       // a transaction becomes durable, until committed has run
	makes  int        // which one
	made   sync.Cond  // making is no longer true

	mu      sync.Mutex // guards pending and closed
	pending []change[T]
	closed  bool
	wake    chan struct{} // holds one token when pending is not empty
	hurry   chan struct{} // closed by Close, which waits for no rest
	done    chan struct{} // closed when the committer has ended
}

type change[T any] struct {
	op     T
	answer chan error
}

// Open opens or creates the file at path. apply turns a batch of changes into
// writes; it runs in the committer, one batch at a time, and its error undoes
// the batch. committed, which may be nil, runs in the committer after each
// durable batch and before the callers of Commit return, so that memory can be
// brought in step with the disk in the order of commits.
//
// A new file is made under another name and gets its own when it is whole: a power
// cut during bbolt's first writes would leave a file that cannot be opened.
func Open[T any](path string, o Options, apply func(*bolt.Tx, []T) error, committed func([]T)) (*DB[T], error) {
	if o.MaxBatch <= 0 {
		o.MaxBatch = 4096
	}
	if o.LockWait <= 0 {
		o.LockWait = 500 * time.Millisecond
	}
	if err := create(path, o); err != nil {
		return nil, err
	}
	b, err := open(path, o)
	if err != nil {
		return nil, err
	}
	if err := whole(b); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	d := &DB[T]{
		bolt: b, path: path, apply: apply, committed: committed, maxBatch: o.MaxBatch,
		wake: make(chan struct{}, 1), hurry: make(chan struct{}), done: make(chan struct{}),
	}
	d.made.L = &d.step
	go d.commitLoop()
	return d, nil
}

// Path returns the file's name.
func (d *DB[T]) Path() string { return d.path }

// Commit hands in one change and returns when it is durable. A context that
// ends first does not undo the change.
func (d *DB[T]) Commit(ctx context.Context, op T) error {
	answer := make(chan error, 1)
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return fmt.Errorf("kv: %s: %w", d.path, ErrClosed)
	}
	d.pending = append(d.pending, change[T]{op, answer})
	d.mu.Unlock()
	d.signal()
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *DB[T]) signal() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// View runs fn on a snapshot of the durable state, which never holds a batch
// of which committed has not heard. fn must be short: pages that a snapshot
// holds cannot be used again.
func (d *DB[T]) View(fn func(*bolt.Tx) error) (err error) {
	defer caught(d.path, &err, debug.SetPanicOnFault(true))
	tx, err := d.bolt.Begin(false)
	if errors.Is(err, berrors.ErrDatabaseNotOpen) {
		return fmt.Errorf("kv: %s: %w", d.path, ErrClosed)
	}
	if err != nil {
		return fmt.Errorf("kv: read %s: %w", d.path, err)
	}
	defer tx.Rollback()
	d.untilHeard(tx.ID())
	return fn(tx)
}

// untilHeard waits until committed has heard of a transaction that a snapshot
// shows: it is on disk then, and the committer no longer waits for readers. It
// waits for no later one, which may wait for that snapshot to map a larger file.
func (d *DB[T]) untilHeard(id int) {
	d.step.Lock()
	defer d.step.Unlock()
	for d.making && d.makes == id {
		d.made.Wait()
	}
}

// enter notes that a transaction becomes durable, until the function returned
// is called.
func (d *DB[T]) enter(id int) (leave func()) {
	d.step.Lock()
	defer d.step.Unlock()
	d.making, d.makes = true, id
	return func() {
		d.step.Lock()
		defer d.step.Unlock()
		d.making = false
		d.made.Broadcast()
	}
}

// Close commits what was handed in and closes the file. It may be called twice.
func (d *DB[T]) Close() error {
	d.mu.Lock()
	if !d.closed {
		close(d.hurry)
	}
	d.closed = true
	d.mu.Unlock()
	d.signal()
	<-d.done
	return errors.Join(d.unsynced, d.bolt.Close())
}

// settle makes durable what was not synced when it was written.
func (d *DB[T]) settle() error {
	if !d.bolt.NoSync {
		return nil
	}
	if err := d.bolt.Sync(); err != nil {
		return fmt.Errorf("kv: sync %s: %w", d.path, err)
	}
	return nil
}

func (d *DB[T]) commitLoop() {
	defer close(d.done)
	for {
		batch, closed := d.take()
		if len(batch) > 0 {
			began := time.Now()
			d.commit(batch)
			d.rest(len(batch), time.Since(began))
			continue
		}
		if closed {
			d.unsynced = d.settle()
			return
		}
		<-d.wake
	}
}

// rest lets more arrive after a batch of n that took so long, where many hand
// in at once: a transaction of many costs little more than one of few.
func (d *DB[T]) rest(n int, took time.Duration) {
	if n < manyAtOnce {
		return
	}
	timer := time.NewTimer(min(restFactor*took, maxRest))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-d.hurry:
	}
}

func (d *DB[T]) take() ([]change[T], bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := min(len(d.pending), d.maxBatch)
	batch := d.pending[:n:n]
	d.pending = d.pending[n:]
	if len(d.pending) == 0 {
		d.pending = nil
	}
	return batch, d.closed
}

func (d *DB[T]) commit(batch []change[T]) {
	ops := make([]T, len(batch))
	for i, c := range batch {
		ops[i] = c.op
	}
	err := d.update(ops)
	for _, c := range batch {
		c.answer <- err
	}
}

func (d *DB[T]) update(ops []T) (err error) {
	if d.damage != nil {
		return d.damage
	}
	defer func() {
		if errors.Is(err, ErrDamaged) {
			d.damage = err
		}
	}()
	defer caught(d.path, &err, debug.SetPanicOnFault(true))
	tx, err := d.bolt.Begin(true)
	if err != nil {
		return fmt.Errorf("kv: commit to %s: %w", d.path, err)
	}
	defer tx.Rollback() // does nothing after Commit
	if err := d.apply(tx, ops); err != nil {
		return fmt.Errorf("kv: commit to %s: %w", d.path, err)
	}
	defer d.enter(tx.ID())()
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("kv: commit to %s: %w", d.path, err)
	}
	if d.committed != nil {
		d.committed(ops)
	}
	return nil
}
