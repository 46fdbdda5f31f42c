package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/go-logr/logr"

	"github.com/cert-manager/cert-manager/pkg/issuer/acme/http/solver"
)

// http01 answers one challenge of http-01; the controller starts it as a pod.
func http01(ctx context.Context, log logr.Logger, args []string) error {
	var server solver.HTTP01Solver
	o := newFlagSet("acmesolver")
	o.IntVar(&server.ListenPort, "listen-port", 8089, "port to listen on")
	o.StringVar(&server.Domain, "domain", "", "name that is validated")
	o.StringVar(&server.Token, "token", "", "token of the challenge")
	o.StringVar(&server.Key, "key", "", "key authorization that is the answer")
	if err := o.read(args); err != nil {
		return err
	}
	go func() {
		<-ctx.Done()
		_ = server.Shutdown(context.Background())
	}()
	if err := server.Listen(log); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
