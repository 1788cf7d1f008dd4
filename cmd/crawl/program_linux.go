package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// dropProgram gives back the memory that the program itself takes, but for what
// was written in it: most of it was run or read once, when the process began. The
// system keeps what it has cached of the file, and maps what is used again.
func dropProgram() {
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return
	}
	for line := range strings.Lines(string(maps)) {
		var from, to uintptr
		var rights string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &rights); err != nil || !strings.HasSuffix(line, " "+exe+"\n") || strings.Contains(rights, "w") {
			continue
		}
		_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, from, to-from, syscall.MADV_DONTNEED)
	}
}
