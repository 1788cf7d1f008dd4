package main

import (
	"bufio"
	"bytes"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// containerLimit is how much memory the control groups of this process leave
// it, as root, the file system, tells; ok is false if none of them has a limit.
// Both versions of control groups are read, where they are usually mounted.
func containerLimit(root fs.FS) (limit int64, ok bool) {
	own, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0, false
	}
	for lines := bufio.NewScanner(bytes.NewReader(own)); lines.Scan(); {
		base, file, group := memoryGroup(lines.Text())
		if base == "" {
			continue
		}
		// Limits of the groups above hold too. In a container that sees its own
		// groups alone, the path is of outside, and the root is its own group.
		for ; ; group = path.Dir(group) {
			if n, has := limitIn(root, path.Join(base, group, file)); has && (!ok || n < limit) {
				limit, ok = n, true
			}
			if group == "." {
				break
			}
		}
	}
	return limit, ok
}

// memoryGroup reads a line of /proc/self/cgroup, "number:controllers:path": where
// the memory controller's files are, if it is a line of that.
func memoryGroup(line string) (base, file, group string) {
	part := strings.SplitN(line, ":", 3)
	if len(part) != 3 {
		return "", "", ""
	}
	group = path.Join(".", path.Join("/", part[2])[1:])
	switch {
	case part[1] == "" && part[0] == "0":
		return "sys/fs/cgroup", "memory.max", group
	case strings.Contains(","+part[1]+",", ",memory,"):
		return "sys/fs/cgroup/memory", "memory.limit_in_bytes", group
	}
	return "", "", ""
}

// noLimit is what version 1 of control groups says, or more, where there is no
// limit; version 2 says "max".
const noLimit = 1 << 60

func limitIn(root fs.FS, name string) (int64, bool) {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil && n > 0 && n < noLimit
}
