package dtmsvr

import (
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
)

// serveWithin serves like gin's Run, with the limits that the services have.
func serveWithin(app *gin.Engine, address string) error {
	server := http.Server{
		Addr: address, Handler: app.Handler(), MaxHeaderBytes: 16 << 10,
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 75 * time.Second,
	}
	return server.ListenAndServe()
}

// refuseForeignCallers answers 403 to web pages of other origins, and to a Host that is none of this server's: a page
// can point its own name at this address (DNS rebinding). Programs send no Origin and no Sec-Fetch-Site, and call an
// address or a name of this server; they notice nothing. The services have the same rules (eshop_chassis).
func refuseForeignCallers(c *gin.Context) {
	if refused := foreign(c.Request); refused != "" {
		c.AbortWithStatusJSON(http.StatusForbidden, gin.H{"error": refused + " may not use this server; DTM_ALLOWED_HOSTS names more hosts"})
	}
}

func foreign(r *http.Request) string {
	if r.Host != "" && !isOurs(r.Host) {
		return "Host " + r.Host
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		if from, err := url.Parse(origin); err != nil || !strings.EqualFold(from.Host, r.Host) {
			return "Origin " + origin
		}
		return ""
	}
	if r.Header.Get("Sec-Fetch-Site") == "cross-site" && !isLink(r) {
		return "a page of another site"
	}
	return ""
}

// isLink: a person followed a link to a page of this server.
func isLink(r *http.Request) bool {
	target := r.Header.Get("Sec-Fetch-Dest")
	return r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Mode") == "navigate" && (target == "" || target == "document")
}

// isOurs: loopback always. Where others reach this server, addresses and names without a dot too: no page is loaded from
// such a name of its own. More names stand in DTM_ALLOWED_HOSTS, with commas; .example.com stands for all below it.
func isOurs(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
	address := net.ParseIP(host)
	if host == "localhost" || host == listenHost() || (address != nil && address.IsLoopback()) {
		return true
	}
	here := net.ParseIP(listenHost())
	if here == nil || !here.IsLoopback() {
		if address != nil || !strings.Contains(host, ".") {
			return true
		}
	}
	for _, name := range strings.Split(strings.ToLower(os.Getenv("DTM_ALLOWED_HOSTS")), ",") {
		name = strings.TrimSpace(name)
		if name == "*" || (name != "" && (host == name || (name[0] == '.' && strings.HasSuffix(host, name)))) {
			return true
		}
	}
	return false
}
