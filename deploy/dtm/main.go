// Command dtm is the stock DTM server without the drivers for service registries (etcd, nacos, Kubernetes, ...):
// this suite addresses its branches by host and port, and leaving them out halves what has to be compiled.
// "/" shows the transactions of this server, with no assets from elsewhere.
package main

import (
	_ "embed"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/dtm-labs/dtm/dtmsvr/entry"
	"github.com/gin-gonic/gin"
)

// Version is set by build.sh.
var Version string

//go:embed index.html
var page []byte

func main() {
	app, _ := entry.Main(&Version)
	if app == nil { // -v and -h have answered already
		return
	}
	app.GET("/", func(c *gin.Context) { c.Data(http.StatusOK, "text/html; charset=utf-8", page) })
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	<-stop
}
