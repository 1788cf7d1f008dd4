package powercut

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// user is a file system's user: steps that all succeed or fail the test.
type user struct {
	dir  string
	errs []error
}

func (u *user) did(err error)           { u.errs = append(u.errs, err) }
func (u *user) path(name string) string { return filepath.Join(u.dir, name) }

func (u *user) write(name, text string) {
	f, err := os.OpenFile(u.path(name), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		u.did(err)
		return
	}
	_, err = f.WriteAt([]byte(text), 0)
	u.did(errors.Join(err, f.Close()))
}

// sync is for files and directories.
func (u *user) sync(name string) {
	f, err := os.Open(u.path(name))
	if err != nil {
		u.did(err)
		return
	}
	u.did(errors.Join(f.Sync(), f.Close()))
}
func (u *user) mkdir(name string)         { u.did(os.Mkdir(u.path(name), 0o700)) }
func (u *user) remove(name string)        { u.did(os.Remove(u.path(name))) }
func (u *user) rename(from, to string)    { u.did(os.Rename(u.path(from), u.path(to))) }
func (u *user) link(from, to string)      { u.did(os.Link(u.path(from), u.path(to))) }
func (u *user) size(name string, n int64) { u.did(os.Truncate(u.path(name), n)) }

// text lists what is in an image, with runs of one byte as x*512.
func (im *Image) text(at string) []string {
	if im.Names == nil {
		var runs []string
		for rest := im.Data; len(rest) > 0; {
			n := 1
			for n < len(rest) && rest[n] == rest[0] {
				n++
			}
			runs = append(runs, fmt.Sprintf("%s*%d", strings.ReplaceAll(string(rest[:1]), "\x00", "0"), n))
			rest = rest[n:]
		}
		return []string{at + "=" + strings.Join(runs, "+")}
	}
	var all []string
	for _, name := range sorted(im.Names) {
		child := im.Names[name]
		if child.Names != nil && len(child.Names) == 0 {
			all = append(all, at+name+"/")
		}
		if child.Names != nil {
			name += "/"
		}
		all = append(all, child.text(at+name)...)
	}
	return all
}

// TestTheCutIsSeen shows, of a small user that syncs too little, everything
// that a cut may leave, and that one which syncs enough loses nothing.
func TestTheCutIsSeen(t *testing.T) {
	for _, c := range []struct {
		name string
		does func(*user)
		left []string // all that may be left, and all of it must turn up
	}{
		{"nothing is synced", func(u *user) { u.write("a", "x") }, []string{"", "a=", "a=x*1"}},
		{"a file is synced, and so its name", func(u *user) { u.write("a", "x"); u.sync("a") }, []string{"a=x*1"}},
		{"a directory is synced, not the file", func(u *user) { u.write("a", "x"); u.sync(".") }, []string{"a=", "a=x*1"}},
		{"two files without order", func(u *user) { u.write("body", "x"); u.write("index", "y"); u.sync("index") }, []string{"index=y*1", "body= index=y*1", "body=x*1 index=y*1"}},
		{"two files in order", func(u *user) { u.write("body", "x"); u.sync("body"); u.write("index", "y"); u.sync("index") }, []string{"body=x*1 index=y*1"}},
		{"a new folder of a synced file", func(u *user) { u.mkdir("d"); u.write("d/a", "x"); u.sync("d/a") }, []string{"d/a=x*1"}},
		{"a new folder", func(u *user) { u.mkdir("d") }, []string{"", "d/"}},
		{"renamed, not synced", func(u *user) { u.write("a", "x"); u.sync("a"); u.rename("a", "b"); u.sync("b") }, []string{"a=x*1", "b=x*1"}},
		{"renamed and synced", func(u *user) { u.write("a", "x"); u.sync("a"); u.rename("a", "b"); u.sync(".") }, []string{"b=x*1"}},
		{"renamed before its content was synced", func(u *user) { u.write("a", "old"); u.sync("a"); u.write("b", "x"); u.rename("b", "a"); u.sync(".") }, []string{"a=", "a=x*1"}},
		{"linked and unlinked", func(u *user) { u.write("a", "x"); u.sync("a"); u.link("a", "b"); u.sync("."); u.remove("a") }, []string{"a=x*1 b=x*1", "b=x*1"}},
		{"removed and made again", func(u *user) {
			u.write("a", "x")
			u.sync("a")
			u.remove("a")
			u.write("a", "y")
			u.sync("a")
		}, []string{"a=y*1"}},
		{"torn", func(u *user) {
			u.write("a", strings.Repeat("x", 1024))
			u.sync("a")
			u.write("a", strings.Repeat("y", 1024))
		}, []string{"a=x*1024", "a=y*512+x*512", "a=x*512+y*512", "a=y*1024"}},
		{"grown and shrunk", func(u *user) { u.write("a", "xxx"); u.sync("a"); u.size("a", 1); u.size("a", 2) }, []string{"a=x*3", "a=x*1", "a=x*2", "a=x*1+0*1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := NewDisk(nil, false)
			dir, unmount := mounted(t, d)
			u := &user{dir: dir}
			c.does(u)
			unmount()
			if err := errors.Join(u.errs...); err != nil {
				t.Fatal(err)
			}
			got, s := map[string]bool{}, seed(t)
			for i := range 500 {
				got[strings.Join(d.Cut(dice(s, i)).text(""), " ")] = true
			}
			slices.Sort(c.left)
			if left := slices.Sorted(maps.Keys(got)); !slices.Equal(left, c.left) {
				t.Errorf("left %q, want %q", left, c.left)
			}
		})
	}
}

// TestDeafDiskIsSeen shows that the tests of bbolt and of the program notice
// when syncs do nothing: else they would prove nothing.
func TestDeafDiskIsSeen(t *testing.T) {
	s := seed(t)
	t.Run("bbolt", func(t *testing.T) {
		for i := range 20 {
			left, acked := fill(t, dice(s, i), true)
			if err := verdict(t, left, acked); err != nil {
				t.Logf("cut %d: %v", i, err)
				return
			}
		}
		t.Error("20 cuts did no harm to a bbolt file that is never synced")
	})
	t.Run("crawl", func(t *testing.T) {
		bin, web := buildCrawl(t), serveSite(t)
		for i := range 10 {
			o, rnd := newOrdeal(t, bin, web), dice(s, i)
			o.deaf = true
			o.run(t, 100+rnd.IntN(100), rnd)
			if len(o.faults) > 0 {
				t.Logf("cut %d: %d faults, the first: %s", i, len(o.faults), o.faults[0])
				return
			}
		}
		t.Error("10 cuts did no harm to a crawl on a disk that never syncs")
	})
}
