// A stand-in for the Go program that socket-proxy replaces, for machines that
// don't have its binary. It does for a request what that program does, with the
// same parts of Go's library: net/http's server, the client's address against a
// list that is parsed each time, a map from the method to an anchored regular
// expression, a call of the logger that prints nothing, and httputil's reverse
// proxy with net/http's default transport over the unix socket. Of the flags it
// has those that the benchmark sets. benches/README.md says how to build it.
package main

import (
	"context"
	"flag"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
	"runtime"
	"strings"
)

// What may pass.
type allowlist struct {
	from    []string
	methods map[string]*regexp.Regexp
}

// Whether the client's address is in one of the networks.
func (list *allowlist) allowsClient(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	for _, text := range list.from {
		if _, network, err := net.ParseCIDR(text); err == nil && network.Contains(ip) {
			return true
		}
	}
	return false
}

// The status of a refusal, or 0.
func (list *allowlist) refuse(request *http.Request) int {
	if !list.allowsClient(request.RemoteAddr) {
		return http.StatusForbidden
	}
	pattern, known := list.methods[request.Method]
	if !known {
		return http.StatusMethodNotAllowed
	}
	if !pattern.MatchString(request.URL.Path) {
		return http.StatusForbidden
	}
	return 0
}

func fail(err error) {
	slog.Error("error", "error", err)
	os.Exit(2)
}

func main() {
	address := flag.String("listenip", "127.0.0.1", "address to listen on")
	port := flag.String("proxyport", "2375", "port to listen on")
	socket := flag.String("socketpath", "/var/run/docker.sock", "the daemon's socket")
	from := flag.String("allowfrom", "127.0.0.1/32", "networks of clients")
	get := flag.String("allowGET", "", "pattern of paths")
	post := flag.String("allowPOST", "", "pattern of paths")
	flag.Parse()
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stdout, nil)))
	slog.Info("starting socket-proxy", "version", "stand-in", "runtime", runtime.Version())
	connection, err := net.Dial("unix", *socket)
	if err != nil {
		fail(err)
	}
	connection.Close()

	list := allowlist{from: strings.Split(*from, ","), methods: map[string]*regexp.Regexp{
		http.MethodGet:  regexp.MustCompile("^" + *get + "$"),
		http.MethodPost: regexp.MustCompile("^" + *post + "$"),
	}}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: "localhost"})
	proxy.Transport = &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			return net.Dial("unix", *socket)
		},
	}
	serve := func(writer http.ResponseWriter, request *http.Request) {
		if status := list.refuse(request); status != 0 {
			http.Error(writer, http.StatusText(status), status)
			return
		}
		slog.Debug("allowed request", "method", request.Method, "URL", request.URL, "client", request.RemoteAddr)
		proxy.ServeHTTP(writer, request)
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(*address, *port))
	if err != nil {
		fail(err)
	}
	fail(http.Serve(listener, http.HandlerFunc(serve)))
}
