// Package handlers owns HTTP: the routes, who may call them from a browser, reading requests and
// writing answers of the account API, and what every request passes on its way (request id, address,
// log line, metrics, headers).
//
// It is the only package that knows gin. Rules live in provider, the OAuth protocol's wire in
// provider/oidc: its endpoints get writer and request and answer by themselves.
package handlers
