package parse

import "strings"

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
		key := nameKey(name, 0, len(name))
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

// nameKey returns the key of the name in s from start to end: what distinguishes
// an upper-case letter is set in every byte.
func nameKey(s string, start, end int) uint64 {
	const fold = 0x2020202020202020
	n := end - start
	if start+8 <= len(s) {
		b := s[start : start+8]
		key := uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
			uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
		if n < 8 {
			key &= 1<<(8*n) - 1
		}
		return key | fold
	}
	key := uint64(fold)
	for i := start; i < end; i++ {
		key |= uint64(s[i]) << (8 * (i - start))
	}
	return key
}

// find returns the number of the name in s from start to end, 0 if it has none.
func (t *nameTable) find(s string, start, end int) uint8 {
	key, n := nameKey(s, start, end), end-start
	for i := slotOf(key, n); ; i = (i + 1) % slots {
		slot := &t.at[i]
		if slot.length == 0 {
			return 0
		}
		if slot.key == key && int(slot.length) == n && (!slot.weak || equalFold(t.names[slot.number], s[start:end])) {
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
