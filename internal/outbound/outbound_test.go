package outbound

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/signet-id/signet/provider"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// toLoopback reaches the servers of the tests over http.
func toLoopback() Options {
	return Options{AllowPrivate: loopback, AllowHTTP: true}
}

func get(t *testing.T, client *Client, url string) (*http.Response, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	require.NoError(t, err)
	return client.Do(request)
}

// read fetches a URL whole.
func read(t *testing.T, client *Client, url string) (string, error) {
	t.Helper()
	response, err := get(t, client, url)
	if err != nil {
		return "", err
	}
	defer func() { require.NoError(t, response.Body.Close()) }()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

// serve starts a server on 127.0.0.1 that counts the requests that reached it.
func serve(t *testing.T, handler http.HandlerFunc) (url string, reached *atomic.Int32) {
	t.Helper()
	reached = &atomic.Int32{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached.Add(1)
		handler(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL, reached
}

func ok(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "inside") }

// nameServer answers A questions with the address that addr gives for the n-th one (from 1).
func nameServer(t *testing.T, addr func(n int32) string) *net.Resolver {
	t.Helper()
	conn, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp4", "127.0.0.1:0")
	require.NoError(t, err)
	var asked atomic.Int32
	done := make(chan struct{})
	t.Cleanup(func() { require.NoError(t, conn.Close()); <-done })
	go func() {
		defer close(done)
		buffer := make([]byte, 1500)
		for {
			n, peer, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			var question dnsmessage.Message
			if question.Unpack(buffer[:n]) != nil || len(question.Questions) != 1 {
				continue
			}
			answer := dnsmessage.Message{Header: dnsmessage.Header{ID: question.ID, Response: true, RecursionAvailable: true}, Questions: question.Questions}
			if q := question.Questions[0]; q.Type == dnsmessage.TypeA {
				answer.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
					Body:   &dnsmessage.AResource{A: netip.MustParseAddr(addr(asked.Add(1))).As4()},
				}}
			}
			packed, err := answer.Pack()
			if err == nil {
				_, _ = conn.WriteTo(packed, peer)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp4", conn.LocalAddr().String())
	}}
}

func TestAllowedServerIsReached(t *testing.T) {
	t.Parallel()
	t.Run("over http", func(t *testing.T) {
		t.Parallel()
		server, _ := serve(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.UserAgent()) })
		options := toLoopback()
		options.UserAgent = "signet/1"
		client := New(options)
		require.NoError(t, client.Check(t.Context(), server))
		body, err := read(t, client, server)
		require.NoError(t, err)
		require.Equal(t, "signet/1", body)
	})
	t.Run("over https by name", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewTLSServer(http.HandlerFunc(ok))
		t.Cleanup(server.Close)
		roots := x509.NewCertPool()
		roots.AddCert(server.Certificate())
		client := New(Options{AllowPrivate: loopback, RootCAs: roots, Resolver: nameServer(t, func(int32) string { return "127.0.0.1" })})
		target, err := url.Parse(server.URL)
		require.NoError(t, err)
		body, err := read(t, client, "https://example.com:"+target.Port())
		require.NoError(t, err)
		require.Equal(t, "inside", body)

		_, err = read(t, New(Options{AllowPrivate: loopback}), server.URL)
		require.ErrorContains(t, err, "certificate", "an unknown certificate was trusted")
	})
}

// DCR-02.
func TestForbiddenTargetsAreNotReached(t *testing.T) {
	t.Parallel()
	server, reached := serve(t, ok)
	target, err := url.Parse(server)
	require.NoError(t, err)
	port := ":" + target.Port()
	open := New(Options{AllowHTTP: true})
	for _, host := range []string{
		"127.0.0.1", "127.1.2.3", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:a9fe:a9fe]", "[::ffff:169.254.169.254]", "169.254.169.254",
		"10.0.0.1", "100.64.0.1", "192.168.0.1", "[fd00::1]", "[fe80::1%25lo]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "localhost",
		"2130706433", "0x7f000001", "0x7f.1", "0X7F.0x", "0177.0.0.1", "017700000001", "127.1", "127.0.0.1.",
	} {
		_, err := get(t, open, "http://"+host+port) //nolint:bodyclose // there is none
		require.ErrorIs(t, err, ErrForbidden, host)
		require.ErrorIs(t, open.Check(t.Context(), "http://"+host+port), ErrForbidden, host)
	}
	for name, tc := range map[string]struct {
		client *Client
		url    string
	}{
		"http where it is not allowed":    {New(Options{AllowPrivate: loopback}), server},
		"file":                            {open, "file:///etc/passwd"},
		"gopher":                          {open, "gopher://1.1.1.1:6379/_FLUSHALL"},
		"no scheme":                       {open, "//1.1.1.1/"},
		"no host":                         {open, "http:///x"},
		"credentials":                     {New(toLoopback()), "http://user:pass@" + target.Host},
		"port of SMTP":                    {open, "http://1.1.1.1:25/"},
		"port of http where not allowed":  {New(Options{}), "https://1.1.1.1:80/"},
		"port that does not exist":        {open, "http://1.1.1.1:65536/"},
		"a network that is not the right": {New(Options{AllowHTTP: true, AllowPrivate: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}), server},
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorIs(t, tc.client.Check(t.Context(), tc.url), ErrForbidden)
			_, err := get(t, tc.client, tc.url) //nolint:bodyclose // there is none
			require.ErrorIs(t, err, ErrForbidden)
		})
	}
	require.Zero(t, reached.Load(), "the inside was reached")
}

func TestProxyOfTheEnvironmentIsNotUsed(t *testing.T) {
	server, reached := serve(t, ok)
	t.Setenv("HTTP_PROXY", server)
	t.Setenv("HTTPS_PROXY", server)
	client := New(Options{AllowHTTP: true, Timeout: 200 * time.Millisecond, AllowPrivate: loopback, Resolver: nameServer(t, func(int32) string { return "10.255.255.1" })})
	_, err := get(t, client, "http://proxied.example/") //nolint:bodyclose // there is none
	require.ErrorIs(t, err, ErrForbidden)
	require.Zero(t, reached.Load())
}

// A name that was public when it was checked, and leads inside when it is used.
func TestRebindingNameDoesNotLeadInside(t *testing.T) {
	t.Parallel()
	server, reached := serve(t, ok)
	target, err := url.Parse(server)
	require.NoError(t, err)
	client := New(Options{AllowHTTP: true, Resolver: nameServer(t, func(n int32) string {
		if n == 1 {
			return "93.184.215.14"
		}
		return "127.0.0.1"
	})})
	rebinding := "http://rebinding.example:" + target.Port()
	require.NoError(t, client.Check(t.Context(), rebinding))
	_, err = get(t, client, rebinding) //nolint:bodyclose // there is none
	require.ErrorIs(t, err, ErrForbidden)
	require.ErrorIs(t, client.Check(t.Context(), rebinding), ErrForbidden)
	require.Zero(t, reached.Load())
}

func TestUnknownNameIsNotForbidden(t *testing.T) {
	t.Parallel()
	nobody := New(Options{Timeout: 50 * time.Millisecond, Resolver: &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, io.ErrUnexpectedEOF
	}}})
	err := nobody.Check(t.Context(), "https://nobody.example/")
	require.Error(t, err)
	require.NotErrorIs(t, err, ErrForbidden)
}

func TestFetch(t *testing.T) {
	t.Parallel()
	server, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/keys":
			_, _ = io.WriteString(w, "inside")
		case "/large":
			_, _ = io.WriteString(w, strings.Repeat("x", 65<<10))
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	})
	client := New(toLoopback())
	body, err := client.Fetch(t.Context(), server+"/keys#fragment")
	require.NoError(t, err)
	require.Equal(t, "inside", string(body))
	for url, want := range map[string]error{server + "/other": ErrStatus, server + "/large": ErrTooLarge, "file:///etc/passwd": provider.ErrForbiddenTarget, "%": ErrForbidden} {
		_, err = client.Fetch(t.Context(), url)
		require.ErrorIs(t, err, want)
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	inside, reached := serve(t, ok)
	for _, status := range []int{301, 302, 303, 307, 308} {
		server, _ := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, inside, status) })
		_, err := read(t, New(toLoopback()), server)
		require.ErrorIs(t, err, ErrRedirect, status)
	}
	require.Zero(t, reached.Load())
}

func TestAnswerThatIsTooLargeFails(t *testing.T) {
	t.Parallel()
	const most = 64 << 10
	var sent atomic.Int64
	server, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		size := 0
		_, err := fmt.Sscan(r.URL.Query().Get("size"), &size)
		require.NoError(t, err)
		if r.URL.Path == "/announced" {
			w.Header().Set("Content-Length", fmt.Sprint(size))
		} else {
			w.(http.Flusher).Flush()
		}
		chunk := []byte(strings.Repeat("x", 1024))
		for ; size > 0; size -= len(chunk) {
			n, err := w.Write(chunk[:min(size, len(chunk))])
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	})
	client := New(toLoopback())
	_, err := get(t, client, fmt.Sprintf("%s/announced?size=%d", server, most+1)) //nolint:bodyclose // there is none
	require.ErrorIs(t, err, ErrTooLarge, "an answer was begun that announces its size")
	for _, path := range []string{"/announced", "/streamed"} {
		body, err := read(t, client, fmt.Sprintf("%s%s?size=%d", server, path, most))
		require.NoError(t, err, path)
		require.Len(t, body, most)

		body, err = read(t, client, fmt.Sprintf("%s%s?size=%d", server, path, most+1))
		require.ErrorIs(t, err, ErrTooLarge, path)
		require.LessOrEqual(t, len(body), most)

		sent.Store(0)
		_, err = read(t, client, fmt.Sprintf("%s%s?size=%d", server, path, 100<<20))
		require.ErrorIs(t, err, ErrTooLarge, path)
		require.Less(t, sent.Load(), int64(20<<20), "the answer was read on")
	}
}

func TestBodyThatWasTooLargeStaysSo(t *testing.T) {
	t.Parallel()
	body := &boundedBody{ReadCloser: io.NopCloser(strings.NewReader("abcdef")), left: 3}
	buffer := make([]byte, 4)
	n, err := body.Read(buffer)
	require.Equal(t, "abc", string(buffer[:n]))
	require.ErrorIs(t, err, ErrTooLarge)
	for range 3 {
		n, err = body.Read(buffer)
		require.Zero(t, n)
		require.ErrorIs(t, err, ErrTooLarge)
	}
}

func TestHugeHeaderFails(t *testing.T) {
	t.Parallel()
	server, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("x", maxHeader))
	})
	_, err := read(t, New(toLoopback()), server)
	require.Error(t, err)
}

func TestSlowServerIsGivenUp(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"before the header": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"a byte at a time": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, "x")
				w.(http.Flusher).Flush()
				time.Sleep(10 * time.Millisecond)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, _ := serve(t, handler)
			options := toLoopback()
			options.Timeout = 200 * time.Millisecond
			start := time.Now()
			_, err := read(t, New(options), server)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Less(t, time.Since(start), 5*time.Second)
		})
	}
}

func TestBodyOfARefusedRequestIsClosed(t *testing.T) {
	t.Parallel()
	body := &closed{Reader: strings.NewReader("logout_token=x")}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://1.1.1.1/", body)
	require.NoError(t, err)
	_, err = New(Options{}).Do(request) //nolint:bodyclose // there is none
	require.ErrorIs(t, err, ErrForbidden)
	require.True(t, body.closed)
}

type closed struct {
	io.Reader
	closed bool
}

func (c *closed) Close() error {
	c.closed = true
	return nil
}

// Fuzz target: what passes the check is an allowed URL whose host is no address in disguise, and the
// verdict on an address is the same when it is dialled, mapped into IPv6 or not.
func FuzzCheck(f *testing.F) {
	for _, s := range []string{
		"https://example.com/jwks.json", "https://1.1.1.1:8443/", "http://0x7f.1/", "https://[::ffff:a9fe:a9fe]/", "https://2130706433/", "https://0177.0.0.1/",
		"https://user@1.1.1.1/", "https://1.1.1.1\\@127.0.0.1/", "https://127.0.0.1#@1.1.1.1/", "https://１２７.0.0.1/", "HTTPS://1.1.1.1:443/", "https://[fe80::1%25eth0]/",
	} {
		f.Add(s, []byte{127, 0, 0, 1})
	}
	f.Add("https://example.com/", netip.MustParseAddr("2002:7f00:1::").AsSlice())
	f.Add("https://example.com/", []byte{8, 8, 8, 8})
	guard := guard{}
	f.Fuzz(func(t *testing.T, rawURL string, raw []byte) {
		if u, err := url.Parse(rawURL); err == nil && guard.checkURL(u) == nil {
			require.Equal(t, "https", u.Scheme)
			require.Nil(t, u.User)
			require.NotEmpty(t, u.Hostname())
			// What WHATWG's host parser would read as an IPv4 address is one that Go reads too.
			labels := strings.Split(strings.TrimSuffix(u.Hostname(), "."), ".")
			if last := labels[len(labels)-1]; last != "" && strings.Trim(last, "0123456789") == "" {
				_, err := netip.ParseAddr(u.Hostname())
				require.NoError(t, err, rawURL)
			}
		}
		addr, ok := netip.AddrFromSlice(raw)
		if !ok {
			return
		}
		checked := guard.checkAddr(addr)
		dialled := guard.control("tcp", netip.AddrPortFrom(addr, 443).String(), nil)
		require.Equal(t, checked == nil, dialled == nil, addr)
		require.Equal(t, checked == nil, IsPublic(addr))
		if addr.Is4() {
			require.Equal(t, IsPublic(addr), IsPublic(netip.AddrFrom16(addr.As16())), addr)
		}
		if IsPublic(addr) {
			addr = addr.Unmap()
			require.True(t, addr.IsGlobalUnicast() && !addr.IsPrivate(), addr)
		}
	})
}
