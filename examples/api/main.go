// Command api is a resource server: an API that answers whoever brings a good access token. It verifies tokens by
// the issuer's published keys, and asks Signet nothing else.
package main

import (
	"context"
	"flag"
	"log"
	"net/http"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

func main() {
	issuer := flag.String("issuer", "http://localhost:8080", "issuer of the access tokens")
	audience := flag.String("audience", "https://api.example.com", "the name of this API in access tokens")
	origin := flag.String("allow-origin", "http://localhost:5175", "origin of the single-page app that may call this API")
	listen := flag.String("listen", "localhost:5176", "address to listen on")
	flag.Parse()

	ctx := context.Background() // the key set fetches with it for as long as the program runs
	provider, err := oidc.NewProvider(ctx, *issuer)
	if err != nil {
		log.Fatalf("read the metadata of %s: %v", *issuer, err)
	}
	api, err := newAPI(ctx, provider, *issuer, *audience, *origin)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("the API is at http://%s/orders, for tokens of %s", *listen, *issuer)
	server := &http.Server{Addr: *listen, Handler: api.routes(), ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.ListenAndServe())
}

// newAPI finds the issuer's keys in its metadata. They are fetched when they are needed, and again when a token
// names one that is not known: keys rotate without a restart here.
func newAPI(ctx context.Context, provider *oidc.Provider, issuer, audience, origin string) (*api, error) {
	var metadata struct {
		JWKSURI string `json:"jwks_uri"`
	}
	if err := provider.Claims(&metadata); err != nil {
		return nil, err
	}
	return &api{
		tokens: verifier{oidc.NewVerifier(issuer, oidc.NewRemoteKeySet(ctx, metadata.JWKSURI), &oidc.Config{
			ClientID:             audience, // as go-oidc calls what must be in "aud"
			SupportedSigningAlgs: []string{oidc.ES256, oidc.RS256, oidc.EdDSA},
		})},
		origin: origin,
	}, nil
}
