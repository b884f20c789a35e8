package handlers

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
)

// knownHost refuses a request that was meant for another host: what is built from a name must not be built
// from one that the caller made up (RFC 9110 §7.4). The account API answers as it always has.
func (s *Server) knownHost(c *gin.Context) {
	if s.isOurs(c.Request.Host) {
		return
	}
	c.Abort()
	if strings.HasPrefix(c.Request.URL.Path, AccountAPI) {
		c.Data(http.StatusBadRequest, "text/html", []byte("<!doctype html>\n<html lang=\"en\"><title>Bad Request (400)</title><h1>Bad Request (400)</h1></html>\n"))
		return
	}
	writeJSON(c, http.StatusMisdirectedRequest, detail{"This host is not served here."})
}

func (s *Server) isOurs(host string) bool {
	name := hostName(host)
	own := s.Issuer.Hostname()
	return strings.EqualFold(name, own) || (isLoopback(own) && isLoopback(name)) ||
		slices.ContainsFunc(s.AllowedHosts, func(allowed string) bool { return strings.EqualFold(name, allowed) })
}

// hostName is a Host header without its port, and an address without its brackets.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.Trim(host, "[]")
}

func isLoopback(name string) bool {
	addr, err := netip.ParseAddr(name)
	return strings.EqualFold(name, "localhost") || (err == nil && addr.IsLoopback())
}
