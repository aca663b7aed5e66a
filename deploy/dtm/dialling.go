package dtmgimp

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/connectivity"
	_ "google.golang.org/grpc/health" // without it, healthCheckConfig is ignored
	"google.golang.org/grpc/resolver"
)

// How DTM reaches the services. build.sh puts this file into DTM's own package.
//
// The addresses of a name ("dns:stock:30382") take turns, and one whose process says that it is not ready gets no calls.
// Where none says that it is ready, all are called: most branches need less than all of what a process needs to be ready.
const (
	inTurn  = `{"loadBalancingConfig":[{"round_robin":{}}]}`
	healthy = `{"loadBalancingConfig":[{"round_robin":{}}],"healthCheckConfig":{"serviceName":""}}`

	longestWaitForHealth = time.Second
)

// replicas are two connections to the same addresses.
type replicas struct{ healthy, all *grpc.ClientConn }

func dialReplicas(server string, opts ...grpc.DialOption) (*replicas, error) {
	opts = append(opts, reconnectSoon())
	dial := func(config string) (*grpc.ClientConn, error) {
		return grpc.Dial(server, append(opts[:len(opts):len(opts)], grpc.WithDefaultServiceConfig(config))...)
	}
	first, err := dial(healthy)
	if err != nil {
		return nil, err
	}
	second, err := dial(inTurn)
	return &replicas{first, second}, err
}

func (r *replicas) best() *grpc.ClientConn {
	ctx, cancel := context.WithTimeout(context.Background(), longestWaitForHealth)
	defer cancel()
	for {
		switch state := r.healthy.GetState(); state {
		case connectivity.Ready:
			return r.healthy
		case connectivity.TransientFailure:
			return r.all
		default:
			if !r.healthy.WaitForStateChange(ctx, state) {
				return r.healthy
			}
		}
	}
}

// gRPC waits up to two minutes before it dials an address again that was dead for a while: a service that comes back would
// get no branch calls until then. Two seconds suit a suite whose services restart within one.
func reconnectSoon() grpc.DialOption {
	return grpc.WithConnectParams(grpc.ConnectParams{
		Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second},
		MinConnectTimeout: 3 * time.Second,
	})
}

// gRPC looks a name up again at most every 30 s, and until then dials the addresses of replicas that are gone. A resolver
// that is made anew looks at once; here that happens at most once a second.
func init() { resolver.Register(soon{resolver.Get("dns")}) }

type soon struct{ resolver.Builder }

func (b soon) Build(target resolver.Target, cc resolver.ClientConn, opts resolver.BuildOptions) (resolver.Resolver, error) {
	build := func() (resolver.Resolver, error) { return b.Builder.Build(target, cc, opts) }
	inner, err := build()
	if err != nil {
		return nil, err
	}
	return &again{build: build, inner: inner, made: time.Now()}, nil
}

type again struct {
	build  func() (resolver.Resolver, error)
	mutex  sync.Mutex
	inner  resolver.Resolver
	made   time.Time
	asked  bool
	closed bool
}

func (a *again) ResolveNow(resolver.ResolveNowOptions) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if a.asked || a.closed {
		return
	}
	a.asked = true
	time.AfterFunc(time.Until(a.made.Add(time.Second)), a.anew)
}

func (a *again) anew() {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.asked = false
	if a.closed {
		return
	}
	if inner, err := a.build(); err == nil {
		go a.inner.Close() // not under the lock: it waits for a look-up that may be calling us
		a.inner, a.made = inner, time.Now()
	}
}

func (a *again) Close() {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.closed = true
	a.inner.Close()
}
