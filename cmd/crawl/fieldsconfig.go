package main

import (
	"slices"
	"strings"

	"crawl/internal/parse"

	"go.yaml.in/yaml/v4"
)

// rules reads a block of names with rules, and makes the entries of a list of it.
func (r *configReader) rules(o *option, block *yaml.Node) (nodes []*yaml.Node) {
	for key, n := range r.entries(block, o.Key) {
		text, ok := n.Value, n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str"
		switch {
		case n.Kind == yaml.MappingNode:
			text, ok = r.rule(key.Value, n)
		case !ok:
			r.fault(n, "field "+key.Value+" is "+nodeKind(n)+" where a rule belongs", `write `+key.Value+`: "css:.price"`)
		}
		if ok {
			nodes = append(nodes, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key.Value + "=" + text, Line: key.Line})
		}
	}
	return nodes
}

// ruleKeys are what a rule written as a block may have, besides its kind.
var ruleKeys = []string{"attr", "as", "all", "trim"}

// rule reads a rule that is written as a block: {css: .price, as: number}.
func (r *configReader) rule(name string, block *yaml.Node) (text string, ok bool) {
	var rule parse.Rule
	before := len(r.faults)
	for key, n := range r.entries(block, "field "+name) {
		bad := func(want string) {
			r.fault(n, "field "+name+": "+key.Value+" is "+nodeKind(n)+" where "+want+" belongs", "")
		}
		isText, isBool := n.ShortTag() == "!!str", n.ShortTag() == "!!bool"
		switch {
		case slices.Contains(parse.RuleKinds, key.Value) && rule.Kind != "":
			r.fault(key, "field "+name+" has both "+rule.Kind+" and "+key.Value, "keep one of them")
		case slices.Contains(parse.RuleKinds, key.Value):
			if rule.Kind, rule.Expr = key.Value, n.Value; !isText {
				bad("text")
			}
		case key.Value == "attr":
			if rule.Attr = n.Value; !isText {
				bad("text")
			}
		case key.Value == "as":
			rule.Number, rule.HTML = n.Value == "number", n.Value == "html"
			if !rule.Number && !rule.HTML && n.Value != "text" {
				r.fault(n, "field "+name+" cannot be had as "+quoted(n.Value), "take text, number or html")
			}
		case key.Value == "all":
			if rule.All = n.Value == "true"; !isBool {
				bad("true or false")
			}
		case key.Value == "trim":
			if rule.Trim = n.Value == "true"; !isBool {
				bad("true or false")
			}
		default:
			known := slices.Concat(parse.RuleKinds, ruleKeys)
			r.fault(key, "field "+name+": unknown key "+quoted(key.Value), didYouMean(key.Value, known, "a rule takes "+strings.Join(known, ", ")))
		}
	}
	if rule.Kind == "" && len(r.faults) == before {
		r.fault(block, "field "+name+" says not where its value stands", "write css, jsonld, meta or re")
	}
	if rule.Attr != "" && rule.Kind != "css" {
		r.fault(block, "field "+name+": attr goes with css alone", "take it out")
	}
	_, text, _ = strings.Cut(rule.String(), "=")
	return text, len(r.faults) == before
}
