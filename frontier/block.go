package frontier

import (
	"bytes"
	"encoding/binary"
	"errors"
	"sort"
)

// A block holds neighbours of the seen-set in the order of their keys:
//
//	number of hosts, 2 bytes; for each its number, 4 bytes, and how many URLs of it follow, 2 bytes
//	the digests of all, 16 bytes each
//	for each the length of its value, 1 byte, and the value (seenValue); length 0: the URL is gone
//
// Two blocks with their keys fill a page of bbolt, which splits no smaller
// number of entries: whoever looks for a URL reads one page.
const (
	layerBlock  = (4096-16)/2 - 16 - 4
	blockHead   = 2
	blockHost   = 6
	digestBytes = 16
	leastEntry  = digestBytes + 1 // bytes of a URL
)

var errBlock = errors.New("damaged block of the seen-set")

// seenEntry is a URL of the seen-set as blocks hold it.
type seenEntry struct {
	key   seenKey
	value []byte // empty: it is gone
}

// blockMaker collects what becomes a block.
type blockMaker struct {
	hosts, digests, values []byte
	host                   []byte // of hosts: the last one's
	count                  int
	first, last            seenKey
}

// add reports whether there was room.
func (m *blockMaker) add(e seenEntry) bool {
	same := m.count > 0 && bytes.Equal(m.host[:4], e.key[:4])
	size := blockHead + len(m.hosts) + len(m.digests) + digestBytes + len(m.values) + 1 + len(e.value)
	if !same {
		size += blockHost
	}
	if size > layerBlock {
		return false
	}
	if !same {
		m.hosts = append(append(m.hosts, e.key[:4]...), 0, 0)
		m.host = m.hosts[len(m.hosts)-blockHost:]
	}
	binary.BigEndian.PutUint16(m.host[4:], binary.BigEndian.Uint16(m.host[4:])+1)
	m.digests = append(m.digests, e.key[4:]...)
	m.values = append(append(m.values, byte(len(e.value))), e.value...)
	if m.count == 0 {
		m.first = e.key
	}
	m.last = e.key
	m.count++
	return true
}

// take returns the block and begins another.
func (m *blockMaker) take() []byte {
	raw := make([]byte, 0, blockHead+len(m.hosts)+len(m.digests)+len(m.values))
	raw = binary.BigEndian.AppendUint16(raw, uint16(len(m.hosts)/blockHost))
	raw = append(append(append(raw, m.hosts...), m.digests...), m.values...)
	m.hosts, m.digests, m.values, m.host, m.count = m.hosts[:0], m.digests[:0], m.values[:0], nil, 0
	return raw
}

// block is one as it is read: its parts.
type block struct{ hosts, digests, values []byte }

func readBlock(raw []byte) (b block, err error) {
	if len(raw) < blockHead {
		return b, errBlock
	}
	hosts := blockHead + int(binary.BigEndian.Uint16(raw))*blockHost
	if len(raw) < hosts {
		return b, errBlock
	}
	b.hosts = raw[blockHead:hosts]
	n := 0
	for h := b.hosts; len(h) > 0; h = h[blockHost:] {
		n += int(binary.BigEndian.Uint16(h[4:]))
	}
	if n == 0 || len(raw) < hosts+n*digestBytes {
		return b, errBlock
	}
	b.digests, b.values = raw[hosts:hosts+n*digestBytes], raw[hosts+n*digestBytes:]
	return b, nil
}

// find looks for a URL.
func (b block) find(k *seenKey) (value []byte, found bool, err error) {
	first, n := 0, 0
	for h := b.hosts; len(h) > 0; h = h[blockHost:] {
		if n = int(binary.BigEndian.Uint16(h[4:])); bytes.Equal(h[:4], k[:4]) {
			break
		}
		first, n = first+n, 0
	}
	digest := func(i int) []byte { return b.digests[i*digestBytes:][:digestBytes] }
	at := first + sort.Search(n, func(i int) bool { return bytes.Compare(digest(first+i), k[4:]) >= 0 })
	if at == first+n || !bytes.Equal(digest(at), k[4:]) {
		return nil, false, nil
	}
	values := b.values
	for range at {
		if _, values, err = cutValue(values); err != nil {
			return nil, false, err
		}
	}
	value, _, err = cutValue(values)
	return value, err == nil, err
}

// entries appends all that the block holds.
func (b block) entries(to []seenEntry) ([]seenEntry, error) {
	digests, values := b.digests, b.values
	for h := b.hosts; len(h) > 0; h = h[blockHost:] {
		for range binary.BigEndian.Uint16(h[4:]) {
			var e seenEntry
			var err error
			if e.value, values, err = cutValue(values); err != nil {
				return to, err
			}
			copy(e.key[:4], h)
			digests = digests[copy(e.key[4:], digests):]
			to = append(to, e)
		}
	}
	return to, nil
}

func cutValue(values []byte) (value, rest []byte, err error) {
	if len(values) == 0 || len(values) < 1+int(values[0]) {
		return nil, nil, errBlock
	}
	n := 1 + int(values[0])
	return values[1:n:n], values[n:], nil
}
