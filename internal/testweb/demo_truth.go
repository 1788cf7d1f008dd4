package testweb

// Fault is one kind of planted fault, in a word.
type Fault string

// The faults of the demo.
const (
	FaultDead           Fault = "dead link"
	FaultDeadImage      Fault = "dead image"
	FaultRedirect       Fault = "redirect"
	FaultChain          Fault = "redirect chain"
	FaultLoop           Fault = "redirect loop"
	FaultDuplicateTitle Fault = "duplicate title"
	FaultNoTitle        Fault = "no title"
	FaultSlow           Fault = "slow"
	FaultDisallowed     Fault = "disallowed by robots.txt"
	FaultOrphan         Fault = "orphan" // only in the sitemap
	FaultTrap           Fault = "trap"
	FaultCharset        Fault = "charset only in the text"
	FaultNoindex        Fault = "noindex"
	FaultCanonical      Fault = "canonical elsewhere"
	FaultBadCanonical   Fault = "canonical to what is gone"
	FaultServer         Fault = "error of the server"
	FaultBlocked        Fault = "refused"
	FaultNoDescription  Fault = "no description"
	FaultLongText       Fault = "description too long"
	FaultNoHeading      Fault = "no h1"
	FaultThin           Fault = "few words" // and no link
	FaultDeep           Fault = "many clicks away"
	FaultUnlisted       Fault = "not in the sitemap"
	FaultHeavyImage     Fault = "heavy image"
	FaultStale          Fault = "changed since its sitemap says"
	FaultExternal       Fault = "dead link to another's site"
	FaultStructured     Fault = "structured data that is no JSON"
)

// DemoURL is one URL of the demo and what a crawl of it must find.
type DemoURL struct {
	Host, Path string
	Status     int    // 200 also for what robots.txt disallows: it must not be asked
	To         string // where a redirect leads or the canonical link points, on the same host
	Fault      Fault  // "" if nothing is wrong
	From       string // for dead links and images: a page whose main part or footer holds it
}

// DemoTruth returns every URL of the demo that a crawl from the shop's root
// finds if both hosts are in scope and the sitemap is read, but for the months
// of the trap after the first. Also found, and no part of it: what DemoForeign
// lists, and a mailto and a tel link on /contact.
func DemoTruth() []DemoURL {
	urls := []DemoURL{
		{Host: "shop", Path: "/robots.txt", Status: 200},
		{Host: "shop", Path: "/sitemap.xml", Status: 200},
		{Host: "shop", Path: "/style.css", Status: 200},
		{Host: "shop", Path: "/img/anvil.svg", Status: 200},
		{Host: "shop", Path: "/img/foundry.png", Status: 200, Fault: FaultHeavyImage},
		{Host: "shop", Path: "/history/1925", Status: 200, Fault: FaultStale},
		{Host: "shop", Path: "/warranty", Status: 404, Fault: FaultDead, From: "/terms"}, // in every footer
		{Host: "shop", Path: "/products/anvil-5kg", Status: 404, Fault: FaultDead, From: "/products/"},
		{Host: "shop", Path: "/downloads/catalogue.pdf", Status: 404, Fault: FaultDead, From: "/catalogue"},
		{Host: "shop", Path: "/img/forge-1911.jpg", Status: 404, Fault: FaultDeadImage, From: "/history"},
		{Host: "shop", Path: "/returns-2024", Status: 404, Fault: FaultDead, From: "/returns"},
		{Host: "blog", Path: "/page/2", Status: 404, Fault: FaultDead, From: "/"},
		{Host: "shop", Path: "/sale", Status: 301, To: "/spring-sale", Fault: FaultChain},
		{Host: "shop", Path: "/spring-sale", Status: 302, To: "/offers-2025", Fault: FaultChain},
		{Host: "shop", Path: "/offers-2025", Status: 301, To: "/offers", Fault: FaultRedirect},
		{Host: "shop", Path: "/basket", Status: 302, To: "/checkout", Fault: FaultLoop},
		{Host: "shop", Path: "/checkout", Status: 302, To: "/basket", Fault: FaultLoop},
		{Host: "shop", Path: "/products/tongs-flat", Status: 200, Fault: FaultDuplicateTitle},
		{Host: "shop", Path: "/products/tongs-bolt", Status: 200, Fault: FaultDuplicateTitle},
		{Host: "shop", Path: "/products/stand-oak", Status: 200, Fault: FaultDuplicateTitle},
		{Host: "shop", Path: "/products/stand-steel", Status: 200, Fault: FaultDuplicateTitle},
		{Host: "shop", Path: "/price-list", Status: 200, Fault: FaultNoTitle},
		{Host: "shop", Path: "/stock", Status: 200, Fault: FaultSlow},
		{Host: "shop", Path: "/private/", Status: 200, Fault: FaultDisallowed},
		{Host: "shop", Path: "/private/prices", Status: 200, Fault: FaultDisallowed},
		{Host: "shop", Path: "/clearance", Status: 200, Fault: FaultOrphan},
		{Host: "shop", Path: "/calendar?month=2026-01", Status: 200, Fault: FaultTrap},
		{Host: "shop", Path: "/ja", Status: 200, Fault: FaultCharset}, // and a language version without a link back
		{Host: "shop", Path: "/thanks", Status: 200, Fault: FaultNoindex},
		{Host: "shop", Path: "/print/anvil-20kg", Status: 200, To: "/products/anvil-20kg", Fault: FaultCanonical},
		{Host: "shop", Path: "/img/hammer.svg", Status: 200}, // linked from the style sheet only
		{Host: "shop", Path: "/returns", Status: 200, To: "/returns-2024", Fault: FaultBadCanonical},
		{Host: "shop", Path: "/configurator", Status: 500, Fault: FaultServer},
		{Host: "shop", Path: "/trade", Status: 403, Fault: FaultBlocked},
		{Host: "shop", Path: "/team", Status: 200, Fault: FaultNoDescription}, // and an image without a text
		{Host: "shop", Path: "/terms", Status: 200, Fault: FaultLongText},
		{Host: "shop", Path: "/privacy", Status: 200, Fault: FaultNoHeading},
		{Host: "shop", Path: "/newsletter", Status: 200, Fault: FaultThin},
		{Host: "shop", Path: "/history/1950", Status: 200, Fault: FaultDeep},
		{Host: "shop", Path: "/care", Status: 200, Fault: FaultUnlisted},
		{Host: "shop", Path: "/faq", Status: 200, Fault: FaultStructured},
		{Host: "blog", Path: "/robots.txt", Status: 404}, // all is allowed
		{Host: "blog", Path: "/feed.xml", Status: 200},
		{Host: "blog", Path: "/first-anvil", Status: 308, To: "/choosing-your-first-anvil", Fault: FaultRedirect},
		{Host: "blog", Path: "/how-we-pour", Status: 200, Fault: FaultDuplicateTitle},
		{Host: "blog", Path: "/quench-and-temper", Status: 200, Fault: FaultDuplicateTitle},
	}
	return append(urls, demoSound()...)
}

// demoSound returns the pages without a fault of their own.
func demoSound() []DemoURL {
	var urls []DemoURL
	for _, p := range []string{
		"/", "/products/", "/products/anvil-10kg", "/products/anvil-20kg", "/products/anvil-50kg",
		"/products/anvil-100kg", "/products/anvil-travel", "/products/hammer-cross-peen",
		"/products/hammer-ball-peen", "/products/apron", "/offers", "/sizes", "/delivery",
		"/about", "/history", "/history/1911", "/contact",
		"/workshops", "/catalogue",
	} {
		urls = append(urls, DemoURL{Host: "shop", Path: p, Status: 200})
	}
	for _, p := range []string{
		"/", "/choosing-your-first-anvil", "/seven-ways-to-drop-an-anvil", "/the-oak-behind-the-stand",
		"/letters", "/about",
	} {
		urls = append(urls, DemoURL{Host: "blog", Path: p, Status: 200})
	}
	return urls
}

// DemoForeign returns what a crawl of the demo finds of the host "union", which is
// none of its own: links there are checked at most. / is linked from each page of
// the blog, too.
func DemoForeign() []DemoURL {
	return []DemoURL{
		{Host: "union", Path: "/", Status: 200, From: "/about"},
		{Host: "union", Path: "/members/acme", Status: 404, Fault: FaultExternal, From: "/about"},
		{Host: "union", Path: "/members/list", Status: 200, Fault: FaultDisallowed, From: "/about"},
	}
}
