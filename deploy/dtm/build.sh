#!/bin/sh
# Builds the DTM server: build.sh OUT [WORKDIR]. Needs Go 1.22 or later.
#
# DTM listens on every interface and has no setting for that, nor any authentication. So its module is copied
# (go.sum has checked it), the two listen calls are changed to bind $DTM_LISTEN_HOST, 127.0.0.1 when unset, and
# the copy is what gets compiled. How it dials the services is changed too (dialling.go), and web pages of other origins
# are refused (callers.go). Should the source no longer read as expected, the build stops here.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
out=$1
work=${2:-$(mktemp -d)}
module=github.com/dtm-labs/dtm
version=$(sed -n "s#^[[:space:]]*$module \(v[0-9.]*\).*#\1#p" "$here/go.mod")
export GOWORK=off GOFLAGS="-buildvcs=false -mod=readonly" GOTOOLCHAIN=local CGO_ENABLED=0

mkdir -p "$work"
rm -rf "$work/main" "$work/dtm"
mkdir "$work/main"
cp "$here/go.mod" "$here/go.sum" "$here/main.go" "$here/index.html" "$work/main/"
cd "$work/main"

go mod download "$module"
source=$(go list -m -f '{{.Dir}}' "$module")
mkdir "$work/dtm"
for part in go.mod go.sum client dtmsvr dtmutil sqls; do cp -R "$source/$part" "$work/dtm/"; done
chmod -R u+w "$work/dtm"

listens="$work/dtm/dtmsvr/svr.go"
found=$(grep -c 'fmt\.Sprintf(":%d", conf\.\(HTTPPort\|GrpcPort\))' "$listens" || true)
if [ "$found" != 2 ]; then
    echo "build.sh: expected two listen addresses in $module $version dtmsvr/svr.go, found $found; not building a DTM that anyone could reach" >&2
    exit 1
fi
sed -i 's/fmt\.Sprintf(":%d", conf\.\(HTTPPort\|GrpcPort\))/net.JoinHostPort(listenHost(), fmt.Sprint(conf.\1))/' "$listens"
cat > "$work/dtm/dtmsvr/listen_host.go" <<'GO'
package dtmsvr

import "os"

func listenHost() string {
	if host := os.Getenv("DTM_LISTEN_HOST"); host != "" {
		return host
	}
	return "127.0.0.1"
}
GO

# Its HTTP port answers every Host and every web page, and waits for slow clients for ever; who reaches it may move money.
made='app := dtmutil.GetGinApp()'
if [ "$(grep -cF "$made" "$listens" || true)" != 1 ]; then
    echo "build.sh: expected one $made in $module $version dtmsvr/svr.go; can't put a guard before its routes" >&2
    exit 1
fi
if [ "$(grep -cF 'app.Run(' "$listens" || true)" != 1 ]; then
    echo "build.sh: expected one app.Run in $module $version dtmsvr/svr.go; can't give its HTTP port limits" >&2
    exit 1
fi
sed -i 's/app := dtmutil\.GetGinApp()/app := dtmutil.GetGinApp(refuseForeignCallers)/; s/app\.Run(/serveWithin(app, /' "$listens"
engine="$work/dtm/dtmutil/utils.go"
if [ "$(grep -c '^func GetGinApp() \*gin.Engine {$\|^	app\.Use(gin\.Recovery())$' "$engine" || true)" != 2 ]; then
    echo "build.sh: expected GetGinApp with gin.Recovery in $module $version dtmutil/utils.go" >&2
    exit 1
fi
sed -i 's/^func GetGinApp() \*gin\.Engine {$/func GetGinApp(first ...gin.HandlerFunc) *gin.Engine {/; s/^	app\.Use(gin\.Recovery())$/	app.Use(gin.Recovery())\n	app.Use(first...)/' "$engine"
cp "$here/callers.go" "$work/dtm/dtmsvr/callers.go"

# How it dials the services: dialling.go says what and why.
clients="$work/dtm/client/dtmgrpc/dtmgimp/grpc_clients.go"
dial='grpc.Dial(grpcServer, inOpt, '
chosen='return v.(*grpc.ClientConn), rerr'
if [ "$(grep -cF -e "$dial" -e "$chosen" "$clients" || true)" != 2 ]; then
    echo "build.sh: expected one grpc.Dial and one $chosen in $module $version dtmgimp/grpc_clients.go; how it dials can't be set" >&2
    exit 1
fi
sed -i 's/grpc\.Dial(grpcServer, inOpt, /dialReplicas(grpcServer, inOpt, /; s/return v\.(\*grpc\.ClientConn), rerr/return v.(*replicas).best(), rerr/' "$clients"
cp "$here/dialling.go" "$work/dtm/client/dtmgrpc/dtmgimp/dialling.go"

mkdir -p "$(dirname "$out")/sqls"
cp "$work/dtm/sqls/dtmsvr.storage.mysql.sql" "$work/dtm/sqls/dtmcli.barrier.mysql.sql" "$(dirname "$out")/sqls/"
go mod edit -replace "$module=$work/dtm"
go build -trimpath -ldflags "-s -w -X main.Version=$version" -o "$out.new" .
mv "$out.new" "$out"
