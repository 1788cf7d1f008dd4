package powercut

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// forever is how long the kernel may trust what it was told: nobody else
// changes the disk.
const forever = time.Hour

// Mount shows d at dir until the function returned is called. It needs
// /dev/fuse and root. Reads go through the kernel's pages, so that a mapped
// file shows what was written; every write comes to d at once.
func Mount(d *Disk, dir string) (unmount func() error, err error) {
	timeout := forever
	server, err := fs.Mount(dir, &node{disk: d, in: d.root}, &fs.Options{
		MountOptions: fuse.MountOptions{
			DirectMountStrict: true, FsName: "powercut", Name: "powercut", DisableXAttrs: true,
			DisabledCapabilities: fuse.CAP_PASSTHROUGH | fuse.CAP_WRITEBACK_CACHE,
		},
		EntryTimeout: &timeout, AttrTimeout: &timeout,
		RootStableAttr: &fs.StableAttr{Ino: d.root.number},
	})
	if err != nil {
		return nil, fmt.Errorf("powercut: mount %s: %w", dir, err)
	}
	return server.Unmount, nil
}

// node is an inode as the kernel knows it.
type node struct {
	fs.Inode
	disk *Disk
	in   *inode
}

var (
	_ fs.NodeOnAdder   = (*node)(nil)
	_ fs.NodeGetattrer = (*node)(nil)
	_ fs.NodeSetattrer = (*node)(nil)
	_ fs.NodeStatfser  = (*node)(nil)
	_ fs.NodeOpener    = (*node)(nil)
	_ fs.NodeReader    = (*node)(nil)
	_ fs.NodeWriter    = (*node)(nil)
	_ fs.NodeFsyncer   = (*node)(nil)
	_ fs.NodeFlusher   = (*node)(nil)
	_ fs.NodeCreater   = (*node)(nil)
	_ fs.NodeMkdirer   = (*node)(nil)
	_ fs.NodeLinker    = (*node)(nil)
	_ fs.NodeUnlinker  = (*node)(nil)
	_ fs.NodeRmdirer   = (*node)(nil)
	_ fs.NodeRenamer   = (*node)(nil)
)

func (in *inode) mode() uint32 {
	if in.dir {
		return fuse.S_IFDIR
	}
	return fuse.S_IFREG
}

// OnAdd tells the kernel of what the disk holds from the start.
func (n *node) OnAdd(ctx context.Context) {
	if n.in == n.disk.root {
		n.grow(ctx, map[*inode]*fs.Inode{})
	}
}

func (n *node) grow(ctx context.Context, done map[*inode]*fs.Inode) {
	for name, in := range n.in.now {
		if done[in] == nil {
			done[in] = n.adopt(ctx, in)
			done[in].Operations().(*node).grow(ctx, done)
		}
		n.AddChild(name, done[in], true)
	}
}

func (n *node) adopt(ctx context.Context, in *inode) *fs.Inode {
	return n.NewPersistentInode(ctx, &node{disk: n.disk, in: in}, fs.StableAttr{Mode: in.mode(), Ino: in.number})
}

func (n *node) attr(out *fuse.Attr) {
	out.Mode, out.Nlink, out.Ino = n.in.mode()|0o600, 1, n.in.number
	if n.in.dir {
		out.Mode |= 0o100
	}
	out.Size, out.Blksize = uint64(len(n.in.data.now)), 4096
	out.Blocks = (out.Size + sector - 1) / sector
}

func (n *node) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	n.disk.mu.Lock()
	defer n.disk.mu.Unlock()
	n.attr(&out.Attr)
	return 0
}

func (n *node) Setattr(ctx context.Context, f fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if size, ok := in.GetSize(); ok {
		n.disk.resize(n.in, int64(size))
	}
	return n.Getattr(ctx, f, out)
}

// Statfs says that the disk is far from full.
func (n *node) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	*out = fuse.StatfsOut{Blocks: 1 << 28, Bfree: 1 << 27, Bavail: 1 << 27, Bsize: 4096, Frsize: 4096, NameLen: 255}
	return 0
}

func (n *node) Open(_ context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	if flags&syscall.O_TRUNC != 0 {
		n.disk.resize(n.in, 0)
	}
	return nil, fuse.FOPEN_KEEP_CACHE, 0
}

func (n *node) Read(_ context.Context, _ fs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	n.disk.mu.Lock()
	defer n.disk.mu.Unlock()
	data := n.in.data.now
	return fuse.ReadResultData(dest[:copy(dest, data[min(off, int64(len(data))):])]), 0
}

func (n *node) Write(_ context.Context, _ fs.FileHandle, data []byte, off int64) (uint32, syscall.Errno) {
	n.disk.write(n.in, data, off)
	return uint32(len(data)), 0
}

func (n *node) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	n.disk.sync(n.in)
	return 0
}

// Flush is close, which makes nothing durable.
func (n *node) Flush(context.Context, fs.FileHandle) syscall.Errno { return 0 }

func (n *node) make(ctx context.Context, name string, dir bool, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	in, errno := n.disk.create(n.in, name, dir)
	if errno != 0 {
		return nil, errno
	}
	made := n.adopt(ctx, in)
	n.disk.mu.Lock()
	defer n.disk.mu.Unlock()
	made.Operations().(*node).attr(&out.Attr)
	return made, 0
}

func (n *node) Create(ctx context.Context, name string, _, _ uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	made, errno := n.make(ctx, name, false, out)
	return made, nil, fuse.FOPEN_KEEP_CACHE, errno
}

func (n *node) Mkdir(ctx context.Context, name string, _ uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	return n.make(ctx, name, true, out)
}

func (n *node) Link(ctx context.Context, target fs.InodeEmbedder, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	t := target.(*node)
	if errno := n.disk.link(t.in, n.in, name); errno != 0 {
		return nil, errno
	}
	n.disk.mu.Lock()
	defer n.disk.mu.Unlock()
	t.attr(&out.Attr)
	return t.EmbeddedInode(), 0
}

func (n *node) Unlink(_ context.Context, name string) syscall.Errno {
	return n.disk.remove(n.in, name)
}

func (n *node) Rmdir(_ context.Context, name string) syscall.Errno { return n.disk.remove(n.in, name) }

func (n *node) Rename(_ context.Context, name string, to fs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	if flags != 0 { // exchange, or do not replace
		return syscall.EINVAL
	}
	return n.disk.rename(n.in, name, to.(*node).in, newName)
}
