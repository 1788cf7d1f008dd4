//go:build warcio

package warc

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// seen is what check.mjs says of one record.
type seen struct {
	Version        string
	Fields         map[string]string
	Status         int
	Block, Payload string // digests
	Content        string // digest of the payload without its content coding
	Offset, Length int64
}

// run starts a program that this test needs from the machine.
func run(t *testing.T, dir, program string, args ...string) []byte {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Fatalf("%v: this test needs Node.js 18 or newer with npm (Debian: apt-get install nodejs npm)", err)
	}
	var out, problems bytes.Buffer
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &problems
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, problems.String())
	}
	if program == "node" && problems.Len() > 0 {
		t.Errorf("warcio warns: %s", problems.String())
	}
	return out.Bytes()
}

// installWarcio returns a folder with check.mjs and what it imports.
func installWarcio(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "warcio"))); err != nil {
		t.Fatal(err)
	}
	run(t, dir, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	return dir
}

// archived is a record as the store would write it, and what to find in it.
type archived struct {
	name    string
	record  *Record
	coding  Coding
	status  int
	content string // the payload without its content coding
}

func gzipped(t *testing.T, text string) []byte { return []byte(zip(t, text)) }

// fetched returns a response record with body, for an answer of the protocol.
func fetched(proto string, status int, h http.Header, body []byte, fields ...Field) *Record {
	return &Record{
		Type: TypeResponse, ID: NewID(), Date: testDate, TargetURI: "https://example.com/a?b=c",
		Fields: append([]Field{ProtocolField(proto), {"WARC-IP-Address", "2001:db8::1"}}, fields...),
		Head:   ResponseHead(proto, status, "", h, int64(len(body))), Body: body,
	}
}

func archive(t *testing.T) []archived {
	t.Helper()
	info, err := Info{Filename: "000001.warc.gz", Software: "crawl/1.0", Robots: "obey"}.Record(NewID(), testDate)
	if err != nil {
		t.Fatal(err)
	}
	facts, err := FieldsBlock([]Field{{"via", "https://example.com/"}, {"fetchTimeMs", "12"}})
	if err != nil {
		t.Fatal(err)
	}
	page := strings.Repeat("<p>hello</p>\r\n\r\n", 2000)
	html := http.Header{"Content-Type": {"text/html"}, "Set-Cookie": {"a=1", "b=2"}}
	coded := http.Header{"Content-Type": {"text/html"}, "Content-Encoding": {"gzip"}}
	big := bytes.Repeat([]byte("\xff\xd8 picture \r\n\r\n\x1f\x8b"), 20_000)
	response := fetched("HTTP/1.1", 200, html, []byte(page))
	request := &Record{
		Type: TypeRequest, ID: NewID(), Date: testDate, TargetURI: response.TargetURI,
		Fields: []Field{{"WARC-Concurrent-To", response.ID}},
		Head:   RequestHead("GET", "/a?b=c", "example.com", "HTTP/1.1", http.Header{"User-Agent": {"crawl"}}),
	}
	revisit := func(profile string, status int, head bool) *Record {
		r := fetched("HTTP/1.1", status, html, nil, RevisitFields(profile, response.ID, response.TargetURI, response.Date)...)
		r.Type, r.Date = TypeRevisit, testDate.Add(time.Hour)
		r.Fields = append(r.Fields, Field{"WARC-Payload-Digest", Digest(response.Body)})
		if !head {
			r.Head = nil
		}
		return r
	}
	odd := fetched("HTTP/1.0", 404, nil, []byte("no"))
	odd.TargetURI = "http://example.com/a b\r\nWARC-Type: x"
	metadata := &Record{Type: TypeMetadata, ID: NewID(), Date: testDate, TargetURI: response.TargetURI, Body: facts}
	truncated := fetched("HTTP/1.1", 200, http.Header{"Content-Length": {"99999"}}, []byte(page[:100]), Field{"WARC-Truncated", "length"})
	return []archived{
		{"warcinfo", info, Deflated, 0, string(info.Body)},
		{"response", response, Deflated, 200, page},
		{"request", request, Deflated, 0, ""},
		{"metadata", metadata, Deflated, 0, string(facts)},
		{"h2", fetched("HTTP/2.0", 200, html, []byte(page)), Deflated, 200, page},
		{"was chunked", fetched("HTTP/1.1", 200, http.Header{"Transfer-Encoding": {"chunked"}}, []byte("5\r\nno chunk")), Deflated, 200, "5\r\nno chunk"},
		{"empty body", fetched("HTTP/1.1", 200, html, nil), Deflated, 200, ""},
		{"empty body, stored", fetched("HTTP/1.1", 301, html, nil), Stored, 301, ""},
		{"content coding", fetched("HTTP/2.0", 200, coded, gzipped(t, page)), Stored, 200, page},
		{"large, stored", fetched("HTTP/1.1", 200, http.Header{"Content-Type": {"image/jpeg"}}, big), Stored, 200, string(big)},
		{"truncated", truncated, Deflated, 200, page[:100]},
		{"identical", revisit(ProfileIdentical, 200, true), Deflated, 200, ""},
		{"identical, no head", revisit(ProfileIdentical, 200, false), Deflated, 0, ""},
		{"not modified", revisit(ProfileNotModified, 304, true), Deflated, 304, ""},
		{"odd address", odd, Deflated, 404, "no"},
		{"last", fetched("HTTP/1.1", 200, html, []byte("end")), Deflated, 200, "end"},
	}
}

func TestWarcioReadsRecords(t *testing.T) {
	records := archive(t)
	var file []byte
	ends := []int64{0}
	for _, a := range records {
		file = mustAppend(t, file, a.record, a.coding)
		ends = append(ends, int64(len(file)))
	}
	out := run(t, installWarcio(t), "node", "check.mjs", writeFile(t, "000001.warc.gz", file))
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	if len(lines) != len(records) {
		t.Fatalf("warcio finds %d records, want %d", len(lines), len(records))
	}
	for i, a := range records {
		t.Run(a.name, func(t *testing.T) {
			var got seen
			if err := json.Unmarshal(lines[i], &got); err != nil {
				t.Fatal(err)
			}
			if got.Offset != ends[i] || got.Length != ends[i+1]-ends[i] {
				t.Errorf("%d bytes at %d, want %d at %d", got.Length, got.Offset, ends[i+1]-ends[i], ends[i])
			}
			a.check(t, got)
		})
	}
}

func (a archived) check(t *testing.T, got seen) {
	t.Helper()
	want := seen{
		Version: Version, Status: a.status, Block: got.Fields["warc-block-digest"],
		Payload: Digest(a.record.Body), Content: Digest([]byte(a.content)),
	}
	if a.record.Type == TypeResponse || a.record.brief() { // which have no digest of the block
		got.Block = got.Fields["warc-block-digest"]
	}
	read := seen{Version: got.Version, Status: got.Status, Block: got.Block, Payload: got.Payload, Content: got.Content}
	if diff := cmp.Diff(want, read); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for name, want := range map[string]string{
		"warc-type": a.record.Type, "warc-record-id": a.record.ID, "warc-date": FormatDate(a.record.Date),
	} {
		if got.Fields[name] != want {
			t.Errorf("%s is %q, want %q", name, got.Fields[name], want)
		}
	}
	for _, f := range a.record.Fields {
		if found := got.Fields[strings.ToLower(f.Name)]; found != f.Value {
			t.Errorf("%s is %q, want %q", f.Name, found, f.Value)
		}
	}
	if uri := got.Fields["warc-target-uri"]; uri != escapeURI(a.record.TargetURI) {
		t.Errorf("target URI is %q", uri)
	}
	if a.record.Type == TypeResponse && got.Fields["warc-payload-digest"] != got.Payload {
		t.Errorf("payload digest is %s of %s", got.Fields["warc-payload-digest"], got.Payload)
	}
}

// TestWarcioNoticesDamage is the control: check.mjs does tell bad files.
func TestWarcioNoticesDamage(t *testing.T) {
	plain := inflate(t, mustAppend(t, nil, fetched("HTTP/1.1", 200, nil, []byte("hello")), Deflated))
	var damaged bytes.Buffer
	z := gzip.NewWriter(&damaged)
	if _, err := z.Write([]byte(strings.Replace(plain, "hello", "hallo", 1))); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	out := run(t, installWarcio(t), "node", "check.mjs", writeFile(t, "damaged.warc.gz", damaged.Bytes()))
	var got seen
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	if got.Payload == got.Fields["warc-payload-digest"] {
		t.Errorf("the digests of a damaged record agree: %+v", got)
	}
}

// writeFile is for tests that hand a file to another program.
func writeFile(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
