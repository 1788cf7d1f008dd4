package warc

import (
	"errors"
	"io"
	"strings"
	"testing"
)

func TestVerify(t *testing.T) {
	const (
		head    = "HTTP/1.1 200 OK\r\nA: b\r\n\r\n"
		chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n"
		chunks  = "3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"
		// Digests of "hello", computed elsewhere.
		sha1hex = "sha1:aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"
		sha1b32 = "sha1:VL2MMHO4YXUKFWV63YHTWSBM3GXKSQ2N"
		sha1b64 = "sha1:qvTGHdzF6KLavt4PO0gs2a6pQ00="
		hex256  = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
		b32_256 = "sha256:FTZE3OS7WCRQ4JXIHMVMLOPCTYNRMHS4D6TUEXTTAQZWFE4LTASA===="
		b64_256 = "SHA-256:LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ"
		wrong   = "sha1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	)
	block := func(v string) string { return "WARC-Block-Digest: " + v + "\r\n" }
	payload := func(v string) string { return "WARC-Payload-Digest: " + v + "\r\n" }
	const resource = "Content-Type: text/plain\r\n"
	tests := map[string]struct {
		fields, block string
		want          Check
	}{
		"none":               {"", head + "hello", Check{}},
		"sha1 hex":           {payload(sha1hex), head + "hello", Check{Payload: Good}},
		"sha1 upper hex":     {payload("sha1:" + strings.ToUpper(sha1hex[5:])), head + "hello", Check{Payload: Good}},
		"sha1 base32":        {payload(sha1b32), head + "hello", Check{Payload: Good}},
		"sha1 lower base32":  {payload(strings.ToLower(sha1b32)), head + "hello", Check{Payload: Good}},
		"sha1 base64":        {payload(sha1b64), head + "hello", Check{Payload: Good}},
		"sha256 hex":         {payload(hex256), head + "hello", Check{Payload: Good}},
		"sha256 base32":      {payload(b32_256), head + "hello", Check{Payload: Good}},
		"sha256 base64url":   {payload(b64_256), head + "hello", Check{Payload: Good}},
		"sha512 base64":      {payload("sha512:m3HSJL1i83hdltRq0+o9czGb+8KJDKra4t/3JRlnPKcjI8PZm6XBHXx6zG4UuMXaDEZjR1wuXDre9G9zvN7AQw=="), head + "hello", Check{Payload: Good}},
		"other payload":      {payload(sha1hex), head + "hallo", Check{Payload: Bad}},
		"block":              {resource + block(sha1b32), "hello", Check{Block: Good}},
		"other block":        {resource + block(sha1b32), "hallo", Check{Block: Bad}},
		"block is payload":   {resource + payload(sha1b32), "hello", Check{Payload: Good}},
		"unknown algorithm":  {block("md5:5d41402abc4b2a76b9719d911017c592"), head + "hello", Check{}},
		"no algorithm":       {block("5d41402abc4b2a76b9719d911017c592"), head + "hello", Check{}},
		"odd length":         {block("sha1:abc"), head + "hello", Check{Block: Bad}},
		"no digit of base32": {payload("sha1:1112H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ"), head + "hello", Check{Payload: Bad}},
		"no hex":             {block("sha1:" + strings.Repeat("x", 40)), head + "hello", Check{Block: Bad}},
		"chunks decoded":     {payload(sha1b32), chunked + chunks, Check{Payload: Good}},
		"chunks as sent":     {payload(Digest([]byte(chunks))), chunked + chunks, Check{Payload: Good}},
		"chunks, other":      {payload(wrong), chunked + chunks, Check{Payload: Bad}},
		"chunked, no chunk":  {payload(sha1b32), chunked + "hello", Check{Payload: Good}},
		"no head at all":     {payload(sha1b32), "hello", Check{Payload: Bad}},
		"head too long":      {payload(wrong), "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("b", MaxHead), Check{}},
		"segment":            {payload(wrong) + "WARC-Segment-Number: 1\r\n", head + "hello", Check{}},
		"truncated, whole":   {payload(wrong) + "WARC-Truncated: length\r\n", head + "hel", Check{}},
		"truncated, itself":  {payload(sha1b32) + "WARC-Truncated: length\r\n", head + "hello", Check{Payload: Good}},
		"revisit":            {payload(wrong) + "WARC-Type: revisit\r\n", head, Check{}},
	}
	for name, test := range tests {
		for _, file := range []string{plain(test.fields, test.block), zip(t, plain(test.fields, test.block))} {
			r := NewReader(strings.NewReader(file))
			e, err := r.Next()
			if err != nil {
				t.Fatal(err)
			}
			got, err := e.Verify()
			bad := test.want.Block == Bad || test.want.Payload == Bad
			if got != test.want || errors.Is(err, ErrDigest) != bad || err != nil && !bad {
				t.Errorf("%s: %v, error %v; want %v", name, got, err, test.want)
			}
			if _, err := r.Next(); !errors.Is(err, io.EOF) {
				t.Errorf("%s: a record cannot be read past its digest: %v", name, err)
			}
		}
	}
}

func TestVerifyAfterRead(t *testing.T) {
	e, err := NewReader(strings.NewReader(plain("", "hello"))).Next()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Verify(); err == nil {
		t.Error("Verify of half a block passed")
	}
}

func TestVerifyTorn(t *testing.T) {
	whole := plain("WARC-Payload-Digest: sha1:VL2MMHO4YXUKFWV63YHTWSBM3GXKSQ2N\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
	for cut := strings.Index(whole, "\r\n\r\n") + 4; cut < len(whole); cut++ {
		e, err := NewReader(strings.NewReader(whole[:cut])).Next()
		if err != nil {
			t.Fatal(err)
		}
		if check, err := e.Verify(); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut at %d: %v, error %v", cut, check, err)
		}
	}
}
