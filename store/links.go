package store

import (
	"context"
	"fmt"
	"strings"

	"crawl/internal/weburl"

	"github.com/tinylib/msgp/msgp"
	bolt "go.etcd.io/bbolt"
)

// Links implements Store.
func (b *Bolt) Links(ctx context.Context, p *Page) (_ []Link, err error) {
	defer wrap(&err, "links of %s", p.URL)
	if err := ctx.Err(); err != nil || p.Links == 0 {
		return nil, err
	}
	var list linkList
	err = b.db.View(func(tx *bolt.Tx) error {
		raw := rawIn(tx, bucketLinks, p.LinksOf.with(p.URL.Key()))
		if raw == nil {
			return fmt.Errorf("index is %w: those of run %d are missing", ErrDamaged, p.LinksOf)
		}
		if err := plausible(raw); err != nil {
			return err
		}
		return decode(raw, &list)
	})
	if err != nil {
		return nil, b.named(err)
	}
	return unpackLinks(p.URL, list), nil
}

// putLinks keeps the links of a visit, or points at those of an earlier run.
func (b *Bolt) putLinks(puts []put, key []byte, p, last, good *Page, links []Link) ([]put, error) {
	p.Links, p.LinksOf = len(links), 0
	if p.Unchanged && links == nil {
		p.Links, p.LinksOf = good.Links, good.LinksOf
		return puts, nil
	}
	if len(links) > 0 {
		raw, err := encode(packLinks(p.URL, links))
		if err != nil {
			return nil, err
		}
		if p.Unchanged && good.Links == len(links) {
			same, err := b.holds(bucketLinks, good.LinksOf.with(key), raw)
			if err != nil {
				return nil, err
			}
			if same {
				p.LinksOf = good.LinksOf
				return puts, nil
			}
		}
		p.LinksOf = p.Run
		return append(puts, put{bucketLinks, p.Run.with(key), raw}), nil
	}
	if last != nil && last.Run == p.Run && last.LinksOf == p.Run {
		puts = append(puts, put{bucketLinks, p.Run.with(key), nil}) // of the visit that gives way
	}
	return puts, nil
}

// minTuple is the least that a linkTuple takes on disk.
const minTuple = 8

// plausible refuses a damaged count before memory is set aside for it.
func plausible(raw []byte) error {
	n, rest, err := msgp.ReadArrayHeaderBytes(raw[min(1, len(raw)):])
	if err != nil || int64(n)*minTuple > int64(len(rest)) {
		return fmt.Errorf("record is %w: %d links in %d bytes", ErrDamaged, n, len(raw))
	}
	return nil
}

func unpackLinks(u weburl.URL, list linkList) []Link {
	links := make([]Link, len(list))
	for i, t := range list {
		links[i] = Link{
			Target: t.Target, Text: t.Text, Rel: t.Rel, Element: t.Element, Attr: t.Attr, Place: t.Place,
			Asset: t.Flags&flagAsset != 0, NoFollow: t.Flags&flagNoFollow != 0,
		}
		if t.Flags&flagHere != 0 {
			links[i].Target = u.Origin() + t.Target
		}
	}
	return links
}

func packLinks(u weburl.URL, links []Link) linkList {
	origin := u.Origin() + "/"
	list := make(linkList, len(links))
	for i, l := range links {
		t := linkTuple{Target: l.Target, Text: l.Text, Rel: l.Rel, Element: l.Element, Attr: l.Attr, Place: l.Place}
		if strings.HasPrefix(t.Target, origin) {
			t.Target, t.Flags = t.Target[len(origin)-1:], flagHere
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
