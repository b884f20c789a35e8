package handlers

import (
	"crypto/rand"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/signet-id/signet/provider"
)

// noRoute stands for the path of a request that no route has.
const noRoute = "none"

// maxURL bounds path and query, in bytes.
const maxURL = 8 << 10

// observe gives a request its id and address, bounds its body, turns a panic into a 500 and writes
// the request's log line and metrics. The log line has neither query nor body.
func (s *Server) observe(c *gin.Context) {
	start := s.Now()
	report := &provider.Report{}
	info := provider.Request{
		ID: rand.Text(), Addr: clientAddr(c.Request, s.TrustedProxies), UserAgent: c.Request.UserAgent(), Report: report,
	}
	c.Request = c.Request.WithContext(provider.WithRequest(c.Request.Context(), info))
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, s.MaxBody)
	c.Header("X-Request-Id", info.ID)
	defer func() {
		if fault := recover(); fault != nil {
			s.Log.ErrorContext(c.Request.Context(), "request panicked",
				"request_id", info.ID, "panic", fmt.Sprint(fault), "stack", string(debug.Stack()))
			report.Error = "panic"
			writeJSON(c, http.StatusInternalServerError, detail{"An error has occurred."})
		}
		route := c.FullPath()
		if route == "" {
			route = noRoute
		}
		duration := s.Now().Sub(start)
		s.Metrics.observe(route, c.Request.Method, c.Writer.Status(), duration, report)
		s.Log.InfoContext(c.Request.Context(), "request",
			"request_id", info.ID, "method", c.Request.Method, "route", route, "status", c.Writer.Status(),
			"duration_ms", float64(duration.Microseconds())/1000, "client_id", report.ClientID, "grant_type", report.GrantType,
			"error", report.Error, "addr", info.Addr.String())
	}()
	if len(c.Request.RequestURI) > maxURL {
		writeJSON(c, http.StatusRequestURITooLong, detail{"The URL is too long."})
		c.Abort()
		return
	}
	c.Next()
}

// safeHeaders are what every answer carries, ready to be put into its header; pages add a policy of
// their own.
func (s *Server) safeHeaders() http.Header {
	h := http.Header{
		"Content-Security-Policy": {"default-src 'none'; frame-ancestors 'none'"},
		"Referrer-Policy":         {"same-origin"},
		"X-Content-Type-Options":  {"nosniff"},
		"X-Frame-Options":         {"DENY"},
	}
	if s.secure() {
		h.Set("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
	}
	return h
}

func setHeaders(fixed http.Header) gin.HandlerFunc {
	return func(c *gin.Context) {
		maps.Copy(c.Writer.Header(), fixed)
	}
}

// clientAddr is the address a request comes from: the peer's, unless the peer is a trusted proxy;
// then the rightmost entry of X-Forwarded-For that is not one. An entry that cannot be read ends the
// search at the proxy that passed it on.
func clientAddr(r *http.Request, trusted []netip.Prefix) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	addr, _ := netip.ParseAddr(host)
	addr = addr.Unmap().WithZone("")
	if !isTrusted(addr, trusted) {
		return addr
	}
	forwarded := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, entry := range slices.Backward(forwarded) {
		next, err := netip.ParseAddr(strings.TrimSpace(entry))
		if err != nil {
			return addr
		}
		addr = next.Unmap().WithZone("")
		if !isTrusted(addr, trusted) {
			return addr
		}
	}
	return addr
}

func isTrusted(addr netip.Addr, trusted []netip.Prefix) bool {
	return slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(addr) })
}
