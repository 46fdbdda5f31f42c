{{- define "certctl.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* The name of everything: that of the release where it says certctl already. */}}
{{- define "certctl.fullname" -}}
{{- $name := include "certctl.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "certctl.selectorLabels" -}}
app.kubernetes.io/name: {{ include "certctl.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "certctl.labels" -}}
{{ include "certctl.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "certctl.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "certctl.serviceHost" -}}
{{ include "certctl.fullname" . }}.{{ .Release.Namespace }}.svc.{{ .Values.clusterDomain }}
{{- end }}

{{- define "certctl.externalUrl" -}}
{{- if .Values.externalUrl }}
{{- .Values.externalUrl | trimSuffix "/" }}
{{- else -}}
https://{{ include "certctl.serviceHost" . }}:{{ .Values.service.port }}
{{- end }}
{{- end }}

{{- define "certctl.externalHost" -}}
{{ regexReplaceAll ":[0-9]+$" (include "certctl.externalUrl" . | trimPrefix "https://") "" }}
{{- end }}

{{- define "certctl.commonName" -}}
{{ .Values.ca.commonName | default (printf "%s internal CA" (.Release.Name | replace "-" " " | trunc 52)) }}
{{- end }}

{{- /* "true" where many replicas share a database. */}}
{{- define "certctl.shared" -}}
{{ if or .Values.postgresql.url .Values.postgresql.existingSecret }}true{{ end }}
{{- end }}

{{- define "certctl.secretName" -}}
{{ .Values.secrets.existingSecret | default (include "certctl.fullname" .) }}
{{- end }}

{{- define "certctl.databaseSecretName" -}}
{{ .Values.postgresql.existingSecret | default (printf "%s-database" (include "certctl.fullname" .)) }}
{{- end }}

{{- define "certctl.databaseSecretKey" -}}
{{ if .Values.postgresql.existingSecret }}{{ .Values.postgresql.existingSecretKey }}{{ else }}url{{ end }}
{{- end }}

{{- define "certctl.claimName" -}}
{{ .Values.persistence.existingClaim | default (include "certctl.fullname" .) }}
{{- end }}

{{- define "certctl.backupClaimName" -}}
{{ .Values.backup.existingClaim | default (printf "%s-backup" (include "certctl.fullname" .)) }}
{{- end }}

{{- /* Which of the ways of values.yaml gives the server its certificate: secret, cert-manager, files or own. */}}
{{- define "certctl.tlsSource" -}}
{{- $names := splitList "\n" (.Files.Get "bootstrap/names") }}
{{- if .Values.tls.existingSecret -}}secret
{{- else if .Values.tls.certManager.enabled -}}cert-manager
{{- else if and (.Files.Get "bootstrap/server.key") (has (include "certctl.externalHost" .) $names) -}}files
{{- else -}}own
{{- end }}
{{- end }}

{{- define "certctl.tlsSecretName" -}}
{{ .Values.tls.existingSecret | default (printf "%s-tls" (include "certctl.fullname" .)) }}
{{- end }}

{{- define "certctl.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "certctl.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- /* Settings that follow from values: name and text, one a line of YAML. */}}
{{- define "certctl.settings" -}}
{{- $acme := .Values.acmeServer }}
{{- $validation := $acme.validation }}
CERTCTL_EXTERNAL_URL: {{ include "certctl.externalUrl" . }}
CERTCTL_DATA_DIR: /var/lib/certctl
CERTCTL_LOG: {{ .Values.log.filter }}
CERTCTL_LOG_FORMAT: {{ .Values.log.format }}
CERTCTL_ENCRYPTION_KEY_FILE: /etc/certctl/secrets/encryption-key
CERTCTL_BOOTSTRAP_API_KEY_FILE: /etc/certctl/secrets/api-key
CERTCTL_BOOTSTRAP_ADMIN_GROUPS: {{ join "," .Values.oidc.bootstrapAdminGroups }}
{{- if include "certctl.shared" . }}
CERTCTL_DATABASE_URL_FILE: /etc/certctl/database/url
CERTCTL_DATABASE_MAX_CONNECTIONS: {{ .Values.postgresql.maxConnections }}
CERTCTL_DATABASE_AUTO_MIGRATE: {{ .Values.postgresql.autoMigrate }}
{{- end }}
{{- if .Values.ca.existingSecret }}
CERTCTL_CA_CERT_FILE: /etc/certctl/ca/{{ .Values.ca.certificateKey }}
CERTCTL_CA_KEY_FILE: /etc/certctl/ca/{{ .Values.ca.privateKeyKey }}
{{- else }}
CERTCTL_CA_COMMON_NAME: {{ include "certctl.commonName" . }}
CERTCTL_CA_KEY_ALGORITHM: {{ .Values.ca.keyAlgorithm }}
{{- end }}
{{- if ne (include "certctl.tlsSource" .) "own" }}
CERTCTL_TLS_CERT_FILE: /etc/certctl/tls/tls.crt
CERTCTL_TLS_KEY_FILE: /etc/certctl/tls/tls.key
{{- end }}
CERTCTL_ACME_SERVER_ENABLED: {{ $acme.enabled }}
CERTCTL_ACME_SERVER_DEFAULT_PROFILE_ID: {{ $acme.defaultProfileId }}
CERTCTL_ACME_TERMS_OF_SERVICE_URL: {{ $acme.termsOfServiceUrl }}
CERTCTL_ACME_TERMS_OF_SERVICE_VERSION: {{ $acme.termsOfServiceVersion | quote }}
CERTCTL_ACME_WEBSITE_URL: {{ $acme.websiteUrl }}
CERTCTL_ACME_CAA_IDENTITIES: {{ join "," $acme.caaIdentities }}
CERTCTL_ACME_HTTP01_PORT: {{ $validation.http01Port }}
CERTCTL_ACME_TLSALPN01_PORT: {{ $validation.tlsAlpn01Port }}
CERTCTL_ACME_DNS_RESOLVERS: {{ join "," $validation.dnsResolvers | quote }}
CERTCTL_ACME_VALIDATION_ALLOW_CIDRS: {{ join "," $validation.allowCidrs | quote }}
CERTCTL_ACME_VALIDATION_DENY_CIDRS: {{ join "," $validation.denyCidrs | quote }}
CERTCTL_ACME_VALIDATION_ATTEMPTS: {{ $validation.attempts }}
CERTCTL_ACME_VALIDATION_RETRY_INTERVAL: {{ $validation.retryInterval }}
CERTCTL_ACME_VALIDATION_CONCURRENCY: {{ $validation.concurrency }}
{{- end }}

{{- /* The environment of every container that runs certctl. An empty setting is one that is not set. */}}
{{- define "certctl.env" -}}
{{- $settings := mergeOverwrite (include "certctl.settings" . | fromYaml) .Values.settings }}
{{- range $name, $value := $settings }}
{{- /* Numbers of YAML are floating-point numbers, and long ones would be written as such. */}}
{{- if kindIs "float64" $value }}{{ $value = int64 $value }}{{ end }}
{{- if or $value (eq (toString $value) "false") (eq (toString $value) "0") }}
- {name: {{ $name }}, value: {{ $value | toString | quote }}}
{{- end }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "certctl.volumeMounts" -}}
- {name: data, mountPath: /var/lib/certctl}
- {name: tmp, mountPath: /tmp}
- {name: secrets, mountPath: /etc/certctl/secrets, readOnly: true}
{{- if include "certctl.shared" . }}
- {name: database, mountPath: /etc/certctl/database, readOnly: true}
{{- end }}
{{- if .Values.postgresql.caSecret }}
- {name: database-ca, mountPath: /etc/certctl/postgresql, readOnly: true}
{{- end }}
{{- if .Values.ca.existingSecret }}
- {name: ca, mountPath: /etc/certctl/ca, readOnly: true}
{{- end }}
{{- if ne (include "certctl.tlsSource" .) "own" }}
- {name: tls, mountPath: /etc/certctl/tls, readOnly: true}
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* Files of Secrets are for the pod's group alone; certctl refuses keys that others can read. */}}
{{- define "certctl.volumes" -}}
- name: data
  {{- if include "certctl.shared" . }}
  emptyDir: {sizeLimit: 16Mi}
  {{- else }}
  persistentVolumeClaim: {claimName: {{ include "certctl.claimName" . }}}
  {{- end }}
- name: tmp
  emptyDir: {sizeLimit: 64Mi}
- name: secrets
  secret: {secretName: {{ include "certctl.secretName" . }}, defaultMode: 0440}
{{- if include "certctl.shared" . }}
- name: database
  secret:
    secretName: {{ include "certctl.databaseSecretName" . }}
    defaultMode: 0440
    items: [{key: {{ include "certctl.databaseSecretKey" . }}, path: url}]
{{- end }}
{{- if .Values.postgresql.caSecret }}
- name: database-ca
  secret:
    secretName: {{ .Values.postgresql.caSecret }}
    defaultMode: 0444
    items: [{key: {{ .Values.postgresql.caSecretKey }}, path: ca.crt}]
{{- end }}
{{- if .Values.ca.existingSecret }}
- name: ca
  secret: {secretName: {{ .Values.ca.existingSecret }}, defaultMode: 0440}
{{- end }}
{{- if ne (include "certctl.tlsSource" .) "own" }}
- name: tls
  secret: {secretName: {{ include "certctl.tlsSecretName" . }}, defaultMode: 0440}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* Values that fit each alone and not together. */}}
{{- define "certctl.validate" -}}
{{- if and (gt (int .Values.replicaCount) 1) (not (include "certctl.shared" .)) }}
{{- fail "replicaCount: more than one replica needs postgresql.url or postgresql.existingSecret; SQLite belongs to one server" }}
{{- end }}
{{- if and .Values.postgresql.url .Values.postgresql.existingSecret }}
{{- fail "postgresql.url: postgresql.existingSecret is set too; give one of the two" }}
{{- end }}
{{- if and .Values.postgresql.migrationSecret (or .Values.postgresql.autoMigrate (not (include "certctl.shared" .))) }}
{{- fail "postgresql.migrationSecret: only the job uses it that there is with PostgreSQL and postgresql.autoMigrate=false" }}
{{- end }}
{{- if and .Values.tls.existingSecret .Values.tls.certManager.enabled }}
{{- fail "tls.existingSecret: tls.certManager.enabled is set too; give one of the two" }}
{{- end }}
{{- if and .Values.tls.certManager.enabled (not .Values.tls.certManager.issuerRef.name) }}
{{- fail "tls.certManager.issuerRef.name: it is missing; name the Issuer or ClusterIssuer" }}
{{- end }}
{{- range tuple "ingress" "gateway" }}
{{- if and (index $.Values . "enabled") (not $.Values.externalUrl) }}
{{- fail (printf "externalUrl: %s.enabled needs it; its host becomes that of the route" .) }}
{{- end }}
{{- end }}
{{- if and .Values.gateway.enabled (not .Values.gateway.parentRefs) }}
{{- fail "gateway.parentRefs: it is empty; name a Gateway that passes TLS on" }}
{{- end }}
{{- if and .Values.backup.enabled (include "certctl.shared" .) (not .Values.backup.postgresqlImage) }}
{{- fail "backup.postgresqlImage: with PostgreSQL the backup needs an image that has pg_dump" }}
{{- end }}
{{- end }}
