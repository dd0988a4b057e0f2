#!/usr/bin/env bash
# Usage: bash scripts/test-docker-compose.sh [--write] [--restart]
#
# Checks the running stack from outside, whatever its layers: configuration, health, networks, endpoints. It changes nothing
# unless it is told to:
#
#   --write      submits something, waits for its result, and deletes it again
#   --restart    restarts the database and the app, which clients notice; what --write submitted has to survive that
#
# COMPOSE_PROJECT_NAME names a stack other than this folder's.
#
# Exit status: 0 all is ok; 2 something fails.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
script=$0
while [ -L "$script" ]; do link=$(readlink "$script"); case $link in /*) script=$link ;; *) script=$(dirname "$script")/$link ;; esac; done
. "$(dirname "$script")/lib.sh"
help "$@"

# What --write submits, where, and what its answer holds in the end; nothing where sample is empty.
sample='/api/analyses {"name": "test-docker-compose", "values": [1, 2, 3, 4]}' result='"mean":2.5'

patience=120                           # seconds for a service to become healthy

# containers FORMAT [OPTION...]: the stack's containers.
containers() {
  local format=$1
  shift
  docker ps --filter "label=com.docker.compose.project=$project" --filter label=com.docker.compose.oneoff=False --format "$format" "$@"
}

# running SERVICE: a container of it.
running() { containers '{{.ID}}' --filter "label=com.docker.compose.service=$1" | sed -n 1p; }

# configuration FILE...: that these layers, if they are here, make a configuration.
configuration() {
  local file message arguments=() profile='*'
  for file; do
    [ -f "$file" ] || return 0
    arguments+=(-f "$file")
  done
  if [ "$*" = docker-compose.betanet.yml ]; then profile=client; fi    # mixnet
  if message=$(docker compose "${arguments[@]}" --profile "$profile" config -q 2>&1); then
    report ok "configuration: $*"
  else
    report fail "configuration: $*" "$(printf '%s' "$message" | tail -n 1)"
  fi
}

# settle: waits until no container is starting any more.
settle() {
  local deadline=$((SECONDS + patience))
  while grep -q 'health: starting' <<< "$(containers '{{.Status}}')" && [ "$SECONDS" -lt "$deadline" ]; do sleep 1; done
}

health() {
  local service name state status running=''
  settle
  while IFS='|' read -r service name state status; do
    running="$running $service "
    case "$state $status" in
      *"(healthy)"*) report ok "$name is healthy" ;;
      "running Up"*"("*) report fail "$name: $status" "docker compose logs --tail 50 $service" ;;
      running*) report ok "$name is running, and has no health check" ;;
      exited*"(0)"*)
        if once "$name"; then
          report ok "$name has done its work"
        else
          report fail "$name is stopped" "docker compose up -d $service"
        fi
        ;;
      *) report fail "$name: $status" "docker compose logs --tail 50 $service" ;;
    esac
  done <<< "$(containers '{{.Label "com.docker.compose.service"}}|{{.Names}}|{{.State}}|{{.Status}}' -a | sort)"
  while read -r service; do
    case $running in
      *" $service "*) ;;
      *) report fail "$service has no container" "docker compose up -d $service" ;;
    esac
  done <<< "$(of service | grep -vFx -e "$(of once)")"
}

# networks CONTAINER: their names, one a line.
networks() { docker inspect --format '{{range $name, $network := .NetworkSettings.Networks}}{{println $name}}{{end}}' "$1" | grep .; }

isolation() {
  local nginx db address answer shared network open=''
  nginx=$(running nginx)
  db=$(running db)
  if [ -n "$nginx" ] && [ -n "$db" ]; then
    shared=$(networks "$nginx" | grep -Fx -e "$(networks "$db")" || true)
    for address in db $(docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}' "$db"); do
      answer=$(docker exec "$nginx" wget -Y off -T 3 -q -O - "http://$address:3306" 2>&1) || true
      case $answer in
        *"bad address"* | *"can't connect"* | *"timed out"* | *unreachable*) ;;
        *"returned error: HTTP"*) ;;   # somebody beyond the host, which has no route to an internal network; a database speaks no HTTP
        *) open="$open $address" ;;
      esac
    done
    if [ -n "$shared$open" ]; then
      report fail "nginx reaches the database${shared:+ on $shared}${open:+ at$open}" "take nginx or db off the network that they share"
    else
      report ok "nginx cannot reach the database"
    fi
  fi
  [ -n "$db" ] || return 0
  open=''
  for network in $(networks "$db"); do
    if [ "$(docker network inspect --format '{{.Internal}}' "$network")" != true ]; then open=$network; fi
  done
  if docker exec "$db" cat /proc/net/route | awk '$2 == "00000000" { found = 1 } END { exit !found }'; then open=${open:-a default route}; fi
  if [ -z "$open" ]; then
    report ok "the database has no way out"
  elif [ -n "$development" ]; then
    report skip "the database has a way out, for development publishes its port"
  else
    report fail "the database has a way out, $open" "let db have no network but those with internal: true"
  fi
}

ports() {
  local id service published extra
  published=$(containers '{{.ID}} {{.Label "com.docker.compose.service"}}' | while read -r id service; do
    docker inspect --format '{{range $ports := .NetworkSettings.Ports}}{{range $ports}}{{println .HostIp .HostPort}}{{end}}{{end}}' "$id" |
      sed -n "s/^::/0.0.0.0/; s/^[0-9]/$service &/p"
  done | sort -u)
  extra=$(printf '%s\n' "$published" | grep -vFx -e "$(declared)" | grep . || true)
  if [ -n "$extra" ]; then
    report fail "published and not declared in any layer: $(printf '%s' "$extra" | tr '\n' ',')" "docker compose up -d"
  elif [ -n "$published" ]; then
    report ok "only declared ports are published: $(printf '%s\n' "$published" | awk '{ print $2 ":" $3 }' | tr '\n' ' ')"
  else
    report ok "no port is published"
  fi
}

# What the layers publish under any profile; the last line matches nothing, where they publish none.
declared() {
  COMPOSE_PROFILES='*' model | awk '$1 == "port" { print $2, $3, $4 } END { print "none" }'
}

# A client that needs bash alone, on this host as in a container of the database's image: ADDRESS PORT METHOD PATH BODY.
# shellcheck disable=SC2016
client='exec 3<> "/dev/tcp/$1/$2"
printf "%s %s HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %s\r\n\r\n%s" "$3" "$4" "${#5}" "$5" >&3
while IFS= read -r -t 60 line <&3; do printf "%s\n" "$line"; done
printf %s "$line"'

# How to reach nginx: by its published port, or else as the host's proxy does, on the network that production shares with it.
way() {
  local nginx network
  nginx=$(running nginx)
  [ -n "$nginx" ] || return 0
  port=$(docker port "$nginx" 80 2> /dev/null | sed -n 1p) || true
  port=${port##*:}
  if [ -n "$port" ]; then
    address=127.0.0.1
    say "      nginx is asked on port $port"
    return
  fi
  for network in $(networks "$nginx"); do
    if [ "$(docker network inspect --format '{{index .Labels "com.docker.compose.project"}}' "$network")" = "$project" ]; then continue; fi
    port=80
    outside=$network
    address=$(docker inspect --format "{{(index .NetworkSettings.Networks \"$network\").IPAddress}}" "$nginx")
    image=$(docker inspect --format '{{.Image}}' "$(running db)")
    say "      nginx is asked on the network $network"
    return
  done
  report fail "nginx is on no network that anybody else is on" "docker compose up -d nginx"
}

# ask METHOD PATH [BODY]: sets $status, $type and $body.
ask() {
  local response
  if [ -n "$outside" ]; then
    response=$(docker run --rm --network "$outside" --user 65534:65534 --read-only --cap-drop ALL --memory 64m --pids-limit 50 \
      --security-opt no-new-privileges:true --entrypoint bash "$image" -c "$client" client "$address" "$port" "$@" "${3-}" 2> /dev/null) || true
  else
    response=$(bash -c "$client" client "$address" "$port" "$@" "${3-}" 2> /dev/null) || true
  fi
  response=$(printf '%s' "$response" | tr -d '\r')
  status=$(printf '%s' "$response" | sed -n '1s/^HTTP[^ ]* \([0-9]*\).*/\1/p')
  type=$(printf '%s' "$response" | sed -n '1,/^$/s/^[Cc]ontent-[Tt]ype: \([^;]*\).*/\1/p')
  location=$(printf '%s' "$response" | sed -n '1,/^$/s/^[Ll]ocation: //p')
  body=$(printf '%s' "$response" | sed '1,/^$/d')
}

# answers STATUS TYPE METHOD PATH [BODY]
answers() {
  local wanted="$1 $2"
  shift 2
  ask "$@"
  if [ "$status $type" = "$wanted" ]; then
    report ok "$1 $2 answers $wanted"
  else
    report fail "$1 $2 answers ${status:-nothing} $type, and not $wanted" "docker compose logs --tail 50 nginx app"
  fi
}

endpoints() {
  answers 200 text/plain GET /healthz
  answers 200 text/plain GET /readyz
  answers 200 application/json GET /api/openapi
  answers 400 application/problem+json GET '/api/openapi?=1'     # as the service itself refuses what it cannot read
  answers 404 application/problem+json GET /nothing
  answers 404 application/problem+json GET /actuator/health
}

# until_result PATH SECONDS: waits until the answer of what was submitted holds its result; it is in $body.
until_result() {
  local deadline=$((SECONDS + $2))
  while [ "$SECONDS" -lt "$deadline" ]; do
    ask GET "$1"
    case $status$body in
      200*"$result"*) return 0 ;;
    esac
    sleep 1
  done
  return 1
}

# submitted: sets $path and $before to what was submitted and has its result.
submitted() {
  ask POST "${sample%% *}" "${sample#* }"
  path=/api/${location#*/api/}
  if [ -z "$location" ] || ! until_result "$path" 30; then
    report fail "what was submitted has no result within 30 s: ${status:-no answer} $body" "docker compose logs --tail 50 app worker"
    return 1
  fi
  report ok "what was submitted has its result"
  before=$body
}

# survives: whether what was submitted, or else the service, is there again.
survives() {
  local deadline=$((SECONDS + patience))
  if [ -n "$before" ]; then
    until_result "$path" "$patience" && [ "$body" = "$before" ]
    return
  fi
  while [ "$SECONDS" -lt "$deadline" ]; do
    ask GET /readyz
    if [ "$status" = 200 ]; then return 0; fi
    sleep 1
  done
  return 1
}

data() {
  local path='' before='' started kept
  [ -n "$sample" ] || write=""
  if [ -n "$write" ]; then submitted || return 0; fi
  if [ -n "$restart" ]; then
    started=$SECONDS
    docker restart "$(running db)" "$(running app)" > /dev/null
    settle
    kept="the service answers"
    if [ -n "$before" ]; then kept="it is the same"; fi
    if survives; then
      report ok "$kept after a restart of the database and the app, $((SECONDS - started)) s later"
    else
      report fail "a restart of the database and the app was not survived: ${status:-no answer}" "docker compose logs --tail 50 db app"
    fi
  fi
  [ -n "$write" ] || return 0
  ask DELETE "$path"
  if [ "$status" = 204 ]; then
    report ok "it is deleted again"
  else
    report fail "it cannot be deleted again: ${status:-no answer}" "docker compose logs --tail 50 app"
  fi
}

restart='' write='' address='' port='' outside='' image='' status='' type='' location='' body=''
for argument; do
  case $argument in
    --restart) restart=yes ;;
    --write) write=yes ;;
    *) die "there is no option $argument: bash scripts/test-docker-compose.sh --help" ;;
  esac
done
docker version > /dev/null 2>&1 || die "no Docker Engine answers: bash scripts/doctor.sh says more"

configuration docker-compose.yml
configuration docker-compose.yml docker-compose.override.yml
configuration docker-compose.yml docker-compose.prod.yml
# mixnet:begin
configuration docker-compose.yml docker-compose.betanet.yml
configuration docker-compose.betanet.yml
configuration docker-compose.yml docker-compose.override.yml docker-compose.betanet.yml
# mixnet:end

model=$(model 2> /dev/null) || die "this folder's Compose files make no configuration: docker compose config -q"
project=$(of project)
[ -n "${COMPOSE_PROJECT_NAME:-}" ] || ours
files=$(containers '{{.Label "com.docker.compose.project.config_files"}}' | sed -n 1p)
[ -n "$files" ] || die "nothing of the project $project is running: docker compose up -d --wait"
# The layers that it was started from, which need not be those that this shell would take.
export COMPOSE_FILE=$files COMPOSE_PATH_SEPARATOR=, COMPOSE_PROJECT_NAME=$project
development=$(printf '%s' "$files" | grep -o 'docker-compose\.override\.yml' || true)
model=$(model)
say "      $project runs $(printf '%s' "$files" | sed 's/[^,]*\///g; s/,/ and /g')"

health
isolation
ports
way
if [ -n "$address" ]; then
  endpoints
  data
fi
exit "$worst"
