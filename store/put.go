package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"crawl/internal/warc"
	"crawl/internal/weburl"
)

// Put implements Store.
func (b *Bolt) Put(ctx context.Context, p *Page, links []Link, x *Exchange) error {
	last, good, err := b.Latest(ctx, p.URL)
	if err != nil {
		return fmt.Errorf("store: put %s: %w", p.URL, err)
	}
	p.compare(last, good)
	puts := make([]put, 0, 4)
	if x != nil {
		digest, more, err := b.archive(p, good, x)
		if err != nil {
			return fmt.Errorf("store: put %s: %w", p.URL, err)
		}
		defer b.arrived(digest)
		puts = append(puts, more...)
	}
	key := p.URL.Key()
	if p.Links = len(links); p.Unchanged && good.Links > 0 && (links == nil || len(links) == good.Links) {
		p.Links, p.LinksOf = good.Links, good.LinksOf
	} else if len(links) > 0 {
		p.LinksOf = p.Run
		raw, err := encode(packLinks(p.URL, links))
		if err != nil {
			return err
		}
		puts = append(puts, put{bucketLinks, p.Run.with(key), raw})
	}
	raw, err := encode(p)
	if err != nil {
		return err
	}
	goodRun := p.Run
	if !p.hasContent() {
		goodRun = 0
		if good != nil && good.Run != p.Run { // an earlier try of this run gives way
			goodRun = good.Run
		}
	}
	puts = append(puts,
		put{bucketPages, p.Run.with(key), raw},
		put{bucketLatest, key, binary.BigEndian.AppendUint32(p.Run.key(), uint32(goodRun))})
	return b.commit(ctx, puts...)
}

// Move implements Store.
func (b *Bolt) Move(ctx context.Context, p *Page) error {
	raw, err := encode(p)
	if err != nil {
		return err
	}
	return b.commit(ctx, put{bucketPages, p.Run.with(p.URL.Key()), raw})
}

// hasContent tells a visit whose body, here or in an earlier run, is what the
// URL shows.
func (p *Page) hasContent() bool {
	return p.Fault == "" && p.Status == 200 && p.Truncated == "" && p.Damaged == ""
}

// compare holds a visit against the ones before.
func (p *Page) compare(last, good *Page) {
	p.FirstSeen, p.Changed, p.Unchanged = p.Fetched, p.Fetched, false
	if last != nil {
		p.FirstSeen = last.FirstSeen
	}
	if good != nil && good.Run != p.Run && p.Hash == good.Hash && p.hasContent() {
		p.Unchanged, p.Changed = true, good.Changed
	}
}

// archive appends request and answer to the bodies and says what the index
// needs. A body that is there already is not written again: a revisit record
// points at it.
func (b *Bolt) archive(p *Page, good *Page, x *Exchange) (digest [32]byte, puts []put, err error) {
	digest = p.Hash
	if p.Encoding != "" || p.NotModified {
		digest = sha256.Sum256(x.Body)
	}
	response := warc.Record{
		Type: warc.TypeResponse, ID: warc.NewID(), Date: x.Start, TargetURI: p.URL.String(),
		Fields: []warc.Field{warc.ProtocolField(x.Proto)},
	}
	if x.Addr.IsValid() {
		response.Fields = append(response.Fields, warc.Field{Name: "WARC-IP-Address", Value: x.Addr.String()})
	}
	if x.Truncated != "" {
		response.Fields = append(response.Fields, warc.Field{Name: "WARC-Truncated", Value: x.Truncated})
	}
	held, known := b.held(digest)
	length := int64(len(x.Body))
	switch {
	case x.Status == 304 && good != nil && good.Payload.Segment != 0:
		response.Type = warc.TypeRevisit
		response.Fields = append(response.Fields, warc.RevisitFields(warc.ProfileNotModified, "", good.PayloadURL, good.PayloadAt)...)
		p.Payload, p.PayloadURL, p.PayloadAt = good.Payload, good.PayloadURL, good.PayloadAt
	case length > 0 && known:
		response.Type = warc.TypeRevisit
		response.Fields = append(response.Fields, warc.RevisitFields(warc.ProfileIdentical, held.ID, held.URL, held.Date)...)
		response.Fields = append(response.Fields, payloadDigest(digest))
		p.Payload, p.PayloadURL, p.PayloadAt = held.Place, held.URL, held.Date
	default:
		response.Body = x.Body
		response.Fields = append(response.Fields, payloadDigest(digest))
	}
	response.Head = warc.ResponseHead(x.Proto, x.Status, x.Reason, x.Header, length)
	puts, err = b.append(p, &response, digest, x)
	return digest, puts, err
}

func payloadDigest(sum [32]byte) warc.Field {
	return warc.Field{Name: "WARC-Payload-Digest", Value: "sha256:" + hex.EncodeToString(sum[:])}
}

func (b *Bolt) append(p *Page, response *warc.Record, digest [32]byte, x *Exchange) ([]put, error) {
	raw, err := response.Append(nil, warc.CodingFor(x.Header))
	if err != nil {
		return nil, err
	}
	request := warc.Record{
		Type: warc.TypeRequest, ID: warc.NewID(), Date: x.Start, TargetURI: p.URL.String(),
		Fields: []warc.Field{{Name: "WARC-Concurrent-To", Value: response.ID}},
		Head:   warc.RequestHead("GET", p.URL.RequestURI(), cmp.Or(x.Sent.Get("Host"), p.URL.Host()), x.Proto, x.Sent),
	}
	asked, err := request.Append(nil, warc.Deflated)
	if err != nil {
		return nil, err
	}
	places, err := b.bodies.add(asked, raw)
	if err != nil {
		return nil, err
	}
	p.Request, p.Record = places[0], places[1]
	p.Kept = int64(len(asked) + len(raw))
	if response.Type != warc.TypeResponse || len(x.Body) == 0 {
		return nil, nil
	}
	p.Payload, p.PayloadURL, p.PayloadAt = p.Record, p.URL.String(), x.Start
	if x.Truncated != "" {
		return nil, nil // a prefix stands for no other body
	}
	held := body{Place: p.Record, URL: p.URL.String(), Date: x.Start, ID: response.ID}
	b.mu.Lock()
	b.coming[digest] = held
	b.mu.Unlock()
	value, err := encode(&held)
	return []put{{bucketBodies, digest[:], value}}, err
}

// held finds the record that holds a body with this digest, one that is on its
// way to the disk included: it is written before whatever points at it.
func (b *Bolt) held(digest [32]byte) (body, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if h, ok := b.coming[digest]; ok {
		return h, true
	}
	var h body
	err := b.get(bucketBodies, digest[:], &h)
	return h, err == nil
}

// arrived forgets a body that the index knows by now.
func (b *Bolt) arrived(digest [32]byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.coming, digest)
}

// PutRobots implements Store.
func (b *Bolt) PutRobots(ctx context.Context, r *Robots, x *Exchange) error {
	u, err := weburl.Parse(r.URL)
	if err != nil {
		return fmt.Errorf("store: put robots.txt of %s: %w", r.Origin, err)
	}
	var puts []put
	if x != nil {
		p := &Page{URL: u, Run: r.Run, Status: x.Status, Hash: sha256.Sum256(x.Body)}
		digest, more, err := b.archive(p, nil, x)
		if err != nil {
			return fmt.Errorf("store: put robots.txt of %s: %w", r.Origin, err)
		}
		defer b.arrived(digest)
		puts, r.Request, r.Record = more, p.Request, p.Record
	}
	raw, err := encode(r)
	if err != nil {
		return err
	}
	return b.commit(ctx, append(puts, put{bucketRobots, r.Run.with([]byte(r.Origin)), raw})...)
}

// Robots implements Store.
func (b *Bolt) Robots(_ context.Context, run RunID, origin string) (*Robots, error) {
	r := &Robots{Run: run, Origin: origin}
	return r, b.get(bucketRobots, run.with([]byte(origin)), r)
}

// PutSkips implements Store.
func (b *Bolt) PutSkips(ctx context.Context, run RunID, skips []Skip) error {
	puts := make([]put, len(skips))
	for i := range skips {
		raw, err := encode(&skips[i])
		if err != nil {
			return err
		}
		puts[i] = put{bucketSkipped, run.with(skips[i].URL.Key()), raw}
	}
	return b.commit(ctx, puts...)
}

// PutHosts implements Store.
func (b *Bolt) PutHosts(ctx context.Context, run RunID, hosts []Host) error {
	var puts []put
	for i := range hosts {
		raw, err := encode(&hosts[i])
		if err != nil {
			return err
		}
		origin := []byte(hosts[i].Origin)
		puts = append(puts, put{bucketHosts, run.with(origin), raw}, put{bucketAskers, origin, run.key()})
	}
	return b.commit(ctx, puts...)
}
