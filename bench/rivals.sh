# shellcheck shell=bash disable=SC2154 # run.sh sets them
# What run.sh measures with --rivals, --growth and --deploy, with run.sh's own functions.

# begin TARGET...: builds the service and these, and starts the service, $services and what they need.
begin() {
  local target service
  note "building the images"
  compose build --quiet app
  build load
  for target; do build "$target" "$target" bench/rivals; done
  note "starting the stack"
  # shellcheck disable=SC2086            # a word each
  compose up --detach --quiet-pull $services load > "$work/log" 2>&1 || { cat "$work/log" >&2; die "the stack does not start: see above"; }
  for service in $services db; do compose ps --quiet "$service" > "$work/id.$service"; done
  fill 1 10000
}

# spread FILE COLUMN SERVICE: how many times plain Spring Boot's figure it is, round by round: the median, the least and the most.
spread() {
  paste -d ' ' "$work/$1.boot" "$work/$1.$3" | awk -v c="$2" '{ print $(NF / 2 + c) / $c }' | sort -n |
    awk '{ v[NR] = $1 } END { printf "%.2f (%.2f–%.2f)\n", v[int((NR + 1) / 2)], v[1], v[NR] }'
}

# against_plain WHAT FILE COLUMN [AIM]: a row of ratios.
against_plain() { say "| $1 | 1 | $(spread "$2" "$3" quarkus) | $(spread "$2" "$3" app) | ${4:-} |"; }

# medians WHAT FILE COLUMNS [AIM]: a row of figures.
medians() {
  # shellcheck disable=SC2086            # several columns
  say "| $1 | $(part "$2.boot" $3) | $(part "$2.quarkus" $3) | $(part "$2.app" $3) | ${4:-} |"
}

# heat SERVICE: how many times the CPU of a warm GET one costs in the first 15 s, and both.
heat() {
  local warm
  warm=$(part "get.$1" 4)
  sort -n -k 4 "$work/cold.$1" | awk -v warm="$warm" '{ v[NR] = $4 }
    END { m = v[int((NR + 1) / 2)]; printf "%.1f × (%.1f–%.1f; %d against %d µs)\n", m / warm, v[1] / warm, v[NR] / warm, m, warm }'
}

rivals() {
  local service round kind ms
  services="boot quarkus app"
  [ "$rounds" = 1 ] || rounds=5
  begin boot quarkus
  for service in $services; do
    compose exec -T load curl -fs -o /dev/null --retry 600 --retry-delay 1 --retry-all-errors "http://$service:$(readiness "$service")"
  done
  sleep 15
  for service in $services; do memory "$service" > "$work/idle.$service"; done
  for round in $(seq "$rounds"); do
    for service in $services; do
      note "start and first 15 s of $service, $round of $rounds"
      ms=$(ready "$service")
      say "$ms $(cpu "$service" | awk '{ printf "%.1f", $1 / 1e9 }')" >> "$work/start.$service"
      seconds=15 load "$service" "$service" get >> "$work/cold.$service"
    done
  done
  for kind in get pages post; do
    for service in $services; do
      note "warming $service up: $kind"
      warm "$service" "$kind"
    done
    for round in $(seq "$rounds"); do
      note "measuring: $kind, $round of $rounds"
      for service in $services; do load "$service" "$service" "$kind" >> "$work/$kind.$service"; done
    done
    for service in $services; do statements "$service" "$kind" > "$work/statements.$kind.$service"; done
  done
  for service in $services; do memory "$service" > "$work/loaded.$service"; done

  say "| | plain Boot | Quarkus | this service | aim |"
  say "|---|---|---|---|---|"
  against_plain "\`GET\` by id, rate" get 1 "≥ 3.3"
  medians "— CPU µs each, service / database" get "4 5" "≤ 170 / ≤ 130"
  against_plain "one of the first 50 pages at random, rate" pages 1 "≥ 2"
  medians "— CPU µs each, service / database" pages "4 5" "≤ 600 / ≤ 300"
  against_plain "\`POST\`, rate" post 1 "≥ 1.5"
  medians "— CPU µs each, service / database" post "4 5"
  against_plain "start to ready" start 1 "≤ 0.26"
  medians "— ms" start 1
  medians "CPU seconds to start" start 2 "≤ 6"
  say "| resident idle / after load, MiB $(for service in $services; do
    printf '| %s / %s ' "$(part "idle.$service" 1)" "$(part "loaded.$service" 1)"
  done)| ≤ 200 / ≤ 300 |"
  say "| CPU per \`GET\` in its first 15 s under load, against a minute later | $(heat boot) | $(heat quarkus) | $(heat app) | ≤ 1.2 × |"
  for kind in get pages post; do medians "statements of a $kind" "statements.$kind" 1; done
}

# grow FROM TO OWNER: rows with these numbers, in transactions that the server's memory holds.
grow() {
  local from
  for from in $(seq "$1" 250000 "$2"); do fill "$from" $((from + 249999 < $2 ? from + 249999 : $2)) "$3"; done
}

growth() {
  local service round kind size last sizes=(10000 1000000 5000000)
  services="quarkus app"
  if [ "$rounds" = 1 ]; then sizes=(10000 1000000); fi
  begin quarkus
  refill() { :; }                      # it would empty the table
  for size in "${sizes[@]}"; do
    note "growing to $size rows"
    sql "DELETE FROM analysis WHERE status = 'QUEUED'"
    case $size in                      # one owner keeps as much as one may, others the rest
      1000000) grow 10001 1000000 development ;;
      5000000) grow 1000001 5000000 another ;;
    esac
    last=$((size < 1000000 ? size : 1000000))
    [ "$size" = 10000 ] || sleep 20    # until the pages are written
    for kind in get pages post; do
      services="quarkus app"
      if [ "$kind" = pages ] && [ "$size" -gt 1000000 ]; then
        services=app                   # Quarkus sorts the whole table for a page: none within seconds, and the server works on for nobody
        say "- - - - -" > "$work/$kind.$size.quarkus"
      fi
      for service in $services; do
        note "warming $service up: $kind of $size rows"
        warm "$service" "$kind" "$last"
      done
      for round in $(seq "$rounds"); do
        note "measuring: $kind of $size rows, $round of $rounds"
        for service in $services; do load "$service" "$service" "$kind" "$last" >> "$work/$kind.$size.$service"; done
      done
    done
  done

  services="quarkus app"
  say "| CPU µs each, service / database |$(printf " %s rows |" "${sizes[@]}") last by first | aim |"
  say "|---|$(printf -- '---|%.0s' "${sizes[@]}")---|---|"
  for kind in get pages post; do
    for service in $services; do
      say "| $kind of $service$(for size in "${sizes[@]}"; do printf ' | %s' "$(part "$kind.$size.$service" 4 5)"; done) | $(
        say "$(part "$kind.${sizes[*]: -1}.$service" 4 5) / $(part "$kind.${sizes[0]}.$service" 4 5)" |
          awk -F ' / ' '{ if ($1 == "-") print "no answer"; else printf "%.2f / %.2f", $1 / $3, $2 / $4 }') | within a tenth |"
    done
  done
}

# window FILE SECONDS: GETs as DeployTest's clients send them, through nginx: p99 in ms, and how many failed.
window() {
  compose exec -T load wrk -t 1 -c 4 -d "$2s" --timeout 10s -s /bench/wrk.lua http://nginx:80 -- get 10000 60 |
    awk '/^result/ { printf "%.1f %d\n", $6 / 1000, $3 }' >> "$work/$1"
}

# retire OLD NEW: stops the old container once the new one is healthy, and nginx has its name, as scripts/deploy.sh does.
retire() {
  until [ "$(docker inspect --format '{{.State.Health.Status}}' "$2")" = healthy ]; do sleep 1; done
  sleep 3
  docker stop "$1"
  docker rm "$1"
}

# against_before WHAT FILE [AIM]: a row of p99, of its ratio to the window before, and of failed requests.
against_before() {
  say "| $1 | $(part "$2" 1) | $(paste -d ' ' "$work/before" "$work/$2" | awk '{ print $3 / $1 }' | sort -n |
    awk '{ v[NR] = $1 } END { printf "%.1f (%.1f–%.1f)", v[int((NR + 1) / 2)], v[1], v[NR] }') | $(
    awk '{ sum += $2 } END { print sum }' "$work/$2") | ${3:-} |"
}

deploy() {
  local round kind old new way retired
  services="app nginx"
  [ "$rounds" = 1 ] || rounds=5
  begin
  for kind in get post; do
    note "warming the first container up: $kind"
    warm app "$kind"
  done
  refill
  compose exec -T load wrk -t 1 -c 4 -d 1h -s /bench/wrk.lua http://nginx:80 -- post 10000 60 > "$work/posts" 2>&1 &
  for round in $(seq "$rounds"); do
    note "deploying, $round of $rounds"
    window before 10
    old=$(compose ps --quiet app)
    compose up --detach --no-deps --no-recreate --scale app=2 app > "$work/log" 2>&1
    new=$(compose ps --quiet app | grep -vxF "$old")
    retire "$old" "$new" > "$work/log" 2>&1 &
    retired=$!
    way=$(docker inspect --format "{{(index .NetworkSettings.Networks \"$COMPOSE_PROJECT_NAME-net\").IPAddress}}:8080/readyz" "$new")
    until compose exec -T load curl -fs -m 1 -o /dev/null "$way"; do window starting 1; done
    window ready 10
    wait "$retired"
    window alone 10
    sleep 10
  done

  say "| \`GET\`s of ten seconds, through nginx | p99, ms | ratio | failed | aim |"
  say "|---|---|---|---|---|"
  against_before "before" before
  against_before "from the new container's readiness, the old one beside it at first" ready "≤ 2"
  against_before "from the old container's end" alone "≤ 2"
}

case $mode in
  rivals) rivals ;;
  growth) growth ;;
  deploy) deploy ;;
esac
