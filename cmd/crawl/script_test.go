package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"crawl/internal/robots"
	"crawl/internal/testweb"

	"github.com/rogpeppe/go-internal/testscript"
)

// patience is how long a script waits for something that must come.
const patience = 30 * time.Second

// TestMain takes the developer's own options out of the way, and lets scripts
// start the program by its name.
func TestMain(m *testing.M) {
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, envPrefix) && !strings.HasPrefix(name, "CRAWL_TEST_") {
			continue
		}
	}
	testscript.Main(m, map[string]func(){
		"crawl": func() {
			systemConfig = os.Getenv("TEST_SYSTEM_CONFIG")
			os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
		},
	})
}
