package testweb

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"hash/crc32"
	"html"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"golang.org/x/text/encoding/japanese"
)

// demoFiles holds the pages of the demo by host. A page begins with lines
// "title:", "description:", "head:" and "charset:", all optional, and an empty
// line; the rest becomes the main part of its host's layout.html. Other files
// are served as they are, {{shop}}, {{blog}} and {{union}} being the hosts' origins.
//
//go:embed demo
var demoFiles embed.FS

// demoSlow is how long /stock takes: more than the second that readers wait.
const demoSlow = 1100 * time.Millisecond

// demoHeavy is the size of a picture that nobody made smaller, in bytes.
const demoHeavy = 640_000

// Demo returns the two hosts of a small company, "shop" and "blog", that look
// well and are full of planted faults, and "union", to which they link: DemoTruth
// and DemoForeign list them all.
func Demo() map[string]http.Handler {
	shop, blog := demoHosts()
	return map[string]http.Handler{"shop": shop, "blog": safely(blog, "Content-Security-Policy"), "union": demoUnion()}
}

// demoUnion is another's site, of which a crawl of the demo knows a few addresses.
// It answers HEAD as some servers do.
func demoUnion() http.Handler {
	union := http.NewServeMux()
	union.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodHead:
			w.WriteHeader(http.StatusMethodNotAllowed)
		case r.URL.Path == "/robots.txt":
			write(w, "User-agent: *\nDisallow: /members/list\n")
		case r.URL.Path == "/":
			w.Header().Set("Content-Type", types[".html"])
			write(w, "<!DOCTYPE html>\n<title>Honest Founders</title>\n<p>All <a href=\"/members/list\">members</a>.\n")
		default:
			http.NotFound(w, r)
		}
	})
	return union
}

// demoPicture is the head of a picture and a lot that no picture needs.
func demoPicture(w http.ResponseWriter, r *http.Request) {
	picture := append([]byte("\x89PNG\r\n\x1a\n"), make([]byte, demoHeavy-8)...)
	w.Header().Set("Content-Type", "image/png")
	serveBytes(w, r, picture, demoDate(picture))
}

// DemoLater returns the same hosts at a later time: some faults are mended, and
// others have come.
func DemoLater() map[string]http.Handler {
	shop, blog := demoHosts()
	later := http.NewServeMux()
	later.Handle("/", shop)
	later.Handle("/configurator", demoText("Configurator", "An anvil of your own, in three steps.", ""))
	later.Handle("/products/anvil-travel", demoStatus(http.StatusGone))
	later.Handle("/workshops", demoText("Workshops", "A day at the forge, with a hook to take home.", `<meta name="robots" content="noindex">`,
		`All of them stand in the <a href="/calendar?month=2026-01">calendar</a>.`))
	later.Handle("/spring-sale", http.RedirectHandler("/offers", http.StatusMovedPermanently))
	later.Handle("/delivery", demoText("Delivery", "How an anvil comes to you.", "", `<a href="/products/anvil-mini">The smallest</a> goes by post, and how much there is of each says <a href="/stock">the stock</a>.`))
	later.Handle("/products/anvil-mini", demoText("Mini anvil", "Small enough for a pocket.", "", "Half a kilogram, for coins and jewels."))
	blogLater := http.NewServeMux()
	blogLater.Handle("/", blog)
	blogLater.Handle("/letters", http.RedirectHandler("/letters-to-the-forge", http.StatusMovedPermanently))
	blogLater.Handle("/letters-to-the-forge", demoMoved("blog", "/letters"))
	return map[string]http.Handler{"shop": later, "blog": safely(blogLater, "Content-Security-Policy"), "union": demoUnion()}
}

// safely sends the headers that keep visitors safe, and those besides that are
// named.
func safely(next http.Handler, more ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "same-origin")
		for _, name := range more {
			w.Header().Set(name, "default-src *")
		}
		next.ServeHTTP(w, r)
	})
}

// demoText is a page of the shop made here.
func demoText(title, description, head string, more ...string) http.Handler {
	main := fmt.Sprintf("<h1>%s</h1>\n<p>%s</p>\n", title, description)
	for _, p := range more {
		main += "<p>" + p + "</p>\n"
	}
	body := demoSite("shop").page(demoPage{title: title + " | Acme Anvils", description: description, head: head, main: main})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", types[".html"])
		write(w, string(withOrigins(r.Context(), body)))
	})
}

// demoMoved is the page of a host that was elsewhere.
func demoMoved(host, from string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.Clone(r.Context())
		r.URL.Path = from
		demoSite(host).ServeHTTP(w, r)
	})
}

// demoStatus answers with a status and the name of it.
func demoStatus(code int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, http.StatusText(code), code) })
}

// demoNewsletter stands alone: few words, and no link.
const demoNewsletter = `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Newsletter | Acme Anvils</title>
<meta name="description" content="The last issue, which was the first."></head>
<body><h1>Newsletter</h1><p>There is no news.</p></body></html>
`

func demoHosts() (shopHost, blogHost http.Handler) {
	shop := http.NewServeMux()
	shop.Handle("/", demoSite("shop"))
	shop.HandleFunc("/img/foundry.png", demoPicture)
	shop.Handle("/calendar", http.HandlerFunc(demoCalendar))
	shop.Handle("/sale", http.RedirectHandler("/spring-sale", http.StatusMovedPermanently))
	shop.Handle("/spring-sale", http.RedirectHandler("/offers-2025", http.StatusFound))
	shop.Handle("/offers-2025", http.RedirectHandler("/offers", http.StatusMovedPermanently))
	shop.Handle("/basket", http.RedirectHandler("/checkout", http.StatusFound))
	shop.Handle("/checkout", http.RedirectHandler("/basket", http.StatusFound))
	shop.HandleFunc("/stock", func(w http.ResponseWriter, r *http.Request) {
		if pause(r.Context(), demoSlow) {
			demoSite("shop").ServeHTTP(w, r)
		}
	})
	shop.Handle("/trade", demoStatus(http.StatusForbidden))
	shop.Handle("/configurator", demoStatus(http.StatusInternalServerError))
	shop.HandleFunc("/newsletter", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", types[".html"])
		serveBytes(w, r, []byte(demoNewsletter), demoDate([]byte(demoNewsletter)))
	})
	blog := http.NewServeMux()
	blog.Handle("/", demoSite("blog"))
	blog.Handle("/first-anvil", http.RedirectHandler("/choosing-your-first-anvil", http.StatusPermanentRedirect))
	return safely(shop), blog
}

// demoSite serves the files of one host; every path that is no file's answers
// 404, in the layout of the host.
type demoSite string

func (s demoSite) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, isPage := s.file(r.URL.Path)
	if raw == nil {
		body := s.page(demoPage{title: "Not found", main: "<h1>Not found</h1>\n<p>This page has gone. <a href=\"/\">Home</a></p>"})
		w.Header().Set("Content-Type", types[".html"])
		w.WriteHeader(http.StatusNotFound)
		write(w, string(withOrigins(r.Context(), body)))
		return
	}
	w.Header().Set("Content-Type", typeOf(r.URL.Path))
	body := withOrigins(r.Context(), raw)
	if isPage {
		p := readPage(string(raw))
		body = withOrigins(r.Context(), s.page(p))
		body = p.encode(w, body)
	}
	if r.URL.Path == "/catalogue" {
		body = zip(w, body)
	}
	serveBytes(w, r, body, demoDate(raw))
}

// file returns the file that answers at p, nil if there is none, and whether
// it is a page.
func (s demoSite) file(p string) (raw []byte, isPage bool) {
	name := path.Join("demo", string(s), p)
	switch {
	case strings.HasSuffix(p, "/"):
		name, isPage = name+"/index.html", true
	case path.Ext(p) == "":
		name, isPage = name+".html", true
	case path.Ext(p) == ".html":
		return nil, false // pages have one address each
	}
	raw, err := fs.ReadFile(demoFiles, name)
	if err != nil || path.Base(p) == "index" || path.Base(p) == "layout" {
		return nil, false
	}
	return raw, isPage
}

// demoPage is the text of one page.
type demoPage struct{ title, description, head, charset, main string }

func readPage(text string) demoPage {
	head, main, _ := strings.Cut(text, "\n\n")
	if strings.HasPrefix(text, "\n") { // no line at all before the empty one
		head, main = "", text[1:]
	}
	p := demoPage{main: strings.TrimSuffix(main, "\n")}
	for line := range strings.Lines(head) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "title":
			p.title = value
		case "description":
			p.description = value
		case "head":
			p.head = value
		case "charset":
			p.charset = value
		}
	}
	return p
}

// page puts p into the layout of its host. A page without title gets no title
// element.
func (s demoSite) page(p demoPage) []byte {
	layout, err := fs.ReadFile(demoFiles, "demo/"+string(s)+"/layout.html")
	if err != nil { // it is embedded
		return []byte(err.Error())
	}
	var head []string
	if p.title != "" {
		head = append(head, "<title>"+html.EscapeString(p.title)+"</title>")
	}
	if p.description != "" {
		head = append(head, "<meta name=\"description\" content=\""+html.EscapeString(p.description)+"\">")
	}
	if p.head != "" {
		head = append(head, p.head)
	}
	charset := p.charset
	if charset == "" {
		charset = "utf-8"
	}
	fill := strings.NewReplacer("{{charset}}", charset, "{{head}}", strings.Join(head, "\n"), "{{main}}", p.main)
	return []byte(fill.Replace(string(layout)))
}

// encode returns body in the charset the page declares in its text. The header
// then names none, so that the text alone tells.
func (p demoPage) encode(w http.ResponseWriter, body []byte) []byte {
	if p.charset != "shift_jis" {
		return body
	}
	coded, err := japanese.ShiftJIS.NewEncoder().Bytes(body)
	if err != nil { // the page holds only what Shift_JIS has
		return body
	}
	w.Header().Set("Content-Type", "text/html")
	return coded
}

// zip codes body with gzip, whether asked for or not.
func zip(w http.ResponseWriter, body []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(body); err != nil { // a buffer takes all
		return body
	}
	if err := z.Close(); err != nil {
		return body
	}
	w.Header().Set("Content-Encoding", "gzip")
	return b.Bytes()
}

// demoDate is the Last-Modified of a file: a day of early 2026 that follows
// from its text, since embedded files have no date.
func demoDate(raw []byte) time.Time {
	return time.Date(2026, 1, 5+int(crc32.ChecksumIEEE(raw)%100), 9, 0, 0, 0, time.UTC)
}

// demoCalendar shows a month of workshops and links to its neighbours, for
// ever: the site's trap. robots.txt does not mention it.
func demoCalendar(w http.ResponseWriter, r *http.Request) {
	before, this, after := months(r)
	body := demoSite("shop").page(demoPage{
		title: "Workshops in " + this + " | Acme Anvils", description: "Hooks and nails, in the month of " + this + ".",
		main: fmt.Sprintf("<h1>Workshops in %s</h1>\n<p>Hooks on Saturdays, nails on Sundays.</p>\n"+
			"<p><a href=\"?month=%s\">earlier</a> <a href=\"?month=%s\">later</a></p>", this, before, after),
	})
	w.Header().Set("Content-Type", types[".html"])
	write(w, string(withOrigins(r.Context(), body)))
}
