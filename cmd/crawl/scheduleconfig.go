package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	_ "time/tzdata" // zones mean the same on every machine, also where there is no list of them

	"crawl/internal/schedule"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v4"
)

// scheduleBlock is one entry of a site's schedules.
type scheduleBlock struct {
	schedule.Job
	where string // its line
	file  *configFile
}

// maxSchedules is how many schedules a site may have.
const maxSchedules = 100

// scheduleTexts are the keys of a schedule with their texts: those of an entry of
// a config file, or of flags.
type scheduleTexts map[string]string

// scheduleKeys are the keys there are, in the order in which they are written.
var scheduleKeys = []string{"name", "every", "cron", "at", "tz", "window", "jitter", "overlap", "catch_up", "deadline"}

// defaultZone is the zone of schedules that name none: never that of the
// machine, which may be another tomorrow.
const defaultZone = "UTC"

// job makes a job of texts. Its error is a fault without a place, whose key is
// the one that is wrong; "" is the entry as a whole.
func (t scheduleTexts) job(site string) (j schedule.Job, key string, err error) {
	j = schedule.Job{Name: t["name"], Site: site, Jitter: -1}
	if key, err = t.when(&j); err != nil {
		return j, key, err
	}
	for key, to := range map[string]*string{"overlap": &j.Overlap, "catch_up": &j.CatchUp} {
		words := map[string][]string{"overlap": schedule.Overlaps, "catch_up": schedule.CatchUps}[key]
		if text, ok := t[key]; ok {
			if *to = text; !slices.Contains(words, text) {
				return j, key, fault{What: quoted(text) + " is no value of " + key, Next: didYouMean(text, words, "take "+strings.Join(words, ", "))}
			}
		}
	}
	for _, key := range []string{"jitter", "deadline"} {
		text, ok := t[key]
		if !ok {
			continue
		}
		d, err := parseDuration(text)
		if err != nil {
			return j, key, err
		}
		if !d.Limited() || key == "deadline" && d == 0 {
			return j, key, fault{What: key + " is out of range: " + text, Next: "write 10m, 6h or 2d"}
		}
		if key == "jitter" {
			j.Jitter = d.Std()
		} else {
			j.Deadline = d.Std()
		}
	}
	if j.Name == "" {
		j.Name = j.When.Usual(site)
	}
	if !isSiteName(j.Name) {
		return j, "name", fault{What: quoted(j.Name) + " is no name of a schedule", Next: "take letters, digits, _ and -, at most 64, with a letter or digit first"}
	}
	return j, "", nil
}

// when reads what says when.
func (t scheduleTexts) when(j *schedule.Job) (key string, err error) {
	for _, k := range []string{"every", "cron", "at"} {
		if _, ok := t[k]; !ok {
			continue
		}
		if key != "" {
			return k, fault{What: "the schedule has both " + key + " and " + k, Next: "keep one of them"}
		}
		key = k
	}
	if key == "" {
		return "", fault{What: "the schedule does not say when", Next: "write every: mon 06:00, cron: \"0 6 * * 1\" or at: 2026-12-01 06:00"}
	}
	text := t[key]
	if key == "at" && !strings.HasPrefix(text, "at ") {
		text = "at " + text
	}
	zone, ok := t["tz"]
	if !ok {
		zone = defaultZone
	}
	if j.When, err = schedule.Parse(text, zone); err != nil {
		if _, bad := schedule.Parse("daily 00:00", zone); bad != nil {
			key = "tz"
		}
		return key, fault{What: key + ": " + err.Error()}
	}
	if window, ok := t["window"]; ok {
		if j.When, err = j.When.WithWindow(window); err != nil {
			return "window", fault{What: "window: " + err.Error()}
		}
	}
	return "", nil
}

// schedules reads the schedules of a site.
func (r *configReader) schedules(site string, n *yaml.Node) (all []scheduleBlock) {
	if isNull(n) {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		r.fault(n, "schedules is "+nodeKind(n)+" where a list belongs", "write - {every: mon 06:00, tz: Europe/Berlin} below it, indented")
		return nil
	}
	if len(n.Content) > maxSchedules {
		r.fault(n, fmt.Sprintf("site %s has more than %d schedules", site, maxSchedules), "")
		return nil
	}
	taken := map[string]int{}
	for _, c := range n.Content {
		if c.Kind == yaml.AliasNode {
			c = c.Alias
		}
		b, ok := r.schedule(site, c)
		if !ok {
			continue
		}
		if line, again := taken[b.Name]; again && b.named(c) {
			r.fault(c, fmt.Sprintf("schedule %s of site %s again, first on line %d", b.Name, site, line), "give it another name")
			continue
		} else if again {
			b.Name = freeName(b.Name, func(name string) bool { return taken[name] > 0 })
		}
		taken[b.Name] = c.Line
		all = append(all, b)
	}
	return all
}

// named tells whether the block of a schedule has a name of its own.
func (b *scheduleBlock) named(n *yaml.Node) bool {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "name" {
			return true
		}
	}
	return false
}

// freeName makes a name of another one that is not taken.
func freeName(name string, taken func(string) bool) string {
	for n := 2; ; n++ {
		if next := name + "-" + strconv.Itoa(n); !taken(next) {
			return next
		}
	}
}

func (r *configReader) schedule(site string, n *yaml.Node) (b scheduleBlock, ok bool) {
	texts, keys, before := scheduleTexts{}, map[string]*yaml.Node{"": n}, len(r.faults)
	for key, value := range r.entries(n, "a schedule") {
		switch {
		case !slices.Contains(scheduleKeys, key.Value):
			r.fault(key, "unknown key "+quoted(key.Value), didYouMean(key.Value, scheduleKeys, "a schedule takes "+strings.Join(scheduleKeys, ", ")))
		case value.Kind != yaml.ScalarNode || isNull(value):
			r.fault(value, key.Value+" is "+nodeKind(value)+" where a single value belongs", "")
		default:
			texts[key.Value], keys[key.Value] = value.Value, value
		}
	}
	if len(r.faults) > before || n.Kind != yaml.MappingNode {
		return b, false
	}
	job, key, err := texts.job(site)
	if err != nil {
		r.faults = append(r.faults, faultAt(r.where(keys[key]), err))
		return b, false
	}
	return scheduleBlock{Job: job, where: r.where(n)}, true
}

// schedulesOf are the schedules of all sites that count, by name. Two of one
// name are a fault.
func schedulesOf(files []*configFile) (all []scheduleBlock, faults []fault) {
	sites := map[string]bool{}
	byName := map[string]scheduleBlock{}
	for _, f := range files {
		for _, name := range slices.Sorted(maps.Keys(f.sites)) {
			if sites[name] {
				continue // a nearer file has it
			}
			sites[name] = true
			for _, b := range f.sites[name].schedules {
				b.file = f
				if other, taken := byName[b.Name]; taken {
					faults = append(faults, fault{b.where, "schedule " + b.Name + " is one of site " + other.Site + " too, at " + other.where, "give it another name"})
					continue
				}
				byName[b.Name] = b
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		all = append(all, byName[name])
	}
	return all, faults
}

// loadSchedules reads the schedules that are configured, by name.
func loadSchedules(flags *pflag.FlagSet) ([]scheduleBlock, error) {
	l, err := readLayers(flags)
	if err != nil {
		return nil, err
	}
	return l.schedules, nil
}

// schedulesFor are the schedules that a command goes by: those of whoever holds
// the store, where it is answered by that process.
func schedulesFor(c *cobra.Command) ([]scheduleBlock, error) {
	if h := held(c.Context()); h != nil && h.schedules != nil {
		return h.schedules()
	}
	return loadSchedules(c.Flags())
}

// findSchedule finds a schedule by its name.
func findSchedule(all []scheduleBlock, name string) (scheduleBlock, error) {
	var known []string
	for _, b := range all {
		if b.Name == name {
			return b, nil
		}
		known = append(known, b.Name)
	}
	next := "there are " + strings.Join(known, ", ")
	if len(known) == 0 {
		next = "add one: crawl schedule add SITE --every 'mon 06:00' --tz Europe/Berlin"
	}
	return scheduleBlock{}, newUsageError("", "no schedule is called "+quoted(name), didYouMean(name, known, next))
}

// texts are the keys of a schedule, as they are written into a config file.
func (b *scheduleBlock) texts() scheduleTexts {
	t := scheduleTexts{"name": b.Name, "tz": b.When.Zone(), "window": b.When.Window(), "overlap": b.Overlap, "catch_up": b.CatchUp}
	text := b.When.Words()
	switch {
	case b.When.Once():
		t["at"] = strings.TrimPrefix(text, "at ")
	case len(b.When.Cron()) == 1 && text == b.When.Cron()[0]:
		t["cron"] = text
	default:
		t["every"] = strings.TrimPrefix(text, "every ")
	}
	if b.Jitter >= 0 {
		t["jitter"] = Duration(b.Jitter).String()
	}
	if b.Deadline > 0 {
		t["deadline"] = Duration(b.Deadline).String()
	}
	maps.DeleteFunc(t, func(_, text string) bool { return text == "" })
	return t
}

// node writes a schedule in one line.
func (t scheduleTexts) node() *yaml.Node {
	n := mapping()
	n.Style = yaml.FlowStyle
	for _, key := range scheduleKeys {
		if text, ok := t[key]; ok {
			n.Content = append(n.Content, textNode(key), textNode(text))
		}
	}
	return n
}

func scheduleNodes(all []scheduleBlock) *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	for _, b := range all {
		n.Content = append(n.Content, b.texts().node())
	}
	return n
}
