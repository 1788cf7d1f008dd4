package powercut

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

var bucket = []byte("b")

// In the environment, boltFile makes the test a program that commits to the
// bbolt file of that name until it is killed, and counts aloud; boltLeft one
// that looks whether that file is sound and holds as many commits as boltAcked
// says. They must be other processes: the server of a file system that faults on
// its own mapped file waits for itself, and a damaged file may fault in a
// goroutine of bbolt's own, which ends the process.
const (
	boltFile  = "POWERCUT_BOLT"
	boltLeft  = "POWERCUT_LEFT"
	boltAcked = "POWERCUT_ACKED"
)

func TestMain(m *testing.M) {
	file, left := os.Getenv(boltFile), os.Getenv(boltLeft)
	var err error
	switch {
	case file != "":
		err = commit(file, os.Getenv("POWERCUT_NOSYNC") != "")
	case left != "":
		var acked int
		if acked, err = strconv.Atoi(os.Getenv(boltAcked)); err == nil {
			err = sound(left, acked)
		}
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func commit(path string, noSync bool) error {
	b, err := bolt.Open(path, 0o600, &bolt.Options{NoSync: noSync, NoGrowSync: noSync})
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		if err := b.Update(func(tx *bolt.Tx) error { return put(tx, n) }); err != nil {
			return err
		}
		if err := b.View(func(tx *bolt.Tx) error { return has(tx, n+1) }); err != nil { // through the map
			return err
		}
		fmt.Println(n)
	}
}

// fresh is a disk with a new bbolt file, which is durable: bbolt itself does not
// promise that a cut during its first writes leaves one that can be opened.
func fresh(t *testing.T) *Disk {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db")
	b, err := bolt.Open(path, 0o600, nil)
	if err == nil {
		err = b.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return NewDisk(&Image{Names: map[string]*Image{"db": {Data: raw}}}, false)
}

// fill commits to the bbolt file on a fresh disk until the power is cut. It
// returns what the cut left, and how many commits were acknowledged before.
func fill(t *testing.T, rnd *rand.Rand, noSync bool) (left *Image, acked int) {
	t.Helper()
	d := fresh(t)
	dir, unmount := mounted(t, d)
	defer unmount()
	said, err := os.Create(filepath.Join(t.TempDir(), "said"))
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	c := exec.Command(os.Args[0])
	c.Env = []string{boltFile + "=" + filepath.Join(dir, "db")}
	if noSync {
		c.Env = append(c.Env, "POWERCUT_NOSYNC=1")
	}
	var errs bytes.Buffer
	c.Stdout, c.Stderr = said, &errs
	var length int64
	cut := d.CutAt(1+rnd.IntN(300), rnd, func() {
		if info, err := said.Stat(); err == nil {
			length = info.Size()
		}
	})
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case left = <-cut:
	case <-time.After(sessionTime):
	}
	_ = c.Process.Kill() // it may be gone
	_ = c.Wait()         // it was killed
	if left == nil {
		t.Fatalf("no cut: %s", errs.String())
	}
	raw, err := os.ReadFile(said.Name())
	if err != nil {
		t.Fatal(err)
	}
	return left, bytes.Count(raw[:length], []byte("\n"))
}

func key(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }

func put(tx *bolt.Tx, n int) error {
	b, err := tx.CreateBucketIfNotExists(bucket)
	if err != nil {
		return err
	}
	return b.Put(key(n), make([]byte, 500+n))
}

func has(tx *bolt.Tx, keys int) error {
	if keys == 0 {
		return nil
	}
	b := tx.Bucket(bucket)
	if b == nil {
		return errors.New("nothing is there")
	}
	for n := range keys {
		if v := b.Get(key(n)); len(v) != 500+n {
			return fmt.Errorf("key %d has %d bytes", n, len(v))
		}
	}
	return nil
}

// verdict says what is wrong with what a cut left.
func verdict(t *testing.T, left *Image, acked int) error {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "left")
	if err := left.Write(dir); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(os.Args[0])
	c.Env = []string{boltLeft + "=" + filepath.Join(dir, "db"), boltAcked + "=" + strconv.Itoa(acked)}
	out, err := c.CombinedOutput()
	if err != nil {
		first, _, _ := strings.Cut(string(out), "\n") // it may be followed by the goroutines of one that died
		return fmt.Errorf("%w: %s", err, first)
	}
	return nil
}

// sound opens a bbolt file and says what is wrong with it.
func sound(path string, acked int) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	b, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		return err
	}
	defer b.Close()
	return b.View(func(tx *bolt.Tx) error {
		var first error
		for err := range tx.Check() { // to its end: it goes on reading
			if first == nil {
				first = err
			}
		}
		return cmp.Or(first, has(tx, acked))
	})
}

// TestBolt shows that bbolt, map and all, works on the file system, and keeps
// its word over a cut.
func TestBolt(t *testing.T) {
	s := seed(t)
	for i := range 10 {
		left, acked := fill(t, dice(s, i), false)
		if err := verdict(t, left, acked); err != nil {
			t.Errorf("cut %d, after %d commits: %v (%+v)", i, acked, err, left.Loss)
		}
	}
}
