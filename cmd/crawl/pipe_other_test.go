//go:build !linux

package main

import "os"

// shrink would make a pipe hold less, where the system could.
func shrink(*os.File) error { return nil }
