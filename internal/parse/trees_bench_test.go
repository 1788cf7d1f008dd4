//go:build conformance

package parse

import (
	"bytes"
	"testing"
	"unsafe"

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
		e := elem(elemByName.find(string(name), 0, len(name)))
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

// BenchmarkTrees reads real pages, all of them in turn. Parse does everything,
// the tokenizer links alone; scan is our scanner without a reader.
func BenchmarkTrees(b *testing.B) {
	for _, tree := range docTrees {
		var pages [][]byte
		size := 0
		pagesOf(b, tree, func(_ string, body []byte) {
			if size < 16<<20 {
				pages = append(pages, body)
				size += len(body)
			}
		})
		run := func(name string, read func(body []byte)) {
			b.Run(shortName(tree)+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(size / len(pages)))
				for i := range b.N {
					read(pages[i%len(pages)])
				}
			})
		}
		base, links := mustURL(b, "http://docs.example/a/b.html"), 0
		run("tokenizer", func(body []byte) { theirTags(body, func([]byte) {}, func(_, _ []byte) {}) })
		run("tokenizer links", func(body []byte) { links += theirLinks(base, body) })
		run("scan", func(body []byte) {
			s := newScanner(unsafe.String(unsafe.SliceData(body), len(body)))
			for t := s.next(); t != endToken; t = s.next() {
				if t == startToken {
					s.raw = rawOf(s.elem)
				}
			}
		})
		header := header("Content-Type", "text/html")
		run("Parse", func(body []byte) { links += len(Parse(base, header, body, Options{}).Links) })
	}
}
