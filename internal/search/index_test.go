package search

import (
	"database/sql"
	"slices"
	"strings"
	"testing"
)

// fuzzDB is an index to ask by statements of one's own.
func fuzzDB(tb testing.TB) *sql.DB {
	tb.Helper()
	w := newWorld(tb)
	if err := w.index.Build(tb.Context(), w.run(map[string]string{"/": "<title>a</title>b"})); err != nil {
		tb.Fatal(err)
	}
	db, err := w.index.open(tb.Context(), true)
	if err != nil {
		tb.Fatal(err)
	}
	return db
}

func TestInjections(t *testing.T) {
	w := newWorld(t)
	run := w.run(map[string]string{"/": "<title>anvil</title><p>near and not or a b c title", "/2": "<p>東京"})
	for _, text := range injections {
		if _, err := ParseQuery(text); err != nil {
			continue
		}
		if a, b := w.find(w.index, run, text), w.find(w.scan, run, text); !slices.Equal(a, b) {
			t.Errorf("%q: index %q, scan %q", text, a, b)
		}
	}
	if len(w.warned) > 0 {
		t.Errorf("%q", w.warned)
	}
}

var shop = map[string]string{
	"/anvil":   "<title>Anvil</title><meta name=description content='Heavy things'><h1>The anvil</h1><p>We sell the anvil. It is heavy.",
	"/body":    "<title>News</title><h1>This week</h1><p>One customer dropped an anvil on his foot. Nobody else did.",
	"/h1":      "<title>News</title><h1>Anvil</h1><p>Some other text of about the same length as others have.",
	"/heading": "<title>News</title><h1>Old news</h1><h2>Anvil</h2><p>Some other text of about the same length as others have.",
	"/recall":  "<title>Recall</title><p>All is well. In June 2024 we began the anvil recall, which goes on. Call us!",
	"/both":    "<title>Recall</title><p>An anvil. No recall.",
	"/hammer":  "<title>Hammer</title><p>Hammers, anvilsmith.",
	"/café":    "<title>Café</title><p>Crème brûlée",
	"/empty":   "",
}

func TestFind(t *testing.T) {
	w := newWorld(t)
	run := w.run(shop)
	for text, want := range map[string]string{
		"ANVIL recall":                           "/recall /both",
		`"anvil recall"`:                         "/recall",
		`"recall anvil"`:                         "",
		"recall -\"no recall\"":                  "/recall",
		"hammer OR creme":                        "/hammer /caf%C3%A9",
		"anvil* -anvil":                          "/hammer",
		"title:anvil":                            "/anvil",
		"h1:anvil":                               "/anvil /h1",
		"description:heavy":                      "/anvil",
		"headings:anvil":                         "/heading",
		"brulee":                                 "/caf%C3%A9",
		"nothing":                                "",
		"anvil -title:news -title:anvil -recall": "",
	} {
		got := w.find(w.index, run, text)
		if scan := w.find(w.scan, run, text); !slices.Equal(got, scan) {
			t.Errorf("%s: index %q, scan %q", text, got, scan)
		}
		slices.Sort(got)
		sorted := strings.Fields(want)
		slices.Sort(sorted)
		if !slices.Equal(got, sorted) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	// A title counts for more than an h1, that for more than a heading, and so on.
	if got := w.find(w.index, run, "anvil"); strings.Join(got[:4], " ") != "/anvil /h1 /heading /body" && strings.Join(got[:3], " ") != "/anvil /h1 /heading" {
		t.Errorf("%q", got)
	}
}

// Sentences of scripts that part no words, or add to them.
func TestDenseScripts(t *testing.T) {
	w := newWorld(t)
	run := w.run(map[string]string{
		"/zh": "<title>铁砧召回公告</title><p>由于质量问题，我们决定召回去年生产的所有铁砧。请联系客服。",
		"/ja": "<title>お知らせ</title><p>東京都の工場で作られた鉄床をリコールします。データベースを確認してください。",
		"/ko": "<title>공지</title><p>우리는 학교에서 사용하는 모루를 회수합니다. 고객센터에 문의하세요.",
		"/th": "<title>ประกาศ</title><p>เราเรียกคืนทั่งตีเหล็กทั้งหมดที่ผลิตในปีที่แล้ว",
		"/tw": "<title>臺北</title><p>我們在臺北的Anvil工廠2024年關閉",
	})
	for text, want := range map[string]string{
		"铁砧": "/zh", "召回": "/zh", "砧": "/zh", "去年生产": "/zh", "回去": "/zh", "\"铁砧召回公告\"": "/zh", "召回 客服": "/zh", "回召": "",
		"東京": "/ja", "京都": "/ja", "東": "/ja", "都": "/ja", "鉄床をリコール": "/ja", "ﾃﾞｰﾀﾍﾞｰｽ": "/ja", "ベース": "/ja", "東都": "", "い": "/ja",
		"학교": "/ko", "학교에서": "/ko", "모루": "/ko", "모": "/ko", "회수": "/ko", "학교 모루": "/ko", "교학": "",
		"ทั่ง": "/th", "เรียกคืน": "/th", "เหล็ก": "/th",
		"臺北": "/tw", "anvil": "/tw", "臺北的anvil": "/tw", "anvil工廠": "/tw", "2024年": "/tw", "anvil工": "/tw", "北anvil": "",
		"公告 -召回": "", "東京 OR 학교": "/ja /ko", "title:公告": "/zh", "title:質量": "",
	} {
		got, scan := w.find(w.index, run, text), w.find(w.scan, run, text)
		if !slices.Equal(got, scan) {
			t.Errorf("%s: index %q, scan %q", text, got, scan)
		}
		slices.Sort(got)
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
