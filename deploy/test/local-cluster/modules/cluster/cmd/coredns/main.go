// Command coredns is CoreDNS with the plugins that a cluster and its tests use. The full set brings the client libraries
// of several clouds.
package main

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"

	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/forward"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/hosts"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/template"
)

func main() {
	// A query passes through the plugins in this order, whatever the order in the Corefile.
	dnsserver.Directives = []string{
		"health", "ready", "errors", "cache", "template", "hosts", "kubernetes", "forward",
	}
	coremain.Run()
}
