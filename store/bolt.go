package store

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"crawl/internal/kv"
	"crawl/internal/warc"
	"crawl/internal/weburl"

	"github.com/tinylib/msgp/msgp"
	bolt "go.etcd.io/bbolt"
)

// DIR/crawl.db holds these buckets; "run" is a run's number, four bytes, big
// endian, and "url" is weburl.URL.Key:
//
//	meta     "version" -> one byte, layoutVersion; "tail" -> tail
//	runs     run -> Run
//	sites    site, zero byte, number within the site (4 bytes) -> run
//	pages    run, url -> Page
//	links    run, url -> linkList
//	latest   url -> run of the last visit, run of the last one with content
//	bodies   SHA-256 of a body as sent -> body
//	skipped  run, url -> Skip
//	hosts    run, origin -> Host
//	askers   origin -> run that asked it last
//	robots   run, origin -> Robots
//
// Every record begins with recordVersion. Order of writes: bodies are synced
// to their segment first, then one transaction commits what points at them.
const (
	layoutVersion = 1
	recordVersion = 1
)

var (
	bucketMeta    = []byte("meta")
	bucketRuns    = []byte("runs")
	bucketSites   = []byte("sites")
	bucketPages   = []byte("pages")
	bucketLinks   = []byte("links")
	bucketLatest  = []byte("latest")
	bucketBodies  = []byte("bodies")
	bucketSkipped = []byte("skipped")
	bucketHosts   = []byte("hosts")
	bucketAskers  = []byte("askers")
	bucketRobots  = []byte("robots")
	keyVersion    = []byte("version")
	keyTail       = []byte("tail")
)

// Options says how a store is opened.
type Options struct {
	Program string // written into each segment, "crawl/1.2"
	Command string // of this process, told to whoever finds the store held
}

// Bolt is a Store in one folder.
type Bolt struct {
	dir    string
	holder string // file that says which process holds the store
	db     *kv.DB[*write]
	bodies *segments

	mu     sync.Mutex
	coming map[[32]byte]body // handed in and not yet in the index
}

var _ Store = (*Bolt)(nil)

// write is one caller's part of a transaction.
type write struct {
	puts  []put
	after func(tx *bolt.Tx) error // runs when the puts are done
}

type put struct {
	bucket, key, value []byte
}

// Open opens or creates the store in dir. It fails with a *HeldError if
// another process has it open.
func Open(dir string, o Options) (*Bolt, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	b := &Bolt{dir: dir, holder: filepath.Join(dir, "holder.json"), coming: map[[32]byte]body{}}
	db, err := kv.Open(filepath.Join(dir, "crawl.db"), kv.Options{}, b.apply, nil)
	if errors.Is(err, kv.ErrLocked) {
		return nil, b.heldBy()
	}
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	b.db = db
	if err := b.start(o); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return b, nil
}

func (b *Bolt) start(o Options) error {
	var end tail
	err := b.db.View(func(tx *bolt.Tx) error {
		meta := tx.Bucket(bucketMeta)
		if meta == nil {
			return nil
		}
		if v := meta.Get(keyVersion); len(v) != 1 || v[0] != layoutVersion {
			return fmt.Errorf("store: %s has layout %v, this program reads %d: use the program that wrote it", b.db.Path(), v, layoutVersion)
		}
		if raw := meta.Get(keyTail); raw != nil {
			return decode(raw, &end)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if b.bodies, err = openSegments(filepath.Join(b.dir, "bodies"), o.Program, end); err != nil {
		return err
	}
	if err := b.commit(context.Background(), put{bucketMeta, keyVersion, []byte{layoutVersion}}); err != nil {
		return err
	}
	raw, err := json.Marshal(HeldError{PID: os.Getpid(), Command: o.Command, Since: time.Now()})
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if err := os.WriteFile(b.holder, raw, 0o600); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

func (b *Bolt) heldBy() error {
	held := &HeldError{}
	if raw, err := os.ReadFile(b.holder); err != nil || json.Unmarshal(raw, held) != nil {
		held = &HeldError{} // it is just being opened: nobody to name
	}
	held.Path = b.dir
	return held
}

// Close implements Store.
func (b *Bolt) Close() error {
	err := errors.Join(b.db.Close(), b.bodies.close())
	if e := os.Remove(b.holder); e != nil && !errors.Is(e, os.ErrNotExist) {
		err = errors.Join(err, fmt.Errorf("store: %w", e))
	}
	return err
}

// apply runs in the committer: bodies first, then what points at them.
func (b *Bolt) apply(tx *bolt.Tx, batch []*write) error {
	end, err := b.bodies.flush()
	if err != nil {
		return err
	}
	raw, err := encode(&end)
	if err != nil {
		return err
	}
	puts := []put{{bucketMeta, keyTail, raw}}
	for _, w := range batch {
		puts = append(puts, w.puts...)
	}
	slices.SortStableFunc(puts, func(x, y put) int {
		return cmp.Or(bytes.Compare(x.bucket, y.bucket), bytes.Compare(x.key, y.key))
	})
	for _, p := range puts {
		bucket, err := tx.CreateBucketIfNotExists(p.bucket)
		if err != nil {
			return err
		}
		if p.value == nil {
			err = bucket.Delete(p.key)
		} else {
			err = bucket.Put(p.key, p.value)
		}
		if err != nil {
			return err
		}
	}
	for _, w := range batch {
		if w.after == nil {
			continue
		}
		if err := w.after(tx); err != nil {
			return err
		}
	}
	return nil
}

func (b *Bolt) commit(ctx context.Context, puts ...put) error {
	if err := b.db.Commit(ctx, &write{puts: puts}); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

func encode(v msgp.Marshaler) ([]byte, error) {
	raw, err := v.MarshalMsg([]byte{recordVersion})
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	return raw, nil
}

func decode(raw []byte, v msgp.Unmarshaler) error {
	if len(raw) == 0 || raw[0] != recordVersion {
		return fmt.Errorf("store: record is %w: version %x", ErrDamaged, raw[:min(1, len(raw))])
	}
	if _, err := v.UnmarshalMsg(raw[1:]); err != nil {
		return fmt.Errorf("store: record is %w: %w", ErrDamaged, err)
	}
	return nil
}

func (id RunID) key() []byte { return binary.BigEndian.AppendUint32(nil, uint32(id)) }

func (id RunID) with(key []byte) []byte { return append(id.key(), key...) }

func siteKey(site string, number uint32) []byte {
	return binary.BigEndian.AppendUint32(append([]byte(site), 0), number)
}

// get reads one record; ErrNotFound if there is none.
func (b *Bolt) get(bucket, key []byte, v msgp.Unmarshaler) error {
	return b.db.View(func(tx *bolt.Tx) error { return getIn(tx, bucket, key, v) })
}

func getIn(tx *bolt.Tx, bucket, key []byte, v msgp.Unmarshaler) error {
	bk := tx.Bucket(bucket)
	if bk == nil {
		return ErrNotFound
	}
	raw := bk.Get(key)
	if raw == nil {
		return ErrNotFound
	}
	return decode(raw, v)
}

// readAtOnce is how many records one snapshot reads: a long snapshot would
// keep the file from using its free pages again.
const readAtOnce = 256

// scan calls fn for each record whose key begins with prefix, in order, until
// it returns false. fn gets copies and may be slow.
func (b *Bolt) scan(ctx context.Context, bucket, prefix []byte, fn func(key, value []byte) bool) error {
	from := prefix
	for {
		var keys, values [][]byte
		err := b.db.View(func(tx *bolt.Tx) error {
			bk := tx.Bucket(bucket)
			if bk == nil {
				return nil
			}
			c := bk.Cursor()
			for k, v := c.Seek(from); k != nil && bytes.HasPrefix(k, prefix) && len(keys) < readAtOnce; k, v = c.Next() {
				keys, values = append(keys, bytes.Clone(k)), append(values, bytes.Clone(v))
			}
			return nil
		})
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		for i, k := range keys {
			if !fn(k, values[i]) {
				return nil
			}
		}
		if len(keys) < readAtOnce {
			return nil
		}
		from = append(keys[len(keys)-1], 0)
	}
}

// rows yields the records of one run, decoded by read.
func rows[T any](ctx context.Context, b *Bolt, bucket []byte, run RunID, read func(key, raw []byte) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		stopped := false
		err := b.scan(ctx, bucket, run.key(), func(k, raw []byte) bool {
			v, err := read(k[4:], raw)
			stopped = !yield(v, err) || err != nil
			return !stopped
		})
		if err != nil && !stopped {
			var none T
			yield(none, err)
		}
	}
}

// Begin implements Store.
func (b *Bolt) Begin(ctx context.Context, r *Run) error {
	if r.Site == "" || strings.ContainsRune(r.Site, 0) {
		return fmt.Errorf("store: %q is no name for a site", r.Site)
	}
	w := &write{after: func(tx *bolt.Tx) error {
		for _, name := range [][]byte{bucketRuns, bucketSites} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		runs, sites := tx.Bucket(bucketRuns), tx.Bucket(bucketSites)
		if k, _ := runs.Cursor().Last(); k != nil {
			r.ID = RunID(binary.BigEndian.Uint32(k))
		}
		r.ID++
		r.Number, r.Baseline = 1, 0
		c := sites.Cursor()
		c.Seek(siteKey(r.Site, 1<<32-1))
		if k, v := prevKey(c, sites); bytes.HasPrefix(k, append([]byte(r.Site), 0)) {
			r.Number = int(binary.BigEndian.Uint32(k[len(k)-4:])) + 1
			r.Baseline = RunID(binary.BigEndian.Uint32(v))
		}
		raw, err := encode(r)
		if err != nil {
			return err
		}
		if err := sites.Put(siteKey(r.Site, uint32(r.Number)), r.ID.key()); err != nil {
			return err
		}
		return runs.Put(r.ID.key(), raw)
	}}
	if err := b.db.Commit(ctx, w); err != nil {
		return fmt.Errorf("store: begin a run: %w", err)
	}
	return nil
}

// prevKey is the key before the one that c was sent to seek.
func prevKey(c *bolt.Cursor, in *bolt.Bucket) (k, v []byte) {
	if k, v = c.Prev(); k == nil {
		k, v = in.Cursor().Last()
	}
	return k, v
}

// Update implements Store.
func (b *Bolt) Update(ctx context.Context, r *Run) error {
	raw, err := encode(r)
	if err != nil {
		return err
	}
	return b.commit(ctx, put{bucketRuns, r.ID.key(), raw})
}

// Run implements Store.
func (b *Bolt) Run(_ context.Context, id RunID) (*Run, error) {
	r := &Run{ID: id}
	return r, b.get(bucketRuns, id.key(), r)
}

// Runs implements Store.
func (b *Bolt) Runs(ctx context.Context, site string) iter.Seq2[*Run, error] {
	return func(yield func(*Run, error) bool) {
		var all []*Run
		var bad error
		err := b.scan(ctx, bucketRuns, nil, func(k, raw []byte) bool {
			r := &Run{ID: RunID(binary.BigEndian.Uint32(k))}
			if bad = decode(raw, r); bad == nil && (site == "" || r.Site == site) {
				all = append(all, r)
			}
			return bad == nil
		})
		if err = cmp.Or(err, bad); err != nil {
			yield(nil, err)
			return
		}
		for _, r := range slices.Backward(all) {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// Latest implements Store.
func (b *Bolt) Latest(_ context.Context, u weburl.URL) (last, good *Page, err error) {
	key := u.Key()
	err = b.db.View(func(tx *bolt.Tx) error {
		bk := tx.Bucket(bucketLatest)
		if bk == nil {
			return nil
		}
		raw := bk.Get(key)
		if len(raw) != 8 {
			return nil
		}
		runs := [2]RunID{RunID(binary.BigEndian.Uint32(raw)), RunID(binary.BigEndian.Uint32(raw[4:]))}
		if last, err = pageIn(tx, runs[0], u, key); err != nil {
			return err
		}
		if good = last; runs[1] != runs[0] {
			good, err = pageIn(tx, runs[1], u, key)
		}
		return err
	})
	return last, good, err
}

// pageIn returns nil for run 0, which stands for none.
func pageIn(tx *bolt.Tx, run RunID, u weburl.URL, key []byte) (*Page, error) {
	if run == 0 {
		return nil, nil
	}
	p := &Page{URL: u, Run: run}
	return p, getIn(tx, bucketPages, run.with(key), p)
}

// Page implements Store.
func (b *Bolt) Page(_ context.Context, run RunID, u weburl.URL) (*Page, error) {
	p := &Page{URL: u, Run: run}
	return p, b.get(bucketPages, run.with(u.Key()), p)
}

// Pages implements Store.
func (b *Bolt) Pages(ctx context.Context, run RunID) iter.Seq2[*Page, error] {
	return rows(ctx, b, bucketPages, run, func(key, raw []byte) (*Page, error) {
		u, err := weburl.FromKey(key)
		if err != nil {
			return nil, fmt.Errorf("store: page is %w: %w", ErrDamaged, err)
		}
		p := &Page{URL: u, Run: run}
		return p, decode(raw, p)
	})
}

// Links implements Store.
func (b *Bolt) Links(_ context.Context, p *Page) ([]Link, error) {
	if p.Links == 0 {
		return nil, nil
	}
	var list linkList
	if err := b.get(bucketLinks, p.LinksOf.with(p.URL.Key()), &list); err != nil {
		return nil, fmt.Errorf("store: links of %s: %w", p.URL, err)
	}
	links := make([]Link, len(list))
	for i, t := range list {
		links[i] = Link{
			Target: t.Target, Text: t.Text, Rel: t.Rel, Element: t.Element, Attr: t.Attr,
			Asset: t.Flags&flagAsset != 0, NoFollow: t.Flags&flagNoFollow != 0,
		}
		if strings.HasPrefix(t.Target, "/") {
			links[i].Target = p.URL.Origin() + t.Target
		}
	}
	return links, nil
}

func packLinks(u weburl.URL, links []Link) linkList {
	origin := u.Origin() + "/"
	list := make(linkList, len(links))
	for i, l := range links {
		t := linkTuple{Target: l.Target, Text: l.Text, Rel: l.Rel, Element: l.Element, Attr: l.Attr}
		if strings.HasPrefix(t.Target, origin) {
			t.Target = t.Target[len(origin)-1:]
		}
		if l.Asset {
			t.Flags |= flagAsset
		}
		if l.NoFollow {
			t.Flags |= flagNoFollow
		}
		list[i] = t
	}
	return list
}

// Body implements Store.
func (b *Bolt) Body(_ context.Context, p *Page) (http.Header, []byte, error) {
	if p.Payload.Segment == 0 {
		return nil, nil, ErrNotFound
	}
	r, err := b.bodies.read(p.Payload)
	if err != nil {
		return nil, nil, err
	}
	_, header, _ := warc.ParseHTTP(r.Head)
	return header, r.Body, nil
}

// Skips implements Store.
func (b *Bolt) Skips(ctx context.Context, run RunID) iter.Seq2[*Skip, error] {
	return rows(ctx, b, bucketSkipped, run, func(key, raw []byte) (*Skip, error) {
		u, err := weburl.FromKey(key)
		if err != nil {
			return nil, fmt.Errorf("store: skipped URL is %w: %w", ErrDamaged, err)
		}
		s := &Skip{URL: u, Run: run}
		return s, decode(raw, s)
	})
}

// Hosts implements Store.
func (b *Bolt) Hosts(ctx context.Context, run RunID) iter.Seq2[*Host, error] {
	return rows(ctx, b, bucketHosts, run, func(key, raw []byte) (*Host, error) {
		h := &Host{Origin: string(key), Run: run}
		return h, decode(raw, h)
	})
}

// Host implements Store.
func (b *Bolt) Host(_ context.Context, origin string) (*Host, error) {
	h := &Host{Origin: origin}
	err := b.db.View(func(tx *bolt.Tx) error {
		bk := tx.Bucket(bucketAskers)
		if bk == nil {
			return ErrNotFound
		}
		raw := bk.Get([]byte(origin))
		if len(raw) != 4 {
			return ErrNotFound
		}
		h.Run = RunID(binary.BigEndian.Uint32(raw))
		return getIn(tx, bucketHosts, h.Run.with([]byte(origin)), h)
	})
	return h, err
}

// RobotsFiles yields the robots.txt files that a run saw.
func (b *Bolt) RobotsFiles(ctx context.Context, run RunID) iter.Seq2[*Robots, error] {
	return rows(ctx, b, bucketRobots, run, func(key, raw []byte) (*Robots, error) {
		r := &Robots{Origin: string(key), Run: run}
		return r, decode(raw, r)
	})
}

// CopyRecords writes the exchanges of a run to w as WARC, one gzip member a
// record: robots.txt files first, then pages. An unchanged body is a revisit
// record that names the record of an earlier run.
func (b *Bolt) CopyRecords(ctx context.Context, w io.Writer, run RunID) error {
	info, err := b.bodies.info("")
	if err != nil {
		return err
	}
	if _, err := w.Write(info); err != nil {
		return err
	}
	for r, err := range b.RobotsFiles(ctx, run) {
		if err == nil {
			err = b.bodies.copy(w, r.Request, r.Record)
		}
		if err != nil {
			return err
		}
	}
	for p, err := range b.Pages(ctx, run) {
		if err == nil {
			err = b.bodies.copy(w, p.Request, p.Record)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
