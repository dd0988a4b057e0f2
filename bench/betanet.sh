#!/usr/bin/env bash
# Measures the mixnet by itself, with a sink behind it, and prints one Markdown table; progress goes to stderr.
#
#   bench/betanet.sh [SUBMISSIONS]
#
# Sends 20,000 unless said otherwise, after as many to warm up. Takes about two minutes once the image is built, and
# changes nothing outside its own containers, which it removes. Needs Docker.

[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
# shellcheck source=/dev/null
source "$(dirname "$0")/../scripts/lib.sh"

case ${1:-} in
  -h | --help) sed -n '2,/^$/s/^# \{0,1\}//p' bench/betanet.sh; exit ;;
esac
number=${1:-20000}
docker version > /dev/null 2>&1 || die "no Docker Engine answers: start it, or see what docker version says"

export COMPOSE_PROJECT_NAME=${BENCH_PROJECT:-bench-betanet} BETANET_SUBNET=${BETANET_SUBNET:-10.214.0.0/24} TAG=${TAG:-bench} MIX_LOG_LEVEL=warn
work=$(mktemp -d)
chmod 755 "$work"
export MIX_SUBMISSIONS=$work
nodes="betanet-mixnode-1 betanet-mixnode-2 betanet-mixnode-3"
note() { say "$(date +%T) $*" >&2; }
compose() { docker compose -f docker-compose.betanet.yml "$@"; }
clean() {
  compose down --volumes --remove-orphans --timeout 1 > /dev/null 2>&1 || true
  rm -rf "$work"
}
trap clean EXIT

# send NUMBER: the client's last line.
send() {
  awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++) printf "{\"name\": \"n-%d\", \"values\": [1.5, 2, 2.5]}\n", i }' > "$work/all.jsonl"
  compose run --rm -T --no-deps betanet-client send --in-flight 3000 --entry http://betanet-mixnode-1:8080 --keys /keys \
    /submissions/all.jsonl 2> "$work/client.err" | tail -n 1
}

# scrape FILE: every node's metrics, as NODE METRIC VALUE.
scrape() {
  local node
  for node in $nodes; do
    docker run --rm --network "container:$(compose ps -q "$node")" --entrypoint bash "${TOOLS_IMAGE:-maven:3.9-eclipse-temurin-25-noble}" -c \
      'exec 3<> /dev/tcp/127.0.0.1/8081; printf "GET /actuator/prometheus HTTP/1.0\r\n\r\n" >&3; cat <&3' |
      awk -v node="$node" '/^[a-z]/ && NF == 2 { print node, $1, $2 }'
  done > "$1"
}

# delta FROM TO NODE METRIC
delta() { awk -v n="$3" -v m="$4" '$1 == n && $2 == m { v[FILENAME] = $3 } END { print v[ARGV[2]] - v[ARGV[1]] }' "$1" "$2"; }

# quotient A B FACTOR FORMAT
quotient() { awk -v a="$1" -v b="$2" -v f="$3" -v format="$4" 'BEGIN { if (b > 0) printf format, a / b * f; else printf "none" }'; }

# resident NODE: MiB of the JVM.
resident() { docker top "$(compose ps -q "$1")" -eo pid,rss,comm | awk '$3 == "java" && $2 > max { max = $2 } END { printf "%d", max / 1024 }'; }

note "start three nodes"
compose up --build --detach --wait --quiet-pull > "$work/up.log" 2>&1 || { cat "$work/up.log" >&2; die "the nodes do not start: see above"; }
for node in $nodes; do resident "$node" > "$work/idle-$node"; done
scrape "$work/0"
note "idle: 5 single submissions"
for _ in 1 2 3 4 5; do send 1 > /dev/null; done
scrape "$work/1"
note "warm up with $number"
send "$number" >&2
scrape "$work/2"
note "measure $number"
summary=$(send "$number")
scrape "$work/3"
note "$summary"

say "MIX_DELAY=${MIX_DELAY:-1s}, MIX_BATCH_SIZE=${MIX_BATCH_SIZE:-1000}, $number submissions, 3000 in flight: $summary"
say
say "| | entry | middle | exit |"
say "|---|---|---|---|"
row() { # row TEXT FUNCTION
  printf '| %s ' "$1"
  for node in $nodes; do printf '| %s ' "$("$2" "$node")"; done
  printf '|\n'
}
latency() { quotient "$(delta "$1" "$2" "$3" mixnode_hop_latency_seconds_sum)" "$(delta "$1" "$2" "$3" mixnode_hop_latency_seconds_count)" 1000 %.0f; }
delay() { quotient "$(delta "$1" "$2" "$3" mixnode_mix_delay_seconds_sum)" "$(delta "$1" "$2" "$3" mixnode_mix_delay_seconds_count)" 1000 %.0f; }
cpu() { quotient "$(delta "$work/2" "$work/3" "$1" process_cpu_time_ns_total)" "$(delta "$work/2" "$work/3" "$1" mixnode_packets_received_total)" .001 %.0f; }
crypto() { quotient "$(delta "$work/2" "$work/3" "$1" mixnode_unwrap_cpu_seconds_sum)" "$(delta "$work/2" "$work/3" "$1" mixnode_unwrap_cpu_seconds_count)" 1000000 %.0f; }
idle_latency() { latency "$work/0" "$work/1" "$1"; }
idle_delay() { delay "$work/0" "$work/1" "$1"; }
load_latency() { latency "$work/2" "$work/3" "$1"; }
load_delay() { delay "$work/2" "$work/3" "$1"; }
idle_memory() { cat "$work/idle-$1"; }
row "in the node, idle, ms" idle_latency
row "of that in the pool, ms" idle_delay
row "in the node, at load, ms" load_latency
row "of that in the pool, ms" load_delay
row "CPU per packet, microseconds" cpu
row "of that removing the layer" crypto
forwarded() { delta "$work/2" "$work/3" "$1" mixnode_packets_forwarded_total; }
dropped() { awk -v n="$1" '$1 == n && $2 ~ /^mixnode_packets_dropped_total/ { v = FILENAME == ARGV[1] ? -$3 : $3; sum[$2] += v } END { for (k in sum) if (sum[k]) { split(k, r, "\""); printf "%s%s %d", s, r[2], sum[k]; s = ", " } if (!s) printf "none" }' "$work/2" "$work/3"; }
row "forwarded" forwarded
row "dropped" dropped
row "resident at first, MiB" idle_memory
row "resident after the load, MiB" resident
