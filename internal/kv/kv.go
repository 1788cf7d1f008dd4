// Package kv is a bbolt file with group commit.
//
// bbolt syncs the disk once a transaction, so a transaction for each change is
// slow and one goroutine that waits for each is slower. Here callers hand in
// changes, and one committer applies many of them as one transaction. Who waits
// for a change to be durable (Commit) is served at once, together with whatever
// arrived while the last sync ran, or after a short rest where many come. What
// nobody waits for (Schedule) waits for more of its kind, a moment at most: a
// transaction rewrites the pages it touches and the list of free ones, so a large
// one costs little more than a small one. Changes become durable in the order
// they were handed in.
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
	"sync/atomic"
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
	Delay    time.Duration // how long a scheduled change waits for others; 0 means 100 ms
	Failed   func(error)   // runs in the committer when scheduled changes were lost; nil for nothing

	// NoSync leaves it to the system when what is written reaches the disk,
	// until Close: the order of writes stays, so that the end of the process
	// loses nothing. A power cut before Close may leave a damaged file, as any
	// later page may be there and any earlier one not.
	NoSync bool

	// Ahead is how large a file may become before a transaction that makes it
	// larger must wait for the snapshots that are open: so much address space is
	// taken, and no memory. 0 means the file's own size, doubled.
	Ahead int64
}

// Where so many callers wait for one batch, the committer rests behind it,
// some times as long as it took, so that the next is as large: until enough
// have gathered. A caller alone waits for this only right behind such a batch.
const (
	manyAtOnce = 4
	enough     = 48
	restFactor = 2
	maxRest    = 20 * time.Millisecond
)

// DB is one bbolt file. Its methods may be called from any goroutine.
type DB[T any] struct {
	bolt      atomic.Pointer[bolt.DB] // Compact replaces it
	path      string
	options   Options
	apply     func(*bolt.Tx, []T) error
	committed func([]T)
	maxBatch  int
	damage    error // met by a batch: no later one may build on it; the committer's own
	mapped    mapped
	unsynced  error // of the sync that NoSync left to Close; the committer's until it has ended
	delay     time.Duration
	onFailure func(error)

	writing sync.Mutex // held while a transaction is made, or none may be

	step   sync.Mutex // guards making and makes
	making bool       // a transaction becomes durable, until committed has run
	makes  int        // which one
	made   sync.Cond  // making is no longer true

	mu      sync.Mutex // guards the six below
	pending []change[T]
	weight  int         // of what is pending
	hurry   bool        // somebody waits for what is pending, or it has waited long enough
	timer   *time.Timer // sets hurry
	lost    error       // scheduled changes failed: none is taken any more
	closed  bool
	wake    chan struct{} // holds one token when there may be something to do
	rested  chan struct{} // holds one token when a rest is over
	done    chan struct{} // closed when the committer has ended
}

// change is what one caller handed in.
type change[T any] struct {
	op      T
	weight  int
	barrier bool       // no change: it is answered when all before it are durable
	answer  chan error // nil if nobody waits
}

// maxWeight is the weight of a batch, and of the changes that pile up before
// whoever schedules one waits: memory holds all that a transaction touches.
const maxWeight = 4096

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
	if o.Delay <= 0 {
		o.Delay = 100 * time.Millisecond
	}
	if err := create(path, o); err != nil {
		return nil, err
	}
	b, err := openWhole(path, o)
	if err != nil {
		return nil, err
	}
	if err := remove(compacted(path)); err != nil { // of a process that was killed
		return nil, errors.Join(fmt.Errorf("kv: %w", err), b.Close())
	}
	d := &DB[T]{
		path: path, options: o, apply: apply, committed: committed, maxBatch: o.MaxBatch,
		delay: o.Delay, onFailure: o.Failed,
		wake: make(chan struct{}, 1), rested: make(chan struct{}, 1), done: make(chan struct{}),
	}
	d.bolt.Store(b)
	d.made.L = &d.step
	go d.commitLoop()
	return d, nil
}

// Path returns the file's name.
func (d *DB[T]) Path() string { return d.path }

// Commit hands in one change and returns when it is durable. A context that
// ends first does not undo the change.
func (d *DB[T]) Commit(ctx context.Context, op T) error { return d.CommitAll(ctx, op, 1) }

// CommitAll is Commit of a change that is so many writes, roughly. Small ones
// weigh 1.
func (d *DB[T]) CommitAll(ctx context.Context, op T, weight int) error {
	return d.await(ctx, change[T]{op: op, weight: weight, answer: make(chan error, 1)})
}

// Flush returns when all that was handed in before is durable. Where some of
// it was lost, it says so.
func (d *DB[T]) Flush(ctx context.Context) error {
	return d.await(ctx, change[T]{barrier: true, answer: make(chan error, 1)})
}

func (d *DB[T]) await(ctx context.Context, c change[T]) error {
	answer, err := d.handIn(c)
	if answer == nil {
		return err
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Schedule hands in a change of so many writes, roughly, and returns before it
// is durable, unless too many are on their way. If it is lost, because the disk
// is full or the file damaged, every later call says so, and Options.Failed hears
// of it.
func (d *DB[T]) Schedule(ctx context.Context, op T, weight int) error {
	return d.await(ctx, change[T]{op: op, weight: weight})
}

// handIn returns what to wait for, if there is anything: also where too many
// changes are on their way.
func (d *DB[T]) handIn(c change[T]) (answer chan error, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, fmt.Errorf("kv: %s: %w", d.path, ErrClosed)
	}
	if d.lost != nil {
		return nil, d.lost
	}
	if c.answer == nil && d.weight >= maxWeight {
		c.answer = make(chan error, 1)
	}
	d.pending = append(d.pending, c)
	d.weight += c.weight
	if len(d.pending) == enough {
		signal(d.rested)
	}
	switch {
	case c.answer != nil || d.weight >= maxWeight:
		d.rush()
	case d.timer == nil:
		d.timer = time.AfterFunc(d.delay, d.Hurry)
	}
	return c.answer, nil
}

// Hurry makes what was scheduled become durable now. It does not wait for that.
func (d *DB[T]) Hurry() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.pending) > 0 {
		d.rush()
	}
}

// rush wakes the committer; d.mu is held.
func (d *DB[T]) rush() {
	d.hurry = true
	signal(d.wake)
}

// signal leaves a token, if there is none.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// View runs fn on a snapshot of the durable state, which never holds a batch
// of which committed has not heard. fn must be short: pages that a snapshot
// holds cannot be used again.
func (d *DB[T]) View(fn func(*bolt.Tx) error) (err error) {
	defer caught(d.path, &err, debug.SetPanicOnFault(true))
	tx, err := d.snapshot()
	if errors.Is(err, berrors.ErrDatabaseNotOpen) {
		return fmt.Errorf("kv: %s: %w", d.path, ErrClosed)
	}
	if err != nil {
		return fmt.Errorf("kv: read %s: %w", d.path, err)
	}
	defer tx.Rollback()
	d.untilHeard(tx.ID())
	defer d.mapped.looked(tx)
	return fn(tx)
}

// snapshot begins a transaction that reads, of the file that Compact made if it
// has just closed the one before.
func (d *DB[T]) snapshot() (*bolt.Tx, error) {
	for {
		b := d.bolt.Load()
		tx, err := b.Begin(false)
		if err == nil || b == d.bolt.Load() {
			return tx, err
		}
	}
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
// Where scheduled changes were lost, it says so.
func (d *DB[T]) Close() error {
	d.mu.Lock()
	d.closed = true
	d.rush()
	signal(d.rested)
	d.mu.Unlock()
	<-d.done
	if err := errors.Join(d.unsynced, d.bolt.Load().Close()); err != nil {
		return errors.Join(d.lost, err)
	}
	return d.lost
}

// settle makes durable what was not synced when it was written.
func (d *DB[T]) settle() error {
	b := d.bolt.Load()
	if !b.NoSync {
		return nil
	}
	if err := b.Sync(); err != nil {
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
			d.rest(batch, time.Since(began))
			continue
		}
		if closed {
			d.unsynced = d.settle()
			return
		}
		<-d.wake
	}
}

// rest lets as many gather again as waited for a batch that took so long.
func (d *DB[T]) rest(batch []change[T], took time.Duration) {
	waited := 0
	for _, c := range batch {
		if c.answer != nil {
			waited++
		}
	}
	d.mu.Lock()
	over := waited < manyAtOnce || d.closed || len(d.pending) >= enough
	if !over { // a token is of a rest before
		select {
		case <-d.rested:
		default:
		}
	}
	d.mu.Unlock()
	if over {
		return
	}
	timer := time.NewTimer(min(restFactor*took, maxRest))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-d.rested:
	}
}

// take returns the next batch, if it is time for one.
func (d *DB[T]) take() ([]change[T], bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.hurry {
		return nil, d.closed
	}
	n := d.next()
	batch := d.pending[:n:n]
	d.pending = d.pending[n:]
	if len(d.pending) > 0 {
		return batch, d.closed
	}
	d.pending, d.hurry = nil, d.closed
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	return batch, d.closed
}

// next is how many changes are a batch; it takes their weight away. d.mu is held.
func (d *DB[T]) next() (n int) {
	for weight := 0; n < min(len(d.pending), d.maxBatch) && weight < maxWeight; n++ {
		weight += d.pending[n].weight
		d.weight -= d.pending[n].weight
	}
	return n
}

// commit makes a batch durable. Once scheduled changes were lost it makes none
// of the later ones durable: they may build on those.
func (d *DB[T]) commit(batch []change[T]) {
	ops, waited := make([]T, 0, len(batch)), true
	for _, c := range batch {
		if !c.barrier {
			ops = append(ops, c.op)
			waited = waited && c.answer != nil
		}
	}
	err := d.lost
	if err == nil && len(ops) > 0 {
		if err = d.update(ops); err != nil && !waited {
			d.lose(err)
		}
	}
	for _, c := range batch {
		switch {
		case c.answer == nil:
		case c.barrier:
			c.answer <- d.lost
		default:
			c.answer <- err
		}
	}
}

// lose notes that changes were lost for which nobody waits.
func (d *DB[T]) lose(err error) {
	d.mu.Lock()
	d.lost = err
	d.mu.Unlock()
	if d.onFailure != nil {
		d.onFailure(err)
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
	d.writing.Lock()
	defer d.writing.Unlock()
	b := d.bolt.Load()
	size := sizeOf(b)
	d.mapped.has(size, len(ops))
	b.AllocSize = stepOf(size)
	tx, err := b.Begin(true)
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
