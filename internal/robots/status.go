package robots

const tooManyRequests = 429 // RFC 6585, section 4

// State is what an HTTP status says about a robots.txt (RFC 9309, section 2.3.1).
type State int

const (
	Found       State = iota // parse the body
	Unavailable              // there are no rules: use AllowAll
	Unreachable              // rules may exist but cannot be read: use DisallowAll and ask again
)

// Answer returns the State for the status of the last response. A redirect
// counts as Unavailable: the caller follows at least five of them and asks about
// the response it ends at. 429 counts as Unreachable although the RFC puts it
// among the 4xx: a server that is too busy has not said that it has no rules.
func Answer(status int) State {
	switch {
	case status >= 200 && status < 300:
		return Found
	case status == tooManyRequests:
		return Unreachable
	case status >= 300 && status < 500:
		return Unavailable
	}
	return Unreachable
}
