package outbound

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/signet-id/signet/provider"
)

// The failures that callers tell apart; compare with errors.Is. The texts around them name addresses
// of the inside: they are for the log, not for whoever named the URL.
var (
	// ErrForbidden says that a URL, or an address that it leads to, must not be reached.
	ErrForbidden = provider.ErrForbiddenTarget
	// ErrRedirect says that the answer was a redirect.
	ErrRedirect = errors.New("redirect refused")
	// ErrTooLarge says that the answer has more than Options.MaxBody bytes.
	ErrTooLarge = errors.New("answer is too large")
	// ErrStatus says that the answer's status is not the one that was hoped for.
	ErrStatus = errors.New("unexpected status")
)

// Options say what a Client may reach, and how much it takes. A zero field has its default.
type Options struct {
	// AllowPrivate are the networks that may be reached although they are not public.
	AllowPrivate []netip.Prefix
	// AllowHTTP lets http URLs pass beside https ones.
	AllowHTTP bool
	// Timeout bounds a whole exchange, the body's last byte included; default 5 s.
	Timeout time.Duration
	// MaxBody bounds an answer, in bytes; default 64 KiB.
	MaxBody int64
	// UserAgent is sent with requests that have none.
	UserAgent string
	// Resolver finds addresses, RootCAs are trusted; by default those of the machine.
	Resolver *net.Resolver
	RootCAs  *x509.CertPool
}

// Client is an http.Client that keeps to its Options.
type Client struct {
	*http.Client
	guard    guard
	resolver *net.Resolver
}

// maxHeader bounds the header of an answer, in bytes.
const maxHeader = 16 << 10

// New returns a Client.
func New(o Options) *Client {
	timeout := cmp.Or(o.Timeout, 5*time.Second)
	resolver := cmp.Or(o.Resolver, net.DefaultResolver)
	guard := guard{allowed: o.AllowPrivate, http: o.AllowHTTP}
	dialer := &net.Dialer{Timeout: timeout, Resolver: resolver, Control: guard.control}
	return &Client{
		Client: &http.Client{
			Timeout:       timeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return ErrRedirect },
			Transport: &transport{
				guard: guard, maxBody: cmp.Or(o.MaxBody, 64<<10), userAgent: o.UserAgent,
				base: &http.Transport{
					Proxy: nil, DialContext: dialer.DialContext, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.RootCAs},
					TLSHandshakeTimeout: timeout, MaxResponseHeaderBytes: maxHeader, DisableCompression: true,
					MaxIdleConns: 16, IdleConnTimeout: 30 * time.Second,
				},
			},
		},
		guard: guard, resolver: resolver,
	}
}

// Check tells whether a URL may be reached now, such as when somebody registers it: it returns nil, or
// an error that is ErrForbidden when the URL or one of the host's addresses is. It promises nothing
// for later; every connection is judged again.
func (c *Client) Check(ctx context.Context, rawURL string) error {
	u, err := url.Parse(rawURL)
	if err != nil {
		return fmt.Errorf("%w: not a URL", ErrForbidden)
	}
	if err := c.guard.checkURL(u); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	addrs, err := c.resolver.LookupNetIP(ctx, "ip", u.Hostname())
	if err != nil {
		return fmt.Errorf("resolve %s: %w", u.Hostname(), err)
	}
	for _, addr := range addrs {
		if err := c.guard.checkAddr(addr); err != nil {
			return err
		}
	}
	return nil
}

// Fetch returns the body of a URL that is answered with 200.
func (c *Client) Fetch(ctx context.Context, rawURL string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, rawURL, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("%w: not a URL", ErrForbidden)
	}
	response, err := c.Do(request)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	err = errors.Join(err, response.Body.Close())
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%w: %d", ErrStatus, response.StatusCode)
	}
	if err != nil {
		return nil, fmt.Errorf("fetch %s: %w", request.URL.Host, err)
	}
	return body, nil
}

// guard is what may be reached.
type guard struct {
	allowed []netip.Prefix
	http    bool
}

// checkURL judges what does not depend on where the host is.
func (g guard) checkURL(u *url.URL) error {
	host := u.Hostname()
	switch {
	case u.Scheme != "https" && (u.Scheme != "http" || !g.http):
		return fmt.Errorf("%w: scheme %q", ErrForbidden, u.Scheme)
	case u.User != nil:
		return fmt.Errorf("%w: credentials in the URL", ErrForbidden)
	case host == "" || numericName(host):
		return fmt.Errorf("%w: host %q", ErrForbidden, host)
	}
	if u.Port() == "" {
		return nil
	}
	// The well-known ports of other protocols are not for us to speak HTTP to.
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || (port < 1024 && port != 443 && (port != 80 || !g.http)) {
		return fmt.Errorf("%w: port %s", ErrForbidden, u.Port())
	}
	return nil
}

// number is a last label that some resolvers take for a part of an IPv4 address.
var number = regexp.MustCompile(`^([0-9]+|0[xX][0-9a-fA-F]*)$`)

// numericName tells whether a host is an IPv4 address in disguise, such as 2130706433, 0x7f.1 or
// 0177.0.0.1 (WHATWG URL's "ends in a number").
func numericName(host string) bool {
	_, err := netip.ParseAddr(host)
	host = strings.TrimSuffix(host, ".")
	return err != nil && number.MatchString(host[strings.LastIndexByte(host, '.')+1:])
}

func (g guard) checkAddr(addr netip.Addr) error {
	if IsPublic(addr) {
		return nil
	}
	for _, network := range g.allowed {
		if network.Contains(addr.Unmap()) {
			return nil
		}
	}
	return fmt.Errorf("%w: address %s", ErrForbidden, addr)
}

// control judges an address when the connection to it is about to be made (net.Dialer.Control).
func (g guard) control(_, address string, _ syscall.RawConn) error {
	addr, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: address %q", ErrForbidden, address)
	}
	return g.checkAddr(addr.Addr())
}

// transport judges each request's URL and bounds each answer.
type transport struct {
	guard     guard
	base      *http.Transport
	maxBody   int64
	userAgent string
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	if err := t.guard.checkURL(request.URL); err != nil {
		return nil, errors.Join(err, closeBody(request))
	}
	if _, ok := request.Header["User-Agent"]; !ok && t.userAgent != "" {
		request = request.Clone(request.Context())
		request.Header.Set("User-Agent", t.userAgent)
	}
	response, err := t.base.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	if response.ContentLength > t.maxBody {
		return nil, errors.Join(ErrTooLarge, response.Body.Close())
	}
	response.Body = &boundedBody{ReadCloser: response.Body, left: t.maxBody}
	return response, nil
}

// CloseIdleConnections serves http.Client's method of that name.
func (t *transport) CloseIdleConnections() { t.base.CloseIdleConnections() }

// closeBody keeps a RoundTripper's promise for a request that is not sent.
func closeBody(request *http.Request) error {
	if request.Body == nil {
		return nil
	}
	return request.Body.Close()
}

// boundedBody fails with ErrTooLarge after left bytes if there are more: an answer that is too large
// must not pass for a whole one.
type boundedBody struct {
	io.ReadCloser
	left int64
}

// Read implements io.Reader.
func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, ErrTooLarge
	}
	n, err := b.ReadCloser.Read(p)
	if int64(n) > b.left {
		n, err = int(b.left), ErrTooLarge
		b.left = -1
		return n, err
	}
	b.left -= int64(n)
	return n, err
}
