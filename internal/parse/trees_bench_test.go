//go:build conformance

package parse

import (
	"bytes"
	"net/url"
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

// linkTaker takes the addresses of links and nothing else from what the tokenizer
// says, from the elements and attributes that Parse takes them from.
type linkTaker struct {
	add   func(ref string)
	holds []holder
}

func (l *linkTaker) tag(name string) {
	e := elem(elemByName.find(nameKey(name), name))
	if l.holds = holders[e]; e == elemA || e == elemLink {
		l.holds = []holder{{attrHref, page}}
	}
}

func (l *linkTaker) attr(key, value string) {
	if key == "style" {
		scanCSS(value, func(ref string, _ bool) bool { l.add(ref); return true })
	}
	for _, h := range l.holds {
		switch {
		case attrNames[h.attr] != key:
		case h.role == images:
			srcset(value, l.add)
		default:
			l.add(value)
		}
	}
}

// theirLinks is what BenchmarkTrees holds Parse against: the tokenizer as its
// documentation begins with, Next and Token, and the standard library's addresses.
func theirLinks(base *url.URL, body []byte) int {
	seen := map[string]bool{}
	take := linkTaker{add: func(ref string) {
		if u, err := base.Parse(ref); err == nil {
			seen[u.String()] = true
		}
	}}
	z := html.NewTokenizer(bytes.NewReader(body))
	for kind := z.Next(); kind != html.ErrorToken; kind = z.Next() {
		t := z.Token()
		if kind != html.StartTagToken && kind != html.SelfClosingTagToken {
			continue
		}
		take.tag(t.Data)
		for _, a := range t.Attr {
			take.attr(a.Key, a.Val)
		}
	}
	return len(seen)
}

// leanLinks is the least that the tokenizer can be made to do: its lower-level
// calls, which copy little, and our own addresses, lent to it.
func leanLinks(base weburl.URL, body []byte) int {
	seen := map[weburl.URL]bool{}
	take := linkTaker{add: func(ref string) {
		if u, err := base.Resolve(ref); err == nil {
			seen[u] = true
		}
	}}
	theirTags(body, func(name []byte) { take.tag(string(name)) }, func(key, value []byte) { take.attr(string(key), string(value)) })
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

// parts is into how many parts BenchmarkTrees cuts the pages of a tree.
const parts = 64

// BenchmarkTrees reads real pages, all of a tree in one round: with Parse, which
// does everything; with the tokenizer that takes links alone, as it is used and as
// lean as it can be; with our scanner without a reader. It reports processor
// time a page, the tokenizer's MB a second, and what part of the tokenizer's time
// Parse takes: of each part of the pages the least that a round took, for what else
// the machine does can only add to it.
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
			theirs, err := url.Parse(base.String())
			if err != nil {
				b.Fatal(err)
			}
			readers := [...]func(body []byte){
				func(body []byte) { links += len(Parse(base, header, body, Options{}).Links) },
				func(body []byte) { links += theirLinks(theirs, body) },
				func(body []byte) { links += leanLinks(base, body) },
				scanAll,
			}
			var least [len(readers)][parts]time.Duration
			for b.Loop() {
				for r, read := range readers {
					for i := range parts {
						before := processorTime(b)
						for _, body := range pages[i*len(pages)/parts : (i+1)*len(pages)/parts] {
							read(body)
						}
						if took := processorTime(b) - before; took < least[r][i] || least[r][i] == 0 {
							least[r][i] = took
						}
					}
				}
			}
			var total [len(readers)]float64
			for r, name := range [...]string{"Parse", "links", "lean", "scan"} {
				for _, took := range least[r] {
					total[r] += float64(took.Microseconds()) / float64(len(pages))
				}
				b.ReportMetric(total[r], name+"-µs/page")
			}
			b.ReportMetric(total[0]/total[1], "Parse/links")
			b.ReportMetric(total[0]/total[2], "Parse/lean")
			b.ReportMetric(float64(size/len(pages))/total[1], "links-MB/s")
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
