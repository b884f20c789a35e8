// Command webapp is a web application that keeps sessions of its own and lets Signet sign its users in:
// authorization code with PKCE, refresh, and logout in both directions.
package main

import (
	"cmp"
	"context"
	"flag"
	"log"
	"net/http"
	"os"
	"time"
)

func main() {
	issuer := flag.String("issuer", "http://localhost:8080", "issuer, as in its metadata")
	clientID := flag.String("client-id", "demo-webapp", "client_id of this application")
	secret := flag.String("client-secret", cmp.Or(os.Getenv("CLIENT_SECRET"), "demo-webapp-secret-for-loopback-only"),
		"client_secret; better in the variable CLIENT_SECRET, which no list of processes shows")
	listen := flag.String("listen", "localhost:5174", "address to listen on, by which browsers find it too")
	flag.Parse()

	app, err := newApp(context.Background(), *issuer, *clientID, *secret, "http://"+*listen)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("the application is at http://%s and signs in at %s", *listen, *issuer)
	server := &http.Server{Addr: *listen, Handler: app.routes(), ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.ListenAndServe())
}
