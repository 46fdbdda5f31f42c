// Command certlint judges certificates that certctl issued: by the lints of zlint, and by Go's own path validation.
//
//	certlint --leaf leaf.pem --chain chain.pem --name example.com
//
// The leaf's file may hold its chain too, as ACME clients store it. The chain's file starts with the issuing
// certificate; its last certificate is the trust anchor. Further arguments are files whose certificates are only
// linted. Exit status: 0 nothing found, 1 findings (listed on standard output), 2 wrong use or unreadable files.
package main

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
)

func main() {
	findings, err := run(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		os.Exit(0)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "certlint:", err)
		os.Exit(2)
	}
	for _, finding := range findings {
		fmt.Println(finding)
	}
	if len(findings) > 0 {
		os.Exit(1)
	}
}

func run(arguments []string) ([]string, error) {
	flags := flag.NewFlagSet("certlint", flag.ContinueOnError)
	leafFile := flags.String("leaf", "", "PEM `file` of the leaf, optionally with its chain")
	chainFile := flags.String("chain", "", "PEM `file` of the chain: issuing certificate first, trust anchor last")
	usage := flags.String("usage", "server", "what the leaf must be good for: `server` or client")
	var names []string
	flags.Func("name", "`name` or address that the leaf must be good for; may be repeated", func(name string) error {
		names = append(names, name)
		return nil
	})
	if err := flags.Parse(arguments); err != nil {
		return nil, err
	}
	if (*leafFile == "") != (*chainFile == "") {
		return nil, errors.New("--leaf and --chain go together")
	}
	if *leafFile == "" && (len(names) > 0 || flags.NArg() == 0) {
		return nil, errors.New("nothing to do; give --leaf and --chain, or files to lint")
	}
	extendedKeyUsage, known := usages[*usage]
	if !known {
		return nil, fmt.Errorf("--usage %q is neither `server` nor `client`", *usage)
	}
	if err := checkExclusions(); err != nil {
		return nil, err
	}

	files := flags.Args()
	var findings []string
	if *leafFile != "" {
		files = append([]string{*leafFile, *chainFile}, files...)
		leaf, err := readCertificates(*leafFile)
		if err != nil {
			return nil, err
		}
		chain, err := readCertificates(*chainFile)
		if err != nil {
			return nil, err
		}
		found, err := validate(leaf, chain, names, extendedKeyUsage)
		if err != nil {
			return nil, err
		}
		for _, finding := range found {
			findings = append(findings, *leafFile+": "+finding)
		}
	}
	for _, file := range files {
		certificates, err := readCertificates(file)
		if err != nil {
			return nil, err
		}
		for i, der := range certificates {
			for _, finding := range lintCertificate(der) {
				findings = append(findings, fmt.Sprintf("%s[%d]: %s", file, i, finding))
			}
		}
	}
	slices.Sort(findings)
	return slices.Compact(findings), nil
}

var usages = map[string]x509.ExtKeyUsage{
	"server": x509.ExtKeyUsageServerAuth,
	"client": x509.ExtKeyUsageClientAuth,
}

// validate builds the path from the leaf to the last certificate of the chain for each name.
func validate(leaf, chain [][]byte, names []string, usage x509.ExtKeyUsage) ([]string, error) {
	certificate, err := x509.ParseCertificate(leaf[0])
	if err != nil {
		return nil, fmt.Errorf("the leaf: %w", err)
	}
	anchor := chain[len(chain)-1]
	roots, intermediates := x509.NewCertPool(), x509.NewCertPool()
	for _, der := range slices.Concat(leaf[1:], chain) {
		parsed, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("the chain: %w", err)
		}
		if slices.Equal(der, anchor) {
			roots.AddCert(parsed)
		} else {
			intermediates.AddCert(parsed)
		}
	}
	if len(names) == 0 {
		// No name to check, but the path all the same.
		names = []string{""}
	}
	var findings []string
	for _, name := range names {
		options := x509.VerifyOptions{
			DNSName:       name,
			Roots:         roots,
			Intermediates: intermediates,
			KeyUsages:     []x509.ExtKeyUsage{usage},
		}
		if _, err := certificate.Verify(options); err != nil {
			findings = append(findings, fmt.Sprintf("crypto/x509 for %q: %v", name, err))
		}
	}
	return findings, nil
}

// readCertificates returns the DER of at least one certificate.
func readCertificates(file string) ([][]byte, error) {
	rest, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var certificates [][]byte
	for {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		if block == nil {
			break
		}
		if block.Type == "CERTIFICATE" {
			certificates = append(certificates, block.Bytes)
		}
	}
	if len(certificates) == 0 {
		return nil, fmt.Errorf("%s: no certificate in it", file)
	}
	return certificates, nil
}
