package main

import (
	"context"

	"github.com/go-logr/logr"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/client-go/kubernetes/scheme"
	apiregistration "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/cert-manager/cert-manager/internal/kube"
	"github.com/cert-manager/cert-manager/pkg/api"
	"github.com/cert-manager/cert-manager/pkg/controller/cainjector"
	"github.com/cert-manager/cert-manager/pkg/util"
)

// injector runs the controller that writes CA certificates into what calls webhooks.
func injector(ctx context.Context, log logr.Logger, args []string) error {
	o := newFlagSet("cainjector")
	kubeconfig := o.String("kubeconfig", "", "kubeconfig file; default: that of the pod")
	namespace := o.String("namespace", "", "the only namespace to watch")
	if err := o.read(args); err != nil {
		return err
	}
	for _, add := range []func() error{
		func() error { return scheme.AddToScheme(api.Scheme) },
		func() error { return apiextensions.AddToScheme(api.Scheme) },
		func() error { return apiregistration.AddToScheme(api.Scheme) },
	} {
		if err := add(); err != nil {
			return err
		}
	}
	config, err := kube.BuildClientConfig("", *kubeconfig)
	if err != nil {
		return err
	}
	manager, err := ctrl.NewManager(util.RestConfigWithUserAgent(config, "cainjector"), ctrl.Options{
		Scheme:  api.Scheme,
		Logger:  log,
		Metrics: server.Options{BindAddress: "0"},
	})
	if err != nil {
		return err
	}
	setup := cainjector.SetupOptions{
		Namespace:                    *namespace,
		EnableCertificatesDataSource: true,
		EnabledReconcilersFor:        map[string]bool{},
	}
	for _, target := range []string{
		cainjector.APIServiceName,
		cainjector.CustomResourceDefinitionName,
		cainjector.MutatingWebhookConfigurationName,
		cainjector.ValidatingWebhookConfigurationName,
	} {
		setup.EnabledReconcilersFor[target] = true
	}
	if err := cainjector.RegisterAllInjectors(ctx, manager, setup); err != nil {
		return err
	}
	return manager.Start(ctx)
}
