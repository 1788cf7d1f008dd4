package main

import (
	"math"
	"runtime/debug"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"
)

func TestContainerLimit(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text + "\n")} }
	const own, v2, v1 = "proc/self/cgroup", "sys/fs/cgroup/", "sys/fs/cgroup/memory/"
	for name, test := range map[string]struct {
		files fstest.MapFS
		want  int64
	}{
		"no groups":            {nil, 0},
		"not mounted":          {fstest.MapFS{own: file("0::/")}, 0},
		"no limit":             {fstest.MapFS{own: file("0::/a"), v2 + "a/memory.max": file("max")}, 0},
		"version 2":            {fstest.MapFS{own: file("0::/"), v2 + "memory.max": file("1000000")}, 1000000},
		"of its own":           {fstest.MapFS{own: file("0::/a/b"), v2 + "a/b/memory.max": file("1000"), v2 + "memory.max": file("max")}, 1000},
		"of a group above":     {fstest.MapFS{own: file("0::/a/b"), v2 + "a/b/memory.max": file("3000"), v2 + "a/memory.max": file("2000")}, 2000},
		"a path of outside":    {fstest.MapFS{own: file("0::/../../x"), v2 + "memory.max": file("5000")}, 5000},
		"version 1":            {fstest.MapFS{own: file("5:cpu,memory:/docker/1\n0::/"), v1 + "memory.limit_in_bytes": file("7000")}, 7000},
		"version 1, no limit":  {fstest.MapFS{own: file("4:memory:/"), v1 + "memory.limit_in_bytes": file("9223372036854771712")}, 0},
		"version 1, nested":    {fstest.MapFS{own: file("4:memory:/a"), v1 + "a/memory.limit_in_bytes": file("600"), v1 + "memory.limit_in_bytes": file("9223372036854771712")}, 600},
		"another controller":   {fstest.MapFS{own: file("4:pids:/"), v1 + "memory.limit_in_bytes": file("600")}, 0},
		"nonsense":             {fstest.MapFS{own: file("x\n::\n0::"), v2 + "memory.max": file("much")}, 0},
		"not more than a file": {fstest.MapFS{own: file("0::/"), v2 + "memory.max": file("-1")}, 0},
	} {
		got, ok := containerLimit(test.files)
		if got != test.want || ok != (test.want > 0) {
			t.Errorf("%s: %d, %t; want %d", name, got, ok, test.want)
		}
	}
}

func TestBudgetBytes(t *testing.T) {
	container := func(limit string) fstest.MapFS {
		return fstest.MapFS{"proc/self/cgroup": {Data: []byte("0::/")}, "sys/fs/cgroup/memory.max": {Data: []byte(limit)}}
	}
	for _, test := range []struct {
		budget  string
		files   fstest.MapFS
		goLimit int64
		want    int64
		from    string
	}{
		{"auto", nil, math.MaxInt64, 512 << 20, ""},
		{"auto", container("max"), math.MaxInt64, 512 << 20, ""},
		{"auto", container("1073741824"), math.MaxInt64, 512 << 20, ""},
		{"auto", container("268435456"), math.MaxInt64, 192 << 20, "of the container's 268 MB"},
		{"auto", container("1000000"), math.MaxInt64, 32 << 20, "of the container's 1.0 MB"},
		{"auto", container("268435456"), 100 << 20, 100 << 20, "GOMEMLIMIT"},
		{"auto", nil, 1, 32 << 20, "GOMEMLIMIT"},
		{"2GiB", container("268435456"), 100 << 20, 2 << 30, ""},
	} {
		b, err := parseBudget(test.budget)
		if err != nil {
			t.Fatal(err)
		}
		if got, from := b.bytes(test.files, test.goLimit); got != test.want || from != test.from {
			t.Errorf("%+v: %d %q", test, got, from)
		}
	}
}

// TestBudgetReachesAll sees that the budget of the settings is what everything
// that keeps things in memory is given. What they make of it, their own tests tell.
func TestBudgetReachesAll(t *testing.T) {
	for budget, want := range map[Budget]shares{
		64 << 20:  {queue: 6 << 20, known: 20 << 20, rules: 4 << 20, store: 8 << 20, names: 1310, idle: 256},
		512 << 20: {queue: 48 << 20, known: 160 << 20, rules: 32 << 20, store: 64 << 20, names: 10485, idle: 2048},
	} {
		s := defaultSettings()
		s.Memory = budget
		spec, err := newSpec(&s, nil, nil, s.room(1))
		if err != nil {
			t.Fatal(err)
		}
		fetch, err := fetcherConfig(&s, nil, s.room(1))
		if err != nil {
			t.Fatal(err)
		}
		if got := (shares{spec.CacheBytes, spec.KnownBytes, spec.RulesBytes, storeOptions(&s).Memory, fetch.MaxNames, s.shares().idle}); got != want {
			t.Errorf("%s is divided into %+v, want %+v", budget, got, want)
		}
		if n := idle(spec.Workers, want.idle, openFiles()); fetch.MaxIdle != n {
			t.Errorf("%s: %d connections may be idle, want %d", budget, fetch.MaxIdle, n)
		}
	}
	if s := divide(math.MaxInt64); s.queue <= 0 || s.rules+s.queue+s.known+s.store > math.MaxInt32/3*2 {
		t.Errorf("all memory there is: %+v", s)
	}
}

func TestMemoryLimit(t *testing.T) {
	for _, test := range []struct{ lasting, live, scan, beside, budget, want int64 }{
		{0, 0, 0, 0, 512, 50},
		{25, 25, 0, 0, 512, 50},
		{25, 25, 9, 40, 512, 90},
		{100, 100, 80, 0, 512, 180},
		{100, 100, 10, 0, 512, 164},
		{100, 100, 100, 0, 512, 200},
		{0, 90, 9, 10, 512, 145},
		{0, 200, 9, 10, 512, 274},
		{200, 200, 100, 40, 512, 340},
		{400, 400, 400, 0, 512, 512},
		{900, 900, 900, 900, 512, 512},
		{1, 1, 1, 1, 40, 40},
	} {
		now := memoryUse{live: test.live << 20, scan: test.scan << 20, beside: test.beside << 20}
		if got := memoryLimit(test.lasting<<20, now, test.budget<<20); got != test.want<<20 {
			t.Errorf("MiB %+v: limit %d", test, got>>20)
		}
	}
}

// TestHoldTo sees the limit that the Go runtime has meanwhile and afterwards.
func TestHoldTo(t *testing.T) {
	now := func() int64 { return debug.SetMemoryLimit(-1) }
	for _, test := range []struct {
		limit, percent string
		budget, want   int64
	}{
		{"", "", 512 << 20, leastGoMemory},
		{"", "", 40 << 20, 40 << 20},
		{"", "200", 512 << 20, 512 << 20},
		{"1GiB", "", 512 << 20, math.MaxInt64}, // the runtime read it when the process began
	} {
		synctest.Test(t, func(t *testing.T) {
			t.Setenv(goLimitEnv, test.limit)
			t.Setenv(goPercentEnv, test.percent)
			end := holdTo(test.budget)
			time.Sleep(2 * looks * lookEvery)
			if got := now(); got < test.want || test.want == 40<<20 && got != test.want {
				t.Errorf("%+v: the limit is %d", test, got)
			}
			end()
			if got := now(); got != math.MaxInt64 {
				t.Errorf("%+v: afterwards the limit is %d", test, got)
			}
		})
	}
}
