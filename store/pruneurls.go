package store

import (
	"bytes"
	"context"
	"slices"

	bolt "go.etcd.io/bbolt"
)

// urlsAtOnce is for how many URLs one transaction removes visits.
const urlsAtOnce = 256

// urls removes visits and links, URL by URL: of each one transaction sees all
// visits that stay.
func (p *pruning) urls(ctx context.Context) error {
	for from := []byte{}; from != nil; {
		err := p.change(ctx, func(tx *bolt.Tx) (err error) {
			keys, more := p.next(tx, from)
			from = nil
			if more {
				from = append(bytes.Clone(keys[len(keys)-1]), 0)
			}
			return p.remove(tx, keys)
		})
		if err != nil {
			return err
		}
		crashAt("urls")
	}
	return nil
}

// next returns the next URLs of which there may be something to remove, in
// order, and whether there are more.
func (p *pruning) next(tx *bolt.Tx, from []byte) (keys [][]byte, more bool) {
	gather := func(bucket []byte, runs []RunID) {
		bk := tx.Bucket(bucket)
		if bk == nil {
			return
		}
		c := bk.Cursor()
		for _, id := range runs {
			n := 0
			for k, _ := c.Seek(id.with(from)); n <= urlsAtOnce && bytes.HasPrefix(k, id.key()); k, _ = c.Next() {
				keys = append(keys, k[runSize:])
				n++
			}
		}
	}
	gather(bucketPages, p.gone)
	gather(bucketLinks, p.old)
	slices.SortFunc(keys, bytes.Compare)
	keys = slices.CompactFunc(keys, bytes.Equal)
	if more = len(keys) > urlsAtOnce; more {
		keys = keys[:urlsAtOnce]
	}
	for i := range keys { // they live as long as the pages that are about to change
		keys[i] = bytes.Clone(keys[i])
	}
	return keys, more
}

// visitKept is a visit that stays.
type visitKept struct {
	run, linksOf RunID
	content      bool
}

// contentFields are what hasContent goes by.
var contentFields = FieldsOf("Kind", "Fault", "Status", "Truncated", "Damaged")

// remove removes what goes of some URLs.
func (p *pruning) remove(tx *bolt.Tx, keys [][]byte) error {
	if len(keys) == 0 {
		return nil
	}
	stay, err := p.visitsKept(tx, keys)
	if err != nil {
		return err
	}
	for i, key := range keys {
		if err := p.removeVisits(tx, key); err != nil {
			return err
		}
		if err := p.removeLinks(tx, key, stay[i]); err != nil {
			return err
		}
		if err := p.mendLatest(tx, key, stay[i]); err != nil {
			return err
		}
	}
	return nil
}

// visitsKept returns the visits of each URL by runs that stay, newest first.
func (p *pruning) visitsKept(tx *bolt.Tx, keys [][]byte) ([][]visitKept, error) {
	stay := make([][]visitKept, len(keys))
	bk := tx.Bucket(bucketPages)
	if bk == nil {
		return stay, nil
	}
	var reader PageReader
	wanted := contentFields.With(FieldsOf("LinksOf"))
	c := bk.Cursor()
	for _, id := range p.kept(tx) {
		last := id.with(keys[len(keys)-1])
		if k, _ := c.Seek(id.with(keys[0])); k == nil || bytes.Compare(k, last) > 0 {
			continue // a run of another site, as most are
		}
		for i, key := range keys {
			k, v := c.Seek(id.with(key))
			if !bytes.Equal(k, id.with(key)) {
				continue
			}
			var page Page
			if err := reader.Read(&PageRecord{id, key, v}, &page, wanted); err != nil {
				return nil, p.named(err)
			}
			stay[i] = append(stay[i], visitKept{id, page.LinksOf, page.hasContent()})
		}
	}
	return stay, nil
}

func (p *pruning) removeVisits(tx *bolt.Tx, key []byte) error {
	bk := tx.Bucket(bucketPages)
	for _, id := range p.gone {
		k := id.with(key)
		if v := rawIn(tx, bucketPages, k); v != nil {
			if err := p.drop(bk, k, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// removeLinks removes the links of a URL that no visit refers to.
func (p *pruning) removeLinks(tx *bolt.Tx, key []byte, stay []visitKept) error {
	bk := tx.Bucket(bucketLinks)
	for _, id := range p.old {
		k := id.with(key)
		v := rawIn(tx, bucketLinks, k)
		if v == nil || slices.ContainsFunc(stay, func(s visitKept) bool { return s.linksOf == id }) {
			continue
		}
		if err := p.disuse(v); err != nil {
			return err
		}
		if err := p.drop(bk, k, v); err != nil {
			return err
		}
	}
	return nil
}

// mendLatest makes the last visits of a URL be such as stay.
func (p *pruning) mendLatest(tx *bolt.Tx, key []byte, stay []visitKept) error {
	bk := tx.Bucket(bucketLatest)
	raw := rawIn(tx, bucketLatest, key)
	if raw == nil {
		return nil
	}
	had, err := parseHistory(raw)
	if err != nil {
		return p.named(err)
	}
	if len(stay) == 0 {
		return p.drop(bk, key, raw)
	}
	now := had
	if !stays(stay, had.last) {
		now.last = stay[0].run
	}
	if now.last != had.last || had.before != 0 && !stays(stay, had.before) {
		now.before = 0
		if i := slices.IndexFunc(stay, func(s visitKept) bool { return s.content && s.run < now.last }); i >= 0 {
			now.before = stay[i].run
		}
	}
	if now == had || p.options.DryRun {
		return nil
	}
	return bk.Put(key, now.value())
}

func stays(stay []visitKept, run RunID) bool {
	return slices.ContainsFunc(stay, func(s visitKept) bool { return s.run == run })
}
