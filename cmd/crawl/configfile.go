package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"crawl/internal/weburl"

	"go.yaml.in/yaml/v4"
)

// given is an option's value in one layer: its text or a list's entries, and
// the place to name.
type given struct {
	texts []string
	where string
}

// layer is the options that one source sets, by key.
type layer map[string]given

// siteBlock is one entry of `sites:`.
type siteBlock struct {
	options   layer
	seeds     []string
	where     string // of the seeds
	schedules []scheduleBlock
}

// configFile is one config file, read and checked.
type configFile struct {
	path     string // as shown
	defaults layer
	sites    map[string]siteBlock
	hosts    map[string]layer
	mutes    []placedMute // of all blocks
}

// Limits on a config file.
const (
	maxConfigSize = 1 << 20
	maxSiteName   = 64
)

// configReader walks the YAML nodes of one file. It walks nodes, and does not
// decode into a struct, so that one reader of values serves files, flags and
// environment, and every fault has its line and its suggestion.
type configReader struct {
	path   string
	dir    string // relative file names in values are meant from here
	nearby bool   // found in the working folder, not named by the user
	faults []fault
	placed []placedMute
}

// readConfigFile reads path, or reports that it is not there. nearby is for
// ./config.yaml when nobody named it: it may be anybody's, so it may not run
// commands.
func readConfigFile(path string, nearby bool) (file *configFile, faults []fault, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxConfigSize+1))
	if err != nil {
		return nil, nil, err
	}
	return parseConfig(path, nearby, text)
}

// parseConfig is readConfigFile of a text that was read already.
func parseConfig(path string, nearby bool, text []byte) (file *configFile, faults []fault, err error) {
	if len(text) > maxConfigSize {
		return nil, []fault{{path, "the file is longer than 1 MiB", "name crawl's own file with --config FILE"}}, nil
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, nil, err
	}
	r := &configReader{path: path, dir: filepath.Dir(abs), nearby: nearby}
	file = r.file(text)
	file.mutes = r.placed
	slices.SortStableFunc(r.faults, func(a, b fault) int { return faultLine(a, path) - faultLine(b, path) })
	return file, r.faults, nil
}

// faultLine is the line in a fault's place.
func faultLine(f fault, path string) (line int) {
	fmt.Sscanf(strings.TrimPrefix(f.Where, path+":"), "%d", &line)
	return line
}

func (r *configReader) where(n *yaml.Node) string { return fmt.Sprintf("%s:%d", r.path, n.Line) }

func (r *configReader) fault(n *yaml.Node, what, next string) {
	r.faults = append(r.faults, fault{r.where(n), what, next})
}

// file reads the whole text.
func (r *configReader) file(text []byte) *configFile {
	c := &configFile{path: r.path, defaults: layer{}, sites: map[string]siteBlock{}, hosts: map[string]layer{}}
	root := r.document(text)
	if root == nil {
		return c
	}
	blocks := []string{"defaults", "sites", "hosts"}
	for key, value := range r.entries(root, "the file") {
		switch key.Value {
		case "defaults":
			c.defaults = r.options(value, "defaults", nil)
		case "sites":
			for name, n := range r.entries(value, "sites") {
				c.sites[name.Value] = r.site(name, n)
			}
		case "hosts":
			for name, n := range r.entries(value, "hosts") {
				host := r.hostName(name)
				if c.hosts[host] != nil {
					r.fault(name, quoted(name.Value)+" is a host that hosts has already", "keep one of them")
				}
				c.hosts[host] = r.host(name, n)
			}
		default:
			next := didYouMean(key.Value, blocks, "a config file has defaults, sites and hosts; if this one is not crawl's, name yours with --config FILE")
			if optionByKey[key.Value] != nil {
				next = "options go below defaults:, or below a site"
			}
			r.fault(key, "unknown key "+quoted(key.Value), next)
		}
	}
	return c
}

// document parses the text's only document; nil means it is empty or bad.
func (r *configReader) document(text []byte) *yaml.Node {
	loader, err := yaml.NewLoader(bytes.NewReader(text))
	if err != nil {
		r.syntax(err)
		return nil
	}
	var first, second yaml.Node
	switch err := loader.Load(&first); {
	case err == io.EOF:
		return nil
	case err != nil:
		r.syntax(err)
		return nil
	}
	switch err := loader.Load(&second); {
	case err == nil:
		r.fault(&second, "a second YAML document begins", "a config file is one document: take the --- out")
	case err != io.EOF:
		r.syntax(err)
	}
	if len(first.Content) != 1 || isNull(first.Content[0]) {
		return nil
	}
	return first.Content[0]
}

// syntax reports what the YAML library says.
func (r *configReader) syntax(err error) {
	where, what := r.path, err.Error()
	var e *yaml.LoadError
	if errors.As(err, &e) {
		what = e.Message
		if e.ContextMsg != "" {
			what += " " + e.ContextMsg
		}
		if e.Mark.Line > 0 {
			where = fmt.Sprintf("%s:%d", r.path, e.Mark.Line)
		}
	}
	r.faults = append(r.faults, fault{where, "not YAML: " + what, "mend the line or the one before"})
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// entries gives the keys and values of a mapping, aliases followed. It reports
// what is no mapping, keys that are no plain words, and keys met twice.
func (r *configReader) entries(n *yaml.Node, name string) func(func(key, value *yaml.Node) bool) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if isNull(n) {
		return func(func(key, value *yaml.Node) bool) {}
	}
	if n.Kind != yaml.MappingNode {
		r.fault(n, name+" is "+nodeKind(n)+" where names with values belong", "write name: value below it, indented")
		return func(func(key, value *yaml.Node) bool) {}
	}
	return func(yield func(key, value *yaml.Node) bool) {
		seen := map[string]int{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			if key.Kind != yaml.ScalarNode {
				r.fault(key, "a key in "+name+" is "+nodeKind(key), "keys are plain words")
				continue
			}
			if line, ok := seen[key.Value]; ok {
				r.fault(key, fmt.Sprintf("%s in %s again, first on line %d", quoted(key.Value), name, line), "keep one of them")
				continue
			}
			seen[key.Value] = key.Line
			if value.Kind == yaml.AliasNode {
				value = value.Alias
			}
			if !yield(key, value) {
				return
			}
		}
	}
}

// options reads a block of options. Keys in own are read by their function.
func (r *configReader) options(n *yaml.Node, name string, own map[string]func(key, value *yaml.Node)) layer {
	l := layer{}
	for key, value := range r.entries(n, name) {
		if read := own[key.Value]; read != nil {
			read(key, value)
			continue
		}
		o := optionByKey[key.Value]
		if o == nil {
			known := slices.Concat(slices.Sorted(maps.Keys(optionByKey)), slices.Sorted(maps.Keys(own)))
			r.fault(key, "unknown key "+quoted(key.Value), didYouMean(key.Value, known, "see crawl config show for all keys"))
			continue
		}
		l[key.Value] = r.option(o, key, value)
	}
	return l
}

// option reads and checks one option's value.
func (r *configReader) option(o *option, key, value *yaml.Node) given {
	g := given{where: r.where(key)}
	nodes := []*yaml.Node{value}
	switch {
	case o.block == "fields" && (value.Kind == yaml.MappingNode || isNull(value)):
		nodes = r.rules(o, value)
	case o.block == "words" && (value.Kind == yaml.MappingNode || isNull(value)):
		nodes = r.words(o, value)
	case o.block == "mutes" && value.Kind == yaml.SequenceNode:
		nodes = r.mutes(value)
	case o.typ == reflect.TypeFor[Keep]() && value.Kind == yaml.MappingNode:
		nodes = []*yaml.Node{r.keep(o, value)}
	case o.list:
		if value.Kind != yaml.SequenceNode {
			next := `write ["first", "second"], or [] for none`
			if hint := blockHints[o.block]; hint != "" {
				next = hint
			}
			r.fault(value, o.Key+" is "+nodeKind(value)+" where a list belongs", next)
			return g
		}
		nodes = value.Content
	}
	for _, n := range nodes {
		if n.Kind == yaml.AliasNode {
			n = n.Alias
		}
		if !r.scalar(o, n) {
			continue
		}
		text := o.anchor(n.Value, r.dir)
		if _, err := o.parse(n.Value); err != nil {
			r.faults = append(r.faults, faultAt(r.where(n), err))
		} else if r.nearby && runsCommand(o, text) {
			r.fault(n, o.Key+" runs a command, which a config file that happens to lie in the working folder may not", "name the file with --config, or move the option to your user config")
		}
		g.texts = append(g.texts, text)
		if m, err := parseMute(text); o.block == "mutes" && err == nil {
			r.placed = append(r.placed, placedMute{m, r.where(n)})
		}
	}
	return g
}

// blockHints say how the entries of options are written as blocks.
var blockHints = map[string]string{
	"fields": `write name: "css:.price" below it, indented`,
	"words":  "write titles: notice below it, indented",
	"mutes":  `write - {report: broken, url: "/old/*", until: 2027-01-31, reason: …} below it, indented`,
}

// keep makes one text of a block of rules: last=10 weekly=26.
func (r *configReader) keep(o *option, block *yaml.Node) *yaml.Node {
	var words []string
	for key, n := range r.entries(block, o.Key) {
		if n.Kind != yaml.ScalarNode {
			r.fault(n, o.Key+"."+key.Value+" is "+nodeKind(n)+" where a number belongs", keepNext)
		}
		words = append(words, key.Value+"="+n.Value)
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: strings.Join(words, " "), Line: block.Line}
}

// runsCommand reports whether the text is a secret reference that starts a
// program.
func runsCommand(o *option, text string) bool {
	if o.path == "header" {
		_, text, _ = splitHeader(text)
	}
	return (o.path == "header" || o.path == "secret") && strings.HasPrefix(text, "cmd:")
}

// scalar reports whether the node is of the YAML type that the option wants.
func (r *configReader) scalar(o *option, n *yaml.Node) bool {
	tag := n.ShortTag()
	switch {
	case n.Kind != yaml.ScalarNode:
		r.fault(n, o.Key+" is "+nodeKind(n)+" where a single value belongs", "")
	case tag == "!!null":
		r.fault(n, o.Key+" has no value", `write one, "" for none, or take the key out`)
	case o.typ.Kind() == reflect.String && tag != "!!str":
		r.fault(n, o.Key+" is "+nodeKind(n)+" where text belongs", `put it in quotes: "`+n.Value+`"`)
	case o.typ == reflect.TypeFor[int]() && tag != "!!int":
		r.fault(n, o.Key+" is "+nodeKind(n)+" where a whole number belongs", "")
	case o.typ == reflect.TypeFor[bool]() && tag != "!!bool":
		r.fault(n, o.Key+" is "+nodeKind(n)+" where true or false belongs", "")
	case tag != "!!str" && tag != "!!int" && tag != "!!float" && tag != "!!bool":
		r.fault(n, o.Key+" is "+nodeKind(n)+", which no option is", "")
	default:
		return true
	}
	return false
}

// nodeKind says what a node is, with its value where that is no secret: text
// is not shown, for it may be one.
func nodeKind(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a block of names"
	case yaml.SequenceNode:
		return "a list"
	}
	switch tag := n.ShortTag(); tag {
	case "!!null":
		return "empty"
	case "!!str":
		return "text"
	case "!!int", "!!float":
		return "the number " + n.Value
	case "!!bool":
		return "the yes-or-no value " + n.Value
	default:
		return "a YAML " + strings.TrimLeft(tag, "!")
	}
}

// site reads one entry of sites.
func (r *configReader) site(name, n *yaml.Node) siteBlock {
	var s siteBlock
	if !isSiteName(name.Value) {
		r.fault(name, quoted(name.Value)+" is no name of a site", "take letters, digits, _ and -, at most 64, with a letter or digit first")
	}
	s.options = r.options(n, "site "+name.Value, map[string]func(key, value *yaml.Node){
		"seeds":     func(key, value *yaml.Node) { s.seeds, s.where = r.seeds(value), r.where(key) },
		"schedules": func(_, value *yaml.Node) { s.schedules = r.schedules(name.Value, value) },
	})
	if _, fromList := s.options["list"]; len(s.seeds) == 0 && !fromList {
		r.fault(name, "site "+name.Value+" has no seeds", "write seeds: [https://…/]")
	}
	return s
}

// isSiteName reports whether name can stand for a site on the command line,
// where ~ and @ name its runs and a dot makes a URL.
func isSiteName(name string) bool {
	alnum := func(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' }
	for i := range len(name) {
		if c := name[i]; !alnum(c) && (i == 0 || c != '_' && c != '-') {
			return false
		}
	}
	return name != "" && len(name) <= maxSiteName
}

func (r *configReader) seeds(n *yaml.Node) []string {
	if n.Kind != yaml.SequenceNode {
		r.fault(n, "seeds is "+nodeKind(n)+" where a list belongs", "write seeds: [https://…/]")
		return []string{n.Value} // one fault is enough
	}
	var seeds []string
	for _, c := range n.Content {
		if c.Kind == yaml.AliasNode {
			c = c.Alias
		}
		seeds = append(seeds, c.Value)
		if c.Kind != yaml.ScalarNode {
			r.fault(c, "a seed is "+nodeKind(c)+" where a URL belongs", "")
		} else if err := checkURL(c.Value); err != nil {
			r.faults = append(r.faults, faultAt(r.where(c), err))
		}
	}
	return seeds
}

// hostName gives a key of hosts its canonical spelling.
func (r *configReader) hostName(key *yaml.Node) string {
	host, bad := hostName(key.Value)
	if bad != nil {
		r.fault(key, bad.What, bad.Next)
		return key.Value
	}
	return host
}

// hostName gives a host its canonical spelling, that of weburl's Host: without a
// port that is a scheme's own.
func hostName(text string) (string, *fault) {
	u, err := weburl.Parse("http://" + strings.TrimSuffix(text, ":443") + "/")
	if err != nil || u.RequestURI() != "/" || strings.ContainsAny(text, "/@?#*") {
		return "", &fault{What: quoted(text) + " is no host", Next: "write a name alone, with its port if it has one: blog.example:8080"}
	}
	return u.Host(), nil
}

// host reads one entry of hosts.
func (r *configReader) host(name, n *yaml.Node) layer {
	l := layer{}
	for key, value := range r.entries(n, "host "+name.Value) {
		if _, ok := hostFields[key.Value]; !ok {
			r.fault(key, "unknown key "+quoted(key.Value), didYouMean(key.Value, slices.Sorted(maps.Keys(hostFields)), "a host takes "+strings.Join(slices.Sorted(maps.Keys(hostFields)), " and ")))
			continue
		}
		l[key.Value] = r.option(optionByKey[key.Value], key, value)
	}
	return l
}

// hostFields finds the fields of HostSettings by key.
var hostFields = func() map[string]int {
	m := map[string]int{}
	t := reflect.TypeFor[HostSettings]()
	for i := range t.NumField() {
		key, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		m[key] = i
	}
	return m
}()
