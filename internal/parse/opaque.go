package parse

import (
	"bytes"
	"strings"
)

// opaqueKind says what a body without text is: "pdf", "image", "office" or
// "binary". What cannot be read is recorded by its kind and size.
func opaqueKind(mime string, body []byte) string {
	major, sub, _ := strings.Cut(mime, "/")
	switch {
	case bytes.Contains(body[:min(len(body), prescanBytes)], []byte("%PDF-")):
		return "pdf"
	case major == "image", isImage(body):
		return "image"
	case strings.HasPrefix(sub, "vnd.openxmlformats"), strings.HasPrefix(sub, "vnd.oasis.opendocument"), strings.HasPrefix(sub, "vnd.ms-"),
		sub == "msword", sub == "rtf", bytes.HasPrefix(body, []byte("\xD0\xCF\x11\xE0")):
		return "office"
	}
	return "binary"
}

func isImage(b []byte) bool {
	for _, m := range []string{"\x89PNG\r\n", "\xFF\xD8\xFF", "GIF87a", "GIF89a", "\x00\x00\x01\x00", "II*\x00", "MM\x00*"} {
		if bytes.HasPrefix(b, []byte(m)) {
			return true
		}
	}
	return len(b) >= 12 && string(b[:4]) == "RIFF" && string(b[8:12]) == "WEBP" || len(b) >= 12 && string(b[4:8]) == "ftyp" && string(b[8:12]) == "avif"
}
