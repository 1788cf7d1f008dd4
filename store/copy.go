package store

import (
	"context"
	"fmt"
	"io"
	"os"
)

// CopyRecords writes the exchanges of a run to w as WARC, one gzip member a
// record: robots.txt files first, then pages. What a revisit record refers to
// comes before it, also if an earlier run wrote it, so that the file can be
// read without any other.
func (b *Bolt) CopyRecords(ctx context.Context, w io.Writer, run RunID) (err error) {
	defer wrap(&err, "copy records of run %d", run)
	c, err := b.copyTo(w)
	if err != nil {
		return err
	}
	defer c.close()
	for r, err := range b.RobotsFiles(ctx, run) {
		if err != nil {
			return err
		}
		if err := c.exchange(r.Request, r.Record, r.Payload); err != nil {
			return err
		}
	}
	for p, err := range b.Pages(ctx, run) {
		if err != nil {
			return err
		}
		if err := c.exchange(p.Request, p.Record, p.Payload); err != nil {
			return err
		}
	}
	return nil
}

// copier writes committed records to a file as they are.
type copier struct {
	from     *segments
	to       io.Writer
	payloads map[Place]bool // written already: 24 bytes a page

	file *os.File // read last
	open uint32
}

// copyTo begins a file with the record that says who wrote it.
func (b *Bolt) copyTo(w io.Writer) (*copier, error) {
	info, err := b.bodies.info("")
	if err == nil {
		_, err = w.Write(info)
	}
	return &copier{from: b.bodies, to: w, payloads: map[Place]bool{}}, err
}

// exchange writes a request and its answer, and before them what the answer
// refers to.
func (c *copier) exchange(request, record, payload Place) error {
	if payload != record {
		if err := c.payload(payload); err != nil {
			return err
		}
	}
	if err := c.record(request); err != nil {
		return err
	}
	return c.payload(record)
}

// payload writes what others may refer to, once.
func (c *copier) payload(p Place) error {
	if c.payloads[p] {
		return nil
	}
	c.payloads[p] = true
	return c.record(p)
}

func (c *copier) record(p Place) error {
	if p.Segment == 0 {
		return nil
	}
	if c.open != p.Segment {
		f, at, err := c.from.find(p)
		if err != nil {
			return err
		}
		c.close()
		c.file, c.open, p = f, at.Segment, at
	}
	n, err := io.Copy(c.to, io.NewSectionReader(c.file, p.Offset, p.Length))
	if err == nil && n != p.Length {
		err = fmt.Errorf("%s is %w: it ends within a record", c.file.Name(), ErrDamaged)
	}
	return err
}

func (c *copier) close() {
	if c.file != nil {
		c.file.Close() // it was only read
	}
}
