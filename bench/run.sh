#!/usr/bin/env bash
# Measures the service beside a plain java -jar of it and prints one Markdown table; progress goes to stderr.
#
#   bench/run.sh [--quick]
#   bench/run.sh --access [--quick]      the service with access control, beside itself without
#   bench/run.sh --workers [--quick]     one and three workers of both, with few values and with many
#   bench/run.sh --rivals [--quick]      beside the same service in plain Spring Boot and in Quarkus
#   bench/run.sh --growth [--quick]      at 10,000, 1,000,000 and 5,000,000 rows, beside Quarkus
#   bench/run.sh --deploy [--quick]      before and after a new container takes over
#
# Changes nothing outside its own containers, which it removes.
# --quick measures each figure once and briefly: it shows that everything runs, not how fast.
# Needs Docker and curl. An idle machine gives figures that can be compared.

[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
# shellcheck source=/dev/null
source "$(dirname "$0")/../scripts/lib.sh"

seconds=4 warmth=25 rounds=3 analyses=20000 rival=plain kinds="get page post" mode=''
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) sed -n '2,/^$/s/^# \{0,1\}//p' bench/run.sh; exit ;;
    --access) rival="without access" kinds="get page" ;;
    --workers) rival=workers ;;
    --rivals | --growth | --deploy) mode=${1#--} ;;
    --quick) seconds=3 warmth=5 rounds=1 analyses=2000 ;;
    *) die "unknown argument $1: see bench/run.sh --help" ;;
  esac
  shift
done

command -v curl > /dev/null || die "curl is missing: install it"
docker version > /dev/null 2>&1 || die "no Docker Engine answers: start it, or see what docker version says"
engine=$(docker context inspect --format '{{.Endpoints.docker.Host}}')
case $engine in
  unix://*) ;;
  *) die "the engine at $engine is not this host's: run this where its socket is" ;;
esac

# A core each, as bench/docker-compose.yml gives the load.
export APP_CPUS=1.0 WORKER_CPUS=1.0 DB_CPUS=1.0 DB_MEMORY=512M NGINX_CPUS=0.5
export COMPOSE_PROJECT_NAME=${BENCH_PROJECT:-bench} TAG=latest
images=$COMPOSE_PROJECT_NAME
export IMAGE=$images-app
token=$(< secrets/dev/api_token.txt)
work=$(mktemp -d)
note() { say "$(date +%T) $*" >&2; }
compose() { docker compose -f docker-compose.yml -f bench/docker-compose.yml "$@"; }
down() { compose down --volumes --remove-orphans --timeout 1 > /dev/null 2>&1; }
clean() {
  down || true
  docker image rm --force "$images"-{app,plain,boot,quarkus,load,registry} > /dev/null 2>&1 || true
  rm -rf "$work"
}
trap clean EXIT
trap 'exit 130' INT TERM

# --- The pieces -------------------------------------------------------------------------------------------------------

build() {                              # build TARGET [NAME [FOLDER]]: the image of this NAME, from the sources in a folder
  cat app/Dockerfile bench/Dockerfile | docker build --quiet --file - --target "$1" --tag "$images-${2:-$1}" "${3:-.}" > /dev/null
}

sql() {                                # sql STATEMENTS: as root, in the database's container
  # shellcheck disable=SC2016          # expanded there
  compose exec -T db bash -c 'mariadb --defaults-extra-file=<(printf "[client]\nuser=root\npassword=\"%s\"\n" "$(< /run/secrets/db_root)") \
    --protocol=socket --batch --skip-column-names app' <<< "$1"
}

# without_access FOLDER: these sources there, after the commands of docs/page.md, which needs it, and of docs/access.md, and what the
# last lines of that say of the sample.
without_access() {
  mkdir "$1"
  tar -c .dockerignore README.md pom.xml app/pom.xml app/jvm.options app/train.sh app/Dockerfile app/src docker-compose*.yml docs monitoring nginx scripts secrets/dev |
    tar -x -C "$1"
  (
    cd "$1" || exit
    # shellcheck disable=SC2016          # three backquotes
    sed -n '/^## Do without /,$ { /^```bash/,/^```/ { /^```/!p } }' docs/page.md docs/access.md > commands
    bash -e commands
    perl -0pi -e 's/^import .*\.access\..*\n//mg; s/ implements Quota\.Usage//; s/\n    \@Override\n    public Quota.*?\n    }\n//s;
      s/ \| QuotaExceededException//; s/^.*(private final Quota|this\.quota =|quota\.admit|\@throws Quota).*\n//mg; s/, Quota quota\)/)/;
      s/who\.getName\(\)/""/g; s/\n    \/\*\* Whose analyses somebody sees.*?\n    }\n//s; s/ownerOf\(who\)/null/g' app/src/main/java/*/*/*/analyses/*.java
  )
  cp -r app/src/main/resources/db/migration/access "$1/app/src/main/resources/db/migration/" # the database has run it
}

fill() {                               # fill FROM TO [OWNER]: finished analyses with these numbers in their ids
  sql "INSERT INTO analysis (id, owner, name, status, created_at, finished_at, due_at, count, mean, standard_deviation, min, max, p50, p95, p99)
       SELECT UNHEX(CONCAT('00000000000070008000', LPAD(HEX(seq), 12, '0'))), '${3:-development}', CONCAT('analysis ', LPAD(seq, 9, '0')), 'DONE',
              '2026-01-01' + INTERVAL seq SECOND, '2026-01-01' + INTERVAL seq SECOND, NULL, 10, 1.5, 0.5, 1, 2, 1.5, 1.9, 2
       FROM seq_$1_to_$2"
}

empty() { sql "SET foreign_key_checks = 0; TRUNCATE analysis_values; TRUNCATE analysis"; }

refill() { empty && fill 1 10000; }    # for a POST, which else writes a larger table each time

cpu() {                                # cpu SERVICE: nanoseconds that its container has used
  curl -fsS --unix-socket "${engine#unix://}" "http://docker/containers/$(cat "$work/id.$1")/stats?stream=false&one-shot=true" |
    sed 's/.*"cpu_stats":{"cpu_usage":{"total_usage":\([0-9]*\).*/\1/'
}

# load SERVICE HOST KIND [LAST]: asks for so many seconds on 16 connections. Prints the rate per second, p50 and p99 in ms, and
# the microseconds of CPU per request, of the service and of the database.
load() {
  local port=80 service_before database_before result
  case $2 in *nginx) ;; *) port=8080 ;; esac
  if [ "$3" = post ]; then refill; fi
  service_before=$(cpu "$1") database_before=$(cpu db)
  result=$(compose exec -T load wrk -t 1 -c 16 -d "${seconds}s" --timeout 10s -s /bench/wrk.lua "http://$2:$port" -- "${@:3}" | grep ^result) ||
    die "wrk failed against $2"
  echo "$result $service_before $(cpu "$1") $database_before $(cpu db)" | awk -v what="$3 from $2" '
    $2 == 0 || $3 > $2 / 100 { print what ": " $3 " requests failed, and " $2 " did not" > "/dev/stderr"; exit 1 }
    { printf "%.0f %.2f %.2f %.0f %.0f\n", $2 * 1e6 / $4, $5 / 1000, $6 / 1000, ($8 - $7) / 1000 / $2, ($10 - $9) / 1000 / $2 }'
}

warm() {                               # warm SERVICE KIND [LAST]: for so many seconds, and until the CPU per request falls no further
  local best=999999999 cpu still=0 end=$((SECONDS + warmth))
  while [ "$still" -lt 3 ] || [ "$SECONDS" -lt "$end" ]; do
    cpu=$(load "$1" "$1" "${@:2}" | awk '{ print $4 + $5 }') || continue    # cold on a busy machine, requests may fail
    if [ "$cpu" -lt $((best * 97 / 100)) ]; then still=0; else still=$((still + 1)); fi
    if [ "$cpu" -lt "$best" ]; then best=$cpu; fi
  done
}

readiness() {                          # readiness SERVICE: where it says so
  case $1 in
    boot) say 8080/actuator/health/readiness ;;
    quarkus) say 8080/q/health/ready ;;
    *) say 8081/actuator/health/readiness ;;
  esac
}

ready() {                              # ready SERVICE: milliseconds from its container's start to the first 200 of readiness
  docker kill "$(cat "$work/id.$1")" > /dev/null
  docker start "$(cat "$work/id.$1")" > /dev/null
  # shellcheck disable=SC2016          # expanded there
  compose exec -T load bash -c 'until curl -fs -m 1 -o /dev/null "http://$1"; do sleep 0.03; done
    echo $((($(date +%s%N) - $(date -d "$2" +%s%N)) / 1000000))' - "$1:$(readiness "$1")" "$(docker inspect --format '{{.State.StartedAt}}' "$(cat "$work/id.$1")")"
}

memory() {                             # memory SERVICE: MiB resident, and MiB that count against its limit
  echo "$(docker top "$(cat "$work/id.$1")" -eo pid,rss | awk 'NR > 1 && $2 > most { most = $2 } END { printf "%.0f\n", most / 1024 }')" \
    "$(docker stats --no-stream --format '{{.MemUsage}}' "$(cat "$work/id.$1")" | sed 's/\..*//; s/MiB.*//')"
}

statements() {                         # statements SERVICE KIND: per request, from the server's general log
  local path="?size=20&n=[1-100]" data=()
  case $2 in
    get) path="/00000000-0000-7000-8000-00000000[1000-1099]" ;;
    post) path="?n=[1-100]" data=(--json '{"name": "bench", "values": [1.5, 2.5]}') ;;
  esac
  sql "SET GLOBAL log_output = 'TABLE'; TRUNCATE mysql.general_log; SET GLOBAL general_log = 1"
  compose exec -T load curl -fsS -o /dev/null -H "Authorization: Bearer $token" ${data[@]+"${data[@]}"} "http://$1:8080/api/analyses$path"
  sql "SET GLOBAL general_log = 0;
       SELECT COUNT(*) / 100 FROM mysql.general_log WHERE user_host LIKE 'app[%' AND command_type IN ('Query', 'Prepare', 'Execute')" |
    sed 's/\.\{0,1\}0*$//'
}

# analyse SERVICE N [VALUES [COUNT]]: analyses per second of N workers, and the microseconds of CPU of each, of the workers and
# of the database: a line of each round, after half a minute that warms them up.
analyse() {
  local values=${3:-100} count=${4:-$analyses} batch=0 measured=0 id warm=$((SECONDS + (rounds > 1 ? 30 : 1))) workers=() workers_before database_before
  empty
  compose up --detach --no-deps --scale "$1=$2" "$1" > /dev/null 2>&1
  compose ps --quiet db > "$work/id.db"
  for id in $(compose ps --quiet "$1"); do
    workers+=("worker-$id")
    echo "$id" > "$work/id.worker-$id"
  done
  while [ "$measured" -lt "$rounds" ]; do
    if [ "$SECONDS" -gt "$warm" ] && [ "$batch" -gt 0 ]; then measured=$((measured + 1)); fi
    batch=$((batch + 1))
    workers_before=$(cpus "${workers[@]}")
    sql "START TRANSACTION;
         INSERT INTO analysis (id, name, status, created_at)
         SELECT UNHEX(CONCAT('$(printf %08X "$batch")000070008000', LPAD(HEX(seq), 12, '0'))), 'bench', 'QUEUED', UTC_TIMESTAMP(6)
         FROM seq_1_to_$count;
         INSERT INTO analysis_values SELECT id, REPEAT(UNHEX('3FF8000000000000'), $values) FROM analysis WHERE due_at IS NOT NULL;
         COMMIT"
    database_before=$(cpu db)
    while [ "$(sql "SELECT EXISTS (SELECT 1 FROM analysis WHERE due_at IS NOT NULL)")" = 1 ]; do sleep 0.5; done
    if [ "$measured" -gt 0 ]; then
      sql "SELECT CONCAT_WS(' ', ROUND($count * 1e6 / TIMESTAMPDIFF(MICROSECOND, MIN(finished_at), MAX(finished_at))),
                  ROUND(($(cpus "${workers[@]}") - $workers_before) / 1000 / $count), ROUND(($(cpu db) - $database_before) / 1000 / $count))
           FROM analysis WHERE id >= UNHEX('$(printf %08X "$batch")000000000000000000000000')"
    fi
  done
  compose rm --stop --force "$1" > /dev/null 2>&1
}

cpus() { local service; for service; do cpu "$service"; done | awk '{ sum += $1 } END { printf "%.0f", sum }'; }

size() {                               # size IMAGE: bytes of its filesystem
  local id
  id=$(docker create "$images-$1")
  docker export "$id" | wc -c
  docker rm "$id" > /dev/null
}

stored() { compose exec -T registry sh -c 'find /var/lib/registry -name data -exec cat {} + | wc -c'; }

pushed() {                             # pushed IMAGE: how many bytes a push of it adds to the registry
  local before
  before=$(stored)
  docker tag "$images-$1" "$registry/$1"
  docker push --quiet "$registry/$1" > /dev/null
  docker image rm "$registry/$1" > /dev/null
  echo $(($(stored) - before))
}

# part FILE COLUMN...: columns of the median line of a file, with " / " between them.
part() {
  local file=$1 joined='' column
  shift
  for column; do
    joined="$joined${joined:+ / }$(sort -n "$work/$file" | awk -v c="$column" '{ v[NR] = $c } END { print v[int((NR + 1) / 2)] }')"
  done
  echo "$joined"
}

# row WHAT PLAIN SERVICE [AIM]: a line of the table, with the ratio of the two if they are numbers.
row() {
  awk -v what="$1" -v plain="$2" -v service="$3" -v aim="${4:-}" 'BEGIN {
    ratio = plain + 0 > 0 && service != "" && (plain service) !~ /[^0-9.]/ ? sprintf("%.2f", service / plain) : ""
    printf "| %s | %s | %s | %s | %s |\n", what, plain, service, ratio, aim
  }'
}

# both WHAT FILE [COLUMNS [AIM]]: a row of the figures in FILE.plain and FILE.app.
both() {
  local columns=${3:-1}
  # shellcheck disable=SC2086          # several columns
  row "$1" "$(part "$2.plain" $columns)" "$(part "$2.app" $columns)" "${4:-}"
}

megabytes() {                          # megabytes WHAT FILE: the same, of bytes
  row "$1" "$(awk '{ printf "%.1f", $1 / 1e6 }' "$work/$2.plain")" "$(awk '{ printf "%.1f", $1 / 1e6 }' "$work/$2.app")"
}

kept() { awk -v n="$(part "$1.nginx.$2" 1)" -v d="$(part "$1.direct.$2" 1)" 'BEGIN { printf "%.0f %%", 100 * n / d }'; }

requests() {                           # requests NAME KIND [AIM]: the rows of one kind of request
  both "$1, requests/s" "$2.direct" 1 "${3:-}"
  both "— p50 / p99, ms" "$2.direct" "2 3"
  both "— CPU µs each, service / database" "$2.direct" "4 5"
  both "— through nginx, requests/s" "$2.nginx"
  both "— — p50 / p99, ms" "$2.nginx" "2 3"
  both "— — CPU µs each, service / database" "$2.nginx" "4 5"
  row "— — rate kept, of direct" "$(kept "$2" plain)" "$(kept "$2" app)" "≥ 85 %"
}

# --- The measurements -------------------------------------------------------------------------------------------------

down || true
if [ -n "$mode" ]; then
  # shellcheck source=bench/rivals.sh
  source bench/rivals.sh
  exit
fi
note "building the images"
compose build --quiet app

if [ "$rival" = workers ]; then
  build plain
  note "starting the database"
  compose run --rm migrate > "$work/log" 2>&1 || { cat "$work/log" >&2; die "the database does not start: see above"; }
  for values in 10 1000 100000; do
    count=$((values == 100000 ? analyses / 50 : analyses))
    for workers in 1 3; do
      note "workers: $workers, of $values values"
      analyse plain-worker "$workers" "$values" "$count" > "$work/workers.$values.$workers.plain"
      analyse worker "$workers" "$values" "$count" > "$work/workers.$values.$workers.app"
    done
  done
  echo "| | plain | service | ratio | aim |"
  echo "|---|---|---|---|---|"
  for values in 10 1000 100000; do
    for workers in 1 3; do
      aim="≥ 1"
      if [ "$workers" = 3 ]; then aim="no fewer than 1 worker"; fi
      both "analyses/s of $values values, workers: $workers" "workers.$values.$workers" 1 "$aim"
      both "— CPU µs each, workers / database" "workers.$values.$workers" "2 3"
    done
  done
  exit
fi

for target in load registry; do build "$target"; done
if [ "$rival" = plain ]; then
  build plain
else
  without_access "$work/open"
  build production plain "$work/open"
  export PLAIN_CONFIG=                 # its settings are the service's
fi

note "starting the stack"
compose up --detach --quiet-pull nginx plain-nginx load registry > "$work/log" 2>&1 ||
  { cat "$work/log" >&2; die "the stack does not start: see above"; }
for service in app plain db; do compose ps --quiet "$service" > "$work/id.$service"; done
fill 1 10000

for round in $(seq "$rounds"); do
  for service in plain app; do
    note "time to readiness of $service, $round of $rounds"
    ready "$service" >> "$work/ready.$service"
  done
done
sleep 5
for service in plain app; do memory "$service" > "$work/idle.$service"; done

for kind in $kinds; do
  for service in plain app; do
    note "warming $service up: $kind"
    warm "$service" "$kind"
  done
  for round in $(seq "$rounds"); do
    note "measuring: $kind, $round of $rounds"
    for service in plain app; do
      gateway=nginx
      if [ "$service" = plain ]; then gateway=plain-nginx; fi
      load "$service" "$service" "$kind" >> "$work/$kind.direct.$service"
      load "$service" "$gateway" "$kind" >> "$work/$kind.nginx.$service"
    done
  done
  for service in plain app; do statements "$service" "$kind" > "$work/$kind.statements.$service"; done
done
for service in plain app; do memory "$service" > "$work/loaded.$service"; done

if [ "$rival" != plain ]; then
  echo "| | $rival | service | ratio | aim |"
  echo "|---|---|---|---|---|"
  both "time to readiness, ms" ready
  requests "\`GET\` by id" get "≥ 0.97"
  requests "page of 20" page
  for kind in $kinds; do both "statements of a $kind" "$kind.statements"; done
  both "memory idle, MiB, resident / counted against the limit" idle "1 2"
  both "memory after load, MiB, resident / counted against the limit" loaded "1 2"
  exit
fi

note "the bare driver"
compose exec -T load java -cp /driver.jar /bench/PointSelect.java "$seconds" "$seconds" > "$work/driver"

empty
for rows in 10000 1000000; do
  note "a page of $rows rows"
  if [ "$rows" = 10000 ]; then fill 1 10000; else fill 10001 1000000; sleep 20; fi    # until the pages are written
  for round in $(seq "$rounds"); do
    for service in plain app; do load "$service" "$service" page >> "$work/page.$rows.$service"; done
  done
done

compose stop app plain nginx plain-nginx > /dev/null 2>&1
for workers in 1 3; do
  note "workers: $workers"
  analyse plain-worker "$workers" > "$work/workers.$workers.plain"
  analyse worker "$workers" > "$work/workers.$workers.app"
done

note "images, and what a change of one line pushes"
registry=127.0.0.1:$(compose port registry 5000 | sed 's/.*://')
until curl -fs -o /dev/null "http://$registry/v2/"; do sleep 0.2; done
mkdir "$work/changed"
tar -c .dockerignore pom.xml app scripts secrets/dev | tar -x -C "$work/changed"
printf '\n---\nchanged: true\n' >> "$work/changed/app/src/main/resources/application.yaml"
for service in plain app; do
  size "$service" > "$work/size.$service"
  pushed "$service" > "$work/compressed.$service"
  target=$service
  if [ "$service" = app ]; then target=production; fi
  build "$target" "$service" "$work/changed"
  pushed "$service" > "$work/delta.$service"
done

# --- The table --------------------------------------------------------------------------------------------------------

echo "| | plain | service | ratio | aim |"
echo "|---|---|---|---|---|"
both "time to readiness, ms" ready 1 "≤ 0.35"
requests "\`GET\` by id" get "≥ 1.5"
requests "page of 20" page
requests "\`POST\`" post
row "bare driver, point selects/s on as many connections" "$(cat "$work/driver")" "" "the limit"
both "statements of a \`GET\` by id" get.statements 1 "2 or fewer"
both "statements of a page" page.statements
both "statements of a \`POST\`" post.statements 1 "3 or fewer"
both "page of 20 of 10,000 rows, CPU µs, service / database" page.10000 "4 5"
both "page of 20 of 1,000,000 rows, CPU µs, service / database" page.1000000 "4 5" "the same"
both "analyses/s, 1 worker" workers.1
both "analyses/s, 3 workers" workers.3
both "memory idle, MiB, resident / counted against the limit" idle "1 2" "250 or less"
both "memory after load, MiB, resident / counted against the limit" loaded "1 2"
megabytes "image, MB" size
megabytes "image compressed, MB" compressed
megabytes "pushed after a change of one line, MB" delta
