// Package storagetest owns the promises that the store interfaces of package provider make, as
// tests: a store keeps its word when it passes the Run function of each interface that it
// implements. It is imported by tests only.
//
// Stores run on the real clock and may be shared with other tests: each test makes its own keys and
// looks at nothing else. A Run function opens one store, since opening a database is dear.
//
// It does not know any store, nor how one is opened.
package storagetest
