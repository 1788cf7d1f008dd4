package powercut

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// seed begins all dice of one test. Setting POWERCUT_SEED repeats them, though
// not the moments of another machine.
func seed(t *testing.T) uint64 {
	t.Helper()
	s := rand.Uint64()
	if text := os.Getenv("POWERCUT_SEED"); text != "" {
		var err error
		if s, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("POWERCUT_SEED=%d", s)
	return s
}

func dice(seed uint64, n int) *rand.Rand { return rand.New(rand.NewPCG(seed, uint64(n))) }

// mounted mounts d for one test, or until the function returned is called.
func mounted(t *testing.T, d *Disk) (dir string, unmount func()) {
	t.Helper()
	if f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0); err != nil {
		t.Fatalf("this test needs /dev/fuse (modprobe fuse; in a container: --device /dev/fuse --cap-add SYS_ADMIN) and root: %v", err)
	} else if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() != 0 {
		t.Fatal("this test mounts a file system and needs root: sudo make powercut")
	}
	dir = t.TempDir()
	stop, err := Mount(d, dir)
	if err != nil {
		t.Fatal(err)
	}
	gone := false
	unmount = func() {
		if gone {
			return
		}
		gone = true
		if err := stop(); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	}
	t.Cleanup(unmount)
	return dir, unmount
}

// buildCrawl builds the program under test.
func buildCrawl(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "crawl")
	build := exec.Command("go", "build", "-o", path, "./cmd/crawl")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// times is how many times as many cuts there are as usual: POWERCUT_TIMES.
func times(t *testing.T) int {
	t.Helper()
	text := os.Getenv("POWERCUT_TIMES")
	if text == "" {
		return 1
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("POWERCUT_TIMES=%q is not a number of times", text)
	}
	return n
}
