{{- /*
What a schema cannot say: values that only together are wrong. Each says what to do about it.
*/ -}}
{{- define "signet.checks" -}}
{{- $v := .Values -}}
{{- $home := $v.home.enabled -}}
{{- if not $v.stamp }}{{ fail "stamp is missing: set it to the name of this stamp in the topology, or, at home, to the `home.stamp` of the control plane" }}{{ end }}
{{- if and $v.topology.files $v.topology.existingConfigMap }}{{ fail "topology.files and topology.existingConfigMap are both set: leave one of them out" }}{{ end }}
{{- if not (or $v.topology.files $v.topology.existingConfigMap) }}{{ fail "the topology is missing: set topology.files (--set-file 'topology.files.federation\\.yaml=…'), or topology.existingConfigMap" }}{{ end }}
{{- range $name, $_ := $v.topology.files }}
{{- if not (regexMatch "^[A-Za-z0-9_][A-Za-z0-9_.-]*\\.ya?ml$" $name) }}{{ fail (printf "topology.files has %q: agents read files whose names end with .yaml, and a ConfigMap has no folders, so call it something like eu-canary.yaml" $name) }}{{ end }}
{{- end }}
{{- if and $v.settings $v.existingSettingsSecret }}{{ fail "settings and existingSettingsSecret are both set: leave one of them out" }}{{ end }}

{{- if $home }}
{{- if eq $v.link "https" }}{{ fail "home.enabled with link https: the agents of the home stamp serve the others over the gateway; set link to nats" }}{{ end }}
{{- if not (or $v.hubStore.enabled $v.hubStore.external) }}{{ fail "home without a hub store: set hubStore.enabled, or hubStore.external where the JetStream domain of the topology is there already" }}{{ end }}
{{- if and $v.hubStore.enabled $v.hubStore.external }}{{ fail "hubStore.enabled and hubStore.external are both set: the chart runs the hub store, or it is there already" }}{{ end }}
{{- if $v.keptnNats.enabled }}{{ fail "keptnNats.enabled at home: there Keptn's own chart brings its NATS; set keptn.namespace to where that is" }}{{ end }}
{{- if or $v.join.geo $v.join.ring }}{{ fail "join at home: the home stamp is named by the control plane of the topology; leave join.geo and join.ring out" }}{{ end }}
{{- else }}
{{- if or $v.hubStore.enabled $v.hubStore.external }}{{ fail "a hub store outside the home stamp: set home.enabled, or leave hubStore out" }}{{ end }}
{{- if $v.keptn.namespace }}{{ fail "keptn.namespace outside the home stamp: Keptn runs at home only; set keptnNats.enabled, or keptn.url where there is a Keptn NATS already" }}{{ end }}
{{- if not (or $v.keptn.url $v.keptnNats.enabled) }}{{ fail "this stamp has no Keptn NATS: set keptnNats.enabled, or keptn.url where there is one already" }}{{ end }}
{{- if ne (empty $v.join.geo) (empty $v.join.ring) }}{{ fail "join.geo and join.ring belong together: set both or none" }}{{ end }}
{{- end }}
{{- if and $v.keptnNats.enabled $v.keptn.url }}{{ fail "keptnNats.enabled and keptn.url are both set: the chart runs the Keptn NATS, or it is there already" }}{{ end }}

{{- if eq $v.link "https" }}
{{- if $v.gateway.url }}{{ fail "gateway.url with link https: such a stamp connects to no gateway; leave it out, or set link to auto where both ways are open" }}{{ end }}
{{- if or (ne $v.gateway.auth.method "none") $v.gateway.tls.secret }}{{ fail "gateway.auth or gateway.tls with link https: such a stamp connects to no gateway; leave them out" }}{{ end }}
{{- if not $v.keptnApi.endpoint }}{{ fail "link https without keptnApi.endpoint: set it to the public Keptn API, such as https://keptn.example/api" }}{{ end }}
{{- end }}
{{- if and $v.keptnApi.endpoint (not $v.keptnApi.tokenSecret) (not $v.keptnApi.oauthSecret) }}{{ fail "keptnApi.endpoint without keptnApi.tokenSecret or keptnApi.oauthSecret: nobody is let in there without" }}{{ end }}

{{- range $side, $values := dict "gateway" $v.gateway "keptn" $v.keptn }}
{{- if and (ne $values.auth.method "none") (not $values.auth.secret) }}{{ fail (printf "%s.auth.method is %s, and %s.auth.secret is missing: set it to the Secret that has it" $side $values.auth.method $side) }}{{ end }}
{{- if and (eq $values.auth.method "none") (or $values.auth.secret $values.auth.user $values.auth.key) }}{{ fail (printf "%s.auth.method is none, and more of %s.auth is set: set the method too" $side $side) }}{{ end }}
{{- if and $values.tls.mutual (not $values.tls.secret) }}{{ fail (printf "%s.tls.mutual without %s.tls.secret: set it to the Secret that has tls.crt and tls.key" $side $side) }}{{ end }}
{{- if contains "@" $values.url }}{{ fail (printf "%s.url has credentials in it: they would stand in a ConfigMap; use %s.auth" $side $side) }}{{ end }}
{{- end }}
{{- range $v.settings.integrations }}
{{- if contains "@" (toString .recipient) }}{{ fail (printf "settings.integrations: the recipient of %s has credentials in it, which would stand in a ConfigMap; use existingSettingsSecret" .name) }}{{ end }}
{{- end }}

{{- if $v.hubStore.enabled }}
{{- if not $v.hubStore.leaf.hosts }}{{ fail "hubStore.leaf.hosts is missing: set it to where the servers of the home gateway listen for leaf nodes, as host:port" }}{{ end }}
{{- if and (or $v.hubStore.accounts $v.hubStore.leaf.user) (not $v.hubStore.accountsSecret) }}{{ fail "hubStore.accounts without hubStore.accountsSecret: its variables are taken from that Secret" }}{{ end }}
{{- if and $v.hubStore.leaf.mutual (not $v.hubStore.leaf.tlsSecret) }}{{ fail "hubStore.leaf.mutual without hubStore.leaf.tlsSecret: set it to the Secret that has tls.crt and tls.key" }}{{ end }}
{{- if and (gt (int $v.hubStore.replicas) 1) (not $v.hubStore.accountsSecret) }}{{ fail "hubStore.replicas above 1 without hubStore.accountsSecret: its key NATS_PASSWORD_ROUTE keeps others out of the cluster of the store" }}{{ end }}
{{- end }}
{{- if and $v.keptnNats.accounts (not $v.keptnNats.accountsSecret) }}{{ fail "keptnNats.accounts without keptnNats.accountsSecret: its variables are taken from that Secret" }}{{ end }}

{{- if and $v.terminationGracePeriodSeconds (le (int $v.terminationGracePeriodSeconds) (int (include "signet.drain" .))) }}{{ fail (printf "terminationGracePeriodSeconds is %d, and preStopSeconds and drainSeconds need %s: pods would be killed while they drain" (int $v.terminationGracePeriodSeconds) (include "signet.drain" .)) }}{{ end }}
{{- range $v.extraEnv }}
{{- if has .name (splitList " " (include "signet.ownVariables" $)) }}{{ fail (printf "extraEnv has %s, which the chart sets by a value of its own" .name) }}{{ end }}
{{- end }}
{{- range without $v.integrations.namespaces .Release.Namespace }}
{{- if and $v.home.enabled (eq . (include "signet.keptnNamespace" $)) }}{{ fail (printf "integrations.namespaces has %s, where Keptn runs: its integrations need nothing of this chart" .) }}{{ end }}
{{- end }}
{{- end }}

{{- define "signet.ownVariables" -}}
SIGNET_CONFIG SIGNET_STAMP SIGNET_GEO SIGNET_RING SIGNET_TOPOLOGY SIGNET_LISTEN SIGNET_HTTP_PORT API_PROXY_PORT SIGNET_SERVICES_PORT SIGNET_ADMIN_PORT SIGNET_DRAIN SIGNET_KEPTN_SERVICES SIGNET_NATS_URL NATS_URL PUBSUB_URL EVENTBROKER SIGNET_NATS_CREDS SIGNET_NATS_NKEY SIGNET_NATS_USER SIGNET_NATS_PASSWORD SIGNET_NATS_PASSWORD_FILE SIGNET_NATS_TOKEN SIGNET_NATS_TOKEN_FILE SIGNET_NATS_TLS_CA SIGNET_NATS_TLS_CERT SIGNET_NATS_TLS_KEY KEPTN_NATS_CREDS KEPTN_NATS_NKEY KEPTN_NATS_USER KEPTN_NATS_PASSWORD KEPTN_NATS_PASSWORD_FILE KEPTN_NATS_TOKEN KEPTN_NATS_TOKEN_FILE KEPTN_NATS_TLS_CA KEPTN_NATS_TLS_CERT KEPTN_NATS_TLS_KEY KEPTN_API_ENDPOINT KEPTN_API_TOKEN SIGNET_API_TLS_CA OAUTH_CLIENT_SECRET K8S_POD_NAME
{{- end }}
