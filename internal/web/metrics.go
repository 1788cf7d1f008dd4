package web

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Stats are the figures of /metrics. None has a label that a site, or whoever
// asks, could make many of: hosts and URLs are in the tables.
type Stats struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	took     *prometheus.HistogramVec
	answers  *prometheus.CounterVec
	received prometheus.Counter
	fetches  prometheus.Histogram
	ended    *prometheus.CounterVec
}

// NewStats returns figures that are all zero.
func NewStats() *Stats {
	s := &Stats{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "crawl_http_requests_total", Help: "Requests that this server answered."}, []string{"route", "code"}),
		took:     prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "crawl_http_request_seconds", Help: "How long they took.", Buckets: prometheus.ExponentialBuckets(0.001, 4, 8)}, []string{"route"}),
		answers:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "crawl_visits_total", Help: "Visits of pages by class of status; none: no answer."}, []string{"class"}),
		received: prometheus.NewCounter(prometheus.CounterOpts{Name: "crawl_received_bytes_total", Help: "Bytes of bodies, as they were sent."}),
		fetches:  prometheus.NewHistogram(prometheus.HistogramOpts{Name: "crawl_fetch_seconds", Help: "From a request to the end of its answer.", Buckets: prometheus.ExponentialBuckets(0.005, 3, 9)}),
		ended:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "crawl_runs_ended_total", Help: "Runs that ended, by the state they ended in; failed: by a fault of ours."}, []string{"state"}),
	}
	s.registry.MustRegister(s.requests, s.took, s.answers, s.received, s.fetches, s.ended,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return s
}

// Gauge adds a figure that is looked up whenever somebody asks. labels are pairs
// of name and value; of one name there may be several that differ in values.
func (s *Stats) Gauge(name, help string, labels prometheus.Labels, value func() float64) {
	s.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, value))
}

// Visited counts a visit.
func (s *Stats) Visited(status int, bytes int64, took time.Duration) {
	class := "none"
	if status >= 100 && status < 600 {
		class = strconv.Itoa(status/100) + "xx"
	}
	s.answers.WithLabelValues(class).Inc()
	s.received.Add(float64(max(bytes, 0)))
	s.fetches.Observe(took.Seconds())
}

// Ended counts the end of a run.
func (s *Stats) Ended(state string) { s.ended.WithLabelValues(state).Inc() }

// request counts an answer.
func (s *Stats) request(in *visit, status int, took time.Duration) {
	name := "none"
	if in.route != nil {
		name = in.route.path
	}
	s.requests.WithLabelValues(name, strconv.Itoa(status)).Inc()
	s.took.WithLabelValues(name).Observe(took.Seconds())
}

func (a *API) metrics(w http.ResponseWriter, r *http.Request) error {
	promhttp.HandlerFor(a.Stats.registry, promhttp.HandlerOpts{DisableCompression: true}).ServeHTTP(w, r)
	return nil
}
