#!/usr/bin/env bash
# Usage: bash scripts/doctor.sh [--no-containers]
#
# What is wrong with this host, and the mend for each: a line per check, of ok, warn or fail. It changes nothing.
# With --no-containers all but the containers' health, which the next deploy may be what mends.
#
# Exit status: 0 all is ok; 1 the worst is a warn, which works and should be looked at; 2 it is a fail; 3 it broke off.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
. "$(dirname "$(readlink -f "$0")")/lib.sh"

# MariaDB's long-term versions, and the day each one's life ends.
lives='10.6 2026-07-06
10.11 2028-02-16
11.4 2029-05-29
11.8 2028-06-04
12.3 2029-06-30'
database_default=mariadb:11.8

# tool NAME VERSION MINIMUM PAGE: reports whether it is new enough.
tool() {
  if at_least "$2" "$3"; then report ok "$1 $2"; else report fail "$1 $2 is older than $3" "see https://docs.docker.com/$4"; fi
}

tools() {
  local version
  if ! hash docker 2> /dev/null; then
    report fail "Docker is not installed" "see https://docs.docker.com/engine/install"
    return
  fi
  if info=$(docker info --format '{{.ServerVersion}} {{.MemTotal}} {{.DockerRootDir}}' 2> /dev/null); then
    tool "Docker Engine" "${info%% *}" 25.0 engine/install
  else
    info=''
    if [[ $(docker info --format '{{.ServerVersion}}' 2>&1) = *"permission denied"* ]]; then
      report fail "this user may not talk to the Docker Engine" "sudo usermod -aG docker $(id -un), and log in again"
    else
      report fail "no Docker Engine answers" "sudo systemctl start docker, or start Docker Desktop"
    fi
  fi
  if version=$(docker compose version --short 2> /dev/null); then
    tool "Docker Compose" "$version" 2.26 compose/install
  else
    report fail "Docker Compose is not installed" "see https://docs.docker.com/compose/install"
  fi
}

variables() {
  local name known readers near before=$reported
  if [ ! -f .env ]; then report ok "no .env, so every default holds"; return; fi
  known=$(settings | sed 's/=.*//')
  readers=$(cat .env ./*.yml ./*.yaml ./*/docker-compose*.yml 2> /dev/null) || true # layers of the user's own may read others
  while read -r name; do
    case $name in
      '' | COMPOSE_* | DOCKER_*) continue ;;
      '"'*) report warn ".env has a line that sets nothing, $name" "write NAME=value"; continue ;;
    esac
    grep -qx -- "$name" <<< "$known" && continue
    grep -qE "\\\$\{?$name([^A-Za-z0-9_]|\$)" <<< "$readers" && continue
    near=$(grep -ixm 1 -- "$(sed 's/_//g; s/./&_*/g' <<< "$name")" <<< "$known") || true # the same letters, but for underscores
    report warn ".env sets $name, which nothing reads" "${near:+is it $near? }the names are in .env.example"
  done <<< "$(awk "$ENV"'
    name != "" { print name }
    name == "" && !inside && !/^(\357\273\277)?[ \t]*(#|$)/ { print "\"" $0 "\"" }' .env)"
  [ "$reported" != "$before" ] || report ok ".env sets only what the Compose files read"
}

layers() {
  local separator file message secrets='' line='COMPOSE_FILE=docker-compose.yml:docker-compose.prod.yml'
  docker compose version > /dev/null 2>&1 || return 0
  if ! separator=$(setting COMPOSE_PATH_SEPARATOR 2> /dev/null); then
    report fail "Compose cannot read .env" "$(setting COMPOSE_PATH_SEPARATOR 2>&1 | tail -n 1)"
    return
  fi
  files=$(setting COMPOSE_FILE | tr "${separator:-:}" '\n')
  if [ -z "$files" ]; then
    files=docker-compose.yml
    [ ! -f docker-compose.override.yml ] || files=$files$'\n'docker-compose.override.yml
  fi
  while read -r file; do
    if [ ! -f "$file" ]; then
      report fail "COMPOSE_FILE names $file, which is not here" "correct COMPOSE_FILE in .env"
      return
    fi
    [[ $file != *docker-compose.prod.yml ]] || production=production
  done <<< "$files"
  for file in $(secret_files); do
    [ ! -e "$file" ] || secrets=yes
  done
  if [ -n "$production" ] && grep -q 'docker-compose\.override\.yml$' <<< "$files"; then
    report fail "development's docker-compose.override.yml is loaded in production" "take it out of COMPOSE_FILE in .env"
  elif [ -n "$production" ] && [[ ${files%%$'\n'*} != *docker-compose.yml ]]; then
    report fail "docker-compose.yml is not the first file of COMPOSE_FILE" "$line in .env"
  # mixnet:begin
  elif [ -n "$production" ] && [[ ${files%%docker-compose.prod.yml*} = *docker-compose.betanet.yml* ]]; then
    report fail "docker-compose.prod.yml comes after docker-compose.betanet.yml, and turns the mixnet off" \
      "name docker-compose.betanet.yml after it in COMPOSE_FILE"
  # mixnet:end
  elif [ -z "$production" ] && [ -n "$secrets$(setting REGISTRY | grep -v '^localhost$')" ]; then
    report fail "this host is set up for production and runs without docker-compose.prod.yml" "echo '$line' >> .env"
  else
    report ok "${production:-development}: $(list <<< "$files")"
  fi
  if message=$(docker compose config -q 2>&1); then
    model=$(model)
    project=$(of project)
  else
    report fail "the Compose files make no configuration" "$(tail -n 1 <<< "$message")"
  fi
}

# half_removed FEATURE PATTERN FILE...: reports the first line that is left of a feature whose folder is gone.
half_removed() {
  local left
  left=$({ grep -rnE --exclude-dir=.git --exclude-dir=target --exclude-dir=var -- "$2" "${@:3}" 2> /dev/null || true; } |
    sed -n '1s/^\(\.\/\)*\([^:]*:[0-9]*\).*/\2/p')
  [ -z "$left" ] || report warn "$1 is removed, but for $left" "docs/make-it-yours.md says what goes with it"
}

features() {
  [ -d mixnode ] || half_removed "the mixnet" '(#|--|//|<!--) mixnet(:begin| -->|$)' . # mixnet
  [ -d monitoring ] || half_removed "the monitoring" '(#|--|//|<!--) monitoring(:begin| -->|$)' . # monitoring
  [ ! -d app/src/main ] || [ -n "$(find app/src/main -name worker)" ] ||
    half_removed "the worker" '^  worker:$|[:, ]worker(,|$)' docker-compose*.yml app/src/main/resources/application.yaml
}

old_folders() {
  local folder
  for folder in $OLD_FOLDERS; do
    if [ -d "$folder" ] && [ -e "var/$folder" ]; then
      report warn "$folder/ is not read any more" "move what it holds to var/$folder/, and remove it"
    elif [ -d "$folder" ]; then
      report warn "$folder/ belongs into var/ now" "bash scripts/deploy.sh"
    fi
  done
}

# stack: whether what runs under the project's name is this folder's, from these files.
stack() {
  local others started now mend="docker compose up -d"
  [ -z "$production" ] || mend="bash scripts/deploy.sh"
  others=$(elsewhere)
  started=$(containers '{{.Label "com.docker.compose.project.config_files"}}' | sed -n 1p | tr ',' '\n' | sed 's/.*\///' | list)
  now=$(sed 's/.*\///' <<< "$files" | list)
  if [ -n "$others" ]; then
    report fail "${others%%: *}" "${others#*: }"
  elif [ -n "$production" ] && [ -n "$(containers '{{.Label "com.docker.compose.service"}} {{.Label "com.docker.compose.project.config_files"}}' -a |
    awk -v once=" $(of once | list) " '!/docker-compose\.prod\.yml/ && !index(once, " " $1 " ")')" ]; then
    report fail "development ran under the name $project, and its database has development's passwords" \
      "docker compose down --remove-orphans, with --volumes if its data may go; DB_VOLUME=another in .env leaves the database's alone, \
and then docker volume ls has the others"
  elif [ -n "$started" ] && [ "$started" != "$now" ]; then
    report warn "what runs was started from $started, and now $now would be" "$mend"
  fi
}

ports() {
  local service address port holder variable published before=$reported
  while read -r service address port _; do
    if [ -z "$service" ] || [ -n "$(containers x --filter "publish=$port")" ]; then continue; fi
    case $address in 0.0.0.0 | ::) address=127.0.0.1 ;; esac
    (exec 3<> "/dev/tcp/$address/$port") 2> /dev/null || continue
    holder=$(docker ps --filter "publish=$port" --format '{{.Names}}' | sed -n 1p)
    variable=$(settings | sed -n 's/^\([A-Z_]*PORT\)=.*/\1/p' | while read -r variable; do
      if [ "$(setting "$variable")" = "$port" ]; then echo "$variable"; fi
    done | sed -n 1p)
    report fail "port $port of $service is taken${holder:+ by the container $holder}" \
      "${holder:+docker stop $holder, or }${variable:+$variable=another in .env}"
  done <<< "$(of port)"
  published=$({ of port | awk '{ print $3 }'; containers '{{.Ports}}' | tr ',' '\n' | sed -n 's/.*:\([0-9]*\)->.*/\1/p'; } | sort -un | list)
  [ "$reported" != "$before" ] || report ok "ports: ${published:-none published}"
}

# disk FOLDER WHAT: free space there, or in the nearest folder above that can be seen.
disk() {
  local folder=$1 free status=warn
  until free=$(df -Pk "$folder" 2> /dev/null); do folder=$(dirname "$folder"); done
  free=$(awk 'NR == 2 { print int($4 / 1024) }' <<< "$free")
  [ "$free" -ge 1024 ] || status=fail
  if [ "$free" -ge 5120 ]; then
    report ok "disk: $((free / 1024)) GB are free for $2"
  else
    report $status "disk: $free MB are free for $2" "docker system df shows what takes it, docker image prune frees some"
  fi
}

memory() {
  local sum has
  has=$(awk '{ print int($2 / 1048576) }' <<< "$info")
  sum=$(of memory | awk -v once=" $(of once | list) " '!index(once, " " $1 " ") { sum += $2 } END { print int(sum / 1048576) }')
  if [ "$sum" -le "$has" ]; then
    report ok "memory: the limits add up to $sum MB of $has MB"
  else
    report warn "memory: the limits add up to $sum MB, and the host has $has MB" "lower APP_MEMORY, WORKER_MEMORY or DB_MEMORY in .env"
  fi
}

clock() {
  case $(timedatectl show -p NTPSynchronized --value 2> /dev/null || true) in
    no) report warn "clock: nothing synchronises it" "sudo timedatectl set-ntp true" ;;
    yes) report ok "clock: $(date -u +%Y-%m-%dT%H:%M:%SZ), synchronised" ;;
    *) report ok "clock: $(date -u +%Y-%m-%dT%H:%M:%SZ); no timedatectl tells whether it is synchronised" ;;
  esac
}

secrets() {
  local path before=$reported
  while read -r _ path; do
    [ -z "$path" ] || check_secret "${path#"$PWD"/}" "$production"
  done <<< "$(of secret)"
  [ -z "$production" ] || check_folder_of_secrets
  [ "$reported" != "$before" ] || report ok "secrets: $(of secret | sed 's/ .*//' | list)"
  # monitoring:begin
  local name receivers
  receivers=$(of secret | while read -r name path; do [[ $name != alert_* ]] || say "${path#"$PWD"/}"; done)
  if [ -n "$production" ] && [ -n "$receivers" ] && [ -z "$(while read -r path; do cat "$path"; done <<< "$receivers" 2> /dev/null)" ]; then
    report warn "nobody is told of an alert" "docs/monitoring.md says what to write into $(list <<< "$receivers")"
  fi
  # monitoring:end
}

# leaked: each token but development's that lies in .env, or in a file that git tracks.
leaked() {
  local line file token id before=$reported where=.env
  if git rev-parse HEAD > /dev/null 2>&1; then where="$where or a file that git tracks"; fi
  while read -r line; do
    file=${line%:*} token=${line##*:}
    if ! is_token "$token" || [[ $token = *_development* ]]; then continue; fi
    id=$(printf %s "$token" | sha256)
    report warn "a token lies in $file" "bash scripts/token.sh revoke ${id:0:8}, create another, and take this one out of there"
  done <<< "$({ grep -HoE "$TOKEN" .env
    git -c grep.column=false -c grep.lineNumber=false -c color.ui=false grep -IoE "$TOKEN"; } 2> /dev/null | sort -u)"
  [ "$reported" != "$before" ] || report ok "no token lies in $where"
}

# mounts: whether the container's user, who is somebody else here, can read what is mounted. The host's own folders are as they are.
mounts() {
  local service path closed
  while read -r service path; do
    if [[ $path != "$PWD"/* ]] || [ ! -e "$path" ]; then continue; fi
    closed=$(find -H "$path" \( ! -perm -0004 -o -type d ! -perm -0001 \) 2> /dev/null | sed -n 1p)
    [ -z "$closed" ] || report fail "${closed#"$PWD"/} cannot be read by $service" "chmod -R a+rX ${path#"$PWD"/}"
  done <<< "$(of bind)"
}

networks() {
  local network
  for network in $(of external); do
    if docker network inspect "$network" > /dev/null 2>&1; then
      report ok "network $network"
    else
      report fail "the network $network does not exist" "docker network create --ipv6 --subnet fd00:51::/64 $network"
    fi
  done
}

database() {
  local image version ends
  image=$(of image db)
  [ -n "$image" ] || return 0
  version=$(sed -n 's/@.*//; s/.*:\([0-9]*\.[0-9]*\).*/\1/p' <<< "$image")
  ends=$(sed -n "s/^$version //p" <<< "$lives")
  if [ -z "$version" ]; then
    report warn "DB_IMAGE=$image names no version, so a pull may change it" "DB_IMAGE=$database_default in .env"
  elif [ -z "$ends" ] && at_least "$version" "$(sed -n '$s/ .*//p' <<< "$lives")"; then
    report ok "DB_IMAGE=$image is newer than this script"
  elif [ -z "$ends" ]; then
    report warn "DB_IMAGE=$image is no long-term version, or its life has ended" "bash scripts/upgrade-db.sh $database_default"
  elif [[ $(date -u +%Y-%m-%d) > $ends ]]; then
    report warn "DB_IMAGE=$image has had no fixes since $ends" "bash scripts/upgrade-db.sh $database_default"
  else
    report ok "DB_IMAGE=$image lives until $ends"
  fi
}

# certificate: the edge's, where it runs, and what an older version kept.
certificate() {
  local running kind state until mend="docker compose logs --tail 50 certificates"
  [ ! -e secrets/tls_certificate.pem ] ||
    report fail "secrets/tls_certificate.pem is not read any more" "EDGE_DOMAIN in .env gets another by itself, or \
bash scripts/certificate.sh install secrets/tls_certificate.pem secrets/tls_key.pem has it served; then rm secrets/tls_*.pem"
  running=$(containers '{{.ID}}' --filter label=com.docker.compose.service=certificates)
  [ -n "$running" ] || return 0
  read -r kind state until <<< "$(docker exec "$running" sh /usr/local/bin/certificates.sh show 2> /dev/null)" || true
  [ "$kind" != own ] || mend="bash scripts/certificate.sh install CHAIN KEY"
  [ -n "$(setting EDGE_DOMAIN)" ] || mend="EDGE_DOMAIN and EDGE_EMAIL in .env, or bash scripts/certificate.sh install CHAIN KEY"
  case $kind:$state in
    *:ended) report fail "the certificate ended on $until" "$mend" ;;
    self-signed:*) report warn "the edge has signed its certificate itself, and browsers warn" "$mend" ;;
    *:ending) report warn "the certificate ends on $until" "$mend" ;;
    *:good) report ok "the certificate is good until $until" ;;
  esac
}

backups() {
  local running said hours=$((($(setting BACKUP_INTERVAL) + 3599) / 3600 + 2)) # and what a backup takes
  [ -n "$(docker volume ls -q --filter "label=com.docker.compose.project=$project" --filter label=com.docker.compose.volume=db-data)" ] || return 0
  if [ -z "$(find -H var/backups -path "*/20*Z/manifest" 2> /dev/null)" ]; then
    report warn "there is no backup" "bash scripts/backup.sh"
  elif [ -z "$(find -H var/backups -path "*/20*Z/manifest" -mmin "-$((hours * 60))")" ]; then
    report warn "the last backup is older than $hours hours" "bash scripts/backup.sh"
  else
    report ok "the last backup is younger than $hours hours"
  fi
  running=$(containers '{{.ID}}' --filter label=com.docker.compose.service=backup)
  if [ -n "$running" ] && ! said=$(docker exec "$running" bash /usr/local/bin/dump.sh status 2>&1); then
    report warn "${said#here: }" "docker compose logs --tail 50 backup"
  fi
}

# off_site: whether backups leave this host, where they should.
off_site() {
  [ -n "$(setting BACKUP_REPOSITORY)" ] || return 0
  if ! has_service offsite || ! has_service backup; then
    report warn "BACKUP_REPOSITORY is set and nothing is sent there" "COMPOSE_PROFILES=backup,offsite in .env"
  elif [ ! -s secrets/backup_credentials ]; then
    report warn "secrets/backup_credentials is empty" "docs/backup.md says what goes into it"
  else
    report ok "backups go to $(setting BACKUP_REPOSITORY)"
  fi
}

# passwords: whether production's database, where it is well, takes root's, and writes.
passwords() {
  local read_only
  [ -n "$production" ] && [ -n "$(containers x --filter label=com.docker.compose.service=db --filter health=healthy)" ] || return 0
  if ! read_only=$(sql <<< "SELECT @@read_only" 2> /dev/null); then
    report fail "the database has other passwords than secrets/" "put those that made it back; bash scripts/secrets.sh rotate changes them"
  elif [ "$read_only" = 1 ] && [ ! -e var/lock ]; then
    report fail "the database takes no writes, as a killed upgrade leaves it" "docker compose restart db"
  fi
}

# tokens: those of the database, if it answers, that end soon while their name has no later one.
tokens() {
  local ending name day
  ending=$(sql 2> /dev/null <<< "SELECT name, DATE(MAX(expires_at)) FROM app.access_token
    WHERE revoked_at IS NULL AND expires_at > UTC_TIMESTAMP(6) GROUP BY name HAVING MAX(expires_at) < UTC_TIMESTAMP(6) + INTERVAL 14 DAY") || true
  while read -r name day; do
    [ -z "$name" ] || report warn "the token of $name ends on $day" "bash scripts/token.sh rotate $name"
  done <<< "$ending"
}

production='' info='' files=''
[[ -z ${1:-} || $1 = --no-containers ]] || die "there is no option $1: bash scripts/doctor.sh --help"
trap 'exit 3' EXIT

tools
variables
layers
features
old_folders
leaked
disk "$PWD" "this folder"
clock
if [ -n "$model" ]; then
  secrets
  mounts
  database
fi
if [ -n "$info" ] && [ -n "$model" ]; then
  disk "$(cut -d ' ' -f 3- <<< "$info")" "Docker"
  memory
  ports
  networks
  certificate
  if [ -n "$production" ]; then
    backups
    off_site
  fi
  stack
  if [ -z "${1:-}" ]; then health; passwords; tokens; fi
fi
trap - EXIT
exit "$worst"
