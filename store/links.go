package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"slices"

	"github.com/klauspost/compress/s2"
	bolt "go.etcd.io/bbolt"
)

// The links of a page are a record of parts, in order: the number of links
// twice, and 1 added if they are a template's. Then follows the template's key,
// or that many packed links. All links of a page that are no template's are
// packed as one sequence. A template is a record of packed links.
//
// After recordVersion a record says whether it is compressed. S2 costs a tenth
// of what zstd does here, and leaves a fifth more.
const (
	codingPlain = 0
	codingS2    = 1
)

// maxRatio is how far a record may be compressed, lest a damaged one ask for
// all memory there is.
const maxRatio = 64

// seal makes a record of what it holds.
func seal(plain []byte) []byte {
	sealed := make([]byte, 2, 2+s2.MaxEncodedLen(len(plain)))
	small := s2.EncodeBetter(sealed[2:cap(sealed)], plain)
	if len(small) < len(plain) && len(plain) <= maxRatio*len(small) {
		sealed[0], sealed[1] = recordVersion, codingS2
		return slices.Clip(sealed[:2+len(small)])
	}
	sealed[0], sealed[1] = recordVersion, codingPlain
	return append(sealed, plain...)
}

// unseal is its inverse. What it returns is a copy.
func unseal(raw []byte) ([]byte, error) { return unsealInto(nil, raw) }

// unsealInto is unseal into memory that is used again if it is large enough.
func unsealInto(b, raw []byte) ([]byte, error) {
	if len(raw) < 2 || raw[0] != recordVersion || raw[1] > codingS2 {
		return nil, fmt.Errorf("record is %w: version %x", ErrDamaged, raw[:min(2, len(raw))])
	}
	coding, raw := raw[1], raw[2:]
	if coding == codingPlain {
		return append(b[:0], raw...), nil
	}
	n, err := s2.DecodedLen(raw)
	if err != nil || n > maxRatio*len(raw) {
		return nil, fmt.Errorf("record is %w: %d bytes in %d", ErrDamaged, n, len(raw))
	}
	plain, err := s2.Decode(b[:cap(b)], raw)
	if err != nil {
		return nil, fmt.Errorf("record is %w: %w", ErrDamaged, err)
	}
	return plain, nil
}

// Links implements Store.
func (b *Bolt) Links(ctx context.Context, p *Page) (_ []Link, err error) {
	defer wrap(&err, "links of %s", p.URL)
	if err := ctx.Err(); err != nil || p.Links == 0 {
		return nil, err
	}
	return b.linksOf(p)
}

func (b *Bolt) linksOf(p *Page) (links []Link, err error) {
	err = b.db.View(func(tx *bolt.Tx) error {
		links, err = linksIn(tx, p)
		return b.named(err)
	})
	return links, err
}

func linksIn(tx *bolt.Tx, p *Page) ([]Link, error) {
	u := unpacker{origin: p.URL.Origin(), links: make([]Link, 0, min(p.Links, mostAtOnce))}
	defer u.free(u.take())
	if err := u.pageIn(tx, p); err != nil {
		return nil, err
	}
	return u.done(), nil
}

// ReadLinks implements Store.
func (b *Bolt) ReadLinks(ctx context.Context, p *Page, read func(iter.Seq2[[]byte, *Link])) (err error) {
	defer wrap(&err, "links of %s", p.URL)
	if err := ctx.Err(); err != nil {
		return err
	}
	u := unpacker{origin: p.URL.Origin(), textless: true}
	defer u.giveBack(u.borrow())
	if p.Links > 0 {
		err = b.db.View(func(tx *bolt.Tx) error { return b.named(u.pageIn(tx, p)) })
	}
	if err != nil {
		return err
	}
	read(u.all())
	return nil
}

// pageIn reads the links of a page that has some.
func (u *unpacker) pageIn(tx *bolt.Tx, p *Page) (err error) {
	if u.page, err = linksRecord(tx, p, u.page); err != nil {
		return err
	}
	var templates *bolt.Bucket
	return u.record(u.page, func(key templateKey, n int) error {
		if templates == nil {
			templates = tx.Bucket(bucketTemplates)
		}
		return u.templateIn(templates, key, n)
	})
}

// mostAtOnce is for how many links room is made on the word of a record.
const mostAtOnce = 1 << 10

// linksRecord returns what is kept of the links of a page that has some, in
// memory that is used again if it is large enough.
func linksRecord(tx *bolt.Tx, p *Page, b []byte) (plain []byte, err error) {
	raw := rawIn(tx, bucketLinks, p.LinksOf.with(p.URL.Key()))
	if raw == nil {
		return nil, fmt.Errorf("index is %w: the links of %s in run %d are missing", ErrDamaged, p.URL, p.LinksOf)
	}
	return unsealInto(b, raw)
}

// record reads the links of a page. It calls shared for those of a template.
func (u *unpacker) record(plain []byte, shared func(key templateKey, n int) error) error {
	r, own := newReader(plain), u.packed(0)
	for r.left() > 0 {
		var err error
		switch n := r.number(); {
		case n > maxLinks<<1 || r.bad:
			return fmt.Errorf("record is %w: %d links", ErrDamaged, n>>1)
		case n&1 == 0:
			err = u.add(r, own, int(n>>1))
		default:
			key := r.slice(len(templateKey{}))
			if r.bad {
				return fmt.Errorf("record is %w: it is cut off", ErrDamaged)
			}
			err = shared(templateKey(key), int(n>>1))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// maxLinks is more than any page has.
const maxLinks = 1 << 30

// templateIn adds the n links of a template, which is in the bucket of these if
// there is one.
func (u *unpacker) templateIn(templates *bolt.Bucket, key templateKey, n int) error {
	var raw []byte
	if templates != nil {
		raw = templates.Get(key[:])
	}
	if raw == nil {
		return fmt.Errorf("index is %w: template %x is missing", ErrDamaged, key)
	}
	plain, err := unsealInto(u.template, raw)
	if err != nil {
		return err
	}
	u.template = plain
	r := newReader(plain)
	if err := u.add(r, u.packed(1), n); err != nil {
		return err
	}
	if r.left() > 0 {
		return fmt.Errorf("template is %w: it has more than %d links", ErrDamaged, n)
	}
	return nil
}

// putLinks keeps the links of a visit, or points at those of an earlier run.
// It returns also the templates among puts.
func (b *Bolt) putLinks(puts []put, key []byte, p, last, good *Page, links []Link) ([]put, []templateKey) {
	p.Links, p.LinksOf = len(links), 0
	if p.Unchanged && links == nil {
		p.Links, p.LinksOf = good.Links, good.LinksOf
		return puts, nil
	}
	if len(links) > 0 {
		if p.Unchanged && good.Links == len(links) {
			// After a 304 they were read from there. Else links of the earlier run
			// that are damaged are not these.
			if p.NotModified || p.Cached || b.sameLinks(good, links) {
				p.LinksOf = good.LinksOf
				return puts, nil
			}
		}
		p.LinksOf = p.Run
		raw, puts, made := b.packLinks(puts, p.URL.Origin(), links)
		return append(puts, put{bucketLinks, p.Run.with(key), raw}), made
	}
	if last != nil && last.Run == p.Run && last.LinksOf == p.Run {
		puts = append(puts, put{bucketLinks, p.Run.with(key), nil}) // of the visit that gives way
	}
	return puts, nil
}

func (b *Bolt) sameLinks(p *Page, links []Link) bool {
	same, err := b.linksOf(p)
	return err == nil && slices.Equal(same, links)
}

// packLinks makes a page's record of links, and adds to puts the templates
// that it is the first to use.
func (b *Bolt) packLinks(puts []put, origin string, links []Link) (record []byte, _ []put, made []templateKey) {
	p := packers.Get().(*pagePacker)
	defer packers.Put(p)
	p.begin(origin + "/")
	own := 0 // links that wait to be packed: from it up to done
	for done := 0; done < len(links); {
		n := p.cut(links[done:])
		key, known, seen := p.recall(&b.templates)
		if !seen {
			done += n
			continue
		}
		p.own(links[own:done])
		p.refer(key, n)
		done += n
		own = done
		if !known {
			puts, made = append(puts, put{bucketTemplates, key[:], seal(p.group.out)}), append(made, key)
		}
	}
	p.own(links[own:])
	return seal(p.page.out), puts, made
}

// own packs links that are no template's.
func (p *pagePacker) own(links []Link) {
	if len(links) == 0 {
		return
	}
	p.page.out = binary.AppendUvarint(p.page.out, uint64(len(links))<<1)
	for i := range links {
		p.page.add(&links[i])
	}
}

// refer points at a template of n links.
func (p *pagePacker) refer(key templateKey, n int) {
	p.page.out = append(binary.AppendUvarint(p.page.out, uint64(n)<<1|1), key[:]...)
}
