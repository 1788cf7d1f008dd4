package store

import (
	"context"

	bolt "go.etcd.io/bbolt"
)

// countTemplates returns by how many records of links each template is
// referred to: some 40 bytes of memory for each.
func (b *Bolt) countTemplates(ctx context.Context) (map[templateKey]int, error) {
	uses := map[templateKey]int{}
	var bad error
	err := b.scan(ctx, bucketLinks, nil, func(_, value []byte) bool {
		bad = eachTemplate(value, func(key templateKey) { uses[key]++ })
		return bad == nil
	})
	if bad != nil {
		err = b.named(bad)
	}
	return uses, err
}

// eachTemplate calls fn for the templates that a record of links refers to.
func eachTemplate(value []byte, fn func(templateKey)) error {
	plain, err := unseal(value)
	if err != nil {
		return err
	}
	var u unpacker
	return u.record(plain, func(key templateKey, _ int) error { fn(key); return nil })
}

// disuse tells a dry run of a record of links that would go.
func (p *pruning) disuse(value []byte) error {
	if !p.options.DryRun {
		return nil
	}
	return p.named(eachTemplate(value, func(key templateKey) { p.uses[key]-- }))
}

// sweepTemplates removes templates that nothing refers to. Of a template that
// memory knows Put writes none again: so memory forgets all before the links
// are counted, and those that come to be known meanwhile stay.
func (p *pruning) sweepTemplates(ctx context.Context) (err error) {
	if !p.options.DryRun {
		p.visiting.Lock()
		p.templates.watch()
		p.visiting.Unlock()
		defer p.templates.unwatch()
		if p.uses, err = p.countTemplates(ctx); err != nil {
			return err
		}
	}
	for from := []byte{}; from != nil; {
		err := p.change(ctx, func(tx *bolt.Tx) (err error) {
			from, err = p.someTemplates(tx, from)
			return err
		})
		if err != nil {
			return err
		}
		crashAt("templates")
	}
	return nil
}

// someTemplates removes those of the next ones, and returns where to go on.
func (p *pruning) someTemplates(tx *bolt.Tx, from []byte) (next []byte, err error) {
	bk := tx.Bucket(bucketTemplates)
	if bk == nil {
		return nil, nil
	}
	seen := 0
	var found []record
	c := bk.Cursor()
	for k, v := c.Seek(from); k != nil; k, v = c.Next() {
		if seen++; seen > rowsAtOnce {
			next = append([]byte(nil), k...)
			break
		}
		if key := templateKey(k); p.uses[key] <= 0 && !p.templates.cameSince(key) {
			found = append(found, record{key[:], append([]byte(nil), v...)})
		}
	}
	for _, r := range found {
		if err := p.drop(bk, r.key, r.value); err != nil {
			return nil, err
		}
	}
	return next, nil
}

// watch forgets all groups, and notes from now on which templates come to be
// on disk.
func (m *memory) watch() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.young, m.old, m.came = nil, nil, map[templateKey]bool{}
}

func (m *memory) unwatch() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.came = nil
}

// cameSince tells whether a template came since watch.
func (m *memory) cameSince(key templateKey) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.came[key]
}
