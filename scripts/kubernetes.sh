#!/usr/bin/env bash
# Usage: bash scripts/kubernetes.sh render [FOLDER]
#
# Writes the part of production that keeps no data as a base for Kustomize into FOLDER, var/kubernetes if none is given: what the Compose
# files say of each service, of the version TAG and the image in REGISTRY of .env. docs/cluster.md says how it is applied.
# Validated, not run.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
. "$(dirname "$(readlink -f "$0")")/lib.sh"
. scripts/model.sh

[[ "${1:-}" = render && $# -le 2 ]] || die "say render, and perhaps a folder: see --help"
folder=${2:-var/kubernetes}
folder=${folder%/}
[[ $folder = /* || $# = 1 ]] || folder=$caller/$folder
[ ! -e "$folder" ] || [ -e "$folder/kustomization.yaml" ] || [ -z "$(ls -A "$folder")" ] ||
  die "$folder holds something else than an earlier base: name another folder"
[ "$(setting REGISTRY)" != localhost ] ||
  die "REGISTRY is localhost, from which no cluster pulls: REGISTRY=registry.example.org/team in .env, where CI pushes to"

leaves=$(COMPOSE_PROFILES="" COMPOSE_FILE=docker-compose.yml:docker-compose.prod.yml docker compose config | awk "$LEAVES") ||
  die "the Compose files cannot be read: the lines above say why"
project=$(text name)

# health SERVICE: its test as a command; an image's own is in its Dockerfile.
health() {
  local test
  test=$(values "services/$1/healthcheck/test")
  case $test in
    '["CMD-SHELL",'*) say "[\"sh\",\"-c\",${test#*,}" ;;
    '["CMD",'*) say "[${test#*,}" ;;
    "")
      [ "$(value "services/$1/healthcheck/disable")" = '"true"' ] ||
        sed -n '/^HEALTHCHECK/,$s/^ *CMD \(\[.*\]\)$/\1/p' app/Dockerfile | tail -n 1
      ;;
  esac
}

# --- The base --------------------------------------------------------------------------------------------------------------

seconds() { sed -e 's/h/*3600+/; s/m/*60+/; s/s$//; s/+$//' <<< "${1:-0}" | { read -r sum; say $((sum)); }; }

# metadata NAME
metadata() { printf 'metadata:\n  name: %s\n' "$1"; }

# labels INDENT SERVICE: by which a pod is found, and the networks that it is on.
labels() {
  local network
  printf "%*sapp.kubernetes.io/name: %s\n" "$1" "" "$2"
  for network in $(names "services/$2/networks"); do printf '%*snetwork/%s: "true"\n' "$1" "" "$(dns "$network")"; done
}

# probe NAME COMMAND SERVICE PERIOD FAILURES: a check of the image's own waits for 8 s, as its Dockerfile says.
probe() {
  printf '          %s:\n            exec:\n              command: %s\n' "$1" "$2"
  printf '            periodSeconds: %s\n            timeoutSeconds: %s\n            failureThreshold: %s\n' "$4" "$(seconds "$(text "services/$3/healthcheck/timeout")" | sed 's/^0$/8/')" "$5"
}

# pod SERVICE RESTART: what a Deployment and a Job make it of.
pod() {
  local service=$1 at="services/$1" variable source target command
  printf '    metadata:\n      labels:\n'
  labels 8 "$service"
  cat << END
    spec:
      automountServiceAccountToken: false
      enableServiceLinks: false
      restartPolicy: $2
      securityContext:
        runAsNonRoot: true
END
  [ -z "$(text "$at/user")" ] || printf '        runAsUser: %s\n        runAsGroup: %s\n' "$(text "$at/user" | cut -d : -f 1)" "$(text "$at/user" | cut -d : -f 2)"
  cat << END
        seccompProfile: {type: RuntimeDefault}
        sysctls: [{name: net.ipv4.ip_unprivileged_port_start, value: "0"}]
      terminationGracePeriodSeconds: $(seconds "$(text "$at/stop_grace_period")")
      containers:
        - name: $service
          image: $(value "$at/image")
END
  command=$(values "$at/entrypoint")
  [ -z "$command" ] || printf '          command: %s\n' "$command"
  command=$(values "$at/command")
  [ -z "$command" ] || printf '          args: %s\n' "$command"
  cat << END
          securityContext:
            allowPrivilegeEscalation: false
            capabilities: {drop: [ALL]}
            readOnlyRootFilesystem: true
          resources:
            limits: {cpu: $(value "$at/deploy/resources/limits/cpus"), memory: $(value "$at/deploy/resources/limits/memory")}
            requests: {cpu: $(value "$at/deploy/resources/reservations/cpus"), memory: $(value "$at/deploy/resources/reservations/memory")}
END
  [ -z "$(names "$at/environment")" ] || echo "          env:"
  for variable in $(names "$at/environment"); do
    printf '            - {name: %s, value: %s}\n' "$variable" "$(value "$at/environment/$variable")"
  done
  command=$(health "$service")
  if [ -n "$command" ]; then
    probe startupProbe "$command" "$service" 3 40
    probe readinessProbe "$command" "$service" 30 3
  fi
  echo "          volumeMounts:"
  {
    mounts "$service"
    [ -z "$(secrets "$service")" ] || echo "{name: secrets, mountPath: /run/secrets, readOnly: true}"
  } | sed 's/^/            - /'
  echo "      volumes:"
  volumes "$service"
  if [ -n "$(secrets "$service")" ]; then
    printf '        - name: secrets\n          projected:\n            sources:\n'
    secrets "$service" | while read -r source target; do
      printf '              - secret: {name: %s, items: [{key: value, path: %s}]}\n' "$(dns "$source")" "${target##*/}"
    done
  fi
}

# secrets SERVICE: the name of each, and that of its file.
secrets() {
  local item source
  for item in $(names "services/$1/secrets"); do
    source=$(text "services/$1/secrets/$item/source")
    [ "$(text "secrets/$source/file")" = /dev/null ] || say "$source $(text "services/$1/secrets/$item/target")"
  done
}

# files SERVICE: what is mounted from the project: a name for it, where it is here and where there.
files() {
  local item source
  for item in $(names "services/$1/volumes"); do
    say "$1-$item $(text "services/$1/volumes/$item/source") $(text "services/$1/volumes/$item/target")"
  done
  for item in $(names "services/$1/configs"); do
    source=$(text "services/$1/configs/$item/source")
    say "$1-${source//_/-} $(text "configs/$source/file") $(text "services/$1/configs/$item/target")"
  done
}

mounts() {
  local target name source
  for target in $(names "services/$1/tmpfs"); do
    target=$(text "services/$1/tmpfs/$target")
    say "{name: $(dns "${target%%:*}" | tr -d /), mountPath: ${target%%:*}}"
  done
  files "$1" | while read -r name source target; do
    if [ -d "$source" ]; then say "{name: $name, mountPath: $target, readOnly: true}"; else say "{name: $name, mountPath: $target, subPath: ${source##*/}, readOnly: true}"; fi
  done
}

volumes() {
  local target size name
  for target in $(names "services/$1/tmpfs"); do
    target=$(text "services/$1/tmpfs/$target")
    size=$(sed -n 's/.*size=\([0-9]*\)m.*/\1Mi/p' <<< "$target")
    printf '        - name: %s\n          emptyDir: {medium: Memory, sizeLimit: %s}\n' "$(dns "${target%%:*}" | tr -d /)" "${size:-64Mi}"
  done
  files "$1" | while read -r name _; do printf '        - name: %s\n          configMap: {name: %s}\n' "$name" "$name"; done
}

# names_of SERVICE: by which others ask for it.
names_of() { say "$1"; sed -n "s,^/services/$1/networks/[^/]*/aliases/[0-9]*	\"\(.*\)\"$,\1,p" <<< "$leaves"; }

workload() {
  local service=$1 name
  if [ "$(text "services/$service/restart")" = no ]; then
    # A Job does not change: each version has its own.
    printf 'apiVersion: batch/v1\nkind: Job\n'
    metadata "$service-$(text "services/$service/image" | sed 's/.*://' | tr 'A-Z_.' 'a-z--')"
    printf 'spec:\n  backoffLimit: 3\n  template:\n'
    pod "$service" Never
    return
  fi
  printf 'apiVersion: apps/v1\nkind: Deployment\n'
  metadata "$service"
  printf 'spec:\n  replicas: %s\n' "$(text "services/$service/deploy/replicas" | grep . || say 1)"
  printf '  strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}\n  selector: {matchLabels: {app.kubernetes.io/name: %s}}\n  template:\n' "$service"
  pod "$service" Always
  names_of "$service" | sort -u | while read -r name; do
    printf -- '---\napiVersion: v1\nkind: Service\n'
    metadata "$name"
    printf 'spec:\n  clusterIP: None\n  selector: {app.kubernetes.io/name: %s}\n' "$service"
  done
}

policies() {
  local network
  cat << END
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: nothing-else}
spec:
  podSelector: {}
  policyTypes: [Ingress, Egress]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: names}
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress:
    - to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}, podSelector: {matchLabels: {k8s-app: kube-dns}}}]
      ports: [{protocol: UDP, port: 53}, {protocol: TCP, port: 53}]
END
  for network in $(names networks); do
    printf -- '---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n'
    metadata "$(dns "$network")"
    printf 'spec:\n  podSelector: {matchLabels: {network/%s: "true"}}\n' "$(dns "$network")"
    if [ "$(text "networks/$network/external")" = true ]; then
      printf '  policyTypes: [Ingress]\n  ingress: [{ports: [{protocol: TCP, port: 80}]}]\n'
    else
      printf '  policyTypes: [Ingress, Egress]\n  ingress: [{from: &members [{podSelector: {matchLabels: {network/%s: "true"}}}]}]\n' "$(dns "$network")"
      printf '  egress: [{to: *members}]\n'
    fi
  done
}

services=$(for service in $(names services); do keeps_data "$service" || say "$service"; done | list)
others=$(for service in $(names services); do ! keeps_data "$service" || say "$service"; done | list)
base=$folder.new                       # so that one is there until the next is whole
rm -rf "$base"
mkdir -p "$base"
policies > "$base/networks.yaml"
{
  printf 'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: %s\n' "$project"
  printf 'labels:\n  - pairs: {app.kubernetes.io/part-of: %s}\n' "$project"
  echo "resources: [networks.yaml, ${services// /.yaml, }.yaml]"
  echo "configMapGenerator:"
} > "$base/kustomization.yaml"
for service in $services; do
  workload "$service" > "$base/$service.yaml"
  files "$service" | while read -r name source _; do
    mkdir -p "$base/$name"
    find "$source" -maxdepth 1 -type f -exec cp {} "$base/$name/" \;
    # nginx asks for names without the search list that others have.
    for other in $(for one in $services; do names_of "$one"; done); do
      sed -i.bak "s/^\( *server $other\):/\1.$project.svc.cluster.local:/; s/^resolver 127.0.0.11/resolver kube-dns.kube-system.svc.cluster.local/" "$base/$name"/*
    done
    rm -f "$base/$name"/*.bak
    printf '  - {name: %s, files: [%s]}\n' "$name" "$(cd "$base/$name" && printf "$name/%s, " * | sed 's/, $//')" >> "$base/kustomization.yaml"
  done
done
rm -rf "$folder"
mv "$base" "$folder"
secrets=$(for service in $services; do secrets "$service"; done | cut -d ' ' -f 1 | sort -u | list)
say "$folder: $services; validated, not run. Yours to bring: $others, and the secrets $(dns "$secrets")"
