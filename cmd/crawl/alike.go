package main

import (
	"slices"
	"strings"

	"crawl/store"
)

// withoutWeight are the options of a run that make no difference to what it finds
// and how it reads that.
var withoutWeight = []string{
	"order", "rate", "per_host", "concurrency", "contact", "proxy", "proxy_auth", "timeout", "retry", "max_fetch_time", "min_speed", "max_retry_after", "store", "durability", "cache",
	"list", // its entries are the seeds
}

// unlike names the settings by which one run may have found or read something
// else than another on the same site, each in a few words.
func unlike(before, after *store.Run) ([]string, error) {
	a, _, err := storedSettings(before)
	if err != nil {
		return nil, err
	}
	b, _, err := storedSettings(after)
	if err != nil {
		return nil, err
	}
	a.Extract, b.Extract = fieldRules(before, a.Extract), fieldRules(after, b.Extract)
	found := listChanges("seed", before.Seeds, after.Seeds)
	for _, o := range options {
		was, is := o.texts(&a), o.texts(&b)
		switch {
		case o.Group != "run", slices.Contains(withoutWeight, o.Key), slices.Equal(was, is):
		case o.Key == "header" || o.path == "secret": // what it says may be private
			found = append(found, o.Key+" is another")
		case o.list:
			found = append(found, listChanges(o.Key, was, is)...)
		default:
			found = append(found, o.Key+" "+orEmpty(was[0])+" → "+orEmpty(is[0]))
		}
	}
	return found, nil
}

// fieldRules are the rules that the fields of a run's pages are by, which `crawl
// extract` may have changed.
func fieldRules(run *store.Run, begunWith []string) []string {
	if run.Rules != nil {
		return run.Rules
	}
	return begunWith
}

func orEmpty(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// maxNamed is how many entries of one list are named.
const maxNamed = 5

// listChanges says what was added to a list, and what was taken from it.
func listChanges(name string, before, after []string) (found []string) {
	for _, side := range []struct {
		has, lacks []string
		what       string
	}{{after, before, "added"}, {before, after, "removed"}} {
		fresh := slices.DeleteFunc(slices.Clone(side.has), func(s string) bool { return slices.Contains(side.lacks, s) })
		if len(fresh) == 0 {
			continue
		}
		more := ""
		if len(fresh) > maxNamed {
			fresh, more = fresh[:maxNamed], " and "+grouped(uint64(len(fresh)-maxNamed))+" more"
		}
		found = append(found, name+` "`+strings.Join(fresh, `", "`)+`"`+more+" "+side.what)
	}
	return found
}
