// Command cert-manager starts the parts of cert-manager: all four are this one executable, told apart by its first
// argument or by the name that it was called by.
//
//	cert-manager controller|webhook|cainjector|acmesolver [flags]
//
// cert-manager has an executable for each part, in Go modules that cannot be fetched: their declared paths are not where
// they lie. What those do is read flags and start packages of cert-manager's main module, and so does this. Controllers,
// webhook, injector and solver are cert-manager's code, unchanged.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/go-logr/logr"
	"github.com/spf13/pflag"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/cert-manager/cert-manager/pkg/logs"
)

// A part reads its flags from args and works until ctx ends or something fails.
type part func(ctx context.Context, log logr.Logger, args []string) error

var parts = map[string]part{
	"controller": controllers,
	"webhook":    admission,
	"cainjector": injector,
	"acmesolver": http01,
}

func main() {
	name, args := filepath.Base(os.Args[0]), os.Args[1:]
	if parts[name] == nil && len(args) > 0 {
		name, args = args[0], args[1:]
	}
	start, known := parts[name]
	if !known {
		fmt.Fprintln(os.Stderr, "usage: cert-manager controller|webhook|cainjector|acmesolver [flags]")
		os.Exit(2)
	}
	logs.InitLogs()
	log := klog.Background().WithName("cert-manager").WithName(name)
	ctrl.SetLogger(log)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := start(logs.NewContext(ctx, log), log, args)
	stop()
	if err != nil && !errors.Is(err, context.Canceled) {
		log.Error(err, "stopped")
		logs.FlushLogs()
		os.Exit(1)
	}
	logs.FlushLogs()
}

// flagSet is the flags of one part. The chart sets some that only upstream's executables have; these are passed over.
type flagSet struct {
	*pflag.FlagSet
	logging *logsapi.LoggingConfiguration
}

func newFlagSet(name string) flagSet {
	o := flagSet{pflag.NewFlagSet(name, pflag.ContinueOnError), logsapi.NewLoggingConfiguration()}
	o.ParseErrorsWhitelist.UnknownFlags = true
	logs.AddFlags(o.logging, o.FlagSet)
	return o
}

func (o flagSet) read(args []string) error {
	if err := o.Parse(args); err != nil {
		return err
	}
	return logs.ValidateAndApply(o.logging)
}

// answer serves 200 for everything at address, for probes; address 0 stands for nowhere.
func answer(address string, failed chan<- error) {
	if address == "0" {
		return
	}
	ok := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") }
	go func() { failed <- http.ListenAndServe(address, http.HandlerFunc(ok)) }()
}
