# shellcheck shell=bash
# What the scripts share, sourced as their first step. They run in the project's folder, and on macOS's bash 3.2 too,
# whatever the shell that starts them hands down.
set -euo pipefail
set +o posix +o noclobber +o noglob
unset CDPATH GREP_OPTIONS GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE # the last three are set in a hook of git
export LC_ALL=C
caller=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.."
script=$(basename "${script:-$0}")

say() { printf '%s\n' "$*"; }

# die MESSAGE: one line that says what is wrong and how to mend it.
die() {
  printf '%s: %s\n' "$script" "$*" >&2
  exit 1
}

# given PATH: a file that an argument names, which is one of the caller's folder unless it is one of this.
given() {
  case $1 in
    /* | '') printf '%s\n' "$1" ;;
    *) if [ ! -e "$1" ] && [ -e "$caller/$1" ]; then printf '%s\n' "$caller/$1"; else printf '%s\n' "$1"; fi ;;
  esac
}

# report STATUS WHAT [MEND]: one line of ok, warn, fail or skip. $worst is 1 after a warn, 2 after a fail.
worst=0
reported=0
report() {
  reported=$((reported + 1))
  printf '%-5s %s%s\n' "$1" "$2" "${3:+: $3}"
  case $1 in
    warn) [ "$worst" = 2 ] || worst=1 ;;
    fail) worst=2 ;;
  esac
}

# model: what Compose makes of the layers, as lines that begin with a kind:
# project NAME, service NAME, image SERVICE IMAGE, once SERVICE, replicas SERVICE N, memory SERVICE BYTES (of all its replicas), port SERVICE ADDRESS PORT TARGET,
# bind SERVICE PATH (read-only), volume NAME ITS-NAME, secret NAME PATH, external NETWORK.
model() {
  docker compose config | awk '
    function value(line) { sub(/^[^:]*: */, "", line); gsub(/^"|"$/, "", line); return line }
    /^[a-z]/ { section = $1; block = ""; service = "" }
    /^name:/ { print "project", value($0) }
    /^  [^ ]/ { item = $1; sub(/:$/, "", item); name = "" }
    section == "services:" && /^  [^ ]/ { service = item; replicas = 1; print "service", service }
    section == "services:" && /^    [^ -]/ { block = $1; part = "" }
    section == "services:" && /^    image:/ { print "image", service, value($0) }
    section == "services:" && /^    restart: "?no/ { print "once", service }
    block == "deploy:" && /^        [a-z]/ { part = $1 }
    block == "deploy:" && $1 == "replicas:" { replicas = $2; print "replicas", service, replicas }
    block == "deploy:" && part == "limits:" && $1 == "memory:" { printf "memory %s %.0f\n", service, replicas * value($0) }
    block == "ports:" && /^      - / { address = "0.0.0.0"; port = 0 }
    block == "ports:" && $1 == "host_ip:" { address = value($0) }
    block == "ports:" && $1 == "target:" { target = value($0) }
    block == "ports:" && $1 == "published:" { port = value($0) }
    block == "ports:" && $1 == "protocol:" { print "port", service, address, port, target }
    block == "volumes:" && /^      - / { bind = $3 == "bind" }
    block == "volumes:" && $1 == "source:" { source = value($0) }
    block == "volumes:" && bind && $1 == "read_only:" { print "bind", service, source }
    section == "volumes:" && /^    name:/ { print "volume", item, value($0) }
    section == "secrets:" && /^    file:/ { print "secret", item, value($0) }
    section == "networks:" && /^    name:/ { name = value($0) }
    section == "networks:" && /^    external: true/ { print "external", name }'
}

model=''

# of KIND: the lines of $model that begin with it, without it.
of() { printf '%s\n' "$model" | sed -n "s/^$1 //p"; }

# has_service NAME: whether these layers and profiles have it. Not grep -q, which ends before all is written to it, and
# then pipefail takes the writer's SIGPIPE for a no.
has_service() { docker compose config --services | grep -x "$1" > /dev/null; }

# once CONTAINER: whether it is meant to end.
once() { [ "$(docker inspect --format '{{.HostConfig.RestartPolicy.Name}}' "$1")" = no ]; }

# help: prints the comment that the script begins with, and ends if --help is among the arguments.
help() {
  local argument
  for argument; do
    case $argument in
      -h | --help)
        sed -n '2,/^[^#]/s/^# \{0,1\}//p' "scripts/$script"
        exit 0
        ;;
    esac
  done
}

# confirm QUESTION: goes on with --yes (YES is set) or when a person says so; without a terminal it ends.
YES=""
confirm() {
  local answer
  [ -z "$YES" ] || return 0
  [ -t 0 ] || die "$1 Add --yes to say so without a terminal."
  read -r -p "$1 [y/N] " answer
  case $answer in
    y | Y | yes) ;;
    *) die "nothing was changed" ;;
  esac
}

# compose_files: this project's Compose files, the base first, and those that they include.
compose_files() {
  local file
  for file in docker-compose.yml docker-compose.*.yml; do
    if [ -f "$file" ] && [ -r "$file" ]; then
      printf '%s\n' "$file"
      sed -n 's/^  - \([a-z]*\/docker-compose[a-z.]*\.yml\).*/\1/p' "$file"
    fi
  done
}

# settings: the variables that the Compose files read, each with its default, as NAME=default.
settings() {
  local file
  # shellcheck disable=SC2016          # Compose expands it
  compose_files | while read -r file; do grep -o '\${[A-Z][A-Z0-9_]*:-[^}]*}' "$file" || true; done |
    sed -e 's/^..//' -e 's/:-/=/' -e 's/}$//' | awk -F= '!seen[$1]++'
}

# secret_files: the files that production's Compose files name as secrets.
secret_files() {
  local file
  compose_files | grep 'docker-compose\.prod\.yml$' | while read -r file; do
    sed -n 's/^.*file: \(\.\.\/\)\{0,1\}\(secrets\/[^ }]*\).*$/\2/p' "$file"
  done
}

# setting VARIABLE: its value as Compose reads it, from this shell or .env, else its default.
setting() {
  local default
  default=$(settings | sed -n "s/^$1=//p")
  docker compose -f - config --format json << EOF | sed -n 's/^ *"value": "\(.*\)"$/\1/p' |
{"name": "settings", "services": {"settings": {"image": "none", "labels": {
  "value": "\${$1:-$default}"
}}}}
EOF
    sed -e 's/\$\$/$/g' -e 's/\\u003c/</g' -e 's/\\u003e/>/g' -e 's/\\u0026/\&/g' -e 's/\\\(["\\]\)/\1/g'
}

# env_file: .env, or the file that it is a link to.
env_file() {
  local file=.env link
  while [ -L "$file" ]; do
    link=$(readlink "$file")
    case $link in
      /*) file=$link ;;
      *) file=$(dirname "$file")/$link ;;
    esac
  done
  printf '%s\n' "$file"
}

# can_remember: ends if .env cannot be written, or is not what Compose reads.
can_remember() {
  local file
  file=$(env_file)
  [ -z "${COMPOSE_ENV_FILES:-}${COMPOSE_DISABLE_ENV_FILE:-}" ] ||
    die "COMPOSE_ENV_FILES or COMPOSE_DISABLE_ENV_FILE is set in this shell, so that Compose reads no .env: unset it"
  if [ -w "$(dirname "$file")" ] && { [ ! -e "$file" ] || [ -w "$file" ]; }; then return; fi
  die "$file cannot be written by $(id -un), or its folder cannot: nothing can be remembered there. Let $(id -un) write both"
}

# remember VARIABLE=VALUE...: writes them to .env, all at once; the rest of it, its mode and what it is a link to stay.
remember() {
  local file
  can_remember
  file=$(env_file)
  [ -e "$file" ] || : > "$file"
  cp -p "$file" "$file.new" || return
  awk '
    function quoted(text) { return text ~ /^[A-Za-z0-9_.:\/@+-]*$/ ? text : "\047" text "\047" }
    BEGIN {
      for (i = 2; i < ARGC; i++) {
        name[i] = value = ARGV[i]
        sub(/=.*/, "", name[i])
        sub(/^[^=]*=/, "", value)
        values[name[i]] = quoted(value)
        ARGV[i] = ""
      }
    }
    { end = sub(/\r$/, "") ? "\r" : "" }
    within { if (index($0, within)) within = ""; print $0 end; next } # a quoted value of several lines
    match($0, /^(\357\273\277)?[ \t]*(export[ \t]+)?[A-Za-z0-9_]+[ \t]*[=:][ \t]*/) {
      before = set = substr($0, 1, RLENGTH)
      value = substr($0, RLENGTH + 1)
      gsub(/^(\357\273\277)?[ \t]*(export[ \t]+)?|[ \t]*[=:][ \t]*$/, "", set)
      quote = substr(value, 1, 1)
      if ((quote == "\"" || quote == "\047") && !index(substr(value, 2), quote)) within = quote
      else if (set in values) {
        comment = ""
        if (quote == "\"" || quote == "\047") comment = substr(value, index(substr(value, 2), quote) + 2)
        else if (match(value, /[ \t]+#/)) comment = substr(value, RSTART)
        print before values[set] comment end
        written[set] = 1
        next
      }
    }
    { print $0 end }
    END { for (i = 2; i < ARGC; i++) if (!(name[i] in written)) print name[i] "=" values[name[i]] end }' "$file" "$@" > "$file.new" || return
  if [ "$(id -u)" = 0 ] || [ -O "$file" ]; then
    mv -f "$file.new" "$file"
  else
    cat "$file.new" > "$file" && rm -f "$file.new" # moved, it would be another user's
  fi
}

# is_open FOLDER: whether other users of this host can look into it, or into what it is a link to.
is_open() { [ -n "$(find -H "$1" -prune \( -perm -0001 -o -perm -0004 -o -perm -0010 -o -perm -0040 \))" ]; }

# flaw FILE: what keeps it from being a password that every reader takes alike, or, with production, one that is secret.
flaw() {
  local text='' file strange='[!]!#-&(-[^-~]'
  if IFS= read -r -d '' text < "$1"; then text=' '; fi # a NUL ended it
  text=${text%$'\n'}
  case $text in
    '') say "is empty" ;;
    *$strange*) say "is not one line of plain characters (no space, quote, backslash or Windows line end)" ;;
    *)
      [ -n "${2:-}" ] || return 0
      for file in secrets/dev/*; do
        if [ "$text" = "$(tr -d '\0' < "$file")" ]; then say "is development's, which everybody knows"; return; fi
      done
      [ "${#text}" -ge 20 ] || say "has ${#text} characters, and 20 are the least"
      ;;
  esac
}

need_production() {
  local files
  files=$(setting COMPOSE_FILE)
  case $files in
    *docker-compose.prod.yml*) ;;
    *) die "this is not a production host: put COMPOSE_FILE=docker-compose.yml:docker-compose.prod.yml into .env (cp .env.example .env)" ;;
  esac
}

# gone FOLDER: whether it is not there, and not merely hidden from this user.
gone() {
  local above=$1
  until [ -d "$above" ]; do above=$(dirname "$above"); done
  [ "$above" != "$1" ] && [ -x "$above" ]
}

# elsewhere PROJECT: the other folder, if there is one, whose containers have this project's name.
elsewhere() {
  docker ps -a --filter "label=com.docker.compose.project=$1" --format '{{.Label "com.docker.compose.project.working_dir"}}' | sort -u |
    while read -r folder; do
      [ -z "$folder" ] || gone "$folder" || [ "$(cd "$folder" 2> /dev/null && pwd -P)" = "$(pwd -P)" ] || say "$folder"
    done
}
another_name="work there, or give this checkout a COMPOSE_PROJECT_NAME of its own in .env"

# ours: ends if another folder has this stack.
ours() {
  local project folder
  [ -z "${ALONE:-}" ] || return 0
  project=$(docker compose config 2> /dev/null | sed -n 's/^name: "*\([^"]*\)"*$/\1/p') || return 0
  folder=$(elsewhere "$project" 2> /dev/null | list) || return 0
  [ -z "$folder" ] || die "the containers of the project $project are those of $folder: $another_name"
}

# alone: ends if another script, or another folder, has this stack, and keeps scripts from it until this one, with what it calls, ends.
alone() {
  [ -z "${ALONE:-}" ] || return 0
  local pid host who since
  if ! mkdir .lock 2> /dev/null; then
    [ -d .lock ] || die "$PWD cannot be written by $(id -un), or its disk is full"
    { read -r pid host who && read -r since; } 2> /dev/null < .lock/holder ||
      die "another script is changing this stack, or a killed one left this behind: rm -r .lock, if none is"
    if [ "$host" != "$(uname -n)" ] || [ "$since" = "$(born "$pid")" ]; then
      die "another script is changing this stack: $who, process $pid on $host; rm -r .lock, if it is not there any more"
    fi
    say "$who was killed; its lock is removed" >&2
    rm -r .lock
    mkdir .lock
  fi
  printf '%s\n' "$$ $(uname -n) $script of $(id -un), since $(date -u +%Y-%m-%dT%H:%M:%SZ)" "$(born $$)" > .lock/holder
  trap unlock EXIT
  ours
  export ALONE=yes
}

unlock() { rm -r .lock; }

# born PROCESS: when it started, which tells it from a later one of its number; ? if nothing tells.
born() { if hash ps 2> /dev/null; then TZ=UTC0 ps -o lstart= -p "$1" || true; else say "?"; fi; }

list() { tr '\n' ' ' | sed 's/ *$//'; }

# reached CONTAINER: whether nginx, where it runs, gets an app's readiness by the way that it sends requests.
reached() {
  local nginx address
  nginx=$(docker compose ps -q nginx | sed -n 1p)
  [ -n "$nginx" ] || return 0
  address=$(docker inspect -f '{{(index .NetworkSettings.Networks (printf "%s-net" (index .Config.Labels "com.docker.compose.project"))).IPAddress}}' "$1") &&
    docker exec "$nginx" wget -Y off -T 5 -q -O /dev/null "http://$address:8080/readyz" 2> /dev/null
}

# answered: whether the service answers a request through nginx, and through the edge where COMPOSE_PROFILES has it. That nothing is
# there is an answer, too.
answered() {
  local service url said
  for service in nginx edge; do
    url=http://127.0.0.1/api/
    [ "$service" = nginx ] || url=https://127.0.0.1/api/
    if ! has_service "$service" || [ -z "$(docker compose ps -q "$service")" ]; then continue; fi
    for _ in 1 2 3 4 5 6; do
      said=$(docker compose exec -T "$service" wget -Y off -T 5 -S -O /dev/null --no-check-certificate "$url" 2>&1) || true
      [[ ! $said =~ HTTP/1\.[01]\ [1-4] ]] || continue 2
      sleep 1
    done
    printf '%s: %s\n' "$service" "$said" >&2
    return 1
  done
}

# ready CONTAINER SERVICE: waits until it is healthy, and an app is reached, for as long as DEPLOY_TIMEOUT seconds.
ready() {
  local state end=$((SECONDS + ${DEPLOY_TIMEOUT:-120}))
  while [ $SECONDS -lt $end ]; do
    state=$(docker inspect -f '{{.State.Status}} {{.RestartCount}} {{.State.Health.Status}}' "$1") || return 1
    case $state in
      "running 0 healthy") if [ "$2" != app ] || reached "$1"; then return; fi ;;
      "running 0 "* | "created 0 "*) ;;
      *) return 1 ;;
    esac
    sleep 1
  done
  return 1
}

# roll SERVICE [IMAGE]: replaces its containers, or those that do not run IMAGE as it is configured now, one after the
# other: the new one is ready before the old one stops. Fails, and leaves the old one serving, if the new one does not
# become ready.
roll() {
  local service=$1 wanted="" container new count before
  [ -z "${2:-}" ] || wanted="$(docker image inspect -f '{{.Id}}' "$2") $(docker compose config --hash "$service" | sed 's/.* //')"
  before=$(docker compose ps -aq "$service")
  count=$(printf '%s' "$before" | grep -c . || true)
  for container in $before; do
    [ "$(docker inspect -f '{{.Image}} {{index .Config.Labels "com.docker.compose.config-hash"}}' "$container")" != "$wanted" ] || continue
    docker compose --progress quiet up --detach --no-deps --no-recreate --scale "$service=$((count + 1))" "$service" || return 1
    new=$(docker compose ps -aq "$service" | grep -vxF "$before") || return 1
    if ! ready "$new" "$service"; then
      docker logs --tail 20 "$new" >&2
      docker rm -f "$new" > /dev/null
      return 1
    fi
    sleep 3                            # nginx asks for the names every 2 s
    docker stop "$container" > /dev/null
    docker rm "$container" > /dev/null
    before=$(docker compose ps -aq "$service")
  done
}

# sql: runs the statements of its input as the database's root, whose password stays in the container.
sql() {
  # shellcheck disable=SC2016 # The container's shell expands it.
  docker compose exec -T db bash -c 'exec mariadb --defaults-extra-file=<(printf "[client]\nuser=root\npassword=\"%s\"\n" \
    "$(< /run/secrets/db_root)") --protocol=socket --skip-column-names --batch'
}

# container SERVICE ARGUMENT...: a container of this service for one command, with nothing else started.
container() { docker compose --progress quiet run --rm -T --no-deps "$@"; }

DATABASE_USER=999

# own_backups: backups/ is written by the database's user, read by the group of whoever starts this, and nobody else's.
own_backups() {
  mkdir -p backups
  [ -z "$(find -H backups -prune -user $DATABASE_USER)" ] || return 0
  container --user 0:0 --cap-add CHOWN --cap-add FOWNER --cap-add FSETID --entrypoint bash backup -c \
    "chown $DATABASE_USER:$(id -g) /backups && chmod 2750 /backups"
}

# is_backup FOLDER: ends if it cannot be one.
is_backup() {
  local file
  for file in SHA256SUMS manifest dump.sql.gz; do
    [ -e "$1/$file" ] || die "$1 is not a backup: it has no $file. Name a folder of backups/."
    [ -r "$1/$file" ] || die "$1/$file cannot be read: use sudo"
  done
}

# backup_stream FOLDER: a backup as mariadb/backup.sh reads it.
backup_stream() {
  cat "$1/SHA256SUMS"
  echo
  cat "$1/manifest"
  echo
  cat "$1/dump.sql.gz"
}

# restored FOLDER: notes that this backup has been restored, if it is one of backups/.
restored() {
  [ "$(cd "$1/.." && pwd -P)" != "$(cd backups 2> /dev/null && pwd -P)" ] || container backup verified "$(basename "$1")"
}
