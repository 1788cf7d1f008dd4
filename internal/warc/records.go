package warc

import (
	"fmt"
	"strings"
	"time"
)

// Revisit profiles of WARC/1.1 (section 6.7).
const (
	// ProfileIdentical: the payload has the digest of an earlier record. The
	// revisit's Head may hold the new HTTP head; its Body stays empty. It
	// needs a WARC-Payload-Digest.
	ProfileIdentical = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"
	// ProfileNotModified: the server answered 304. Head holds that answer.
	ProfileNotModified = "http://netpreserve.org/warc/1.1/revisit/server-not-modified"
)

// RevisitFields returns the fields by which a revisit record names its profile
// and the record that holds the payload. uri and date are that record's own;
// id may be "".
func RevisitFields(profile, id, uri string, date time.Time) []Field {
	fields := []Field{
		{"WARC-Profile", profile},
		{"WARC-Refers-To-Target-URI", escapeURI(uri)},
		{"WARC-Refers-To-Date", FormatDate(date)},
	}
	if id != "" {
		fields = append(fields, Field{"WARC-Refers-To", id})
	}
	return fields
}

// Info describes the run that writes a file. An empty value is left out.
type Info struct {
	Filename string // of the segment, without folders
	Software string // "crawl/1.2.3"
	Robots   string // the policy kept: "obey", "ignore"
	More     []Field
}

// Record returns the warcinfo record that every file begins with.
func (i Info) Record(id string, date time.Time) (*Record, error) {
	fields := []Field{
		{"software", i.Software},
		{"format", "WARC File Format 1.1"},
		{"conformsTo", "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/"},
		{"robots", i.Robots},
	}
	block, err := FieldsBlock(append(fields, i.More...))
	if err != nil {
		return nil, err
	}
	r := &Record{Type: TypeInfo, ID: id, Date: date, Body: block}
	if i.Filename != "" {
		r.Fields = []Field{{"WARC-Filename", i.Filename}}
	}
	return r, nil
}

// FieldsBlock writes fields as an application/warc-fields block, the form of
// warcinfo and metadata records. Fields without a value are left out; one that
// cannot be written is ErrField.
func FieldsBlock(fields []Field) ([]byte, error) {
	var b []byte
	for _, f := range fields {
		if f.Value == "" {
			continue
		}
		if err := checkField(f); err != nil {
			return nil, fmt.Errorf("warc: write fields: %w", err)
		}
		b = appendField(b, f.Name, strings.Trim(f.Value, " \t"))
	}
	return b, nil
}
