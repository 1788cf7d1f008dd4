package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/maphash"

	"crawl/internal/weburl"
)

// tally sums up links and the pages they are on, so that the same links in any
// other order have the same sum, and others, as good as certainly, another.
type tally struct {
	pages uint32
	links uint64
	sum   uint64
}

// add counts the next page with its links.
func (t *tally) add(links []Link, sitemap bool) {
	for _, l := range links {
		if _, err := weburl.Parse(l.Target); err == nil {
			t.link(hashTold(told{l, sitemap}), t.pages)
		}
	}
	t.pages++
}

func hashTold(v told) uint64 { return maphash.Comparable(seed, v) }

// link counts a link of a page. Its numbers are mixed as splitmix64 does.
func (t *tally) link(hash uint64, page uint32) {
	x := hash + uint64(page)*0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	t.sum += x ^ x>>31
	t.links++
}

// checkTemplates sees that each template is what its key says.
func (c *check) checkTemplates(ctx context.Context) error {
	return c.scan(ctx, bucketTemplates, nil, func(key, value []byte) bool {
		plain, err := unseal(value)
		if sum := sha256.Sum256(plain); err != nil || !bytes.Equal(key, sum[:len(templateKey{})]) {
			c.fault("%s: template %x is damaged", c.db.Path(), key)
		}
		return true
	})
}

// indexCheck holds the index of a run's links against the links.
type indexCheck struct {
	*check
	find finder
	name string
	mark linkIndex
	want tally // from the pages
	got  tally // from the index

	marks *marks // from the pages
}

// newIndexCheck returns nil for a run that has no index.
func (c *check) newIndexCheck(name string, run RunID) (*indexCheck, error) {
	x := &indexCheck{check: c, name: name, marks: newMarks()}
	err := c.get(bucketIndexed, run.key(), &x.mark)
	if errors.Is(err, ErrNotFound) || err == nil && !x.mark.Whole {
		return nil, nil
	}
	if err != nil {
		return nil, c.damage(fmt.Errorf("%s: %w", name, err))
	}
	x.find = finder{Bolt: c.Bolt, run: run, build: x.mark.Build}
	return x, nil
}

// page is told of each page and its links, in their order.
func (x *indexCheck) page(p *Page, links []Link) error {
	if x == nil {
		return nil
	}
	if n := x.want.pages; n%pageStep == 0 {
		same, err := x.holds(bucketNumbers, numberKey(x.find.run, n/pageStep), p.URL.Key())
		if err != nil {
			return err
		}
		if !same {
			x.fault("%s: the index of links does not find page %d, %s", x.name, n, p.URL)
		}
	}
	x.marks.page(p, x.want.pages)
	x.want.add(links, p.Kind == KindSitemap)
	return nil
}

// end reads the index, when all pages are known.
func (x *indexCheck) end(ctx context.Context) error {
	if x == nil {
		return nil
	}
	var failed error
	err := x.scan(ctx, bucketInlinks, x.find.run.key(), func(key, value []byte) bool {
		failed = x.entry(key, value)
		return failed == nil
	})
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	x.got.pages = x.mark.Pages
	if x.got != x.want || x.mark.Links != x.got.links {
		x.fault("%s: the index of links has %d links of %d pages, which are not the %d of %d that are kept", x.name, x.got.links, x.got.pages, x.want.links, x.want.pages)
	}
	return errors.Join(x.checkMarks(ctx), x.checkCounts(ctx))
}

// entry adds up what the index says of one target in one part.
func (x *indexCheck) entry(key, value []byte) error {
	part, target, err := x.entryKey(key)
	if err == nil {
		err = x.variants(part, target, value)
	}
	if errors.Is(err, ErrDamaged) {
		x.fault("%s: links to %s: %v", x.name, target, err)
		return nil
	}
	return err
}

func (x *indexCheck) entryKey(key []byte) (part uint32, target weburl.URL, err error) {
	if len(key) < 2*runSize {
		return 0, target, errEntry
	}
	part = uint32(runOf(key[runSize:]))
	if part >= x.mark.Parts {
		return 0, target, errEntry
	}
	target, err = urlOf(key[2*runSize:])
	return part, target, err
}

func (x *indexCheck) variants(part uint32, target weburl.URL, value []byte) error {
	r, want, err := readEntry(value)
	if err != nil {
		return err
	}
	var got InlinkCount
	for r.left() > 0 {
		v := readVariant(r, target.String(), part)
		if r.bad {
			return errEntry
		}
		if v.sitemap {
			got.Sitemaps += v.links
		} else {
			got.Pages += v.links
		}
		if err := x.variant(&v); err != nil {
			return err
		}
	}
	if got != want {
		return fmt.Errorf("index is %w: it counts %v links and has %v", ErrDamaged, want, got)
	}
	return nil
}

// variant counts the pages that have a link.
func (x *indexCheck) variant(v *entryVariant) error {
	hash := hashTold(v.told)
	if !x.set(newReader(v.own), hash, v.owns) {
		return errEntry
	}
	for i, h := range v.holders {
		r, n, err := x.find.holder(v.part, h)
		if err != nil {
			return err
		}
		if n != v.counts[i] || !x.set(r, hash, n) {
			return fmt.Errorf("index is %w: holder %d", ErrDamaged, h)
		}
	}
	return nil
}

// set counts a link on each page of a set, which should have n.
func (x *indexCheck) set(r *reader, hash uint64, n int) bool {
	for page := range r.set(x.want.pages) {
		x.got.link(hash, page)
		n--
	}
	return n == 0 && !r.bad
}
