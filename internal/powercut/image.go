package powercut

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
)

// Image is a file or a directory as a power cut left it. A file with two names
// is there twice, as the same Image.
type Image struct {
	Data  []byte
	Names map[string]*Image // nil: a file
	Loss  Loss              // of the root
}

// Loss counts what was not durable at a cut.
type Loss struct {
	Writes, Dropped, Torn int
	Names, Unnamed        int // changes of names, and how many of them never happened
}

// chance is the state of one cut.
type chance struct {
	rnd   *rand.Rand
	keep  float64 // the share of the unsynced that is left
	names map[*inode]map[string]*inode
	done  map[*inode]*Image
	loss  Loss
}

func (c *chance) image(in *inode) *Image {
	if im := c.done[in]; im != nil {
		return im
	}
	im := &Image{}
	c.done[in] = im
	if !in.dir {
		im.Data = c.left(&in.data)
		return im
	}
	im.Names = map[string]*Image{}
	for _, name := range sorted(c.namesOf(in)) {
		im.Names[name] = c.image(c.namesOf(in)[name])
	}
	return im
}

var lastNumber atomic.Uint64

func number() uint64 { return 1 + lastNumber.Add(1) }

// inode returns im as a durable inode.
func (im *Image) inode(done map[*Image]*inode) *inode {
	if in := done[im]; in != nil {
		return in
	}
	in := &inode{number: number()}
	done[im] = in
	if im.Names == nil {
		in.data.now = append([]byte(nil), im.Data...)
		in.data.safe = append([]byte(nil), im.Data...)
		return in
	}
	in.dir, in.now, in.safe = true, map[string]*inode{}, map[string]*inode{}
	for name, child := range im.Names {
		in.now[name] = child.inode(done)
		in.safe[name] = in.now[name]
	}
	return in
}

// Write puts im into the directory dir, which it makes.
func (im *Image) Write(dir string) error {
	if err := im.write(dir, map[*Image]string{}); err != nil {
		return fmt.Errorf("powercut: %w", err)
	}
	return nil
}

func (im *Image) write(path string, done map[*Image]string) error {
	if first := done[im]; first != "" {
		return os.Link(first, path)
	}
	done[im] = path
	if im.Names == nil {
		return os.WriteFile(path, im.Data, 0o600)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		return err
	}
	for _, name := range sorted(im.Names) {
		if err := im.Names[name].write(filepath.Join(path, name), done); err != nil {
			return err
		}
	}
	return nil
}
