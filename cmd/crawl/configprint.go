package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"

	"go.yaml.in/yaml/v4"
)

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
		block := r.optionNodes(origin, listNode(r.Seeds))
		if len(r.Schedules) > 0 {
			addEntry(block, "schedules", scheduleNodes(r.Schedules), "")
		}
		addEntry(sites, r.Site, block, "")
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
	forPrograms(w)
	_, err := w.Write(b.Bytes())
	return err
}

func (r *Resolved) printJSON(w io.Writer, origin bool) error {
	shown := struct {
		Site      string                  `json:"site,omitempty"`
		Seeds     []string                `json:"seeds,omitempty"`
		Schedules []scheduleTexts         `json:"schedules,omitempty"`
		Settings  Settings                `json:"settings"`
		Hosts     map[string]HostSettings `json:"hosts,omitempty"`
		Origin    map[string]string       `json:"origin,omitempty"`
	}{r.Site, r.Seeds, nil, r.Settings, r.Hosts, nil}
	for _, b := range r.Schedules {
		shown.Schedules = append(shown.Schedules, b.texts())
	}
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

func mapping() *yaml.Node { return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"} }

func textNode(text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
}

// scalarNode writes a text of the option; numbers and booleans stay bare.
func (o *option) scalarNode(text string) *yaml.Node {
	n := textNode(text)
	switch {
	case o.typ.Kind() == reflect.Bool:
		n.Tag = "!!bool"
	case o.kind() == "n" && text != unlimitedWord:
		n.Tag = "!!int"
	}
	return n
}

func listNode(texts []string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Style: yaml.FlowStyle}
	for _, text := range texts {
		n.Content = append(n.Content, textNode(text))
	}
	return n
}

func addEntry(m *yaml.Node, key string, value *yaml.Node, comment string) {
	value.LineComment = comment
	m.Content = append(m.Content, textNode(key), value)
}
