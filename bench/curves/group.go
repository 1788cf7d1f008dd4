package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// group is a control group of memory, of version 1 or 2: what runs in it has so
// much for its own and for the pages of files that it brings into memory.
type group struct{ folder string }

// newGroup makes a group with a limit in bytes; it takes root, or a part of the
// tree that is this user's.
func newGroup(limit int64) (*group, error) {
	var faults []error
	for _, at := range groupPlaces() {
		g := &group{filepath.Join(at.folder, fmt.Sprintf("crawl-bench-%d", os.Getpid()))}
		err := os.Mkdir(g.folder, 0o755)
		if err == nil {
			if err = g.write(at.file, strconv.FormatInt(limit, 10)); err == nil {
				_ = g.write("memory.swap.max", "0") // version 2, where there is swap
				return g, nil
			}
			err = errors.Join(err, g.remove())
		}
		faults = append(faults, err)
	}
	return nil, fmt.Errorf("no control group of memory can be made: %w", errors.Join(faults...))
}

// groupPlace is where groups may be made, and the file that holds the limit.
type groupPlace struct{ folder, file string }

// groupPlaces are this process's own group and the root, of both versions.
func groupPlaces() (places []groupPlace) {
	v1, v2 := groupPlace{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"}, groupPlace{"/sys/fs/cgroup", "memory.max"}
	f, err := os.Open("/proc/self/cgroup")
	if err != nil {
		return nil
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		part := strings.SplitN(lines.Text(), ":", 3)
		switch {
		case len(part) < 3:
		case strings.Contains(","+part[1]+",", ",memory,"):
			places = append(places, groupPlace{filepath.Join(v1.folder, part[2]), v1.file}, v1)
		case part[1] == "":
			places = append(places, groupPlace{filepath.Join(v2.folder, part[2]), v2.file}, v2)
		}
	}
	return places
}

// write writes to a file that the system made: where it did not, the folder is no group.
func (g *group) write(name, text string) error {
	f, err := os.OpenFile(filepath.Join(g.folder, name), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// command makes a command that is to run in the group, with what it starts.
func (g *group) command(name string, args []string) (string, []string) {
	if g == nil {
		return name, args
	}
	enter := `echo $$ >"$0" && exec "$@"`
	return "/bin/sh", append([]string{"-c", enter, filepath.Join(g.folder, "cgroup.procs"), name}, args...)
}

// remove ends the group, in which nothing runs any more.
func (g *group) remove() error { return os.Remove(g.folder) }
