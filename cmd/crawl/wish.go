package main

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strings"

	"crawl/internal/web"
	"crawl/internal/weburl"
)

// Bounds on what a client of the API may wish for.
const mostWished = 1000 // URLs

// wishSections are the sections of the options that a client may set: what is
// crawled, and how politely, but nothing that names files, commands, secrets or
// other addresses than servers'.
var wishSections = []string{"scope", "discover", "manners", "limits", "keep"}

// mayWish tells whether a client may set an option. A guest may not be less polite
// than is configured.
func mayWish(o *option, guest bool) bool {
	return o.Group == "run" && slices.Contains(wishSections, o.Section) && o.path == "" && !(guest && o.Section == "manners")
}

// orderFor makes an order of what a client wishes.
func orderFor(c *config, w web.Wish) (*order, error) {
	r, err := c.resolve(w.Site)
	if err != nil {
		return nil, refused(404, err)
	}
	if err := applyWish(r, w); err != nil {
		return nil, refused(400, err)
	}
	s, from := r.Settings, r.Seeds
	if w.Site == "" {
		if s.List, from = "", w.URLs; len(w.URLs) > mostWished {
			return nil, &web.Error{Status: 400, What: "there are too many URLs", Next: "a site of the configuration may have a list"}
		}
	}
	guest := w.Site == "" && w.Guest
	if guest {
		s.forGuest()
	}
	seeds, err := readSeeds(&s, from, strings.NewReader(""))
	if err != nil {
		return nil, refused(400, err)
	}
	o, err := newOrder(r, s, cmp.Or(w.Site, seeds[0].Host()), seeds, guest)
	if err != nil {
		return nil, err
	}
	return o, soundOrder(o)
}

// forGuest takes back what is configured for the user's own URLs. Headers and
// passwords need no more: they are bound to origins that are trusted.
func (s *Settings) forGuest() {
	s.AllowPrivate, s.Resolve = false, nil
	if s.Cookies != "off" { // it may be a file of his
		s.Cookies = "on"
	}
}

// soundOrder finds faults of an order before it is recorded.
func soundOrder(o *order) error {
	if o.guest && slices.ContainsFunc(o.seeds, func(u weburl.URL) bool { return isLoopback(u) }) {
		return &web.Error{Status: 403, What: "the token does not allow to crawl this machine", Next: "take a token of scope admin, or make it a site of config.yaml"}
	}
	_, err := newSpec(&o.s, o.hosts, o.seeds, room{})
	return refused(400, err)
}

// applyWish lets the options of a client override what is configured.
func applyWish(r *Resolved, w web.Wish) error {
	var faults []fault
	l := layer{}
	for _, key := range slices.Sorted(maps.Keys(w.Options)) {
		o, where := optionByKey[key], "options."+key
		switch {
		case o == nil:
			faults = append(faults, fault{"", "there is no option " + quoted(key), didYouMean(key, slices.Sorted(maps.Keys(optionByKey)), "see config.yaml")})
		case !mayWish(o, w.Guest):
			faults = append(faults, fault{"", key + " may not be set here", "set it in config.yaml"})
		default:
			faults = append(faults, l.add(o, o.divide(w.Options[key], "\n"), where)...)
		}
	}
	if len(faults) > 0 {
		return asUsageError(faults)
	}
	r.apply(l)
	return asUsageError(r.Settings.conflicts(func(key string) string { return r.Origin[key] }))
}

// refused tells a fault of the client from one of ours.
func refused(status int, err error) error {
	var e *usageError
	if !errors.As(err, &e) {
		if err == nil {
			return nil
		}
		return err
	}
	var what, next []string
	for _, f := range e.Faults {
		what = append(what, strings.TrimPrefix(f.Where+": "+f.What, ": "))
		if f.Next != "" {
			next = append(next, f.Next)
		}
	}
	return &web.Error{Status: status, What: strings.Join(what, "; "), Next: strings.Join(next, "; ")}
}
