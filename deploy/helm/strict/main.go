// strict reads manifests from its input, as `helm template` prints them, and refuses those that an API server would not
// understand: an unknown kind, an unknown or repeated field, a value of the wrong type. The types are those that the API
// server and the operators decode with, so there is no schema that could lag behind them.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	certmanager "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
	kubernetes "k8s.io/client-go/kubernetes/scheme"
	gateway "sigs.k8s.io/gateway-api/apis/v1alpha2"
)

func main() {
	decoder, err := strictDecoder()
	if err == nil {
		err = check(os.Stdin, decoder)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// strictDecoder knows every kind that a template of the chart may have.
func strictDecoder() (runtime.Decoder, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		kubernetes.AddToScheme, certmanager.AddToScheme, gateway.Install, monitoring.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	return serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer(), nil
}

// check names everything that is wrong with the documents, not the first thing alone.
func check(input io.Reader, decoder runtime.Decoder) error {
	var faults []error
	documents := yaml.NewYAMLReader(bufio.NewReader(input))
	seen := map[string]bool{}
	for {
		document, err := documents.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		name, err := checkDocument(document, decoder)
		switch {
		case err != nil:
			faults = append(faults, err)
		case seen[name]:
			faults = append(faults, fmt.Errorf("there are two of %s", name))
		case name != "":
			seen[name] = true
		}
	}
	if len(faults) == 0 && len(seen) == 0 {
		return errors.New("there is no manifest")
	}
	return errors.Join(faults...)
}

// checkDocument returns the kind and name of what it decoded, and nothing for a document of comments.
func checkDocument(document []byte, decoder runtime.Decoder) (string, error) {
	var content any
	if err := yaml.Unmarshal(document, &content); err == nil && content == nil {
		return "", nil
	}
	object, kind, err := decoder.Decode(document, nil, nil)
	if err != nil {
		return "", fmt.Errorf("%w, in:\n%s", err, document)
	}
	named, err := meta.Accessor(object)
	if err != nil {
		return "", err
	}
	if named.GetName() == "" {
		return "", fmt.Errorf("%s without metadata.name, in:\n%s", kind, document)
	}
	return fmt.Sprintf("%s %s/%s", kind, named.GetNamespace(), named.GetName()), nil
}
