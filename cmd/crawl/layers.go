package main

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// Names of places where a value may come from, besides a file's line, a flag
// and a variable of the environment.
const originDefault = "default"

// Where config files are looked for, and how --config is spelled elsewhere.
const (
	workingConfig = "config.yaml"
	configFlag    = "config"
	configEnv     = "CRAWL_CONFIG"
	envPrefix     = "CRAWL_"
)

// systemConfig is a variable for tests alone.
var systemConfig = "/etc/crawl/config.yaml"

// Resolved is the outcome of all layers: what holds, and where it came from.
type Resolved struct {
	Settings Settings
	// Origin has, for each key of Settings, "default", "--max-pages",
	// "CRAWL_MAX_PAGES" or "config.yaml:12". For each value of Hosts the key is
	// "hosts.HOST.KEY", for the seeds it is "seeds".
	Origin map[string]string
	Site   string                  // as asked for; empty for none
	Seeds  []string                // of the site
	Hosts  map[string]HostSettings // by host[:port], spelled as weburl's Host
	Files  []string                // config files that were read, nearest first
	// Warnings are sentences for standard error: variables of the environment
	// that look like misspelt options.
	Warnings []string

	Schedules []scheduleBlock // of the site
}

// loadSettings merges all layers. For each option the first that sets it wins:
// flag, environment, the site's block, then `defaults:` of ./config.yaml, of
// the user's and of the system's config file, then the default. The site's
// block is that of the first file which has one. Options that add have what all of
// these set, in the order from the last to the first. --config FILE, or
// CRAWL_CONFIG, stands for the three files; it may be /dev/null.
//
// flags are the parsed flags of the command, of which those that addSettingsFlags
// made count. site is the name of a configured site, or empty. A *usageError
// lists every fault of every layer, also of values that others override.
func loadSettings(flags *pflag.FlagSet, site string) (*Resolved, error) {
	l, err := readLayers(flags)
	if err != nil {
		return nil, err
	}
	return l.resolve(site)
}

// layers is all that is configured, as it was read at one moment.
type layers struct {
	files      []*configFile // nearest first
	flags, env layer
	schedules  []scheduleBlock // of all sites, by name
}

// readLayers reads all layers; its error is that of loadSettings.
func readLayers(flags *pflag.FlagSet) (*layers, error) {
	files, faults := readConfigFiles(configPaths(flags))
	return newLayers(flags, files, faults)
}

// newLayers is readLayers with config files that were read already, and their
// faults.
func newLayers(flags *pflag.FlagSet, files []*configFile, faults []fault) (*layers, error) {
	l := &layers{files: files}
	var more []fault
	l.schedules, more = schedulesOf(files)
	faults = append(faults, more...)
	l.flags, more = flagLayer(flags)
	faults = append(faults, more...)
	l.env, more = envLayer()
	return l, asUsageError(append(faults, more...))
}

// resolve merges the layers for a site, or for none.
func (l *layers) resolve(site string) (*Resolved, error) {
	r := &Resolved{Settings: defaultSettings(), Origin: map[string]string{}, Site: site, Warnings: strayEnv()}
	block, found := findSite(l.files, site)
	if site != "" && !found {
		return nil, asUsageError([]fault{unknownSite(l.files, site)})
	}
	r.Seeds, r.Schedules = block.seeds, block.schedules
	if block.where != "" {
		r.Origin["seeds"] = block.where
	}
	for _, o := range options {
		r.Origin[o.Key] = originDefault
	}
	for _, f := range slices.Backward(l.files) {
		r.apply(f.defaults)
		r.applyHosts(f.hosts)
	}
	r.apply(block.options)
	r.apply(l.env)
	r.apply(l.flags)
	for _, f := range l.files {
		r.Files = append(r.Files, f.path)
	}
	return r, asUsageError(r.Settings.conflicts(func(key string) string { return r.Origin[key] }))
}

// sites are the names of all configured sites, sorted.
func (l *layers) sites() []string {
	var names []string
	for _, f := range l.files {
		names = slices.AppendSeq(names, maps.Keys(f.sites))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// check resolves the settings without a site and with each, whose options may be
// at odds with the defaults, and returns every fault once.
func (l *layers) check() error {
	var faults []fault
	for _, site := range append([]string{""}, l.sites()...) {
		_, err := l.resolve(site)
		var e *usageError
		if errors.As(err, &e) {
			faults = append(faults, slices.DeleteFunc(e.Faults, func(f fault) bool { return slices.Contains(faults, f) })...)
		} else if err != nil {
			return err
		}
	}
	return asUsageError(faults)
}

// apply lets a layer override what was there, or add to it.
func (r *Resolved) apply(l layer) {
	for key, g := range l {
		o := optionByKey[key]
		if before := r.Origin[key]; o.adds && before != "" && before != originDefault {
			g.texts = append(o.texts(&r.Settings), g.texts...)
			g.where = before + ", " + g.where
		}
		o.store(&r.Settings, g.texts)
		r.Origin[key] = g.where
	}
}

// applyHosts lets a file's hosts override what was there, option by option.
func (r *Resolved) applyHosts(hosts map[string]layer) {
	for host, l := range hosts {
		var s Settings
		h := r.Hosts[host]
		for key, g := range l {
			o := optionByKey[key]
			o.store(&s, g.texts)
			value := reflect.New(o.typ)
			value.Elem().Set(reflect.ValueOf(s).Field(o.field))
			reflect.ValueOf(&h).Elem().Field(hostFields[key]).Set(value)
			r.Origin["hosts."+host+"."+key] = g.where
		}
		if r.Hosts == nil {
			r.Hosts = map[string]HostSettings{}
		}
		r.Hosts[host] = h
	}
}

// configPath is a place where a config file is looked for.
type configPath struct {
	path   string
	nearby bool // ./config.yaml, not named by anybody
	named  bool // it must be there
}

// configPaths lists the places, nearest first.
func configPaths(flags *pflag.FlagSet) []configPath {
	if f := flags.Lookup(configFlag); f != nil && f.Changed {
		return []configPath{{path: f.Value.String(), named: true}}
	}
	if path := os.Getenv(configEnv); path != "" {
		return []configPath{{path: path, named: true}}
	}
	paths := []configPath{{path: workingConfig, nearby: true}}
	if dir := userConfigDir(); dir != "" {
		paths = append(paths, configPath{path: filepath.Join(dir, "crawl", "config.yaml")})
	}
	return append(paths, configPath{path: systemConfig})
}

// userConfigDir follows the XDG base directory specification, which wants
// relative folders ignored; it is empty if there is no home.
func userConfigDir() string {
	if dir := os.Getenv("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".config")
}

// readConfigFiles reads those that are there.
func readConfigFiles(paths []configPath) (files []*configFile, faults []fault) {
	for _, p := range paths {
		file, more, err := readConfigFile(p.path, p.nearby)
		switch {
		case errors.Is(err, fs.ErrNotExist) && !p.named:
			continue
		case err != nil:
			faults = append(faults, fault{p.path, "the config file cannot be read: " + cause(err), "name another with --config FILE, or none with --config /dev/null"})
			continue
		}
		if faults = append(faults, more...); file != nil {
			files = append(files, file)
		}
	}
	return files, faults
}

// cause is the last link of an error's chain: the path is named already.
func cause(err error) string {
	var e *fs.PathError
	if errors.As(err, &e) {
		return e.Err.Error()
	}
	return err.Error()
}

// flagLayer reads the flags that were given.
func flagLayer(flags *pflag.FlagSet) (layer, []fault) {
	l, faults := layer{}, []fault(nil)
	flags.VisitAll(func(f *pflag.Flag) {
		if s, ok := f.Value.(*settingFlag); ok && f.Changed {
			faults = append(faults, l.add(s.option, s.given, "--"+f.Name)...)
		}
	})
	return l, faults
}

// envLayer reads the environment. A variable that is empty counts as not set.
func envLayer() (layer, []fault) {
	l, faults := layer{}, []fault(nil)
	for _, o := range options {
		if text := os.Getenv(o.Env); text != "" {
			faults = append(faults, l.add(o, o.divide(text, "\n"), o.Env)...)
		}
	}
	return l, faults
}

// add checks an option's texts and puts them into the layer.
func (l layer) add(o *option, texts []string, where string) (faults []fault) {
	dir, err := os.Getwd()
	if err != nil && o.path != "" {
		return []fault{faultAt(where, err)}
	}
	g := given{where: where}
	for _, text := range texts {
		if _, err := o.parse(text); err != nil {
			faults = append(faults, faultAt(where, err))
			continue
		}
		g.texts = append(g.texts, o.anchor(text, dir))
	}
	l[o.Key] = g
	return faults
}

// strayEnv warns of variables that are nearly an option's. It is no error:
// others may have variables of that beginning.
func strayEnv() (warnings []string) {
	known := []string{configEnv}
	for _, o := range options {
		known = append(known, o.Env)
	}
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, envPrefix) || slices.Contains(known, name) {
			continue
		}
		key := strings.TrimPrefix(name, envPrefix)
		if near := nearest(key, slices.Sorted(maps.Keys(optionByKey))); near != "" {
			warnings = append(warnings, name+" is no option; did you mean "+optionByKey[near].Env+"?")
		}
	}
	slices.Sort(warnings)
	return warnings
}

// findSite returns the nearest file's block of the site.
func findSite(files []*configFile, site string) (siteBlock, bool) {
	for _, f := range files {
		if b, ok := f.sites[site]; ok {
			return b, true
		}
	}
	return siteBlock{}, false
}

func unknownSite(files []*configFile, site string) fault {
	var known []string
	for _, f := range files {
		known = append(known, slices.Sorted(maps.Keys(f.sites))...)
	}
	next := "no config file has sites, see `crawl config path`; a URL has a dot or ://"
	if len(known) > 0 {
		next = "there are " + strings.Join(known, ", ")
	}
	return fault{What: "no site is called " + quoted(site), Next: didYouMean(site, known, next)}
}
