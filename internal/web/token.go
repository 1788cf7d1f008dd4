package web

import (
	"bufio"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
)

// Scope is what a token allows. Each allows what those before it do.
type Scope int

// Scopes, as token files and the OpenAPI document call them.
const (
	Open  Scope = iota // no token is needed
	Read               // look at everything
	Run                // start and steer runs
	Admin              // whatever the user of the machine may do: seeds in private networks, schedules
)

var scopeNames = []string{"open", "read", "run", "admin"}

func (s Scope) String() string { return scopeNames[s] }

// Bounds on a file of tokens.
const (
	maxTokens  = 100
	leastToken = 20 // bytes
	mostToken  = 512
)

// Tokens are what clients may show. Only digests are kept.
type Tokens struct{ grants []grant }

type grant struct {
	digest [sha256.Size]byte
	scope  Scope
}

// NewToken makes a token that nobody can guess.
func NewToken() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // it never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// ParseTokens reads a file of tokens: a scope and a token a line, or a token
// alone, which is for admin. Lines that begin with # say nothing. No error
// repeats a token.
func ParseTokens(text string) (*Tokens, error) {
	t := &Tokens{}
	lines := bufio.NewScanner(strings.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		words := strings.Fields(lines.Text())
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		scope := Admin
		if len(words) == 2 {
			if scope = scopeOf(words[0]); scope == Open {
				return nil, fmt.Errorf("line %d: the scope before a token is read, run or admin", n)
			}
			words = words[1:]
		}
		if len(words) != 1 || len(words[0]) < leastToken || len(words[0]) > mostToken {
			return nil, fmt.Errorf("line %d: a line is a scope and a token of %d to %d bytes", n, leastToken, mostToken)
		}
		if t.grants = append(t.grants, grant{sha256.Sum256([]byte(words[0])), scope}); len(t.grants) > maxTokens {
			return nil, fmt.Errorf("there are more than %d tokens", maxTokens)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(t.grants) == 0 {
		return nil, fmt.Errorf("there is no token")
	}
	return t, nil
}

func scopeOf(name string) Scope {
	for s, n := range scopeNames {
		if n == name {
			return Scope(s)
		}
	}
	return Open
}

// scope is what a token allows; Open if nothing. It takes as long for any token.
func (t *Tokens) scope(token string) Scope {
	digest, scope := sha256.Sum256([]byte(token)), 0
	for _, g := range t.grants {
		same := subtle.ConstantTimeCompare(digest[:], g.digest[:])
		scope = subtle.ConstantTimeSelect(same, max(scope, int(g.scope)), scope)
	}
	return Scope(scope)
}
