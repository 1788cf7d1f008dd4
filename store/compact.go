package store

import (
	"context"
)

// Compact writes the index anew in full pages, so that it takes no more room
// than it must. Writes wait meanwhile. A crash leaves the old file or the new
// one.
func (b *Bolt) Compact(ctx context.Context) (err error) {
	defer wrap(&err, "compact %s", b.dir)
	b.keeping.Lock()
	defer b.keeping.Unlock()
	return b.db.Compact(ctx, packed)
}

// packed is how far pages are filled that are written in the order of their
// keys. What later runs put among those of others keeps some room.
func packed(bucket []byte) float64 {
	switch string(bucket) {
	case string(bucketLatest), string(bucketBodies), string(bucketTemplates):
		return roomy
	}
	return 1
}

const roomy = 0.9
