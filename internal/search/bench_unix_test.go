//go:build unix

package search

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

var benchTree = flag.String("search.tree", "/usr/share/doc/openjdk-17-jre-headless/api", "pages that benchmarks search")

// cpuTime is what the process has used so far.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// tree reads the pages of a folder, by their paths.
func tree(b *testing.B) map[string]string {
	b.Helper()
	pages := map[string]string{}
	root := os.DirFS(*benchTree)
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".html" {
			return err
		}
		text, err := fs.ReadFile(root, path)
		pages["/"+strings.ReplaceAll(path, " ", "%20")] = string(text)
		return err
	})
	if err != nil || len(pages) == 0 {
		b.Fatalf("no pages in %s (%v): apt-get install openjdk-17-doc, or name another folder with -search.tree", *benchTree, err)
	}
	return pages
}

func BenchmarkBuild(b *testing.B) {
	w := newWorld(b)
	pages := tree(b)
	run := w.run(pages)
	before := cpuTime()
	for b.Loop() {
		b.StopTimer()
		if err := w.index.Remove(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if err := w.index.Build(b.Context(), run); err != nil {
			b.Fatal(err)
		}
	}
	used := cpuTime() - before
	b.ReportMetric(used.Seconds()*1000/float64(b.N*len(pages)), "cpu-ms/page")
	w.close()
	if info, err := os.Stat(w.file()); err == nil {
		b.ReportMetric(float64(info.Size())/float64(len(pages)), "file-B/page")
	}
	w.open()
}

func BenchmarkFind(b *testing.B) {
	w := newWorld(b)
	run := w.run(tree(b))
	if err := w.index.Build(b.Context(), run); err != nil {
		b.Fatal(err)
	}
	for _, text := range []string{"weakreference", "class", "\"the specified\"", "weak*", "title:string -deprecated", "the OR a OR of"} {
		for name, x := range map[string]*Index{"index": w.index, "scan": w.scan} {
			b.Run(name+"/"+text, func(b *testing.B) {
				before := cpuTime()
				n := 0
				for b.Loop() {
					n = len(w.find(x, run, text))
				}
				b.ReportMetric((cpuTime()-before).Seconds()*1000/float64(b.N), "cpu-ms")
				b.ReportMetric(float64(n), "hits")
			})
		}
	}
	q, _ := ParseQuery("class string")
	b.Run("show20", func(b *testing.B) {
		for b.Loop() {
			n := 0
			for hit, err := range w.index.Find(b.Context(), run, q) {
				if err == nil {
					_, err = w.index.Show(b.Context(), run, q, hit)
				}
				if err != nil {
					b.Fatal(err)
				}
				if n++; n == 20 {
					break
				}
			}
		}
	})
}
