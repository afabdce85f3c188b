{{- /*
A nats-server with JetStream as a StatefulSet, with its headless Service and its configuration. Takes:
root, name, component, values (replicas, storage, resources, accounts, accountsSecret), service account,
config (the text of what is particular to it), env and mounts and volumes (lists).
*/ -}}
{{- define "signet.natsServer" -}}
{{- $root := .root }}
{{- $v := .values }}
{{- $replicas := int (default 1 $v.replicas) }}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .name }}-config
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "signet.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
data:
  nats.conf: |
    server_name: $POD_NAME
    listen: "0.0.0.0:4222"
    http: "0.0.0.0:8222"
    max_payload: {{ int64 $v.maxPayload }}
    # By default a leaf link needs six minutes to notice that nothing comes any more.
    ping_interval: "10s"
    ping_max: 2
    {{- .config | nindent 4 }}
    {{- if $v.accounts }}
    include "accounts.conf"
    {{- end }}
  {{- with $v.accounts }}
  accounts.conf: |
    {{- . | nindent 4 }}
  {{- end }}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ .name }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "signet.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
spec:
  clusterIP: None
  # The servers of a cluster look for each other before they are ready.
  publishNotReadyAddresses: true
  ports:
    - { name: client, port: 4222, targetPort: client }
    - { name: monitor, port: 8222, targetPort: monitor }
    {{- if gt $replicas 1 }}
    - { name: cluster, port: 6222, targetPort: cluster }
    {{- end }}
  selector:
    {{- include "signet.selector" (list $root .component) | nindent 4 }}
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {{ .name }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "signet.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
spec:
  serviceName: {{ .name }}
  replicas: {{ $replicas }}
  # Two of three must be there before one is ready.
  podManagementPolicy: Parallel
  selector:
    matchLabels:
      {{- include "signet.selector" (list $root .component) | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "signet.labels" $root | nindent 8 }}
        app.kubernetes.io/component: {{ .component }}
      annotations:
        checksum/config: {{ list .config $v.accounts (int64 $v.maxPayload) | toJson | sha256sum }}
    spec:
      serviceAccountName: {{ include "signet.serviceAccount" $root }}
      automountServiceAccountToken: false
      enableServiceLinks: false
      terminationGracePeriodSeconds: 60
      {{- with $v.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      {{- with $root.Values.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $v.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $v.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- if gt $replicas 1 }}
      affinity:
        podAntiAffinity:
          preferredDuringSchedulingIgnoredDuringExecution:
            - weight: 100
              podAffinityTerm:
                topologyKey: kubernetes.io/hostname
                labelSelector:
                  matchLabels:
                    {{- include "signet.selector" (list $root .component) | nindent 20 }}
      {{- end }}
      securityContext:
        {{- include "signet.podSecurity" $root | nindent 8 }}
      containers:
        - name: nats
          {{- with $root.Values.natsServer.image }}
          image: "{{ .repository }}:{{ .tag }}"
          imagePullPolicy: {{ .pullPolicy }}
          {{- end }}
          command: [nats-server, --config, /etc/nats/nats.conf]
          securityContext:
            {{- include "signet.containerSecurity" $root | nindent 12 }}
          ports:
            - { name: client, containerPort: 4222 }
            - { name: monitor, containerPort: 8222 }
            {{- if gt $replicas 1 }}
            - { name: cluster, containerPort: 6222 }
            {{- end }}
          env:
            - name: POD_NAME
              valueFrom: { fieldRef: { fieldPath: metadata.name } }
            {{- with .env }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
          {{- with $v.accountsSecret }}
          envFrom:
            - secretRef: { name: {{ . | quote }} }
          {{- end }}
          startupProbe:
            httpGet: { path: "/healthz?js-server-only=true", port: monitor }
            periodSeconds: 5
            failureThreshold: 60
          livenessProbe:
            httpGet: { path: "/healthz?js-enabled-only=true", port: monitor }
            periodSeconds: 15
            timeoutSeconds: 5
            failureThreshold: 4
          readinessProbe:
            httpGet: { path: "/healthz?js-server-only=true", port: monitor }
            periodSeconds: 5
            timeoutSeconds: 5
          resources:
            {{- toYaml $v.resources | nindent 12 }}
          volumeMounts:
            - { name: config, mountPath: /etc/nats, readOnly: true }
            - { name: data, mountPath: /data }
            {{- with .mounts }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
      volumes:
        - name: config
          configMap: { name: {{ .name }}-config }
        {{- with .volumes }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumeClaimTemplates:
    - metadata:
        name: data
      spec:
        accessModes: [ReadWriteOnce]
        {{- with $v.storage.className }}
        storageClassName: {{ . }}
        {{- end }}
        resources: { requests: { storage: {{ int $v.storage.sizeGi }}Gi } }
{{- end }}

{{- /* Nine tenths of a volume, in bytes: what is above is for what JetStream needs besides messages. */ -}}
{{- define "signet.fileStore" -}}{{ mul (int64 .) 966367641 }}{{- end }}
