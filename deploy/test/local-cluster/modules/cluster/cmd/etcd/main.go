// Command etcd is etcd's server. Its package is called "server", and so would be what `go build` makes of it.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
