package frontier

import (
	"cmp"
	"slices"

	bolt "go.etcd.io/bbolt"
)

// source gives URLs in the order of their keys, and false behind the last one.
// What it gives is good as long as the transaction.
type source interface {
	next() (e seenEntry, ok bool, err error)
}

// merger gives the URLs of its sources in one order. Of one URL the first source
// that has it counts, so newer ones come first.
type merger struct {
	sources []source
	heads   []seenEntry
	left    []bool // there is a head
}

func newMerger(sources []source) (*merger, error) {
	m := &merger{sources, make([]seenEntry, len(sources)), make([]bool, len(sources))}
	for i := range sources {
		if err := m.advance(i); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *merger) advance(i int) (err error) {
	m.heads[i], m.left[i], err = m.sources[i].next()
	return err
}

func (m *merger) next() (e seenEntry, ok bool, err error) {
	for i := range m.heads {
		if m.left[i] && (!ok || m.heads[i].key.compare(e.key) < 0) {
			e, ok = m.heads[i], true
		}
	}
	for i := range m.heads {
		if m.left[i] && m.heads[i].key == e.key {
			if err := m.advance(i); err != nil {
				return e, false, err
			}
		}
	}
	return e, ok, nil
}

// layerWriter is what a transaction makes of the layers.
type layerWriter struct {
	tx      *bolt.Tx
	layers  []*layer
	changed bool
}

// nextID is one that no layer has.
func (w *layerWriter) nextID() (id uint32) {
	for _, l := range w.layers {
		id = max(id, l.id)
	}
	return id + 1
}

// add makes a layer of what is recent; marks are newer.
func (w *layerWriter) add(fresh, marks map[seenKey]seenValue) error {
	urls := len(fresh) + len(marks)
	all, err := newMerger([]source{newSorted(marks), newSorted(fresh)})
	if err != nil {
		return err
	}
	g, err := w.grow(&layer{id: w.nextID(), filter: newFilter(urls)}, all, urls, len(w.layers) == 0)
	if err != nil || g.layer.count == 0 {
		return err
	}
	w.layers, w.changed = slices.Insert(slices.Clone(w.layers), 0, g.layer), true
	return nil
}

// growth is what grow made of a layer.
type growth struct {
	layer *layer
	taken int  // URLs
	end   bool // the source has no more
}

// grow appends what a source gives: all of it, or whole blocks that hold so many
// URLs at least. Of the oldest layer what is gone is left out: nothing older
// speaks of it.
func (w *layerWriter) grow(l *layer, from source, most int, oldest bool) (g growth, err error) {
	b, err := w.tx.CreateBucketIfNotExists(l.name())
	if err != nil {
		return g, err
	}
	b.FillPercent = 1
	next := *l
	g.layer = &next
	var block blockMaker
	put := func() error {
		next.firsts = append(next.firsts, block.first)
		next.last, next.count, g.taken = block.last, next.count+block.count, g.taken+block.count
		return b.Put(blockKey(next.base+len(next.firsts)-1), block.take())
	}
	for {
		e, ok, err := from.next()
		switch {
		case err != nil:
			return g, err
		case !ok:
			g.end = true
			if block.count > 0 {
				err = put()
			}
			if err == nil && next.count == 0 {
				err = w.tx.DeleteBucket(l.name())
			}
			return g, err
		case oldest && len(e.value) == 0:
			continue
		case !block.add(e):
			if err := put(); err != nil {
				return g, err
			}
			if g.taken >= most {
				return g, nil // e comes once more
			}
			block.add(e)
		}
		l.filter.add(&e.key)
	}
}

// levels are those of which there is a layer, the lowest first.
func (w *layerWriter) levels() (levels []uint8) {
	for _, l := range w.layers {
		levels = append(levels, l.level)
	}
	slices.Sort(levels)
	return slices.Compact(levels)
}

// merge is some layers on end, and the one that takes them in, if it has begun.
type merge struct {
	of  []*layer
	out *layer
}

// merge finds the merge of a level that is under way, or is to begin.
func (w *layerWriter) merge(level uint8) *merge {
	grows := map[uint32]bool{}
	for _, l := range w.layers {
		grows[l.into] = true
	}
	m, rest := &merge{}, &merge{}
	for _, l := range w.layers {
		switch {
		case l.level != level:
		case l.into != 0:
			m.of = append(m.of, l)
		case !grows[l.id]:
			rest.of = append(rest.of, l)
		}
	}
	if len(m.of) > 0 {
		m.out = w.layers[slices.IndexFunc(w.layers, func(l *layer) bool { return l.id == m.of[0].into })]
		return m
	}
	if len(rest.of) < layersALike {
		return nil
	}
	return rest
}

// begin puts the layer that grows before those that it takes in.
func (w *layerWriter) begin(m *merge) {
	at, urls := slices.Index(w.layers, m.of[0]), 0
	m.out = &layer{id: w.nextID(), level: m.of[0].level + 1}
	for i, l := range m.of {
		next := *l
		next.into = m.out.id
		m.of[i] = &next
		urls += l.count
	}
	m.out.filter = newFilter(urls)
	w.layers = slices.Replace(slices.Clone(w.layers), at, at+len(m.of), append([]*layer{m.out}, m.of...)...)
}

// step goes on with a merge and returns how many URLs it took.
func (w *layerWriter) step(m *merge, most int) (taken int, err error) {
	after := &m.out.last
	if len(m.out.firsts) == 0 {
		after = nil
	}
	sources := make([]source, len(m.of))
	for i, l := range m.of {
		r, err := readLayer(w.tx, l, after)
		if err != nil {
			return 0, err
		}
		sources[i] = r
	}
	from, err := newMerger(sources)
	if err != nil {
		return 0, err
	}
	g, err := w.grow(m.out, from, most, m.of[len(m.of)-1] == w.layers[len(w.layers)-1])
	if err != nil {
		return 0, err
	}
	next := []*layer{g.layer}
	if g.layer.count == 0 {
		next = nil
	}
	for _, l := range m.of {
		if g.end {
			err = cmp.Or(err, w.tx.DeleteBucket(l.name()))
			continue
		}
		left, fault := w.shrunk(l, &g.layer.last)
		err = cmp.Or(err, fault)
		next = append(next, left)
	}
	at := slices.Index(w.layers, m.out)
	w.layers, w.changed = slices.Replace(slices.Clone(w.layers), at, at+1+len(m.of), next...), true
	return g.taken, err
}

// shrunk deletes the blocks of a layer of which all was taken in.
func (w *layerWriter) shrunk(l *layer, from *seenKey) (*layer, error) {
	next := *l
	next.from = from
	b := w.tx.Bucket(l.name())
	for end := l.holding(from); next.gone < end; next.gone++ {
		if err := b.Delete(blockKey(l.base + next.gone)); err != nil {
			return nil, err
		}
	}
	return &next, nil
}
