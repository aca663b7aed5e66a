// Command dtm is the stock DTM server without the drivers for service registries (etcd, nacos, Kubernetes, ...):
// this suite addresses its branches by host and port, and leaving them out halves what has to be compiled.
// "/" shows the transactions of this server, with no assets from elsewhere. "dtm health" asks a running server whether it
// answers, for a container that holds nothing else.
package main

import (
	_ "embed"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/dtm-labs/dtm/dtmsvr/entry"
	"github.com/gin-gonic/gin"
)

// Version is set by build.sh.
var Version string

//go:embed index.html
var page []byte

func main() {
	if len(os.Args) == 2 && os.Args[1] == "health" {
		os.Exit(health())
	}
	app, _ := entry.Main(&Version)
	if app == nil { // -v and -h have answered already
		return
	}
	app.GET("/", func(c *gin.Context) { c.Data(http.StatusOK, "text/html; charset=utf-8", page) })
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	<-stop
}

// health is 0 when the server of this container answers.
func health() int {
	client := http.Client{Timeout: 3 * time.Second}
	reply, err := client.Get("http://127.0.0.1:" + os.Getenv("HTTP_PORT") + "/api/dtmsvr/version")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		fmt.Println(reply.Status)
		return 1
	}
	return 0
}
