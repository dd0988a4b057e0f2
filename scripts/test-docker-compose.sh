#!/usr/bin/env bash
# Usage: bash scripts/test-docker-compose.sh [--write] [--restart] [--token-file FILE]
#
# Checks the running stack from outside, whatever its layers: configuration, health, networks, endpoints. It changes nothing
# unless it is told to:
#
#   --write      submits something, waits for its result, and deletes it again
#   --restart    restarts the database and the app, which clients notice; what --write submitted has to survive that
#
# It asks with the token of FILE, which scripts/token.sh writes, or with development's where the service takes that.
# COMPOSE_PROJECT_NAME names a stack other than this folder's.
#
# Exit status: 0 all is ok; 1 something is still starting; 2 something fails.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
. "$(dirname "$(readlink -f "$0")")/lib.sh"

# What --write submits, where, and what its answer holds in the end; nothing where sample is empty.
sample='/api/analyses {"name": "test-docker-compose", "values": [1, 2, 3, 4]}' result='"mean":2.5'

patience=120                           # seconds for a service to become healthy
logs="docker compose logs --tail 50"

container_of() { containers '{{.ID}}' --filter "label=com.docker.compose.service=$1" | sed -n 1p; }

# configuration FILES [PROFILE]: that these layers, if they are here, make a configuration.
configuration() {
  local file message
  for file in $1; do [ -f "$file" ] || return 0; done
  if message=$(COMPOSE_FILE=${1// /,} COMPOSE_PATH_SEPARATOR=, docker compose --profile "${2:-*}" config -q 2>&1); then
    report ok "configuration: $1"
  else
    report fail "configuration: $1" "$(tail -n 1 <<< "$message")"
  fi
}

# settle: waits until no container is starting any more.
settle() {
  local deadline=$((SECONDS + patience))
  while grep -q 'health: starting' <<< "$(containers '{{.Status}}')" && [ "$SECONDS" -lt "$deadline" ]; do sleep 1; done
}

networks() { docker inspect --format '{{range $name, $network := .NetworkSettings.Networks}}{{println $name}}{{end}}' "$1" | grep .; }

unreachable() {
  local nginx db address answer open=''
  nginx=$(container_of nginx)
  db=$(container_of db)
  if [ -z "$nginx" ] || [ -z "$db" ]; then return; fi
  for address in db $(docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}' "$db"); do
    answer=$(docker exec "$nginx" wget -Y off -T 3 -q -O - "http://$address:3306" 2>&1) || true
    case $answer in
      *"bad address"* | *"can't connect"* | *"timed out"* | *unreachable*) ;;
      *"returned error: HTTP"*) ;;     # somebody beyond the host, which has no route to an internal network; a database speaks no HTTP
      *) open="$open $address" ;;
    esac
  done
  if [ -z "$open" ]; then
    report ok "nginx cannot reach the database"
  else
    report fail "nginx reaches the database at$open" "take nginx or db off the network that they share"
  fi
}

enclosed() {
  local db network open=''
  db=$(container_of db)
  [ -n "$db" ] || return 0
  for network in $(networks "$db"); do
    [ "$(docker network inspect --format '{{.Internal}}' "$network")" = true ] || open=$network
  done
  if [ -z "$open" ]; then
    report ok "the database has no way out"
  elif [[ $COMPOSE_FILE = *docker-compose.override.yml* ]]; then
    report skip "the database has a way out, for development publishes its port"
  else
    report fail "the database has a way out, $open" "let db have no network but those with internal: true"
  fi
}

# ports: that none is published but what the layers publish under any profile.
ports() {
  local id service published declared extra
  published=$(containers '{{.ID}} {{.Label "com.docker.compose.service"}}' | while read -r id service; do
    docker inspect --format '{{range $ports := .NetworkSettings.Ports}}{{range $ports}}{{println .HostIp .HostPort}}{{end}}{{end}}' "$id" |
      sed -n "s/^::/0.0.0.0/; s/^[0-9]/$service &/p"
  done | sort -u)
  declared=$(COMPOSE_PROFILES='*' model | awk '$1 == "port" { print $2, $3, $4 } END { print "none" }')
  extra=$(grep -vFx -e "$declared" <<< "$published" | grep . || true)
  if [ -n "$extra" ]; then
    report fail "published and not declared in any layer: $(tr '\n' ',' <<< "$extra")" "docker compose up -d"
  elif [ -n "$published" ]; then
    report ok "only declared ports are published: $(awk '{ print $2 ":" $3 }' <<< "$published" | list)"
  else
    report ok "no port is published"
  fi
}

# A client that needs bash alone, on this host as in a container of the database's image: ADDRESS PORT. The request is its input, since
# everybody on the host can see arguments.
# shellcheck disable=SC2016
client='exec 3<> "/dev/tcp/$1/$2"
IFS= read -r -d "" request || true
printf %s "$request" >&3
while IFS= read -r -t 60 line <&3; do printf "%s\n" "$line"; done
printf %s "$line"'

# way: how to reach nginx: by its published port, or else as the host's proxy does, on the network that production shares with it.
way() {
  local nginx network
  nginx=$(container_of nginx)
  [ -n "$nginx" ] || return 0
  port=$(docker port "$nginx" 80 2> /dev/null | sed -n '1s/.*://p') || true
  network=$(networks "$nginx" | grep -Fx -e "$(of external)" | sed -n 1p) || true
  if [ -n "$port" ]; then
    address=127.0.0.1
    say "      nginx is asked on port $port"
  elif [ -n "$network" ]; then
    address=$(docker inspect --format "{{(index .NetworkSettings.Networks \"$network\").IPAddress}}" "$nginx")
    port=80
    from=(docker run --rm --interactive --network "$network" --user 65534:65534 --read-only --cap-drop ALL --memory 64m --pids-limit 50
      --security-opt no-new-privileges:true --entrypoint bash "$(docker inspect --format '{{.Image}}' "$(container_of db)")")
    say "      nginx is asked on the network $network"
  else
    report fail "nginx is on no network that anybody else is on" "docker compose up -d nginx"
  fi
}

# authorize FILE: sends the token that it holds, or that an identity provider gave, with each request.
authorize() {
  local token=''
  { IFS= read -r token < "$1"; } 2> /dev/null || true
  [[ $token =~ ^[A-Za-z0-9._~+/-]+=*$ ]] || die "$1 cannot be read, or holds no token: bash scripts/token.sh create writes one"
  authorization="Authorization: Bearer $token"$'\r\n'
}

# ask METHOD PATH [BODY]: sets $status, $type, $location and $body.
ask() {
  local response content=${3-}
  response=$(printf '%s %s HTTP/1.0\r\nHost: localhost\r\n%sContent-Type: application/json\r\nContent-Length: %s\r\n\r\n%s' \
    "$1" "$2" "$authorization" "${#content}" "$content" | "${from[@]}" -c "$client" client "$address" "$port" 2> /dev/null | tr -d '\r') || true
  status=$(sed -n '1s/^HTTP[^ ]* \([0-9]*\).*/\1/p' <<< "$response")
  type=$(sed -n '1,/^$/s/^[Cc]ontent-[Tt]ype: \([^;]*\).*/\1/p' <<< "$response")
  location=$(sed -n '1,/^$/s/^[Ll]ocation: //p' <<< "$response")
  body=$(sed '1,/^$/d' <<< "$response")
}

# answers STATUS TYPE METHOD PATH
answers() {
  ask "$3" "$4"
  if [ "$status $type" = "$1 $2" ]; then
    report ok "$3 $4 answers $1 $2"
  else
    report fail "$3 $4 answers ${status:-nothing} $type, and not $1 $2" "$logs nginx app"
  fi
}

endpoints() {
  answers 200 text/plain GET /healthz
  answers 200 text/plain GET /readyz
  if [[ -z $authorization && $COMPOSE_FILE = *docker-compose.prod.yml* ]]; then
    answers 401 application/problem+json GET /api/openapi
  else
    answers 200 application/json GET /api/openapi
    answers 400 application/problem+json GET '/api/openapi?=1'   # as the service itself refuses what it cannot read
  fi
  answers 404 application/problem+json GET /nothing
  answers 404 application/problem+json GET /actuator/health
}

# until_answer PATH TEXT SECONDS: waits until the answer is 200 and holds the text; it is in $body.
until_answer() {
  local deadline=$((SECONDS + $3))
  until ask GET "$1" && [[ $status$body = 200*"$2"* ]]; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 1
  done
}

data() {
  local path=/readyz before='' kept="the service answers"
  [ -n "$sample" ] || write=""
  if [ -n "$write" ]; then
    ask POST "${sample%% *}" "${sample#* }"
    if [ "$status$authorization" = 401 ]; then
      report skip "nothing is submitted without a token" "--token-file FILE, of one by scripts/token.sh that may write, read and delete"
      write=''
    fi
  fi
  if [ -n "$write" ]; then
    path=/api/${location#*/api/}
    if [ -z "$location" ] || ! until_answer "$path" "$result" 30; then
      report fail "what was submitted has no result within 30 s: ${status:-no answer} $body" "$logs app $(of service | grep -x worker)"
      return
    fi
    report ok "what was submitted has its result"
    before=$body kept="it is the same"
  fi
  if [ -n "$restart" ]; then
    docker restart "$(container_of db)" "$(container_of app)" > /dev/null
    settle
    if until_answer "$path" "$before" "$patience"; then
      report ok "$kept after a restart of the database and the app"
    else
      report fail "a restart of the database and the app was not survived: ${status:-no answer}" "$logs db app"
    fi
  fi
  [ -n "$write" ] || return 0
  ask DELETE "$path"
  if [ "$status" = 204 ]; then
    report ok "it is deleted again"
  else
    report fail "it cannot be deleted again: ${status:-no answer}" "$logs app"
  fi
}

restart='' write='' authorization='' address='' port='' from=(bash) status='' type='' location='' body=''
while [ $# -gt 0 ]; do
  case $1 in
    --restart) restart=yes ;;
    --write) write=yes ;;
    --token-file)
      [ -n "${2:-}" ] || die "--token-file wants a file: bash scripts/test-docker-compose.sh --help"
      authorize "$(given "$2")"
      shift
      ;;
    *) die "there is no option $1: bash scripts/test-docker-compose.sh --help" ;;
  esac
  shift
done
docker version > /dev/null 2>&1 || die "no Docker Engine answers: bash scripts/doctor.sh says more"

for layer in '' ' docker-compose.override.yml' ' docker-compose.prod.yml'; do
  configuration "docker-compose.yml$layer"
done
# mixnet:begin
configuration docker-compose.betanet.yml client
for layer in '' ' docker-compose.override.yml'; do
  configuration "docker-compose.yml$layer docker-compose.betanet.yml"
done
# mixnet:end

model=$(model 2> /dev/null) || die "this folder's Compose files make no configuration: docker compose config -q"
project=$(of project)
[ -n "${COMPOSE_PROJECT_NAME:-}" ] || ours
# The layers that it was started from, which need not be those that this shell would take.
COMPOSE_FILE=$(containers '{{.Label "com.docker.compose.project.config_files"}}' | sed -n 1p)
[ -n "$COMPOSE_FILE" ] || die "nothing of the project $project is running: docker compose up -d --wait"
export COMPOSE_FILE COMPOSE_PATH_SEPARATOR=, COMPOSE_PROJECT_NAME=$project
model=$(model)
say "      $project runs $(sed 's/[^,]*\///g; s/,/ and /g' <<< "$COMPOSE_FILE")"

settle
health
unreachable
enclosed
ports
way
taken=$(docker inspect --format '{{range .Mounts}}{{if ne .Source "/dev/null"}}{{println .Destination}}{{end}}{{end}}' "$(container_of app)" 2> /dev/null) || true
if [[ -z $authorization && $taken = */access.tokens.development.token* ]]; then authorize secrets/dev/api_token.txt; fi
if [ -n "$address" ]; then endpoints; data; fi
exit "$worst"
