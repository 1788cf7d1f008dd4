package parse

// trait is a property of elements.
type trait uint16

const (
	inline      trait = 1 << iota // may stand inside a word
	void                          // has no content and no end tag
	foreignRoot                   // svg, math
	mathText                      // holds HTML in MathML
	breaksOut                     // its start tag ends foreign content
	landmark                      // is, or may be by its class, a place of the page
	once                          // a second one, not nested, ends the first: p, li and such
	linking                       // its tag may hold addresses or directives
	holding                       // holders has its attributes
	opening                       // walker.open knows it
	closing                       // walker.close knows it
	reading                       // all of its attributes in attrNames are read
	special                       // its content is not markup like any other: rawOf, template
)

var traits [elemCount]trait

func is(e elem, t trait) bool { return traits[e]&t != 0 }

func init() {
	for t, names := range map[trait][]elem{
		inline: {
			elemA, elemAbbr, elemB, elemBdi, elemBdo, elemBig, elemCite, elemCode, elemData, elemDel, elemDfn, elemEm, elemFont, elemI, elemIns,
			elemKbd, elemMark, elemMeter, elemNobr, elemQ, elemS, elemSamp, elemSmall, elemSpan, elemStrike, elemStrong, elemSub, elemSup,
			elemTime, elemTT, elemU, elemVar, elemWBR,
		},
		void: {
			elemArea, elemBase, elemBGSound, elemBR, elemEmbed, elemFrame, elemHR, elemImg, elemInput, elemLink, elemMeta, elemSource,
			elemTrack, elemWBR,
		},
		foreignRoot: {elemSVG, elemMath},
		mathText:    {elemMI, elemMO, elemMN, elemMS, elemMText},
		breaksOut: {
			elemB, elemBig, elemBlockquote, elemBody, elemBR, elemCenter, elemCode, elemDD, elemDiv, elemDL, elemDT, elemEm, elemEmbed,
			elemH1, elemH2, elemH3, elemH4, elemH5, elemH6, elemHead, elemHR, elemI, elemImg, elemLI, elemListing, elemMenu, elemMeta,
			elemNobr, elemOL, elemP, elemPre, elemRuby, elemS, elemSmall, elemSpan, elemStrong, elemStrike, elemSub, elemSup, elemTable,
			elemTT, elemU, elemUL, elemVar,
		},
		landmark: {
			elemArticle, elemAside, elemDiv, elemFooter, elemHeader, elemMain, elemNav, elemSection, elemTable, elemTD, elemUL, elemOL, elemForm,
		},
		once:    {elemP, elemDT, elemDD, elemLI, elemTD, elemTH, elemTR},
		linking: {elemA, elemLink, elemMeta, elemInput, elemForm, elemIframe, elemScript},
		opening: {elemTitle, elemH1, elemH2, elemH3, elemH4, elemH5, elemH6, elemA, elemImg, elemHTML, elemBase},
		closing: {elemTemplate, elemA, elemTitle, elemH1, elemH2, elemH3, elemH4, elemH5, elemH6},
		special: {
			elemStyle, elemIframe, elemNoembed, elemNoframes, elemXMP, elemTextarea, elemTitle, elemScript, elemPlaintext, elemTemplate,
		},
	} {
		for _, e := range names {
			traits[e] |= t
		}
	}
	for e := range elemCount {
		if holders[e] != nil {
			traits[e] |= holding
		}
		if is(e, landmark|linking|holding|opening|special) {
			traits[e] |= reading
		}
	}
	for _, e := range []elem{elemTime, elemData, elemMeter, elemFont, elemAnnotationXML} {
		traits[e] |= reading
	}
}
