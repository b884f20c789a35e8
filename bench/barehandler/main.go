// Command barehandler serves nothing but a greeting, by gin: what any answer costs before it says something. The
// benchmark expresses the cost of every other answer as a multiple of it.
package main

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/gin-gonic/gin"
)

func main() {
	addr := flag.String("listen", "127.0.0.1:8099", "address to listen on")
	flag.Parse()
	gin.SetMode(gin.ReleaseMode)
	routes := gin.New()
	routes.GET("/", func(c *gin.Context) { c.String(http.StatusOK, "hello") })
	server := &http.Server{Addr: *addr, Handler: routes, ReadHeaderTimeout: 5 * time.Second}
	fmt.Fprintln(os.Stderr, "barehandler:", server.ListenAndServe())
	os.Exit(1)
}
