// Package outbound owns how this program fetches what strangers name: jwks_uri, sector_identifier_uri,
// logos, back-channel logout. Its client reaches public addresses only, judged when a connection is
// made, so a name that resolves to something else by then gains nothing; it follows no redirects, uses
// no proxy, and bounds time and size. It does not know what is fetched, nor why.
package outbound
