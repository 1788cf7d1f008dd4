package parse

import (
	"encoding/binary"
	"math/bits"
	"strings"
	"unsafe"
)

// elem is an element that means something here; all others are elemOther.
type elem uint8

const (
	elemOther elem = iota
	elemA
	elemAbbr
	elemAddress
	elemAnnotationXML
	elemApplet
	elemArea
	elemArticle
	elemAside
	elemAudio
	elemB
	elemBase
	elemBdi
	elemBdo
	elemBGSound
	elemBig
	elemBlockquote
	elemBody
	elemBR
	elemCenter
	elemCite
	elemCode
	elemData
	elemDD
	elemDel
	elemDesc
	elemDfn
	elemDiv
	elemDL
	elemDT
	elemEm
	elemEmbed
	elemFeImage
	elemFont
	elemFooter
	elemForeignObject
	elemForm
	elemFrame
	elemH1
	elemH2
	elemH3
	elemH4
	elemH5
	elemH6
	elemHead
	elemHeader
	elemHR
	elemHTML
	elemI
	elemIframe
	elemImage
	elemImg
	elemInput
	elemIns
	elemKbd
	elemLI
	elemLink
	elemListing
	elemMain
	elemMark
	elemMath
	elemMenu
	elemMeta
	elemMeter
	elemMI
	elemMN
	elemMO
	elemMS
	elemMText
	elemNav
	elemNobr
	elemNoembed
	elemNoframes
	elemNoscript
	elemObject
	elemOL
	elemP
	elemPlaintext
	elemPre
	elemQ
	elemRuby
	elemS
	elemSamp
	elemScript
	elemSection
	elemSmall
	elemSource
	elemSpan
	elemStrike
	elemStrong
	elemStyle
	elemSub
	elemSup
	elemSVG
	elemTable
	elemTBody
	elemTD
	elemTemplate
	elemTextarea
	elemTFoot
	elemTH
	elemTHead
	elemTime
	elemTitle
	elemTR
	elemTrack
	elemTT
	elemU
	elemUL
	elemUse
	elemVar
	elemVideo
	elemWBR
	elemXMP
	elemCount
)

// elemNames holds the names in the order of the constants.
var elemNames = [elemCount]string{
	"", "a", "abbr", "address", "annotation-xml", "applet", "area", "article", "aside", "audio", "b", "base", "bdi", "bdo",
	"bgsound", "big", "blockquote", "body", "br", "center", "cite", "code", "data", "dd", "del", "desc", "dfn", "div", "dl", "dt",
	"em", "embed", "feimage", "font", "footer", "foreignobject", "form", "frame", "h1", "h2", "h3", "h4", "h5", "h6", "head",
	"header", "hr", "html", "i", "iframe", "image", "img", "input", "ins", "kbd", "li", "link", "listing", "main", "mark", "math",
	"menu", "meta", "meter", "mi", "mn", "mo", "ms", "mtext", "nav", "nobr", "noembed", "noframes", "noscript", "object", "ol", "p",
	"plaintext", "pre", "q", "ruby", "s", "samp", "script", "section", "small", "source", "span", "strike", "strong", "style",
	"sub", "sup", "svg", "table", "tbody", "td", "template", "textarea", "tfoot", "th", "thead", "time", "title", "tr", "track", "tt",
	"u", "ul", "use", "var", "video", "wbr", "xmp",
}

// attrID is an attribute that is read; all others are attrOther. There are at
// most 64, so that a word holds which of them a tag has.
type attrID uint8

const (
	attrOther attrID = iota
	attrAction
	attrAlt
	attrArchive
	attrAs
	attrBackground
	attrClass
	attrCode
	attrColor
	attrContent
	attrData
	attrDataSrc
	attrDataSrcset
	attrDatetime
	attrEncoding
	attrFace
	attrHref
	attrHreflang
	attrHTTPEquiv
	attrIdent
	attrImagesrcset
	attrItemprop
	attrItemscope
	attrItemtype
	attrLang
	attrLowsrc
	attrMethod
	attrName
	attrPoster
	attrProperty
	attrRel
	attrRole
	attrShadowrootmode
	attrSize
	attrSrc
	attrSrcdoc
	attrSrcset
	attrStyle
	attrTitle
	attrType
	attrValue
	attrXlinkHref
	attrCount
)

var attrNames = [attrCount]string{
	"", "action", "alt", "archive", "as", "background", "class", "code", "color", "content", "data", "data-src", "data-srcset", "datetime", "encoding", "face", "href",
	"hreflang", "http-equiv", "id", "imagesrcset", "itemprop", "itemscope", "itemtype", "lang", "lowsrc", "method", "name", "poster",
	"property", "rel", "role", "shadowrootmode", "size", "src", "srcdoc", "srcset", "style", "title", "type", "value", "xlink:href",
}

// A nameTable finds the number of a name by the key of its first eight bytes,
// in lower case, and its length.
type nameTable struct {
	at    [slots]nameSlot
	names []string
}

type nameSlot struct {
	key    uint64
	length uint8 // of the name; 0 for an empty slot
	number uint8
	weak   bool // the key is not the whole name, or one with other signs than letters
}

// slots is the size of a nameTable, several times the names in it.
const slots = 1 << 10

func newNameTable(names []string) *nameTable {
	t := &nameTable{names: names}
	for n, name := range names[1:] {
		key := nameKey(name)
		i := slotOf(key, len(name))
		for t.at[i].length != 0 {
			i = (i + 1) % slots
		}
		letters := strings.Trim(name, "abcdefghijklmnopqrstuvwxyz") == ""
		t.at[i] = nameSlot{key, uint8(len(name)), uint8(n + 1), len(name) > 8 || !letters}
	}
	return t
}

func slotOf(key uint64, length int) uint64 {
	return (key + uint64(length)) * 0x9E3779B97F4A7C15 >> (64 - 10)
}

// nameKey returns the key of a name.
func nameKey(name string) uint64 {
	key, _ := nameFrom(name, 0, 0)
	return key
}

// fold is what distinguishes an upper-case letter, in each byte of a key.
const fold = 0x2020202020202020

// nameFrom reads the name that begins at i and ends before a byte that tagBytes
// says so of, though never before its first; it returns its key and its end.
func nameFrom(s string, i int, ends uint8) (key uint64, end int) {
	if i+8 <= len(s) {
		v := load(s, i)
		for at := noLetters(v) &^ 0xFF; at != 0; at &= at - 1 {
			n := bits.TrailingZeros64(at) / 8
			if tagBytes[s[i+n]]&ends != 0 {
				return v&(1<<(8*n)-1) | fold, i + n
			}
		}
	}
	key = fold
	for end = i; end < len(s) && (end == i || tagBytes[s[end]]&ends == 0); end++ {
		if n := end - i; n < 8 {
			key |= uint64(s[end]) << (8 * n)
		}
	}
	return key, end
}

// plainName reads the name of at most seven letters that begins at i and ends
// before that sign, which no name holds; its end is 0 if there is none.
func plainName(s string, i int, sign byte) (key uint64, end int) {
	if i+8 > len(s) {
		return 0, 0
	}
	v := load(s, i)
	n := bits.TrailingZeros64(noLetters(v)&^0xFF) / 8 % 8
	if s[i+n] != sign || n == 0 {
		return 0, 0
	}
	return v&(1<<(8*n)-1) | fold, i + n
}

// load returns the eight bytes of s from i on, the first one lowest.
func load(s string, i int) uint64 {
	return binary.LittleEndian.Uint64(unsafe.Slice(unsafe.StringData(s), len(s))[i:])
}

// noLetters marks the bytes of v at which a name may end, and few others in
// names: those that lack what letters have.
func noLetters(v uint64) uint64 { return ^v & (0x40 * eachByte) }

// find returns the number of the name with that key, 0 if it has none.
func (t *nameTable) find(key uint64, name string) uint8 {
	for i := slotOf(key, len(name)); ; i = (i + 1) % slots {
		slot := &t.at[i]
		if slot.length == 0 {
			return 0
		}
		if slot.key == key && int(slot.length) == len(name) && (!slot.weak || equalFold(t.names[slot.number], name)) {
			return slot.number
		}
	}
}

// equalFold reports whether s is the lower-case name, its ASCII letters of
// either case.
func equalFold(name, s string) bool {
	if len(name) != len(s) {
		return false
	}
	for i := range len(name) {
		if c := s[i]; c != name[i] && (c < 'A' || c > 'Z' || c|0x20 != name[i]) {
			return false
		}
	}
	return true
}

var (
	elemByName = newNameTable(elemNames[:])
	attrByName = newNameTable(attrNames[:])
)
