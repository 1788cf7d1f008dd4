package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"crawl/internal/weburl"

	bolt "go.etcd.io/bbolt"
)

// Inlink is a link to a URL, and all pages of a run that have it like this.
type Inlink struct {
	Link    Link
	Sitemap bool // sitemaps name the URL
	Links   int  // how many such links there are
	// Sources yields the pages in no particular order; one that has the link
	// twice is yielded twice. It may be ranged over until something is put
	// into the run, and then ends with ErrNotIndexed.
	Sources iter.Seq2[*Page, error]
	// Records are Sources to be read in part, which is cheaper.
	Records iter.Seq2[*PageRecord, error]
}

// InlinkCount is how many links to a URL the pages and the sitemaps of a run
// have.
type InlinkCount struct{ Pages, Sitemaps int }

// Indexed implements Store.
func (b *Bolt) Indexed(ctx context.Context, run RunID) (_ bool, err error) {
	defer wrap(&err, "index of run %d", run)
	if err := ctx.Err(); err != nil {
		return false, err
	}
	err = b.db.View(func(tx *bolt.Tx) error {
		_, err := b.indexIn(tx, run)
		return err
	})
	if errors.Is(err, ErrNotIndexed) {
		return false, nil
	}
	return err == nil, err
}

// indexIn returns the index of a run if it is whole.
func (b *Bolt) indexIn(tx *bolt.Tx, run RunID) (x linkIndex, err error) {
	if err := b.getIn(tx, bucketIndexed, run.key(), &x); err != nil && !errors.Is(err, ErrNotFound) {
		return x, err
	}
	if !x.Whole {
		return x, ErrNotIndexed
	}
	return x, nil
}

// entryIn returns what a part says of a target, with both totals read; nil if
// that is nothing.
func entryIn(tx *bolt.Tx, run RunID, part uint32, key []byte) (r *reader, n InlinkCount, err error) {
	raw := rawIn(tx, bucketInlinks, append(numberKey(run, part), key...))
	if raw == nil {
		return nil, n, nil
	}
	return readEntry(raw)
}

func readEntry(raw []byte) (r *reader, n InlinkCount, err error) {
	plain, err := unseal(raw)
	if err != nil {
		return nil, n, err
	}
	r = newReader(plain)
	n = InlinkCount{int(r.number()), int(r.number())}
	if r.bad {
		return nil, n, errEntry
	}
	return r, n, nil
}

var errEntry = fmt.Errorf("index of links is %w: an entry cannot be read", ErrDamaged)

// CountInlinks implements Store.
func (b *Bolt) CountInlinks(ctx context.Context, run RunID, target weburl.URL) (sum InlinkCount, err error) {
	defer wrap(&err, "links to %s in run %d", target, run)
	if err := ctx.Err(); err != nil {
		return sum, err
	}
	key := target.Key()
	err = b.db.View(func(tx *bolt.Tx) error {
		x, err := b.indexIn(tx, run)
		if err != nil {
			return err
		}
		for part := range x.Parts {
			_, n, err := entryIn(tx, run, part, key)
			if err != nil {
				return b.named(err)
			}
			sum.Pages, sum.Sitemaps = sum.Pages+n.Pages, sum.Sitemaps+n.Sitemaps
		}
		return nil
	})
	return sum, err
}

// Inlinks implements Store.
func (b *Bolt) Inlinks(ctx context.Context, run RunID, target weburl.URL) iter.Seq2[Inlink, error] {
	return func(yield func(Inlink, error) bool) {
		found, err := b.inlinks(ctx, run, target)
		if err != nil {
			wrap(&err, "links to %s in run %d", target, run)
			yield(Inlink{}, err)
			return
		}
		for _, in := range found {
			in.Records = func(yield func(*PageRecord, error) bool) {
				err := b.sources(ctx, run, &in.place, yield)
				if err != nil {
					wrap(&err, "pages that link to %s in run %d", target, run)
					yield(nil, err)
				}
			}
			in.Sources = b.pagesOf(in.Records)
			if err := ctx.Err(); err != nil {
				yield(Inlink{}, err)
				return
			}
			if !yield(in.Inlink, nil) {
				return
			}
		}
	}
}

// told is what a variant says.
type told struct {
	link    Link
	sitemap bool
}

// whereabouts is where the pages are that have a link.
type whereabouts struct {
	build uint64 // of the index
	pages uint32 // in the run
	spots []spot
}

// spot is one part's share of it.
type spot struct {
	part    uint32
	holders []uint32
	own     []byte // a set
}

// sourced is an Inlink and where it is from.
type sourced struct {
	Inlink
	place whereabouts
}

func (b *Bolt) inlinks(ctx context.Context, run RunID, target weburl.URL) (list []*sourced, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	key, known := target.Key(), map[told]*sourced{}
	err = b.db.View(func(tx *bolt.Tx) error {
		x, err := b.indexIn(tx, run)
		if err != nil {
			return err
		}
		for part := range x.Parts {
			r, _, err := entryIn(tx, run, part, key)
			if err != nil {
				return b.named(err)
			}
			for r != nil && r.left() > 0 {
				v := readVariant(r, target.String(), part)
				if r.bad {
					return b.named(errEntry)
				}
				in := known[v.told]
				if in == nil {
					in = &sourced{Inlink{Link: v.link, Sitemap: v.sitemap}, whereabouts{build: x.Build, pages: x.Pages}}
					known[v.told] = in
					list = append(list, in)
				}
				in.Links += v.links
				in.place.spots = append(in.place.spots, v.spot)
			}
		}
		return nil
	})
	slices.SortStableFunc(list, func(x, y *sourced) int { return cmp.Compare(y.Links, x.Links) })
	return list, err
}

// entryVariant is a variant as an entry has it.
type entryVariant struct {
	told
	spot
	links  int
	counts []int // by holder
	owns   int   // beside the holders
}

// readVariant reads the next variant of an entry.
func readVariant(r *reader, target string, part uint32) (v entryVariant) {
	flags := r.byte()
	v.sitemap, v.part = flags&flagSitemap != 0, part
	v.link = Link{
		Element: r.word(), Attr: r.word(), Place: r.word(), Rel: r.word(), Text: r.string(), Target: target,
		Asset: flags&flagAsset != 0, NoFollow: flags&flagNoFollow != 0,
	}
	if flags&flagHere == 0 {
		v.link.Target = r.string()
	}
	for range r.count(2) {
		v.holders, v.counts = append(v.holders, uint32(r.number())), append(v.counts, int(r.number()))
		v.links += v.counts[len(v.counts)-1]
	}
	if v.owns = int(r.number()); v.owns > 0 {
		v.own = []byte(r.string())
	}
	v.links += v.owns
	return v
}
