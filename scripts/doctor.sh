#!/usr/bin/env bash
# Usage: bash scripts/doctor.sh [--no-containers]
#
# What is wrong with this host, and the mend for each: a line per check, of ok, warn or fail. It changes nothing.
# With --no-containers all but the containers' health, which the next deploy may be what mends.
#
# Exit status: 0 all is ok; 1 the worst is a warn, which works and should be looked at; 2 it is a fail; 3 it broke off.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
script=$0
while [ -L "$script" ]; do link=$(readlink "$script"); case $link in /*) script=$link ;; *) script=$(dirname "$script")/$link ;; esac; done
. "$(dirname "$script")/lib.sh"
help "$@"

engine_minimum=25.0
compose_minimum=2.26
certificate_days=30

# MariaDB's long-term versions, and the day each one's life ends.
lives='10.6 2026-07-06
10.11 2028-02-16
11.4 2029-05-29
11.8 2028-06-04
12.3 2029-06-30'
database_default=mariadb:11.8

# at_least VERSION MINIMUM: compares the first two numbers.
at_least() {
  awk -v version="${1#v}" -v minimum="$2" 'BEGIN {
    split(version, v, "."); split(minimum, m, ".")
    exit !(v[1] + 0 > m[1] + 0 || (v[1] + 0 == m[1] + 0 && v[2] + 0 >= m[2] + 0))
  }'
}

short() { printf '%s' "${1#"$PWD"/}"; }

tools() {
  local version
  if ! hash docker 2> /dev/null; then
    report fail "Docker is not installed" "see https://docs.docker.com/engine/install"
    return
  fi
  if info=$(docker info --format '{{.ServerVersion}} {{.MemTotal}} {{.DockerRootDir}}' 2> /dev/null); then
    engine=yes
    version=${info%% *}
    if at_least "$version" "$engine_minimum"; then
      report ok "Docker Engine $version"
    else
      report fail "Docker Engine $version is older than $engine_minimum" "see https://docs.docker.com/engine/install"
    fi
  else
    case $(docker info --format '{{.ServerVersion}}' 2>&1) in
      *"permission denied"*) report fail "this user may not talk to the Docker Engine" "sudo usermod -aG docker $(id -un), and log in again" ;;
      *) report fail "no Docker Engine answers" "sudo systemctl start docker, or start Docker Desktop" ;;
    esac
  fi
  if ! version=$(docker compose version --short 2> /dev/null); then
    report fail "Docker Compose is not installed" "see https://docs.docker.com/compose/install"
  elif at_least "$version" "$compose_minimum"; then
    report ok "Docker Compose $version"
    compose=yes
  else
    report fail "Docker Compose $version is older than $compose_minimum" "see https://docs.docker.com/compose/install"
  fi
}

variables() {
  local line name near known readers value within='' before=$reported
  if [ ! -f .env ]; then
    report ok "no .env, so every default holds"
    return
  fi
  known=$(settings | sed 's/=.*//')
  readers=$(cat .env ./*.yml ./*.yaml ./*/docker-compose*.yml 2> /dev/null) || true # layers of the user's own may read others
  while IFS= read -r line || [ -n "$line" ]; do
    if [ -n "$within" ]; then          # a quoted value of several lines
      [[ $line != *"$within"* ]] || within=''
      continue
    fi
    line=${line#$'\357\273\277'}
    line=${line#"${line%%[![:space:]]*}"}
    case $line in
      '' | '#'*) continue ;;
      *[=:]*)
        name=${line%%[=:]*} name=${name#export[[:space:]]}
        name=${name//[[:space:]]/}
        value=${line#*[=:]} value=${value#"${value%%[![:space:]]*}"}
        within=${value:0:1}
        if [[ $within != [\"\'] || ${value:1} = *"$within"* ]]; then within=''; fi
        ;;
      *)
        report warn ".env has a line that sets nothing, \"$line\"" "write NAME=value"
        continue
        ;;
    esac
    case $name in COMPOSE_* | DOCKER_*) continue ;; esac
    grep -qx -- "$name" <<< "$known" && continue
    grep -qE "\\\$\{?$name([^A-Za-z0-9_]|\$)" <<< "$readers" && continue
    # The same letters without underscores are most likely the same name.
    near=$(printf '%s\n' "$known" | awk -v name="$name" '
      function bare(s) { gsub(/[^A-Za-z0-9]/, "", s); return toupper(s) }
      bare($0) == bare(name) { like = $0; exit }
      !like && (index(bare($0), bare(name)) || index(bare(name), bare($0))) { like = $0 }
      END { if (like) print like }')
    report warn ".env sets $name, which nothing reads" "${near:+is it $near? }the names are in .env.example"
  done < .env
  [ "$reported" != "$before" ] || report ok ".env sets only what the Compose files read"
}

# Which layers, and whether they make a configuration.
layers() {
  local separator file message production_files
  docker compose version > /dev/null 2>&1 || return 0
  if ! separator=$(setting COMPOSE_PATH_SEPARATOR 2> /dev/null); then
    report fail "Compose cannot read .env" "$(setting COMPOSE_PATH_SEPARATOR 2>&1 | tail -n 1)"
    return
  fi
  files=$(setting COMPOSE_FILE | tr "${separator:-:}" '\n')
  if [ -z "$files" ]; then
    files=docker-compose.yml
    if [ -f docker-compose.override.yml ]; then files="$files
docker-compose.override.yml"; fi
  fi
  production_files=$(secret_files 2> /dev/null |
    while read -r file; do if [ -e "$file" ]; then echo "$file"; fi; done) || true
  while read -r file; do
    case $file in
      *docker-compose.prod.yml) production=yes ;;
    esac
    if [ ! -f "$file" ]; then
      report fail "COMPOSE_FILE names $file, which is not here" "correct COMPOSE_FILE in .env"
      return
    fi
  done <<< "$files"
  if [ -n "$production" ] && grep -q 'docker-compose\.override\.yml$' <<< "$files"; then
    report fail "development's docker-compose.override.yml is loaded in production" "take it out of COMPOSE_FILE in .env"
  elif [ -n "$production" ] && ! grep -q 'docker-compose\.yml$' <<< "${files%%$'\n'*}"; then
    report fail "docker-compose.yml is not the first file of COMPOSE_FILE" "COMPOSE_FILE=docker-compose.yml:docker-compose.prod.yml in .env"
  # mixnet:begin
  elif [ -n "$production" ] && [[ ${files%%docker-compose.prod.yml*} = *docker-compose.betanet.yml* ]]; then
    report fail "docker-compose.prod.yml comes after docker-compose.betanet.yml, and turns the mixnet off" "name docker-compose.betanet.yml after it in COMPOSE_FILE"
  # mixnet:end
  elif [ -z "$production" ] && [ -n "$production_files$(setting REGISTRY | grep -v '^localhost$')" ]; then
    report fail "this host is set up for production and runs without docker-compose.prod.yml" \
      "echo 'COMPOSE_FILE=docker-compose.yml:docker-compose.prod.yml' >> .env"
  elif [ -n "$production" ]; then
    report ok "production: $(printf '%s' "$files" | list)"
  else
    report ok "development: $(printf '%s' "$files" | list)"
  fi
  [ -n "$compose" ] || return 0
  if message=$(docker compose config -q 2>&1); then
    model=$(model)
    project=$(of project)
  else
    report fail "the Compose files make no configuration" "$(printf '%s' "$message" | tail -n 1)"
  fi
}

# Whether the running project is this folder's, from these files.
running_layers() {
  local running now folder up="docker compose up -d"
  if [ -n "$production" ]; then up="bash scripts/deploy.sh"; fi
  running=$(docker ps --filter "label=com.docker.compose.project=$project" --filter label=com.docker.compose.oneoff=False \
    --format '{{.Label "com.docker.compose.project.config_files"}}' | sort -u | sed -n 1p | tr ',' '\n' | sed 's/.*\///' | list)
  now=$(printf '%s\n' "$files" | sed 's/.*\///' | list)
  folder=$(elsewhere "$project" | list)
  if [ -n "$folder" ]; then
    report fail "the containers of the project $project are those of $folder" "$another_name"
  elif [ -n "$production" ] && [ -n "$(docker ps -a --filter "label=com.docker.compose.project=$project" \
    --format '{{.Label "com.docker.compose.service"}} {{.Label "com.docker.compose.project.config_files"}}' |
    awk -v once=" $(of once | list) " '!/docker-compose\.prod\.yml/ && !index(once, " " $1 " ")')" ]; then
    report fail "development ran under the name $project, and its database has development's passwords" \
      "docker compose down --remove-orphans, with --volumes if its data may go; DB_VOLUME=another in .env leaves the database's alone, and then docker volume ls has the others"
  elif [ -n "$running" ] && [ "$running" != "$now" ]; then
    report warn "what runs was started from $running, and now $now would be" "$up"
  fi
}

ports() {
  local service address port probe holder variable published before=$reported
  while read -r service address port _; do
    [ -n "$service" ] || continue
    probe=$address
    case $address in 0.0.0.0 | ::) probe=127.0.0.1 ;; esac
    if [ -n "$(docker ps -q --filter "label=com.docker.compose.project=$project" --filter "publish=$port" 2> /dev/null)" ]; then continue; fi
    # The subshell closes the connection.
    if ! (exec 3<> "/dev/tcp/$probe/$port") 2> /dev/null; then continue; fi
    holder=$(docker ps --filter "publish=$port" --format '{{.Names}}' 2> /dev/null | sed -n 1p)
    variable=$(settings | sed -n 's/^\([A-Z_]*PORT\)=.*/\1/p' | while read -r variable; do
      if [ "$(setting "$variable")" = "$port" ]; then echo "$variable"; fi
    done | sed -n 1p)
    report fail "port $port of $service is taken${holder:+ by the container $holder}" \
      "${holder:+docker stop $holder, or }${variable:+$variable=another in .env}"
  done <<< "$(of port)"
  published=$({ of port | awk '{ print $3 }'
    docker ps --filter "label=com.docker.compose.project=$project" --format '{{.Ports}}' | tr ',' '\n' | sed -n 's/.*:\([0-9]*\)->.*/\1/p'
  } | sort -un | list)
  [ "$reported" != "$before" ] || report ok "ports: ${published:-none published}"
}

# disk FOLDER WHAT: free space there, or in the nearest folder above that can be seen.
disk() {
  local folder=$1 free
  until free=$(df -Pk "$folder" 2> /dev/null); do folder=$(dirname "$folder"); done
  free=$(printf '%s\n' "$free" | awk 'NR == 2 { print int($4 / 1024) }')
  if [ "$free" -lt 1024 ]; then
    report fail "disk: $free MB are free for $2" "docker system df shows what takes it, docker image prune frees some"
  elif [ "$free" -lt 5120 ]; then
    report warn "disk: $free MB are free for $2" "docker system df shows what takes it, docker image prune frees some"
  else
    report ok "disk: $((free / 1024)) GB are free for $2"
  fi
}

memory() {
  local sum has
  has=$(printf '%s' "$info" | awk '{ print int($2 / 1048576) }')
  sum=$({ of once; echo; of memory; } | awk 'NF == 1 { once[$1] } NF == 2 && !($1 in once) { sum += $2 } END { print int(sum / 1048576) }')
  if [ "$sum" -le "$has" ]; then
    report ok "memory: the limits add up to $sum MB of $has MB"
  else
    report warn "memory: the limits add up to $sum MB, and the host has $has MB" "lower APP_MEMORY, WORKER_MEMORY or DB_MEMORY in .env"
  fi
}

clock() {
  local synchronised container there
  synchronised=$(timedatectl show -p NTPSynchronized --value 2> /dev/null || true)
  case $synchronised in
    no) report warn "clock: nothing synchronises it" "sudo timedatectl set-ntp true" ;;
    yes) report ok "clock: $(date -u +%Y-%m-%dT%H:%M:%SZ), synchronised" ;;
    *) report ok "clock: $(date -u +%Y-%m-%dT%H:%M:%SZ); no timedatectl tells whether it is synchronised" ;;
  esac
  [ -n "$engine" ] && [ -n "$project" ] || return 0
  container=$(docker ps -q --filter "label=com.docker.compose.project=$project" --filter label=com.docker.compose.service=db | sed -n 1p)
  [ -n "$container" ] || return 0
  there=$(docker exec "$container" date '+%Z %s' 2> /dev/null) || return 0
  if [ "${there% *}" != UTC ]; then
    report warn "clock: the database's is in ${there% *}, not UTC" "take TZ out of its environment"
  elif [ $((${there#* } - $(date +%s))) -gt 5 ] || [ $(($(date +%s) - ${there#* })) -gt 5 ]; then
    report fail "clock: the database's is $((${there#* } - $(date +%s))) s off the host's" "restart Docker"
  fi
}

# secret NAME PATH: what is wrong with it.
secret() {
  local path mend renew wrong
  path=$(short "$2")
  case $path in
    secrets/dev/*) mend="git checkout -- $path" ;;
    *.pem) mend="bash scripts/certificate.sh self-signed DOMAIN" ;;
    *) mend="bash scripts/secrets.sh" ;;
  esac
  renew="rm $path, then $mend; a running database keeps its password: docs/secrets.md"
  # mixnet:begin
  if [[ $1 = mixnode_* ]]; then renew="bash scripts/secrets.sh, which makes keys of this host's own"; fi
  # mixnet:end
  if [ ! -e "$path" ]; then
    report fail "$path is missing" "$mend"
  elif [ -z "$(find -H "$path" -prune -perm -0004)" ]; then
    report fail "$path cannot be read by the containers" "chmod 0444 $path"
  # monitoring:begin
  elif [[ $1 = alert_* ]]; then
    return                             # may be empty, see alerts
  # monitoring:end
  elif [[ $path != *.txt ]]; then
    if [ ! -s "$path" ]; then
      report fail "$path is empty" "$renew"
    elif [ -n "$production" ] && development "$path"; then
      report fail "$path is development's, which everybody knows" "$renew"
    fi
  else
    wrong=$(flaw "$path" "$production")
    [ -z "$wrong" ] || report fail "$path $wrong" "$renew"
  fi
}

secrets() {
  local name path before=$reported
  while read -r name path; do
    [ -z "$name" ] || secret "$name" "$path"
  done <<< "$(of secret)"
  if [ -n "$production" ] && [ -d secrets ] && is_open secrets; then
    report fail "secrets is open to other users of this host" "chmod 0700 secrets"
  fi
  [ "$reported" != "$before" ] || report ok "secrets: $(of secret | sed 's/ .*//' | list)"
}

# monitoring:begin
alerts() {
  local files
  files=$(of secret | sed -n 's/^alert_[^ ]* //p')
  [ -n "$production" ] && [ -n "$files" ] || return 0
  if [ -z "$(while read -r file; do cat "$file"; done <<< "$files" 2> /dev/null)" ]; then
    report warn "nobody is told of an alert" "docs/monitoring.md says what to write into $(printf '%s' "$files" | sed "s|^$PWD/||" | list)"
  fi
}
# monitoring:end

# development FILE: whether it is one of secrets/dev.
development() {
  local file
  for file in secrets/dev/*; do
    if cmp -s "$file" "$1"; then return 0; fi
  done
  return 1
}

# What is mounted is read by a user of the container's, who is somebody else here.
mounts() {
  local service path closed
  while read -r service path; do
    case $path in "$PWD"/*) ;; *) continue ;; esac   # the host's own folders have the modes that they have
    [ -e "$path" ] || continue
    closed=$(find -H "$path" \( ! -perm -0004 -o -type d ! -perm -0001 \) 2> /dev/null | sed -n 1p)
    [ -z "$closed" ] || report fail "$(short "$closed") cannot be read by $service" "chmod -R a+rX $(short "$path")"
  done <<< "$(of bind)"
}

networks() {
  local network
  while read -r network; do
    [ -n "$network" ] || continue
    if docker network inspect "$network" > /dev/null 2>&1; then
      report ok "network $network"
    else
      report fail "the network $network does not exist" "docker network create --ipv6 --subnet fd00:51::/64 $network"
    fi
  done <<< "$(of external)"
}

database() {
  local image version ends
  image=$(of image | awk '$1 == "db" { print $2 }')
  [ -n "$image" ] || return 0
  version=$(printf '%s' "${image%%@*}" | sed -n 's/.*:\([0-9]*\.[0-9]*\).*/\1/p')
  ends=$(printf '%s\n' "$lives" | awk -v version="$version" '$1 == version { print $2 }')
  if [ -z "$version" ]; then
    report warn "DB_IMAGE=$image names no version, so a pull may change it" "DB_IMAGE=$database_default in .env"
  elif [ -z "$ends" ] && at_least "$version" "$(printf '%s\n' "$lives" | tail -n 1 | sed 's/ .*//')"; then
    report ok "DB_IMAGE=$image is newer than this script"
  elif [ -z "$ends" ]; then
    report warn "DB_IMAGE=$image is no long-term version, or its life has ended" "bash scripts/upgrade-db.sh $database_default"
  elif [[ $(date -u +%Y-%m-%d) > $ends ]]; then
    report warn "DB_IMAGE=$image has had no fixes since $ends" "bash scripts/upgrade-db.sh $database_default"
  else
    report ok "DB_IMAGE=$image lives until $ends"
  fi
}

certificate() {
  local certificate key until
  certificate=$(of secret | sed -n 's/^tls_certificate //p')
  key=$(of secret | sed -n 's/^tls_key //p')
  # Where the edge was started by --profile, the configuration of this shell does not name them.
  certificate=${certificate:-secrets/tls_certificate.pem}
  key=${key:-secrets/tls_key.pem}
  [ -s "$certificate" ] && [ -s "$key" ] || return 0
  if ! hash openssl 2> /dev/null; then
    report warn "the certificate was not looked at, for openssl is missing" "apt-get install openssl"
    return
  fi
  if ! until=$(openssl x509 -noout -enddate -in "$certificate" 2> /dev/null); then
    report fail "$(short "$certificate") is no certificate" "bash scripts/certificate.sh install CHAIN KEY"
    return
  fi
  until=${until#*=}
  if [ "$(openssl x509 -noout -pubkey -in "$certificate")" != "$(openssl pkey -pubout -in "$key" 2> /dev/null)" ]; then
    report fail "$(short "$key") is not the certificate's key" "bash scripts/certificate.sh install CHAIN KEY"
  elif ! openssl x509 -noout -checkend 0 -in "$certificate" > /dev/null; then
    report fail "the certificate ended on $until" "bash scripts/certificate.sh install CHAIN KEY"
  elif ! openssl x509 -noout -checkend $((certificate_days * 86400)) -in "$certificate" > /dev/null; then
    report warn "the certificate ends on $until" "bash scripts/certificate.sh install CHAIN KEY"
  else
    report ok "the certificate is good until $until"
  fi
}

backups() {
  local backup_hours
  backup_hours=$((($(setting BACKUP_INTERVAL) + 3599) / 3600 + 2))  # and what a backup takes
  if [ -z "$(docker volume ls -q --filter "label=com.docker.compose.project=$project" --filter label=com.docker.compose.volume=db-data)" ]; then
    return
  elif [ -z "$(find -H backups -path "*/20*Z/manifest" 2> /dev/null | sed -n 1p)" ]; then
    report warn "there is no backup" "bash scripts/backup.sh"
  elif [ -z "$(find -H backups -path "*/20*Z/manifest" -mmin "-$((backup_hours * 60))" | sed -n 1p)" ]; then
    report warn "the last backup is older than $backup_hours hours" "bash scripts/backup.sh"
  else
    report ok "the last backup is younger than $backup_hours hours"
  fi
}

containers() {
  local service name state status read_only seen='' count=0 before=$reported
  while IFS='|' read -r service name state status; do
    [ -n "$service" ] || continue
    seen="$seen $service "
    case "$state $status" in
      *"(unhealthy)"*) report fail "$name is unhealthy" "docker compose logs --tail 50 $service" ;;
      restarting*) report fail "$name fails again and again" "docker compose logs --tail 50 $service" ;;
      *"health: starting"*) report warn "$name is still starting" "wait a minute" ;;
      running*) count=$((count + 1)) ;;
      exited*"(0)"*) once "$name" || report fail "$name is stopped" "docker compose up -d $service" ;;
      exited*) report fail "$name ended: $status" "docker compose logs --tail 50 $service" ;;
      *) report fail "$name is $state" "docker compose up -d $service" ;;
    esac
  done <<< "$(docker ps -a --filter "label=com.docker.compose.project=$project" --filter label=com.docker.compose.oneoff=False \
    --format '{{.Label "com.docker.compose.service"}}|{{.Names}}|{{.State}}|{{.Status}}' | sort)"
  if [ -z "$seen" ]; then
    report ok "nothing is running yet"
    return
  fi
  while read -r service; do
    case $seen in
      *" $service "*) ;;
      *) report fail "$service has no container" "docker compose up -d $service" ;;
    esac
  done <<< "$(of service | grep -vFx -e "$(of once)")"
  if [ -n "$production" ] && [[ $seen == *" db "* ]] && [ "$reported" = "$before" ]; then
    if ! read_only=$(sql <<< "SELECT @@read_only" 2> /dev/null); then
      report fail "the database has other passwords than secrets/" "put those that made it back; bash scripts/secrets.sh rotate changes them"
    elif [ "$read_only" = 1 ] && [ ! -e .lock ]; then
      report fail "the database takes no writes, as a killed upgrade leaves it" "docker compose restart db"
    fi
  fi
  [ "$reported" != "$before" ] || report ok "$count containers are healthy"
}

engine='' compose='' production='' info='' model='' project='' files=''
case ${1:-} in
  '' | --no-containers) ;;
  *) die "there is no option $1: bash scripts/doctor.sh --help" ;;
esac
trap 'exit 3' EXIT

tools
variables
layers
disk "$PWD" "this folder"
if [ -n "$model" ]; then
  secrets
  alerts                               # monitoring
  mounts
  certificate
  database
fi
clock
if [ -n "$engine" ] && [ -n "$model" ]; then
  disk "$(printf '%s' "$info" | cut -d ' ' -f 3-)" "Docker"
  memory
  ports
  networks
  if [ -n "$production" ]; then backups; fi
  running_layers
  if [ "${1:-}" = '' ]; then containers; fi
fi
trap - EXIT
exit "$worst"
