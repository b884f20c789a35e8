// Package load sends HTTP requests to one server of this machine, as fast as a number of connections can, and reports
// how many were answered, how long that took, and the CPU time that the server and its stores spent on each.
//
// It owns the client, a small HTTP/1.1 over keep-alive connections that costs little beside the server, and the
// scenarios, which are what a connection asks for. It knows the server by its URLs only.
package load
