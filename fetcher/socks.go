package fetcher

import (
	"context"
	"fmt"
	"net"

	"golang.org/x/net/proxy"
)

// forward connects to the SOCKS proxy for x/net/proxy.
type forward struct{ n *network }

func (f forward) Dial(network, address string) (net.Conn, error) {
	return f.DialContext(context.Background(), network, address)
}

func (f forward) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return f.n.openProxy(ctx, network, address)
}

// socks connects through a SOCKS5 proxy (RFC 1928): with socks5 to an address
// that was looked up and judged here, with socks5h by name.
func (n *network) socks(ctx context.Context, network, address string, o origin) (net.Conn, error) {
	if n.via.Scheme == "socks5" {
		addrs, err := n.addresses(ctx, address, o)
		if err != nil {
			return nil, err
		}
		a := addrs[0]
		if !a.free && !Public(a.Addr()) {
			return nil, errRefused
		}
		address = a.String()
	}
	var auth *proxy.Auth
	if u := n.via.User; u != nil {
		password, _ := u.Password()
		auth = &proxy.Auth{User: u.Username(), Password: password}
	}
	port := n.via.Port()
	if port == "" {
		port = "1080"
	}
	d, err := proxy.SOCKS5("tcp", net.JoinHostPort(n.via.Hostname(), port), auth, forward{n})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errProxy, err)
	}
	c, err := d.(proxy.ContextDialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errProxy, err)
	}
	return c, nil
}
