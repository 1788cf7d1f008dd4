package web

import (
	"net/http"
	"reflect"
	"regexp"
	"strings"
)

type object = map[string]any

// openapi describes every route, from the table that the mux is made of.
func (a *API) openapi(w http.ResponseWriter, _ *http.Request) error {
	paths := map[string]object{}
	for i := range a.routes {
		rt := &a.routes[i]
		if paths[rt.path] == nil {
			paths[rt.path] = object{}
		}
		paths[rt.path][strings.ToLower(rt.method)] = rt.operation()
	}
	writeJSON(w, http.StatusOK, object{
		"openapi": "3.1.0",
		"info":    object{"title": "crawl", "version": "1", "description": "What `crawl serve` answers. A run is named as on the command line: acme, acme~1, acme@43, acme@monday, acme@live, or by a URL. Errors are {\"error\": {\"what\", \"next\"}}."},
		"paths":   paths,
		"components": object{
			"securitySchemes": object{"token": object{"type": "http", "scheme": "bearer", "description": "A line of the token file. Scopes: read, run, admin; each allows what those before it do."}},
			"schemas": object{"Error": object{"type": "object", "required": []string{"error"}, "properties": object{"error": object{"type": "object", "required": []string{"what"}, "properties": object{
				"what": object{"type": "string"}, "next": object{"type": "string", "description": "what to do about it"},
			}}}}},
		},
	})
	return nil
}

var segments = regexp.MustCompile(`\{(\w+)\}`)

// id is what a client that is made of the document calls a route: getRunsRun for
// GET /v1/runs/{run}.
func (rt *route) id() string {
	id := strings.ToLower(rt.method)
	for _, word := range strings.FieldsFunc(strings.TrimPrefix(rt.path, "/v1"), func(r rune) bool { return strings.ContainsRune("/{}.", r) }) {
		id += strings.ToUpper(word[:1]) + word[1:]
	}
	return id
}

// operation is a route as the document has it.
func (rt *route) operation() object {
	params := []object{}
	for _, m := range segments.FindAllStringSubmatch(rt.path, -1) {
		params = append(params, object{"name": m[1], "in": "path", "required": true, "schema": object{"type": "string"}})
	}
	for _, p := range rt.params {
		schema := object{"type": "string"}
		if p.kind != "" {
			schema["type"] = p.kind
		}
		if p.many {
			schema = object{"type": "array", "items": schema}
		}
		params = append(params, object{"name": p.name, "in": "query", "required": p.needed, "description": p.about, "schema": schema})
	}
	status, content := "200", object{}
	if rt.status == http.StatusAccepted {
		status = "202"
	}
	for _, form := range rt.gives {
		content[form] = object{}
	}
	op := object{
		"operationId": rt.id(), "summary": rt.about, "x-scope": rt.scope.String(), "parameters": params, "security": []object{},
		"responses": object{
			status:    object{"description": "the answer", "content": content},
			"default": object{"description": "what is wrong", "content": object{typeJSON: object{"schema": object{"$ref": "#/components/schemas/Error"}}}},
		},
	}
	if rt.scope > Open {
		op["security"] = []object{{"token": []string{}}}
	}
	if rt.body != nil {
		op["requestBody"] = object{"required": true, "content": object{typeJSON: object{"schema": schemaOf(reflect.TypeOf(rt.body))}}}
	}
	return op
}

// schemaOf describes a type as its JSON is.
func schemaOf(t reflect.Type) object {
	switch t.Kind() {
	case reflect.Int:
		return object{"type": "integer"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Slice:
		return object{"type": "array", "items": schemaOf(t.Elem())}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": schemaOf(t.Elem())}
	case reflect.Struct:
		fields := object{}
		for i := range t.NumField() {
			if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "-" {
				fields[name] = schemaOf(t.Field(i).Type)
			}
		}
		return object{"type": "object", "properties": fields, "additionalProperties": false}
	}
	return object{"type": "string"}
}
