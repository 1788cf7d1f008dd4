package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

// programKB is how many kB of the program are in memory.
func programKB(t *testing.T) (sum int) {
	t.Helper()
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	part := regexp.MustCompile(`r-[x-]p .* ` + regexp.QuoteMeta(filepath.Clean(exe)) + `\nSize:.*\n(?:.*PageSize:.*\n)*Rss: +(\d+) kB`)
	for _, m := range part.FindAllSubmatch(smaps, -1) {
		n, err := strconv.Atoi(string(m[1]))
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return sum
}

// TestDropProgram: what was read of the program is in memory no more, and is
// there when it is read again.
func TestDropProgram(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.ReadFile(exe); err != nil { // into the cache, so that what is around is mapped too
		t.Fatal(err)
	}
	words := len(newRoot().Commands())
	before := programKB(t)
	dropProgram()
	after := programKB(t)
	if before == 0 || after >= before {
		t.Errorf("%d kB of the program are in memory, %d before", after, before)
	}
	if again := len(newRoot().Commands()); again != words {
		t.Errorf("%d commands, %d before", again, words)
	}
}
