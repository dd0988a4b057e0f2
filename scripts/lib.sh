# shellcheck shell=bash
# What the scripts share, sourced as their first step. They run in the project's folder, and on macOS's bash 3.2 too,
# whatever the shell that starts them hands down.
set -euo pipefail
set +o posix +o noclobber +o noglob
unset CDPATH GREP_OPTIONS GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE # the last three are set in a hook of git
export LC_ALL=C
caller=$PWD
itself=$(readlink -f "${script:-$0}")
script=${itself##*/}
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '%s\n' "$*"; }

# die MESSAGE: one line that says what is wrong and how to mend it.
die() { printf '%s: %s\n' "$script" "$*" >&2; exit 1; }

# --help prints the comment that a script begins with.
if [[ " $* " = *" -h "* || " $* " = *" --help "* ]]; then
  sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$itself"
  exit
fi

list() { tr '\n' ' ' | sed 's/ *$//'; }

# at_least VERSION MINIMUM: compares the first two numbers.
at_least() { [ "$(printf '%s\n' "${1#v}" "$2" | sort -t . -k 1,1n -k 2,2n | sed -n 1p)" = "$2" ]; }

# given PATH: a file that an argument names, which is one of the caller's folder unless it is one of this.
given() { if [ -z "$1" ] || [ -e "$1" ] || [ ! -e "$caller/$1" ]; then say "$1"; else say "$caller/$1"; fi; }

# confirm QUESTION: goes on with --yes (YES is set) or when a person says so; without a terminal it ends.
YES=""
confirm() {
  [ -z "$YES" ] || return 0
  [ -t 0 ] || die "$1 Add --yes to say so without a terminal."
  read -r -p "$1 [y/N] "
  [[ $REPLY =~ ^(y|Y|yes)$ ]] || die "nothing was changed"
}

# report STATUS WHAT [MEND]: one line of ok, warn, fail or skip. $worst is 1 after a warn, 2 after a fail.
worst=0 reported=0
report() {
  reported=$((reported + 1))
  printf '%-5s %s%s\n' "$1" "$2" "${3:+: $3}"
  if [ "$1" = fail ]; then worst=2; elif [ "$1$worst" = warn0 ]; then worst=1; fi
}

# --- What Compose reads -------------------------------------------------------------------------------------------------

# model: what Compose makes of the layers, as lines that begin with a kind:
# project NAME, service NAME, image SERVICE IMAGE, once SERVICE, depends SERVICE SERVICE, replicas SERVICE N,
# memory SERVICE BYTES (of all its replicas), port SERVICE ADDRESS PORT TARGET, bind SERVICE PATH (read-only),
# volume NAME ITS-NAME, secret NAME PATH, external NETWORK.
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
    block == "depends_on:" && /^      [^ ]/ { sub(/:$/, "", $1); print "depends", service, $1 }
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
    section == "secrets:" && /^    file:/ && $2 != "/dev/null" { print "secret", item, value($0) }
    section == "networks:" && /^    name:/ { name = value($0) }
    section == "networks:" && /^    external: true/ { print "external", name }'
}

model=''

# of KIND [NAME]: the lines of $model that begin with it, or with it and this name, without that.
of() { printf '%s\n' "$model" | sed -n "s/^$1 ${2:+$2 }//p"; }

# has_service NAME: whether these layers and profiles have it. grep -q would end early, and pipefail take that for a no.
has_service() { docker compose config --services | grep -x "$1" > /dev/null; }

# settings: the variables that the Compose files read, each with its default, as NAME=default.
settings() {
  { grep -hoE '\$\{[A-Z][A-Z0-9_]*:-[^}]*\}' docker-compose*.yml ./*/docker-compose*.yml 2> /dev/null || true; } |
    sed -e 's/^..//' -e 's/:-/=/' -e 's/}$//' | awk -F= '!seen[$1]++'
}

# setting VARIABLE: its value as Compose reads it, from this shell or .env, else its default.
setting() {
  local default
  default=$(settings | sed -n "s/^$1=//p")
  docker compose -f - config --images <<< "{name: setting, services: {setting: {image: \"=\${$1:-$default}\"}}}" | sed 's/^=//'
}

need_production() {
  [[ $(setting COMPOSE_FILE) = *docker-compose.prod.yml* ]] ||
    die "this is not a production host: put COMPOSE_FILE=docker-compose.yml:docker-compose.prod.yml into .env (cp .env.example .env)"
}

# ENV: awk that takes a line of .env apart, as Compose does: `name` is the variable that it sets, `before` stands before its `value`.
# A line that sets nothing has no name, and is `inside` if a quoted value of several lines began above it.
# shellcheck disable=SC2016
ENV='
  { end = sub(/\r$/, "") ? "\r" : ""; name = ""; inside = within != "" }
  inside && index($0, within) { within = "" }
  !inside && match($0, /^(\357\273\277)?[ \t]*(export[ \t]+)?[A-Za-z0-9_]+[ \t]*[=:][ \t]*/) {
    before = name = substr($0, 1, RLENGTH)
    value = substr($0, RLENGTH + 1)
    gsub(/^(\357\273\277)?[ \t]*(export[ \t]+)?|[ \t]*[=:][ \t]*$/, "", name)
    quote = match(value, /^["\047]/) ? substr(value, 1, 1) : ""
    if (quote != "" && !index(substr(value, 2), quote)) within = quote
  }'

# env_file: .env, or the file that it is a link to.
env_file() { readlink -f .env || readlink .env || say .env; }

# can_remember: ends if .env cannot be written, or is not what Compose reads.
can_remember() {
  local file
  file=$(env_file)
  [ -z "${COMPOSE_ENV_FILES:-}${COMPOSE_DISABLE_ENV_FILE:-}" ] ||
    die "COMPOSE_ENV_FILES or COMPOSE_DISABLE_ENV_FILE is set in this shell, so that Compose reads no .env: unset it"
  { [ -w "$(dirname "$file")" ] && { [ ! -e "$file" ] || [ -w "$file" ]; }; } ||
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
    BEGIN {
      for (i = 2; i < ARGC; i++) {
        set = order[i] = ARGV[i]
        sub(/=.*/, "", order[i])
        sub(/^[^=]*=/, "", set)
        values[order[i]] = set ~ /^[A-Za-z0-9_.:\/@+-]*$/ ? set : "\047" set "\047"
        ARGV[i] = ""
      }
    }'"$ENV"'
    (name in values) && !within {
      comment = quote != "" ? substr(value, index(substr(value, 2), quote) + 2) : match(value, /[ \t]+#/) ? substr(value, RSTART) : ""
      $0 = before values[name] comment
      written[name] = 1
    }
    { print $0 end }
    END { for (i = 2; i < ARGC; i++) if (!(order[i] in written)) print order[i] "=" values[order[i]] end }
  ' "$file" "$@" > "$file.new" || return
  mv -f "$file.new" "$file"
}

# --- Secrets ------------------------------------------------------------------------------------------------------------

# secret_files: the files that production's Compose files name as secrets.
secret_files() {
  { cat docker-compose.prod.yml ./*/docker-compose.prod.yml 2> /dev/null || true; } |
    sed -n 's/^.*file: \(\.\.\/\)\{0,1\}\(secrets\/[^ }]*\).*$/\2/p'
}

# is_open FOLDER: whether other users of this host can look into it, or into what it is a link to.
is_open() { [ -n "$(find -H "$1" -prune \( -perm -0001 -o -perm -0004 -o -perm -0010 -o -perm -0040 \))" ]; }

# TOKENS: the secrets that are tokens of the API.
TOKENS=api_token
TOKENS="$TOKENS|mixnet_token" # mixnet

# flaw FILE [production]: what keeps it from being a secret that every reader takes alike and, with production, that nobody knows.
flaw() {
  local text='' file strange='[!]!#-&(-[^-~]'
  if IFS= read -r -d '' text < "$1"; then text=' '; fi # a NUL ended it
  text=${text%$'\n'}
  case $1:$text in
    *:) say "is empty" ;;
    *.txt:*$strange*) say "is not one line of plain characters (no space, quote, backslash or Windows line end)" ;;
    *)
      if [[ $1 =~ /($TOKENS)\.txt$ ]] && ! { is_token "$text" && [[ $text = "$token_prefix"_* ]]; }; then
        say "is no token of this project, as bash scripts/secrets.sh makes one"
        return
      fi
      [ -n "${2:-}" ] || return 0
      for file in secrets/dev/*; do
        if [ "$(tr -d '\0' < "$1")" = "$(tr -d '\0' < "$file")" ]; then say "is development's, which everybody knows"; return; fi
      done
      [[ $1 != *.txt ]] || [ "${#text}" -ge 20 ] || say "has ${#text} characters, and 20 are the least"
      ;;
  esac
}

# check_secret FILE [production]: reports what is wrong with it.
check_secret() {
  local mend="bash scripts/secrets.sh" renew wrong
  case $1 in
    secrets/dev/*) mend="git checkout -- $1" ;;
  esac
  renew="rm $1, then $mend; a running database keeps its password: docs/settings.md"
  if [[ $1 =~ /($TOKENS)\.txt$ ]]; then renew="rm $1, then $mend"; fi
  if [[ $1 = */mixnode_* ]]; then renew="bash scripts/secrets.sh, which makes keys of this host's own"; fi # mixnet
  if [ ! -e "$1" ]; then
    report fail "$1 is missing" "$mend"
  elif [ -z "$(find -H "$1" -prune -perm -0004)" ]; then
    report fail "$1 cannot be read by the containers" "chmod 0444 $1"
  elif [[ $1 != */alert_* && $1 != */backup_credentials ]]; then # which may be empty
    wrong=$(flaw "$1" "${2:-}")
    [ -z "$wrong" ] || report fail "$1 $wrong" "$renew"
  fi
}

check_folder_of_secrets() {
  if [ -d secrets ] && is_open secrets; then report fail "secrets is open to other users of this host" "chmod 0700 secrets"; fi
}

# --- Tokens of the API --------------------------------------------------------------------------------------------------

# token_prefix: what this project's begin with, as access.prefix of the service says, too.
token_prefix=analysis

# TOKEN: the form of any project's: the prefix, 256 random bits, and the beginning of their SHA-256.
TOKEN='[a-z][a-z0-9-]*_([A-Za-z0-9]{43})_([0-9a-f]{6})'

# sha256: of its input.
sha256() { if hash sha256sum 2> /dev/null; then sha256sum; else shasum -a 256; fi | cut -d ' ' -f 1; }

# token: a new one. Like everything that knows one, it hands it on by pipes and builtins alone, since arguments are seen by all of the host.
token() {
  local random check
  random=$(head -c 1024 /dev/urandom | tr -dc A-Za-z0-9) # about 250 characters
  random=${random:0:43}
  check=$(printf %s "$random" | sha256)
  printf %s "${token_prefix}_${random}_${check:0:6}"
}

# is_token TEXT: whether it is one, of whatever project, without a slip.
is_token() { [[ $1 =~ ^$TOKEN$ ]] && [[ $(printf %s "${BASH_REMATCH[1]}" | sha256) = "${BASH_REMATCH[2]}"* ]]; }

# token_table: 1 if the database has the table of tokens, 0 if it has not, nothing if it does not answer.
token_table() {
  sql 2> /dev/null <<< "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'app' AND table_name = 'access_token'" || true
}

# --- One at a time ------------------------------------------------------------------------------------------------------

project=''

# containers FORMAT [OPTION...]: the project's containers, without those of docker compose run.
containers() { docker ps --filter "label=com.docker.compose.project=$project" --filter label=com.docker.compose.oneoff=False --format "$@"; }

# elsewhere: says so if containers of this project's name are another folder's, which is there, though this user may not see it.
elsewhere() {
  local folders
  folders=$(containers '{{.Label "com.docker.compose.project.working_dir"}}' -a | sort -u |
    while read -r folder; do
      [ -z "$folder" ] || [ "$folder" -ef . ] || [[ $(ls -d "$folder" 2>&1) = *"No such file"* ]] || say "$folder"
    done | list)
  [ -z "$folders" ] || say "the containers of the project $project are those of $folders: work there," \
    "or give this checkout a COMPOSE_PROJECT_NAME of its own in .env"
}

# OLD_FOLDERS: those of an older version beside var/, in which they are now.
OLD_FOLDERS='backups'

# ours: ends if another folder has this stack, and moves OLD_FOLDERS into var/: a container that has one mounted goes on with it.
ours() {
  local others folder link
  [ -z "${ALONE:-}" ] || return 0
  model=$(model 2> /dev/null) || return 0
  project=$(of project)
  others=$(elsewhere 2> /dev/null) || return 0
  [ -z "$others" ] || die "$others"
  mkdir -p var || die "$PWD/var cannot be made by $(id -un): let $(id -un) write to $PWD"
  for folder in $OLD_FOLDERS; do
    if [ ! -d "$folder" ] || [ -e "var/$folder" ]; then continue; fi
    link=$(readlink "$folder") || link=/
    if [[ $link = /* ]]; then mv "$folder" var/; else ln -s "../$link" "var/$folder" && rm "$folder"; fi ||
      die "$folder/ belongs into var/ now: sudo mv $folder var/, and then this again"
    say "$folder/ is var/$folder now" >&2
  done
}

# alone: ends if another script, or another folder, has this stack, and keeps scripts from it until this one, with what it calls, ends.
alone() {
  [ -z "${ALONE:-}" ] || return 0
  local pid host who since
  mkdir -p var 2> /dev/null || true
  if ! mkdir var/lock 2> /dev/null; then
    [ -d var/lock ] || die "$PWD/var cannot be written by $(id -un), or its disk is full: sudo chown $(id -un) var, or free some"
    { read -r pid host who && read -r since; } 2> /dev/null < var/lock/holder ||
      die "another script is changing this stack, or a killed one left this behind: rm -r var/lock, if none is"
    if [ "$host" != "$(uname -n)" ] || [ "$since" = "$(born "$pid")" ]; then
      die "another script is changing this stack: $who, process $pid on $host; rm -r var/lock, if it is not there any more"
    fi
    say "$who was killed; its lock is removed" >&2
    rm -r var/lock
    mkdir var/lock
  fi
  printf '%s\n' "$$ $(uname -n) $script of $(id -un)${DEPLOY_FROM:+ for $DEPLOY_FROM}, since $(date -u +%Y-%m-%dT%H:%M:%SZ)" "$(born $$)" > var/lock/holder
  trap unlock EXIT
  ours
  export ALONE=yes
}

unlock() { rm -r var/lock; }

# born PROCESS: when it started, which tells it from a later one of its number.
born() { TZ=UTC0 ps -o lstart= -p "$1" 2> /dev/null || say "?"; }

# --- Containers ---------------------------------------------------------------------------------------------------------

# once CONTAINER: whether it is meant to end.
once() { [ "$(docker inspect --format '{{.HostConfig.RestartPolicy.Name}}' "$1")" = no ]; }

# health: reports each container that is not well, and each service that has none, or else how many are well.
health() {
  local service name state status seen='' well=0 before=$reported logs="docker compose logs --tail 50"
  while IFS='|' read -r service name state status; do
    [ -n "$service" ] || continue
    seen="$seen $service "
    case "$state $status" in
      *"(unhealthy)"*) report fail "$name is unhealthy" "$logs $service" ;;
      restarting*) report fail "$name fails again and again" "$logs $service" ;;
      *"health: starting"*) report warn "$name is still starting" "wait a minute" ;;
      running*) well=$((well + 1)) ;;
      exited*"(0)"*) once "$name" || report fail "$name is stopped" "docker compose up -d $service" ;;
      exited*) report fail "$name ended: $status" "$logs $service" ;;
      *) report fail "$name is $state" "docker compose up -d $service" ;;
    esac
  done <<< "$(containers '{{.Label "com.docker.compose.service"}}|{{.Names}}|{{.State}}|{{.Status}}' -a | sort)"
  if [ -z "$seen" ]; then report ok "nothing is running yet"; return; fi
  while read -r service; do
    [[ $seen = *" $service "* ]] || report fail "$service has no container" "docker compose up -d $service"
  done <<< "$(of service | grep -vFx -e "$(of once)")"
  [ "$reported" != "$before" ] || report ok "$well containers are healthy"
}

# sql: runs the statements of its input as the database's root, whose password stays in the container.
sql() {
  local into=(docker compose exec -T db)
  # cluster:begin
  local there
  there=$(docker ps --filter label=com.docker.swarm.service.name --format '{{.ID}} {{.Label "com.docker.swarm.service.name"}}' |
    sed -n "s/ $(docker compose config | sed -n 's/^name: //p')_db$//p")
  [ -z "$there" ] || into=(docker exec -i "$there")
  # cluster:end
  # shellcheck disable=SC2016 # The container's shell expands it.
  "${into[@]}" bash -c 'exec mariadb --defaults-extra-file=<(printf "[client]\nuser=root\npassword=\"%s\"\n" \
    "$(< /run/secrets/db_root)") --protocol=socket --skip-column-names --batch'
}

# container SERVICE ARGUMENT...: a container of this service for one command, with nothing else started.
container() { docker compose --progress quiet run --rm -T --no-deps "$@"; }

# reached CONTAINER: whether nginx, where it runs, gets an app's readiness by the way that it sends requests.
reached() {
  local nginx address
  nginx=$(docker compose ps -q nginx | sed -n 1p)
  [ -n "$nginx" ] || return 0
  address=$(docker inspect -f "{{(index .NetworkSettings.Networks \"$project-net\").IPAddress}}" "$1") &&
    docker exec "$nginx" wget -Y off -T 5 -q -O /dev/null "http://$address:8080/readyz" 2> /dev/null
}

# ready CONTAINER SERVICE: waits until it is healthy, and an app is reached, for as long as DEPLOY_TIMEOUT seconds.
ready() {
  local state end=$((SECONDS + ${DEPLOY_TIMEOUT:-120}))
  while [ $SECONDS -lt $end ]; do
    state=$(docker inspect -f '{{.State.Status}} {{.RestartCount}} {{.State.Health.Status}}' "$1") || return 1
    [[ $state =~ ^(running|created)\ 0\  ]] || return 1
    if [ "$state" = "running 0 healthy" ] && { [ "$2" != app ] || reached "$1"; }; then return; fi
    sleep 1
  done
  return 1
}

# roll SERVICE [IMAGE]: replaces its containers, or those that do not run IMAGE as it is configured now, one after the other: the new one
# is ready before the old one stops. Fails, and leaves the old one serving, if the new one does not become ready.
roll() {
  local service=$1 wanted="" container new before
  [ -z "${2:-}" ] || wanted="$(docker image inspect -f '{{.Id}}' "$2") $(docker compose config --hash "$service" | sed 's/.* //')"
  before=$(docker compose ps -aq "$service")
  for container in $before; do
    [ "$(docker inspect -f '{{.Image}} {{index .Config.Labels "com.docker.compose.config-hash"}}' "$container")" != "$wanted" ] || continue
    docker compose --progress quiet up --detach --no-deps --no-recreate --scale "$service=$(($(wc -w <<< "$before") + 1))" "$service" || return 1
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

# --- Backups ------------------------------------------------------------------------------------------------------------

# own_backups: var/backups is written by the database's user, 999, read by the group of whoever starts this, and nobody else's.
own_backups() {
  mkdir -p var/backups
  [ -z "$(find -H var/backups -prune -user 999)" ] || return 0
  container --user 0:0 --cap-add CHOWN --cap-add FOWNER --cap-add FSETID --entrypoint bash backup -c \
    "chown 999:$(id -g) /backups && chmod 2750 /backups"
}

# is_backup FOLDER: ends if it cannot be one.
is_backup() {
  local file
  for file in SHA256SUMS manifest dump.sql.gz; do
    [ -e "$1/$file" ] || die "$1 is not a backup: it has no $file. Name a folder of var/backups/."
    [ -r "$1/$file" ] || die "$1/$file cannot be read: use sudo"
  done
}

# dumped FOLDER: a backup as mariadb/dump.sh reads it.
dumped() { cat "$1/SHA256SUMS" <(echo) "$1/manifest" <(echo) "$1/dump.sql.gz"; }

# fetch FOLDER: brings what lies in BACKUP_REPOSITORY to it, which becomes the database's user's.
fetch() {
  mkdir -p "$1"
  container --user 0:0 --cap-add CHOWN --cap-add FOWNER --cap-add FSETID --entrypoint sh -v "$PWD/$1:/fetched" offsite -c \
    "chown 999:$(id -g) /fetched && chmod 2750 /fetched" &&
    container -v "$PWD/$1:/fetched" offsite fetch
}

# restored FOLDER: notes that this backup has been restored, if it is one of var/backups/.
restored() { [ ! "$1/.." -ef var/backups ] || container backup verified "$(basename "$1")"; }
