package crawler

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"crawl/fetcher"
	"crawl/internal/parse"
	"crawl/internal/weburl"
	"crawl/store"
)

// HasFields tells whether rules are asked about a page: an HTML page that was
// there.
func HasFields(p *store.Page) bool {
	return p.Kind == store.KindPage && p.Type == "html" && p.Status == http.StatusOK
}

// SetFields applies rules to a page that HasFields, whose decoded body is given,
// as FieldsOf does.
func (s *Spec) SetFields(log *slog.Logger, p *store.Page, header http.Header, body []byte) {
	p.Fields, p.FieldsBy = StoreFields(s.FieldsOf(log, askedFor(p), header, body, false)), s.Fields.ID()
}

// FieldsOf applies rules to an HTML page found at u, with the markup that values
// came from if matched. A panic of the library that selects costs the page its
// fields; log is told of it.
func (s *Spec) FieldsOf(log *slog.Logger, u weburl.URL, header http.Header, body []byte, matched bool) (all []parse.FieldValue) {
	if !Survive(log, "the selectors", u, func() {
		all = s.Fields.Extract(u, header, body, parse.FieldOptions{Time: s.MaxParse, Matched: matched})
	}) {
		return s.Fields.Fail("the selectors failed on this page")
	}
	return all
}

// askedFor is the address that relative links of a page count from.
func askedFor(p *store.Page) weburl.URL {
	if u, err := weburl.Parse(p.Asked); err == nil {
		return u
	}
	return p.URL
}

// StoreFields are values as a page keeps them.
func StoreFields(values []parse.FieldValue) []store.Field {
	var all []store.Field
	for _, v := range values {
		all = append(all, store.Field{Name: v.Name, State: v.State, Values: v.Values, Number: v.Number, Many: v.Many, Why: v.Why})
	}
	return all
}

// fields applies the rules of the run to a page whose decoded body is given.
func (w *Job) fields(p *store.Page, header http.Header, body []byte) {
	if w.spec.Fields.ID() != "" {
		w.spec.SetFields(w.Log, p, header, body)
	}
}

// fieldsAgain gives an unchanged page its fields: those it had, if they are by
// the same rules, else what the rules of this run find in the body that is kept.
func (w *Job) fieldsAgain(ctx context.Context, p, good *store.Page) error {
	if good.FieldsBy == w.spec.Fields.ID() || !HasFields(good) {
		p.Fields, p.FieldsBy = good.Fields, good.FieldsBy
		return nil
	}
	if w.spec.Fields.ID() == "" {
		return nil
	}
	header, raw, err := w.Store.Body(ctx, good)
	if err != nil {
		return err
	}
	w.fields(p, header, fetcher.Decode(header, raw, w.spec.MaxBody, w.spec.MaxRatio))
	return nil
}

// readable tells whether the fields of a page can be had without asking for it
// again.
func (s *Spec) readable(p *store.Page) bool {
	id := s.Fields.ID()
	return id == "" || id == p.FieldsBy || p.Payload.Segment != 0 || !HasFields(p)
}

// CountFields adds what the rules found on a page to a run's coverage.
func CountFields(coverage []store.Coverage, p *store.Page) []store.Coverage {
	for _, f := range p.Fields {
		i := slices.IndexFunc(coverage, func(c store.Coverage) bool { return c.Name == f.Name })
		if i < 0 {
			i, coverage = len(coverage), append(coverage, store.Coverage{Name: f.Name})
		}
		c := &coverage[i]
		switch f.State {
		case store.FieldFilled:
			c.Filled++
		case store.FieldFailed:
			if c.Failed++; c.Why == "" {
				c.Why = f.Why
			}
		default:
			c.Empty++
		}
	}
	return coverage
}

// CoverageOf is the coverage of rules on no page yet.
func CoverageOf(rules []string) (all []store.Coverage) {
	for _, rule := range rules {
		name, _, _ := strings.Cut(rule, "=")
		all = append(all, store.Coverage{Name: name})
	}
	return all
}
