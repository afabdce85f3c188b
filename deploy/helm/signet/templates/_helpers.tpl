{{- define "signet.fullname" -}}
{{- if .Values.fullnameOverride }}{{ .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains "signet" .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}{{ printf "%s-signet" .Release.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "signet.storeName" -}}{{ include "signet.fullname" . }}-store{{- end }}
{{- define "signet.keptnNatsName" -}}{{ include "signet.fullname" . }}-keptn-nats{{- end }}

{{- /* Labels of all that the chart makes. */ -}}
{{- define "signet.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
app.kubernetes.io/name: signet
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
{{- end }}

{{- /* What a selector goes by; takes (list $ component). */ -}}
{{- define "signet.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: signet
app.kubernetes.io/instance: {{ $root.Release.Name | quote }}
app.kubernetes.io/component: {{ index . 1 | quote }}
{{- end }}

{{- define "signet.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}{{ .Values.serviceAccount.name | default (include "signet.fullname" .) }}
{{- else }}{{ .Values.serviceAccount.name | default "default" }}{{ end }}
{{- end }}

{{- define "signet.keptnNamespace" -}}{{ .Values.keptn.namespace | default .Release.Namespace }}{{- end }}

{{- define "signet.gatewayUrl" -}}
{{ .Values.gateway.url | default "nats://natsserver.default.svc.cluster.local:4222" }}
{{- end }}

{{- /* The Keptn NATS by a name that holds in every namespace. */ -}}
{{- define "signet.keptnUrl" -}}
{{- if .Values.keptn.url }}{{ .Values.keptn.url }}
{{- else if .Values.keptnNats.enabled }}nats://{{ include "signet.keptnNatsName" . }}.{{ .Release.Namespace }}.svc.{{ .Values.clusterDomain }}:4222
{{- else }}nats://keptn-nats.{{ include "signet.keptnNamespace" . }}.svc.{{ .Values.clusterDomain }}:4222{{ end }}
{{- end }}

{{- define "signet.drain" -}}{{ add .Values.drainSeconds .Values.preStopSeconds }}{{- end }}
{{- define "signet.gracePeriod" -}}
{{ .Values.terminationGracePeriodSeconds | default (add (include "signet.drain" .) 10) }}
{{- end }}

{{- /* Who the agents are on one side, as variables; takes the side's values, its prefix and its user. */ -}}
{{- define "signet.authEnv" -}}
{{- $auth := .side.auth -}}
{{- $key := $auth.key | default $auth.method -}}
{{- if eq $auth.method "password" }}
- name: {{ .prefix }}_USER
  value: {{ $auth.user | default .user | quote }}
- name: {{ .prefix }}_PASSWORD
  valueFrom: { secretKeyRef: { name: {{ $auth.secret | quote }}, key: {{ $key | quote }} } }
{{- else if eq $auth.method "token" }}
- name: {{ .prefix }}_TOKEN
  valueFrom: { secretKeyRef: { name: {{ $auth.secret | quote }}, key: {{ $key | quote }} } }
{{- else if has $auth.method (list "creds" "nkey") }}
- name: {{ .prefix }}_{{ upper $auth.method }}
  value: {{ printf "/etc/signet/%s-auth/%s" .name $key | quote }}
{{- end }}
{{- with .side.tls }}
{{- if .secret }}
- name: {{ $.prefix }}_TLS_CA
  value: {{ printf "/etc/signet/%s-tls/%s" $.name .ca | quote }}
{{- if .mutual }}
- name: {{ $.prefix }}_TLS_CERT
  value: {{ printf "/etc/signet/%s-tls/tls.crt" $.name | quote }}
- name: {{ $.prefix }}_TLS_KEY
  value: {{ printf "/etc/signet/%s-tls/tls.key" $.name | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- /* The same as files. As whole folders, in which Kubernetes changes a file that was rotated. */ -}}
{{- define "signet.authMounts" -}}
{{- if has .side.auth.method (list "creds" "nkey") }}
- { name: {{ .name }}-auth, mountPath: /etc/signet/{{ .name }}-auth, readOnly: true }
{{- end }}
{{- if .side.tls.secret }}
- { name: {{ .name }}-tls, mountPath: /etc/signet/{{ .name }}-tls, readOnly: true }
{{- end }}
{{- end }}

{{- define "signet.authVolumes" -}}
{{- if has .side.auth.method (list "creds" "nkey") }}
- name: {{ .name }}-auth
  secret: { secretName: {{ .side.auth.secret | quote }}, defaultMode: 0440 }
{{- end }}
{{- if .side.tls.secret }}
- name: {{ .name }}-tls
  secret: { secretName: {{ .side.tls.secret | quote }}, defaultMode: 0440 }
{{- end }}
{{- end }}

{{- /* Pods of namespaces, as peers of a NetworkPolicy; takes a list of names. */ -}}
{{- define "signet.fromNamespaces" -}}
{{- range . }}
- namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: {{ . | quote }} } }
{{- end }}
{{- end }}

{{- define "signet.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "signet.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{- /* Keptn's services where they are in another namespace than the agents. */ -}}
{{- define "signet.keptnServices" -}}
{{- $names := list -}}
{{- range list "shipyard-controller" "resource-service" "mongodb-datastore" "secret-service" "api-service" -}}
{{- $names = append $names (printf "%s=http://%s.%s:8080" . . (include "signet.keptnNamespace" $)) -}}
{{- end -}}
{{- join "," $names -}}
{{- end }}
