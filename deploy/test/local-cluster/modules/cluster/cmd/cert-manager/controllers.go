package main

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/api/resource"

	defaults "github.com/cert-manager/cert-manager/internal/apis/config/controller/v1alpha1"
	"github.com/cert-manager/cert-manager/pkg/controller"
	"github.com/cert-manager/cert-manager/pkg/controller/clusterissuers"
	dns "github.com/cert-manager/cert-manager/pkg/issuer/acme/dns/util"

	// Issuers announce themselves.
	_ "github.com/cert-manager/cert-manager/pkg/issuer/acme"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/ca"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/selfsigned"
)

// workers is how many items of one controller are in work at once; upstream's default.
const workers = 5

// controllers runs all controllers that upstream enables by default, with upstream's defaults.
func controllers(ctx context.Context, log logr.Logger, args []string) error {
	// Upstream asks for 20 and 50; a test must not wait for the client's own brake.
	settings := controller.ContextOptions{KubernetesAPIQPS: 50, KubernetesAPIBurst: 100}
	settings.ClusterIssuerAmbientCredentials = true
	settings.DefaultIssuerKind, settings.DefaultIssuerGroup = "Issuer", "cert-manager.io"
	settings.DefaultAutoCertificateAnnotations = []string{"kubernetes.io/tls-acme"}
	settings.CopiedAnnotationPrefixes = []string{"*", "-kubectl.kubernetes.io/"}
	settings.ACMEHTTP01SolverRunAsNonRoot = true
	settings.HTTP01SolverResourceRequestCPU = resource.MustParse("10m")
	settings.HTTP01SolverResourceLimitsCPU = resource.MustParse("100m")
	settings.HTTP01SolverResourceRequestMemory = resource.MustParse("64Mi")
	settings.HTTP01SolverResourceLimitsMemory = resource.MustParse("64Mi")

	o := newFlagSet("controller")
	o.StringVar(&settings.Kubeconfig, "kubeconfig", "", "kubeconfig file; default: that of the pod")
	o.StringVar(&settings.Namespace, "namespace", "", "the only namespace to watch")
	o.StringVar(&settings.ClusterResourceNamespace, "cluster-resource-namespace", "kube-system",
		"namespace of the Secrets of ClusterIssuers")
	o.StringVar(&settings.HTTP01SolverImage, "acme-http01-solver-image", "", "image of the solver of http-01")
	o.StringSliceVar(&settings.HTTP01SolverNameservers, "acme-http01-solver-nameservers", nil,
		"name servers that the self-check of http-01 asks")
	o.StringSliceVar(&settings.DNS01Nameservers, "dns01-recursive-nameservers", dns.RecursiveNameservers,
		"name servers that the self-check of dns-01 asks")
	recursive := o.Bool("dns01-recursive-nameservers-only", false, "ask no authoritative name server")
	o.DurationVar(&settings.DNS01CheckRetryPeriod, "dns01-check-retry-period", 10*time.Second,
		"pause between self-checks of dns-01")
	o.IntVar(&settings.MaxConcurrentChallenges, "max-concurrent-challenges", 60, "challenges in work at once")
	o.BoolVar(&settings.EnableOwnerRef, "enable-certificate-owner-ref", false,
		"whether a Secret goes with its Certificate")
	metrics := o.String("metrics-listen-address", "0.0.0.0:9402", "address for metrics, 0 for none")
	health := o.String("internal-healthz-listen-address", "0.0.0.0:9403", "address for probes, 0 for none")
	if err := o.read(args); err != nil {
		return err
	}
	settings.DNS01CheckAuthoritative = !*recursive

	factory, err := controller.NewContextFactory(ctx, settings)
	if err != nil {
		return err
	}
	shared, err := factory.Build()
	if err != nil {
		return err
	}
	failed := make(chan error, len(defaults.DefaultEnabledControllers)+2)
	for _, name := range defaults.DefaultEnabledControllers {
		if name == clusterissuers.ControllerName && settings.Namespace != "" {
			continue
		}
		build, known := controller.Known()[name]
		if !known {
			return fmt.Errorf("there is no controller %q in this cert-manager", name)
		}
		built, err := build(factory)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		go func() { failed <- built.Run(workers, ctx) }()
	}
	shared.SharedInformerFactory.Start(ctx.Done())
	shared.KubeSharedInformerFactory.Start(ctx.Done())
	shared.HTTP01ResourceMetadataInformersFactory.Start(ctx.Done())
	answer(*health, failed)
	answer(*metrics, failed)
	log.Info("controllers run")

	select {
	case err = <-failed:
		return err
	case <-ctx.Done():
		return nil
	}
}
