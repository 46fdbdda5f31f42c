package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/zmap/zcrypto/x509"
	"github.com/zmap/zlint/v3"
	"github.com/zmap/zlint/v3/lint"
)

// Every lint of zlint runs, whatever its source. Those of the RFCs must pass, and no exclusion can name one. The others
// are rules for CAs that browsers trust by default; the ones below are left out, each because a private CA is not
// bound by it or must break it to be of use. Notices are no findings.
var exclusions = []struct {
	reason string
	lints  []string
}{
	{
		"issuing for names and addresses that are not public is what a private CA is for",
		[]string{
			"e_dnsname_not_valid_tld",
			"e_ext_san_contains_reserved_ip",
			"e_subject_contains_reserved_ip",
		},
	},
	{
		"how long a leaf is valid is the profile's decision",
		[]string{
			"e_server_cert_valid_time_longer_than_200_days",
			"w_server_cert_valid_time_longer_than_199_days",
			"e_sub_cert_valid_time_longer_than_825_days",
			"e_tls_server_cert_valid_time_longer_than_398_days",
			"w_tls_server_cert_valid_time_longer_than_397_days",
		},
	},
	{
		"certificate policies say that a CA keeps the CA/Browser Forum's rules, which a private CA must not claim",
		[]string{
			"e_sub_cert_cert_policy_empty",
			"e_sub_cert_certificate_policies_missing",
		},
	},
	{
		"there is no OCSP responder, CRL or issuer's certificate at a public address to point to",
		[]string{
			"e_missing_crl_distrib_point",
			"e_sub_cert_aia_missing",
			"w_sub_cert_aia_does_not_contain_issuing_ca_url",
		},
	},
	{
		"Ed25519 (RFC 8410) is for those who choose it; browsers do not take it",
		[]string{
			"e_algorithm_identifier_improper_encoding",
			"e_signature_algorithm_not_supported",
		},
	},
	{
		"a private root names itself by its common name; country and organization identify public CAs to browsers' users",
		[]string{
			"e_ca_country_name_missing",
			"e_ca_organization_name_missing",
		},
	},
	{
		"RFC 5280 section 4.2.1.2 wants the subjectKeyIdentifier that the CA/Browser Forum advises against",
		[]string{"w_ext_subject_key_identifier_not_recommended_subscriber"},
	},
	{
		"a client that asks for a common name gets it: software inside companies still reads it",
		[]string{"w_subject_common_name_included"},
	},
}

// checkExclusions fails when an exclusion names a lint that zlint does not have (it would hide nothing) or one of the
// RFCs (it must not be hidden).
func checkExclusions() error {
	for _, exclusion := range exclusions {
		for _, name := range exclusion.lints {
			found := lint.GlobalRegistry().CertificateLints().ByName(name)
			if found == nil {
				return fmt.Errorf("the excluded lint %s does not exist", name)
			}
			if strings.HasPrefix(string(found.Source), "RFC") {
				return fmt.Errorf("the excluded lint %s is one of %s", name, found.Source)
			}
		}
	}
	return nil
}

func excluded(name string) bool {
	for _, exclusion := range exclusions {
		if slices.Contains(exclusion.lints, name) {
			return true
		}
	}
	return false
}

// lintCertificate returns what warns, fails or cannot be linted.
func lintCertificate(der []byte) []string {
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return []string{fmt.Sprintf("zlint cannot read it: %v", err)}
	}
	var findings []string
	for name, result := range zlint.LintCertificate(certificate).Results {
		if result.Status < lint.Warn || excluded(name) {
			continue
		}
		about := lint.GlobalRegistry().CertificateLints().ByName(name)
		finding := fmt.Sprintf("%s %s (%s): %s", result.Status, name, about.Source, about.Description)
		if result.Details != "" {
			finding += " " + result.Details
		}
		findings = append(findings, finding)
	}
	return findings
}
