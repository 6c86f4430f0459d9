{{- define "alertscribe.name" -}}
{{ .Release.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "alertscribe.selector" -}}
app.kubernetes.io/name: alertscribe
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "alertscribe.labels" -}}
{{ include "alertscribe.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "alertscribe.pod" -}}
metadata:
  labels:
    {{- include "alertscribe.selector" . | nindent 4 }}
  annotations:
    checksum/config: {{ .Values.config | toYaml | sha256sum }}
spec:
  serviceAccountName: {{ include "alertscribe.name" . }}
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: 30
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    seccompProfile: {type: RuntimeDefault}
  containers:
    - name: alertscribe
      image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args:
        - --config.file=/etc/alertscribe/alertscribe.yml
        {{- with .Values.externalURL }}
        - --web.external-url={{ . }}
        {{- end }}
        {{- with .Values.extraArgs }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with .Values.existingSecret }}
      envFrom:
        - secretRef: {name: {{ . | quote }}}
      {{- end }}
      ports:
        - {name: http, containerPort: 5008}
      readinessProbe:
        httpGet: {path: /-/ready, port: http}
        periodSeconds: 5
      livenessProbe:
        httpGet: {path: /-/healthy, port: http}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      startupProbe:
        httpGet: {path: /-/healthy, port: http}
        periodSeconds: 2
        failureThreshold: 150
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL]}
      volumeMounts:
        - {name: config, mountPath: /etc/alertscribe, readOnly: true}
        - {name: reports, mountPath: /reports}
        - {name: tmp, mountPath: /tmp}
        {{- if eq .Values.database "sqlite" }}
        - {name: data, mountPath: /data}
        {{- end }}
  volumes:
    - name: config
      configMap: {name: {{ include "alertscribe.name" . }}}
    - name: tmp
      emptyDir: {}
    {{- if eq .Values.database "postgres" }}
    - name: reports
      emptyDir: {}
    {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
