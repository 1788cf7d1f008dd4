package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v4"
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
}

// loadSettings merges all layers. For each option the first that sets it wins:
// flag, environment, the site's block, then `defaults:` of ./config.yaml, of
// the user's and of the system's config file, then the default. The site's
// block is that of the first file which has one. --config FILE, or
// CRAWL_CONFIG, stands for the three files; it may be /dev/null.
//
// flags are the parsed flags of the command, of which those that addSettingsFlags
// made count. site is the name of a configured site, or empty. A *usageError
// lists every fault of every layer, also of values that others override.
func loadSettings(flags *pflag.FlagSet, site string) (*Resolved, error) {
	files, faults := readConfigFiles(configPaths(flags))
	fromFlags, more := flagLayer(flags)
	faults = append(faults, more...)
	env, more := envLayer()
	faults = append(faults, more...)

	r := &Resolved{Settings: defaultSettings(), Origin: map[string]string{}, Site: site, Warnings: strayEnv()}
	block, found := findSite(files, site)
	if site != "" && !found && len(faults) == 0 {
		faults = append(faults, unknownSite(files, site))
	}
	r.Seeds = block.seeds
	if block.where != "" {
		r.Origin["seeds"] = block.where
	}
	if len(faults) > 0 {
		return nil, asUsageError(faults)
	}
	for _, o := range options {
		r.Origin[o.Key] = originDefault
	}
	for _, f := range slices.Backward(files) {
		r.apply(f.defaults)
		r.applyHosts(f.hosts)
	}
	r.apply(block.options)
	r.apply(env)
	r.apply(fromFlags)
	for _, f := range files {
		r.Files = append(r.Files, f.path)
	}
	return r, asUsageError(r.Settings.conflicts(func(key string) string { return r.Origin[key] }))
}

// apply lets a layer override what was there.
func (r *Resolved) apply(l layer) {
	for key, g := range l {
		optionByKey[key].store(&r.Settings, g.texts)
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

// newConfigCommand makes `crawl config` with show, check and path.
func newConfigCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "config",
		Short: "What is configured, and where it comes from",
		Long: `Every option is a flag, a variable of the environment and a key of a config
file: --max-pages, CRAWL_MAX_PAGES, max_pages. For each the first that sets it
wins: flag, environment, the site's block of the config file, defaults of
./config.yaml, of the user's config file, of /etc/crawl/config.yaml.
A variable that is empty counts as not set. Lists: a flag is repeated, a
variable has one entry a line.`,
		Args: onlySubcommands,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newConfigShow(), newConfigCheck(), newConfigPath())
	return c
}

func newConfigShow() *cobra.Command {
	var origin bool
	c := &cobra.Command{
		Use:   "show [SITE]",
		Short: "Print every option's value as a config file",
		Long: `Print what holds here, for runs of any site or of SITE, as a config file that
says the same. With --origin a comment tells where each value came from; with
--json it is JSON.`,
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := loadSettings(cmd.Flags(), strings.Join(args, ""))
			if err != nil {
				return err
			}
			return r.print(cmd.OutOrStdout(), origin)
		},
	}
	addSettingsFlags(c.Flags())
	addSettingsCompletions(c)
	c.Flags().BoolVar(&origin, "origin", false, "say where each value came from")
	return c
}

func newConfigCheck() *cobra.Command {
	c := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Report every fault of the configuration",
		Long: `Read the environment and the config files that a run would read, or FILE in
their place, and report every fault with its line. The exit code is 2 if there
is one.`,
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				if err := cmd.Flags().Set(configFlag, args[0]); err != nil {
					return err
				}
			}
			return checkConfig(cmd)
		},
	}
	addSettingsFlags(c.Flags(), "data", "output")
	return c
}

// checkConfig loads the settings without a site and with each, for a site's
// options may be at odds with the defaults.
func checkConfig(cmd *cobra.Command) error {
	files, _ := readConfigFiles(configPaths(cmd.Flags())) // loadSettings has the faults
	sites := []string{""}
	for _, f := range files {
		sites = slices.AppendSeq(sites, maps.Keys(f.sites))
	}
	slices.Sort(sites)
	var faults []fault
	var quiet bool
	for _, site := range slices.Compact(sites) {
		r, err := loadSettings(cmd.Flags(), site)
		var e *usageError
		if errors.As(err, &e) {
			faults = append(faults, slices.DeleteFunc(e.Faults, func(f fault) bool { return slices.Contains(faults, f) })...)
		} else if err != nil {
			return err
		} else {
			quiet = r.Settings.Quiet
		}
	}
	if len(faults) > 0 || quiet {
		return asUsageError(faults)
	}
	for _, f := range files {
		fmt.Fprintf(cmd.OutOrStdout(), "%s: no fault; sites: %d, hosts: %d\n", f.path, len(f.sites), len(f.hosts))
	}
	if len(files) == 0 {
		fmt.Fprintln(cmd.OutOrStdout(), "no config file; every option has its default")
	}
	return nil
}

func newConfigPath() *cobra.Command {
	c := &cobra.Command{
		Use:   "path",
		Short: "Print which config files are read",
		Args:  none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
			for _, p := range configPaths(cmd.Flags()) {
				state := "read"
				if _, err := os.Stat(p.path); errors.Is(err, fs.ErrNotExist) {
					state = "absent"
				} else if err != nil {
					state = cause(err)
				}
				fmt.Fprintf(w, "%s\t%s\n", p.path, state)
			}
			return w.Flush()
		},
	}
	addSettingsFlags(c.Flags(), "data")
	return c
}

// print writes the settings as a config file, or as JSON if they say so.
func (r *Resolved) print(w io.Writer, origin bool) error {
	if r.Settings.JSON {
		return r.printJSON(w, origin)
	}
	top := mapping()
	if r.Site == "" {
		addEntry(top, "defaults", r.optionNodes(origin, nil), "")
	} else {
		sites := mapping()
		addEntry(sites, r.Site, r.optionNodes(origin, listNode(r.Seeds)), "")
		addEntry(top, "sites", sites, "")
	}
	if len(r.Hosts) > 0 {
		addEntry(top, "hosts", r.hostNodes(origin), "")
	}
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := errors.Join(e.Encode(top), e.Close()); err != nil {
		return fmt.Errorf("config: write YAML: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

func (r *Resolved) printJSON(w io.Writer, origin bool) error {
	shown := struct {
		Site     string                  `json:"site,omitempty"`
		Seeds    []string                `json:"seeds,omitempty"`
		Settings Settings                `json:"settings"`
		Hosts    map[string]HostSettings `json:"hosts,omitempty"`
		Origin   map[string]string       `json:"origin,omitempty"`
	}{r.Site, r.Seeds, r.Settings, r.Hosts, nil}
	if origin {
		shown.Origin = r.Origin
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(shown)
}

// optionNodes is a block of all options, the seeds first if there are any.
func (r *Resolved) optionNodes(origin bool, seeds *yaml.Node) *yaml.Node {
	m := mapping()
	comment := func(key string) string {
		if !origin {
			return ""
		}
		return r.Origin[key]
	}
	if seeds != nil {
		addEntry(m, "seeds", seeds, comment("seeds"))
	}
	for _, o := range options {
		texts := o.texts(&r.Settings)
		value := listNode(texts)
		if !o.list {
			value = o.scalarNode(texts[0])
		}
		addEntry(m, o.Key, value, comment(o.Key))
	}
	return m
}

func (r *Resolved) hostNodes(origin bool) *yaml.Node {
	m := mapping()
	for _, host := range slices.Sorted(maps.Keys(r.Hosts)) {
		block := mapping()
		for _, key := range slices.Sorted(maps.Keys(hostFields)) {
			v := reflect.ValueOf(r.Hosts[host]).Field(hostFields[key])
			if v.IsNil() {
				continue
			}
			o, comment := optionByKey[key], ""
			if origin {
				comment = r.Origin["hosts."+host+"."+key]
			}
			addEntry(block, key, o.scalarNode(o.text(v.Elem())), comment)
		}
		addEntry(m, host, block, "")
	}
	return m
}
