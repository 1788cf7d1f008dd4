// Package powercut is a file system that knows what a power cut would leave.
//
// A Disk keeps, for each file, what was there at its last sync apart from what
// was written since, and the same for the names in each directory. A cut keeps
// what is durable and of the rest whatever chance decides: writes are dropped,
// kept or torn at 512 bytes and come in any order; names come or do not. Mount
// puts it under a program by FUSE.
//
// Syncing a file makes its content durable, and that it was created, as
// journaling file systems do; not that it was renamed or linked: that is for a
// sync of the directory. It knows no symbolic links, rights, owners or times.
package powercut

import (
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
)

// Disk is a file system in memory. Its methods may be called from any goroutine.
type Disk struct {
	deaf bool // syncs do nothing

	mu      sync.Mutex // guards what follows, and all inodes
	root    *inode
	names   []*naming // not durable yet, oldest first
	changes int       // so far, syncs among them
	cutAt   int       // the change before which the power is cut; 0: none
	cut     func()
}

// inode is a file or a directory.
type inode struct {
	number    uint64
	dir       bool
	data      content
	now, safe map[string]*inode // of a directory: its names, and the durable ones
	made      *naming           // that it was created; nil if that is durable
}

// naming is a change of names that happens whole or not at all.
type naming struct{ sets []set }

// set gives a name in a directory to an inode, or to none.
type set struct {
	dir  *inode
	name string
	to   *inode
}

// NewDisk returns a disk that holds what an earlier cut left, or nothing if
// that is nil. On a deaf one syncs succeed and do nothing.
func NewDisk(from *Image, deaf bool) *Disk {
	if from == nil {
		from = &Image{Names: map[string]*Image{}}
	}
	d := &Disk{deaf: deaf}
	d.root = from.inode(map[*Image]*inode{})
	return d
}

// Changes tells how many changes there were, syncs among them.
func (d *Disk) Changes() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.changes
}

// CutAt cuts the power once, before the n-th change from now on. At that
// instant it calls at, which may not call d, and then sends what the cut left.
func (d *Disk) CutAt(n int, rnd *rand.Rand, at func()) <-chan *Image {
	left := make(chan *Image, 1)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cutAt = d.changes + n
	d.cut = func() {
		at()
		left <- d.image(rnd)
	}
	return left
}

// Cut returns what a power cut now would leave.
func (d *Disk) Cut(rnd *rand.Rand) *Image {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.image(rnd)
}

// change must be called before each change, with the lock held.
func (d *Disk) change() {
	if d.changes++; d.changes == d.cutAt {
		d.cut()
	}
}

func (d *Disk) write(in *inode, data []byte, at int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.change()
	in.data.do(change{at: at, data: slices.Clone(data)})
}

func (d *Disk) resize(in *inode, size int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.change()
	in.data.do(change{at: size})
}

// sync makes durable the content of a file or the names in a directory, and
// that either was created.
func (d *Disk) sync(in *inode) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.change()
	if d.deaf {
		return
	}
	in.data.sync()
	if in.made != nil {
		d.settle(in.made)
	}
	for _, n := range slices.Clone(d.names) {
		if slices.ContainsFunc(n.sets, func(s set) bool { return s.dir == in }) {
			d.settle(n)
		}
	}
}

// settle makes a naming durable: after those before it of the same names, and
// with the directories it is in.
func (d *Disk) settle(n *naming) {
	at := slices.Index(d.names, n)
	if at < 0 {
		return
	}
	for _, earlier := range slices.Clone(d.names[:at]) {
		if earlier.touches(n) {
			d.settle(earlier)
		}
	}
	d.names = slices.DeleteFunc(d.names, func(other *naming) bool { return other == n })
	for _, s := range n.sets {
		if s.dir.made != nil {
			d.settle(s.dir.made)
		}
		s.in(s.dir.safe)
		if s.to != nil && s.to.made == n {
			s.to.made = nil
		}
	}
}

func (n *naming) touches(other *naming) bool {
	return slices.ContainsFunc(n.sets, func(s set) bool {
		return slices.ContainsFunc(other.sets, func(o set) bool { return s.dir == o.dir && s.name == o.name })
	})
}

// in makes the change in one table of names.
func (s set) in(names map[string]*inode) {
	if s.to == nil {
		delete(names, s.name)
		return
	}
	names[s.name] = s.to
}

// name makes a change of names that is not durable yet.
func (d *Disk) name(sets ...set) *naming {
	d.change()
	n := &naming{sets}
	d.names = append(d.names, n)
	for _, s := range sets {
		s.in(s.dir.now)
	}
	return n
}

func (d *Disk) create(dir *inode, name string, isDir bool) (*inode, syscall.Errno) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if dir.now[name] != nil {
		return nil, syscall.EEXIST
	}
	in := &inode{number: number(), dir: isDir}
	if isDir {
		in.now, in.safe = map[string]*inode{}, map[string]*inode{}
	}
	in.made = d.name(set{dir, name, in})
	return in, 0
}

func (d *Disk) link(in, dir *inode, name string) syscall.Errno {
	d.mu.Lock()
	defer d.mu.Unlock()
	if dir.now[name] != nil {
		return syscall.EEXIST
	}
	d.name(set{dir, name, in})
	return 0
}

func (d *Disk) remove(dir *inode, name string) syscall.Errno {
	d.mu.Lock()
	defer d.mu.Unlock()
	in := dir.now[name]
	switch {
	case in == nil:
		return syscall.ENOENT
	case len(in.now) > 0:
		return syscall.ENOTEMPTY
	}
	d.name(set{dir, name, nil})
	return 0
}

func (d *Disk) rename(from *inode, name string, to *inode, newName string) syscall.Errno {
	d.mu.Lock()
	defer d.mu.Unlock()
	in := from.now[name]
	switch {
	case in == nil:
		return syscall.ENOENT
	case to.now[newName] != nil && len(to.now[newName].now) > 0:
		return syscall.ENOTEMPTY
	}
	d.name(set{from, name, nil}, set{to, newName, in})
	return 0
}

// image decides by chance what of the unsynced is left.
func (d *Disk) image(rnd *rand.Rand) *Image {
	c := &chance{rnd: rnd, keep: rnd.Float64(), names: map[*inode]map[string]*inode{}, done: map[*inode]*Image{}}
	if rnd.IntN(4) == 0 {
		c.keep = float64(rnd.IntN(2)) // nothing at all, or everything
	}
	for _, n := range d.names {
		c.loss.Names++
		if rnd.Float64() >= c.keep {
			c.loss.Unnamed++
			continue
		}
		for _, s := range n.sets {
			s.in(c.namesOf(s.dir))
		}
	}
	left := c.image(d.root)
	left.Loss = c.loss
	return left
}

func (c *chance) namesOf(in *inode) map[string]*inode {
	if c.names[in] == nil {
		c.names[in] = maps.Clone(in.safe)
	}
	return c.names[in]
}
