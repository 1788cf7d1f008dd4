// Command colly crawls one host with colly as its manual does, asynchronously,
// and writes a JSON line a page: address, title, links.
//
//	colly SEED CONNECTIONS USER-AGENT
//
// Three things are not as in the manual, all in colly's favour. It keeps a
// seen-set of its own, without fragments: colly takes each fragment for a page,
// and its check of visited pages races with itself, so that a page which many
// link to is fetched many times over. The transport keeps as many connections
// as are used, where Go's default keeps two. And a request may take a minute:
// at colly's ten seconds a busy machine loses pages.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gocolly/colly/v2"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "colly:", err)
		os.Exit(1)
	}
}

// row is what is kept of a page.
type row struct {
	URL   string   `json:"url"`
	Title string   `json:"title"`
	Links []string `json:"links"`
}

func run(args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("usage: colly SEED CONNECTIONS USER-AGENT")
	}
	seed, err := url.Parse(args[0])
	if err != nil {
		return err
	}
	connections, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	c, err := collector(seed, connections, args[2])
	if err != nil {
		return err
	}
	out := &rows{out: bufio.NewWriter(os.Stdout)}
	var seen sync.Map // URL without fragment
	c.OnHTML("html", func(page *colly.HTMLElement) {
		r := row{URL: page.Request.URL.String(), Title: page.ChildText("head title")}
		page.ForEach("a[href], area[href]", func(_ int, a *colly.HTMLElement) {
			link := page.Request.AbsoluteURL(a.Attr("href"))
			if link == "" {
				return
			}
			r.Links = append(r.Links, link)
			plain, _, _ := strings.Cut(link, "#")
			if _, known := seen.LoadOrStore(plain, true); !known {
				_ = page.Request.Visit(plain) // other hosts are refused here
			}
		})
		out.write(r)
	})
	seen.Store(seed.String(), true)
	if err := c.Visit(seed.String()); err != nil {
		return err
	}
	c.Wait()
	return out.end()
}

func collector(seed *url.URL, connections int, agent string) (*colly.Collector, error) {
	c := colly.NewCollector(colly.Async(true), colly.AllowedDomains(seed.Hostname()), colly.UserAgent(agent))
	c.IgnoreRobotsTxt = false
	c.SetRequestTimeout(time.Minute)
	c.WithTransport(&http.Transport{MaxIdleConnsPerHost: connections})
	return c, c.Limit(&colly.LimitRule{DomainGlob: "*", Parallelism: connections})
}

// rows writes one JSON line after the other.
type rows struct {
	mu  sync.Mutex // guards all below
	out *bufio.Writer
	err error // the first
}

func (o *rows) write(r row) {
	line, err := json.Marshal(r)
	o.mu.Lock()
	defer o.mu.Unlock()
	if err == nil {
		_, err = o.out.Write(append(line, '\n'))
	}
	if o.err == nil {
		o.err = err
	}
}

func (o *rows) end() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return o.err
	}
	return o.out.Flush()
}
