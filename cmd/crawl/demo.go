package main

import (
	"fmt"
	"math"
	"strconv"

	"crawl/internal/testweb"
	"crawl/internal/weburl"
	"crawl/store"

	"github.com/spf13/cobra"
)

// demoSite is the site that runs of the demo belong to.
const demoSite = "demo"

// The demo's usual first port, so that its addresses stay the same from one run
// to the next, how many such places are tried, and how many months it reads of a
// calendar that never ends.
const (
	demoPort     = 8737
	demoPlaces   = 100
	demoVariants = 5
)

func newDemoCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "demo",
		Short: "Crawl a small built-in site, faults and all",
		Long: `Serve a small company's site from inside this program on this machine, and
crawl it with the ordinary engine into the ordinary store. The site has faults
to find: dead links, redirect chains, duplicate titles, a calendar without end.`,
		Args: none,
		RunE: runDemo,
	}
	c.Flags().Int("port", demoPort, "serve from `PORT` on, or from the next ones that are free")
	addSettingsFlags(c.Flags(), "data", "run", "gate", "machine", "output")
	return c
}

func runDemo(c *cobra.Command, _ []string) (err error) {
	r, err := loadSettings(c.Flags(), "")
	if err != nil {
		return err
	}
	warn(c, r)
	s := r.Settings
	if r.Origin["max_variants"] == originDefault {
		s.MaxVariants = demoVariants
	}
	if r.Origin["retry"] == originDefault { // what fails there fails for good
		s.Retry = 0
	}
	if r.Origin["external"] == originDefault {
		s.External = "check"
	}
	if r.Origin["assets"] == originDefault {
		s.Assets = "check"
	}
	s.AllowPrivate = true // another's site is served on this machine, too; no link leads farther
	port, err := c.Flags().GetInt("port")
	if err == nil && (port < 1 || port > math.MaxUint16) {
		err = newUsageError("--port", fmt.Sprintf("%d is no port", port), "take 1 to 65535")
	}
	if err != nil {
		return err
	}
	web, err := serveSomewhere(port)
	if err != nil {
		return err
	}
	defer web.Close()
	var seeds []weburl.URL
	for _, host := range []string{"shop", "blog"} {
		u, err := weburl.Parse(web.URL(host, "/"))
		if err != nil {
			return fmt.Errorf("demo: %w", err)
		}
		seeds = append(seeds, u)
	}
	o, err := newOrder(r, s, demoSite, seeds, false)
	if err != nil {
		return err
	}
	return crawl(c, o)
}

// serveSomewhere serves the demo from a port on or, where somebody has one of
// those, at the next ones: in a row too, since serveAgain must find them.
func serveSomewhere(port int) (web *testweb.Web, err error) {
	for i := range demoPlaces {
		if web, err = serveDemo(port + i*len(testweb.Demo())); err == nil {
			return web, nil
		}
	}
	return nil, err
}

// serveDemo serves each host at a port of its own, from this one on.
func serveDemo(port int) (*testweb.Web, error) {
	web, err := testweb.Config{OwnPorts: true, Port: port}.Serve(testweb.Demo())
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	return web, nil
}

// serveAgain serves the demo where an interrupted run of it found it, so that
// the run can go on. Of other runs nothing is served, nor if somebody listens
// there: a site of the user's own may be called demo, too.
func serveAgain(run *store.Run, seeds []weburl.URL) (end func()) {
	port := math.MaxInt
	for _, u := range seeds {
		n, err := strconv.Atoi(u.Port())
		if err != nil || run.Site != demoSite || !isLoopback(u) {
			return func() {}
		}
		port = min(port, n)
	}
	web, err := serveDemo(port)
	if err != nil {
		return func() {}
	}
	return web.Close
}
