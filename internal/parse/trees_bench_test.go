//go:build conformance

package parse

import (
	"bytes"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/html"

	"crawl/internal/weburl"
)

// theirTags reads what the tokenizer of golang.org/x/net/html says of every tag.
func theirTags(body []byte, tag func(name []byte), attr func(key, value []byte)) {
	z := html.NewTokenizer(bytes.NewReader(body))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := z.TagName()
			tag(name)
			for more {
				var k, v []byte
				k, v, more = z.TagAttr()
				attr(k, v)
			}
		}
	}
}

// theirLinks is what BenchmarkTrees holds Parse against: that tokenizer, taking
// the addresses of links and nothing else, from the elements and attributes
// that Parse takes them from.
func theirLinks(base weburl.URL, body []byte) int {
	seen := map[weburl.URL]bool{}
	var holds []holder
	add := func(ref string) {
		if u, err := base.Resolve(ref); err == nil {
			seen[u] = true
		}
	}
	theirTags(body, func(name []byte) {
		e := elem(elemByName.find(nameKey(string(name)), string(name)))
		if holds = holders[e]; e == elemA || e == elemLink {
			holds = []holder{{attrHref, page}}
		}
	}, func(key, value []byte) {
		if string(key) == "style" {
			scanCSS(string(value), func(ref string, _ bool) bool { add(ref); return true })
		}
		for _, h := range holds {
			if attrNames[h.attr] != string(key) {
				continue
			}
			if h.role == images {
				srcset(string(value), add)
			} else {
				add(string(value))
			}
		}
	})
	return len(seen)
}

// processorTime is what the process has used by now, the collector's part
// included, which the clock on the wall does not show.
func processorTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

const pagesATurn = 400 // of one reader in BenchmarkTrees; more than stay in a cache for the next

// BenchmarkTrees reads real pages, all of a tree in one round: with Parse, which
// does everything; with the tokenizer that takes links alone, and with the one
// that takes nothing; with our scanner without a reader. They take turns, so
// that what else the machine does weighs on all alike. It reports the medians
// of the rounds: processor time a page, and what part of the tokenizer's time
// Parse takes.
func BenchmarkTrees(b *testing.B) {
	for _, tree := range docTrees {
		b.Run(shortName(tree), func(b *testing.B) {
			var pages [][]byte
			size := 0
			pagesOf(b, tree, func(_ string, body []byte) {
				if size < 16<<20 {
					pages = append(pages, body)
					size += len(body)
				}
			})
			base, header, links := mustURL(b, "http://docs.example/a/b.html"), header("Content-Type", "text/html"), 0
			readers := []func(body []byte){
				func(body []byte) { links += len(Parse(base, header, body, Options{}).Links) },
				func(body []byte) { links += theirLinks(base, body) },
				func(body []byte) { theirTags(body, func([]byte) {}, func(_, _ []byte) {}) },
				scanAll,
			}
			times := make([][]float64, len(readers))
			for b.Loop() {
				for i := range readers {
					times[i] = append(times[i], 0)
				}
				for some := range slices.Chunk(pages, pagesATurn) {
					for i, read := range readers {
						before := processorTime(b)
						for _, body := range some {
							read(body)
						}
						times[i][len(times[i])-1] += float64(processorTime(b)-before) / float64(len(pages))
					}
				}
			}
			for i, name := range []string{"Parse", "links", "tokens", "scan"} {
				b.ReportMetric(median(times[i])/1e3, name+"-µs/page")
			}
			for i, name := range []string{"links", "tokens"} {
				b.ReportMetric(median(quotients(times[0], times[i+1])), "Parse/"+name)
			}
			b.ReportMetric(median(quotients(times[3], times[1])), "scan/links")
		})
	}
}

// scanAll reads a page with our scanner and looks at nothing.
func scanAll(body []byte) {
	s := newScanner(readOnly(body))
	for t := s.next(); t != endToken; t = s.next() {
		if t == startToken {
			s.raw = rawOf(s.elem)
		}
	}
}

func quotients(a, b []float64) (q []float64) {
	for i := range a {
		q = append(q, a[i]/b[i])
	}
	return q
}

func median(list []float64) float64 {
	list = slices.Sorted(slices.Values(list))
	return list[len(list)/2]
}
