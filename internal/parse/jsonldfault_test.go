package parse

import "testing"

// TestJSONLDFault: what is wrong with JSON-LD is told, and nothing else is.
func TestJSONLDFault(t *testing.T) {
	const sound = `{"@context":"https://schema.org","@type":"Product","name":"x","offers":{"price":1}}`
	for _, test := range []struct{ name, script, want string }{
		{"sound", sound, ""},
		{"a graph", `{"@context":"https://schema.org","@graph":[{"@id":"#a"},{"@type":"Thing"}]}`, ""},
		{"a list", "[" + sound + "," + sound + "]", ""},
		{"an empty list", "[]", ""},
		{"hidden in a comment", "<!--" + sound + "-->", ""},
		{"no context", `{"@type":"Product","offers":{"@context":"x"}}`, faultNoContext},
		{"no type", `{"@context":"https://schema.org","name":"@type","offers":{"@type":"Offer"}}`, faultNoType},
		{"one of a list", "[" + sound + `,{"@context":"x"}]`, faultNoType},
		{"the first fault", "[{}," + sound + ",", faultNoJSON},
		{"a comma too many", `{"@context":"https://schema.org","@type":"Product",}`, faultNoJSON},
		{"cut off", sound[:30], faultNoJSON},
		{"something behind", sound + sound, faultNoJSON},
		{"nothing but a comment", "<!-- -->", faultNoJSON},
		{"words", "Product", faultNoJSON},
		{"no script", "", ""},
	} {
		d := page8(t, "<script type=application/ld+json>"+test.script+"</script><script type=application/ld+json>"+sound+"</script>")
		if d.JSONLDFault != test.want {
			t.Errorf("%s: %q, want %q", test.name, d.JSONLDFault, test.want)
		}
	}
}
