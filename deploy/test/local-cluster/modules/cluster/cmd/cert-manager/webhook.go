package main

import (
	"context"

	"github.com/go-logr/logr"
	"github.com/spf13/pflag"

	"github.com/cert-manager/cert-manager/internal/webhook"
	"github.com/cert-manager/cert-manager/pkg/logs"
	"github.com/cert-manager/cert-manager/pkg/webhook/options"
)

// admission runs the admission webhook. Its flags, those of logging included, are upstream's own.
func admission(ctx context.Context, log logr.Logger, args []string) error {
	settings, err := options.NewWebhookConfiguration()
	if err != nil {
		return err
	}
	flags := pflag.NewFlagSet("webhook", pflag.ContinueOnError)
	flags.ParseErrorsWhitelist.UnknownFlags = true
	options.AddConfigFlags(flags, settings)
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := logs.ValidateAndApply(&settings.Logging); err != nil {
		return err
	}
	server, err := webhook.NewCertManagerWebhookServer(log, *settings)
	if err != nil {
		return err
	}
	return server.Run(ctx)
}
