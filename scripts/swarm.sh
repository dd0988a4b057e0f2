#!/usr/bin/env bash
# Usage: bash scripts/swarm.sh render            shows the stack file that is made of the Compose files, and what a Swarm leaves out of them
#        bash scripts/swarm.sh deploy [TAG]      brings the Swarm to version TAG, or to the TAG of .env; the first time, and every later one
#        bash scripts/swarm.sh status            each host, service and version, and what is wrong, with exit status 1
#
# On a manager of a Swarm whose hosts have the labels that docs/cluster.md names.
#
# A deploy backs up when a migration is pending, migrates, and replaces app and worker one container after the other, the new one healthy before
# the old one stops. Exit status: 0 deployed; 1 not, and what served before serves on; 2 it needs a hand.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
. "$(dirname "$(readlink -f "$0")")/lib.sh"
. scripts/model.sh

work=$(mktemp -d)
held=${ALONE:-}
trap 'rm -rf "$work"' EXIT

# read_model TAG: the leaves of production's layers and the Swarm's, with the profiles of .env. Backups are of $standby, if there is one.
read_model() {
  local profiles others
  profiles=$(setting COMPOSE_PROFILES)
  others=$(tr , '\n' <<< "$profiles" | grep -vx -e backup -e edge -e offsite | list) || true
  others=$(xargs <<< "${others/monitoring/}") # monitoring
  [ -z "$others" ] || die "not for a Swarm: the profiles $others; take them out of COMPOSE_PROFILES in .env"
  leaves=$(TAG=$1 COMPOSE_PROFILES=$profiles,standby COMPOSE_FILE=docker-compose.yml:docker-compose.prod.yml:docker-compose.swarm.yml \
    docker compose config | awk "$LEAVES") || die "the Compose files cannot be read: the lines above say why"
  project=$(text name)
  waits=$(text x-standby)
  [[ $waits =~ ^(off|available|lossless)$ ]] || die "DB_STANDBY is $waits in .env: say off, available or lossless"
  has_profile monitoring || leaves=$(grep -v ^/services/standby-exporter/ <<< "$leaves") # monitoring
  [ -n "$standby" ] || return 0
  leaves=$(sed -e 's,^\(/services/\(backup\|offsite\)/deploy/placement/constraints/0	\).*,\1"node.labels.database == standby",' \
    -e '/^\/services\/backup\/environment\/DB_IMAGE	/{h;s,DB_IMAGE	.*,DB_HOST	"standby",p;g;}' <<< "$leaves")
}

# find_standby: sets $standby to the host with that label, unless DB_STANDBY is off.
standby=""
find_standby() { [ "$(setting DB_STANDBY)" = off ] || standby=$(labelled database=standby); }

# hash_of FILE [TARGET]: of its content, and where it is mounted: a service that has one config twice is another at each deploy.
hash_of() { { say "${2:-}"; cat "$1"; } | sha256 | cut -c 1-12; }

# kept: a service, a secret and its name, of those that the database and its standby have and do not read again. Another one would restart them.
kept() {
  local service name
  for service in db standby; do
    docker service inspect -f '{{range .Spec.TaskTemplate.ContainerSpec.Secrets}}{{println .SecretName}}{{end}}' "${project}_$service" 2> /dev/null |
      sed -n "s/^${project}_\(.*\)_[0-9a-f]*$/$service \1 &/p" | grep -v -e ' db_root ' -e '^standby db_archiver '
  done || true
}

# secrets: the name of each secret that is a file, the name that its content gives it, and the file.
secrets() {
  local name file
  for name in $(names secrets); do
    file=$(text "secrets/$name/file")
    [ "$file" = /dev/null ] || [ ! -s "$file" ] || say "$name ${project}_${name}_$(hash_of "$file") $file"
  done
}

# configs [SERVICE...]: of each file that these, or all, have mounted from the project: the service, its name by content, where it is there, and the file.
# shellcheck disable=SC2046
configs() {
  local service item source target file
  [ $# -gt 0 ] || set -- $(names services)
  for service; do
    for item in $(names "services/$service/volumes"); do
      source=$(text "services/$service/volumes/$item/source") target=$(text "services/$service/volumes/$item/target")
      [[ $(text "services/$service/volumes/$item/type") = bind && $source = "$PWD"/* ]] || continue
      # Its folders have files alone, but for nginx/, whose shared/ is mounted by itself.
      if [ -d "$source" ]; then
        find "$source" -maxdepth 1 -type f | sort | while read -r file; do say "$service ${project}_$(hash_of "$file" "$target/${file##*/}") $target/${file##*/} $file"; done
      else
        say "$service ${project}_$(hash_of "$source" "$target") $target $source"
      fi
    done
    for item in $(names "services/$service/configs"); do
      file=$(text "configs/$(text "services/$service/configs/$item/source")/file") target=$(text "services/$service/configs/$item/target")
      say "$service ${project}_$(hash_of "$file" "$target") $target $file"
    done
  done
}

# stack SERVICE...: the stack file of these, of all but jobs if none is named.
# shellcheck disable=SC2016,SC2086,SC2120
stack() {
  local services=" $* "
  [ $# -gt 0 ] || services=" $(for service in $(names services); do
    [[ $(text "services/$service/deploy/mode") = *-job || $service$waits = standby*off ]] || say "$service"
  done | list) "
  secrets > "$work/secrets"
  configs $services > "$work/configs"
  kept > "$work/kept"
  printf '%s\n' "$leaves" | awk -v folder="$PWD/" -v services="$services" -v secrets="$work/secrets" -v configs="$work/configs" -v kept="$work/kept" -F '\t' '
    BEGIN {
      OFS = FS
      while ((getline line < secrets) > 0) { split(line, a, " "); called[a[1]] = a[2] }
      while ((getline line < kept) > 0) { split(line, a, " "); has[a[1], a[2]] = a[3] }
      while ((getline line < configs) > 0) { split(line, a, " "); mounted[a[1]] = mounted[a[1]] a[2] " " a[3] "\n" }
      print "/version", "\"3.13\""
    }
    function bare(text) { return substr(text, 2, length(text) - 2) }
    # What services have beside what they had: files as configs, what lies in memory, and by what their lines in the log are known.
    function more(service,    n, i, entry, a) {
      print "/services/" service "/labels/project", "\"" project "\""
      print "/services/" service "/labels/service", "\"" service "\""
      print "/services/" service "/logging/options/labels", "\"project,service\""
      n = split(mounted[service], entry, "\n")
      for (i = 1; i < n; i++) {
        split(entry[i], a, " ")
        print "/services/" service "/configs/" i - 1 "/source", "\"" a[1] "\""
        print "/services/" service "/configs/" i - 1 "/target", "\"" a[2] "\""
        used[a[1]] = 1
      }
      n = split(memory[service], entry, "\n")
      for (i = 1; i < n; i++) {
        split(entry[i], a, /:|,/)
        print "/services/" service "/volumes/" 100 + i "/type", "\"tmpfs\""
        print "/services/" service "/volumes/" 100 + i "/target", "\"" a[1] "\""
        if (match(entry[i], /size=[0-9]+m/)) print "/services/" service "/volumes/" 100 + i "/tmpfs/size", "\"" substr(entry[i], RSTART + 5, RLENGTH - 6) * 1048576 "\""
      }
    }
    { split($1, p, "/") }
    p[2] == "name" { project = bare($2) }
    p[2] == "services" && !index(services, " " p[3] " ") { next }
    p[2] == "services" && p[3] != service { if (service != "") more(service); service = p[3] }
    p[2] != "services" && service != "" { more(service); service = "" }
    p[2] == "name" || p[2] ~ /^x-/ || p[2] == "secrets" || p[2] == "configs" { next }
    p[4] ~ /^(build|configs|container_name|depends_on|profiles|restart|security_opt)$/ { next }
    p[4] == "tmpfs" { memory[p[3]] = memory[p[3]] bare($2) "\n"; next }
    p[4] == "volumes" && p[6] == "type" { kind = $0 }
    p[4] == "volumes" && p[6] == "source" && kind ~ /"bind"/ && index(bare($2), folder) != 1 { print kind; kind = "" }
    p[4] == "volumes" && (kind ~ /"bind"/ || p[6] == "bind" || $2 == "") { next }
    /\/logging\/options\/labels/ { next }
    p[4] == "secrets" && p[6] == "source" {
      name = bare($2)
      left = !(name in called)
      if (!left) { name = (p[3], name) in has ? has[p[3], name] : called[name]; $2 = "\"" name "\""; asked[name] = 1 }
    }
    p[4] == "secrets" && left { next }
    { print }
    END {
      if (service != "") more(service)
      for (name in asked) print "/secrets/" name "/external", "\"true\""
      for (name in used) print "/configs/" name "/external", "\"true\""
    }' | sort -s -t / -k 2,2 -k 3,3 -k 4,4 | awk "$TREE"
}

# --- The Swarm -------------------------------------------------------------------------------------------------------------

# labelled LABEL: the hosts that have it. ready HOST...: those of them that are there. named HOST...: their names.
labelled() { docker node ls -q --filter "node.label=$1"; }
ready() { [ -z "$*" ] || docker node inspect -f '{{.Status.State}} {{.ID}}' "$@" | sed -n 's/^ready //p'; }
named() { [ -z "$*" ] || docker node inspect -f '{{.Description.Hostname}}' "$@" | list; }
# hosts LABEL: how many ready hosts have it.
# shellcheck disable=SC2046 # a word each
hosts() { ready $(labelled "$1") | grep -c . || true; }

need_a_manager() {
  local state
  state=$(docker info -f '{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}}') || die "no Docker Engine answers: the line above says why"
  case $state in
    "active true") ;;
    "active false") die "this host is a worker of the Swarm: run this on a manager, which docker node promote makes of one" ;;
    *) die "this engine is in no Swarm: docker swarm init, or docker swarm join" ;;
  esac
  docker node ls > /dev/null 2>&1 || die "the Swarm has no leader: more than half of its managers must be up; what runs goes on"
}

need_labels() {
  local number
  number=$(hosts database=primary)
  case $number in
    1) ;;
    0) die "no host that is ready has the label database=primary: docker node update --label-add database=primary HOST; nothing was changed" ;;
    *) die "$number hosts have the label database=primary, and one has the data: docker node update --label-rm database HOST; nothing was changed" ;;
  esac
  number=$(labelled database=standby | grep -c .) || true
  [ "$number" -le 1 ] || die "$number hosts have the label database=standby, and there is one standby: docker node update --label-rm database HOST; nothing was changed"
  [ "$(hosts gateway=yes)" != 0 ] ||
    die "no host that is ready has the label gateway=yes: docker node update --label-add gateway=yes HOST; nothing was changed"
  ! has_profile edge || need_one edge "the certificate"
  ! has_profile monitoring || need_one monitoring "the metrics" # monitoring
}

# need_one LABEL WHAT: ends unless one host has it, on which this lies.
need_one() {
  local number
  number=$(hosts "$1=yes")
  [ "$number" = 1 ] ||
    die "$number hosts that are ready have the label $1=yes, and one has $2: docker node update --label-add $1=yes HOST, or --label-rm $1; nothing was changed"
}

# put_files: makes the secrets and configs that are not there, by names that their content gives them.
put_files() {
  local name called file there
  there=$(docker secret ls --format '{{.Name}}')
  secrets | while read -r name called file; do
    grep -qxF "$called" <<< "$there" || docker secret create --label "$LABEL=$project" "$called" "$file" > /dev/null
  done
  there=$(docker config ls --format '{{.Name}}')
  configs | sort -u -k 2,2 | while read -r name called _ file; do
    grep -qxF "$called" <<< "$there" || docker config create --label "$LABEL=$project" "$called" "$file" > /dev/null
  done
}
LABEL=swarm.files-of

# forget_files: removes those that nothing uses any more; what a service can go back to is in use.
forget_files() {
  local kind
  for kind in secret config; do
    docker "$kind" ls -q --filter "label=$LABEL=$project" | xargs -r -n 1 docker "$kind" rm > /dev/null 2>&1 || true
  done
}

# put SERVICE...: has the Swarm run these as they are now.
put() {
  local resolve=always
  [ "$(setting REGISTRY)" != localhost ] || resolve=never
  stack "$@" > "$work/stack.yml"
  docker stack deploy --detach=true --quiet --with-registry-auth --resolve-image "$resolve" -c "$work/stack.yml" "$project" > /dev/null
}

# job SERVICE [--raw]: runs one to its end, on each host if it is of that mode, prints what it says, and fails as it does.
job() {
  local name=${project}_$1 wanted=1 tasks="" end=$((SECONDS + 600))
  [ "$(text "services/$1/deploy/mode")" != global-job ] || wanted=$(docker node ls --format '{{.Status}}/{{.Availability}}' | grep -c Ready/Active)
  docker service rm "$name" > /dev/null 2>&1 || true
  put "$1" || return
  while [ $SECONDS -lt $end ]; do
    tasks=$(docker service ps --no-trunc --format '{{.CurrentState}} on {{.Node}}: {{.Error}}' "$name")
    if grep -qE '^(Failed|Rejected|Shutdown|Orphaned)' <<< "$tasks" || [ "$(grep -c '^Complete' <<< "$tasks")" = "$wanted" ]; then break; fi
    sleep 1
  done
  docker service logs ${2:+"$2"} "$name" 2>&1 || true
  docker service rm "$name" > /dev/null 2>&1 || true
  [ "$(grep -c '^Complete' <<< "$tasks")" = "$wanted" ] || { say "$1: $(grep -v '^Complete' <<< "$tasks" | sed -n 1p)" >&2; return 1; }
}

# job_of SERVICE NAME LINE...: a job NAME in the model, which is that service but for these leaves, and for the lists among them as a whole.
job_of() {
  local lines line path
  lines=$(sed -n "s,^/services/$1/,/services/$2/,p" <<< "$leaves" | grep -v "^/services/$2/deploy/\(update\|rollback\)_config/")
  for line in 'deploy/mode	"replicated-job"' "${@:3}" 'deploy/restart_policy/condition	"none"' 'healthcheck/disable	"true"'; do
    path=${line%%	*}
    case $path in
      */0 | healthcheck/*) lines=$(grep -v "^/services/$2/${path%/*}/" <<< "$lines") ;;
      *) lines=$(grep -v "^/services/$2/$path	" <<< "$lines") ;;
    esac
    lines=$lines$'\n'/services/$2/$line
  done
  leaves=$leaves$'\n'$(sort -s -t / -k 4,4 <<< "$lines")
}

# at primary|standby COMMAND...: what mariadb/standby.sh does beside the server of the host with that label; $also is what the job has beside that.
also=()
at() {
  local leaves=$leaves word number=1 command=()
  [ "$(hosts "database=$1")" = 1 ] || return
  for word in "${@:2}"; do
    command+=("command/$number	\"$word\"")
    number=$((number + 1))
  done
  job_of standby "at-$1" 'entrypoint/0	"bash"' 'command/0	"/usr/local/bin/standby.sh"' "${command[@]}" "${also[@]}" \
    "deploy/placement/constraints/0	\"node.labels.database == $1\""
  job "at-$1" --raw
}

began() { docker service inspect -f '{{if .UpdateStatus}}{{.UpdateStatus.StartedAt}}{{end}}' "${project}_$1" 2> /dev/null || true; }

# replace SERVICE: puts it, and waits until each of its containers is the new one, and healthy; fails if the Swarm went back.
replace() {
  local service=${project}_$1 before state running end=$((SECONDS + ${DEPLOY_TIMEOUT:-600}))
  before=$(began "$1")
  put "$1" || return
  while [ $SECONDS -lt $end ]; do
    sleep 2
    state=none
    [ "$(began "$1")" = "$before" ] || state=$(docker service inspect -f '{{if .UpdateStatus}}{{.UpdateStatus.State}}{{else}}none{{end}}' "$service")
    running=$(docker service ls --filter "name=$service" --format '{{.Name}} {{.Replicas}}' | sed -n "s,^$service \([0-9]*/[0-9]*\).*,\1,p")
    case $state in
      rollback_completed | paused | rollback_paused) break ;;
      completed | none) [ "${running%/*}" != "${running#*/}" ] || [ "$running" = 0/0 ] || return 0 ;;
    esac
    # A new one, to which there is nothing before it, is tried for ever.
    [ "$state" != none ] || [ "$(docker service ps -f desired-state=shutdown --format '{{.CurrentState}}' "$service" | grep -c ^Failed)" -lt 5 ] || break
  done
  docker service ps --no-trunc --format '{{.Name}} on {{.Node}}: {{.CurrentState}} {{.Error}}' "$service" | sed -n '1,5p' >&2
  docker service logs --raw --tail 5 "$service" 2>&1 | tail -n 5 >&2 || true
  return 1
}

# left_out: what these files say and a Swarm drops without a word.
left_out() {
  ! grep -q '/security_opt/' <<< "$leaves" || say "A Swarm leaves out no-new-privileges: $DAEMON says it to all; status asks each host" >&2
}
DAEMON="{\"no-new-privileges\": true} in each host's /etc/docker/daemon.json"

# privileges: reports the hosts whose containers may get more of them, as setuid programs give. A job on each host asks the kernel.
privileges() {
  local leaves=$leaves said
  job_of nginx privileges 'entrypoint/0	"sh"' 'command/0	"-c"' 'command/1	"grep NoNewPrivs /proc/self/status"' 'deploy/mode	"global-job"'
  leaves=$(grep -v -e ^/services/privileges/ports/ -e ^/services/privileges/deploy/placement/ <<< "$leaves")
  said=$(job privileges) || { report skip "no-new-privileges: not every host could be asked"; return; }
  said=$(sed -n 's/^[^|]*@\([^ |]*\) .*:[^0-9]*0$/\1/p' <<< "$said" | sort -u | list)
  [ -z "$said" ] || report warn "containers on $said may get new privileges" "$DAEMON"
}

deploy() {
  local tag=$1 before output pending began ended apart failed=""
  need_a_manager
  [ -f .env ] || die "there is no .env: cp .env.example .env"
  can_remember
  alone
  trap 'rm -rf "$work"; [ -n "$held" ] || unlock' EXIT
  need_labels
  before=$(setting TAG)
  read_model "$tag"
  if docker service inspect "${project}_standby" > /dev/null 2>&1; then find_standby && read_model "$tag"; fi
  [ -s secrets/db_root.txt ] || die "secrets are missing: bash scripts/secrets.sh; nothing was changed"
  left_out
  put_files
  if ! docker service inspect "${project}_db" > /dev/null 2>&1; then
    say "Starting the database"
    replace db || die "the database does not start: docker service logs ${project}_db"
  fi
  # On each host, which gets the image by that, and is seen to reach the database and to have the time.
  job_of migrate migrate-dry-run 'environment/MIGRATE_DRY_RUN	"true"' 'deploy/mode	"global-job"'
  began=$(date -u -d '-30 seconds' +%Y-%m-%dT%H:%M:%S)
  output=$(job migrate-dry-run) || failed=yes
  ended=$(date -u -d '+30 seconds' +%Y-%m-%dT%H:%M:%S)
  read_model "$tag"
  pending=$(sed -n 's/.*Pending migrations: \([^"]*\).*/\1/p' <<< "$output" | sed -n 1p)
  if [ -n "$failed" ] || [ -z "$pending" ]; then
    printf '%s\n' "$output" >&2
    die "a host does not get $tag, or the database's schema is not one for it: the lines above say why; nothing was changed"
  fi
  apart=$(sed -n 's/^[^|]*@\([^ |]*\) *|.*"@timestamp":"\([^"]*\)".*/\1 \2/p' <<< "$output" | awk -v from="$began" -v to="$ended" '$2 < from || $2 > to { print $1 }' | sort -u | list)
  [ -z "$apart" ] || die "the clock of $apart is more than half a minute from this host's: have chrony or systemd-timesyncd keep both; nothing was changed"
  say "Pending migrations: $pending"
  if [ "$pending" != none ]; then
    if has_backup && [[ $pending, != V1,* ]]; then
      job_of backup backup-now 'command/0	"make"'
      job backup-now || die "there is no backup, so nothing was changed"
      read_model "$tag"
    fi
    if ! output=$(job migrate); then
      printf '%s\n' "$output" >&2
      die "the migration failed and $before serves on: mend it, or restore the backup (docs/migrations.md)"
    fi
  fi
  for service in app worker; do
    say "Replacing $service"
    if ! replace "$service"; then
      if [ "$service" = worker ] && [ "$tag" != "$before" ]; then
        read_model "$before"
        replace app || { (die "neither $tag nor $before becomes ready: bash scripts/swarm.sh status") || exit 2; }
      fi
      die "the $service of $tag did not become ready; the Swarm serves $before"
    fi
  done
  remember TAG="$tag"
  find_standby
  read_model "$tag"
  ! has_backup || own_backups_there || { (die "$tag serves, but the folder of backups cannot be made: the lines above say why") || exit 2; }
  for service in ${standby:+standby} $(names services); do # whose backups are made
    case $service:$(text "services/$service/deploy/mode") in
      standby*) [ -n "$standby" ] || continue ;;
      app:* | worker:* | *:*-job) continue ;;
    esac
    replace "$service" || { (die "$tag serves, but $service is not as it should be: the lines above say why") || exit 2; }
  done
  if [ -n "$standby" ]; then
    { at standby follow available && at primary wait "$waits" && at standby follow "$waits"; } ||
      { (die "$tag serves, but the database does not wait for its standby: the lines above say why; call this again") || exit 2; }
  else
    if docker service inspect "${project}_standby" > /dev/null 2>&1; then
      at primary alone || { (die "$tag serves, but the database may wait for a standby that is not there: the lines above say why") || exit 2; }
      forget_standby
    fi
    [ "$waits" = off ] || say "No host has the label database=standby: the database is alone."
  fi
  forget_files
  say "Deployed $tag."
}

# --- The standby ----------------------------------------------------------------------------------------------------------

# promote [--is-off]: the standby becomes the database, if that is gone and nothing is lost that it has acknowledged.
promote() {
  local new old name said position end=$((SECONDS + 90))
  need_a_manager
  [ -f .env ] || die "there is no .env: cp .env.example .env"
  alone
  trap 'rm -rf "$work"; [ -n "$held" ] || unlock' EXIT
  new=$(labelled database=standby)
  [ "$(grep -c . <<< "$new")" = 1 ] || die "$(grep -c . <<< "$new") hosts have the label database=standby, and one must be it; nothing was changed"
  standby=$new
  read_model "$(setting TAG)"
  [ -n "$(ready "$new")" ] || die "the standby's host $(named "$new") is not there: start it; nothing was changed"
  old=$(labelled database=primary)
  name=$(named "$old")
  # The Swarm sees the end of a host after some seconds.
  while [ -n "$(ready "$old")" ] && docker service ps -f desired-state=running --format '{{.CurrentState}}' "${project}_db" | grep ^Running > /dev/null; do
    ! at standby asked > /dev/null 2>&1 ||
      die "the database serves, on $name. For work on that host: docker node update --availability drain $name, and then this; nothing was changed"
    [ $SECONDS -lt $end ] ||
      die "the database does not answer, and the Swarm sees it run on $name: docker node update --availability drain $name, and then this; nothing was changed"
    sleep 3
  done
  said=$(at standby say) || die "the standby does not answer: docker service logs ${project}_standby; nothing was changed"
  if [ -n "$old" ] && [[ ${1:-} != --is-off && $said != *" lossless "* ]]; then
    [ -n "$(ready "$old")" ] ||
      die "$name may be cut off and go on alone, and what it acknowledges would be lost: switch it off, then bash scripts/promote.sh --is-off; nothing was changed"
    die "the database on $name does not run, and its disk may have what the standby has not: start it again, or give that up with" \
      "bash scripts/promote.sh --is-off; nothing was changed"
  fi
  # From here on the Swarm has no host for the database, and stops it on one that comes back.
  [ -z "$old" ] || docker node update --label-rm database "$old" > /dev/null
  say "Applying what the standby has received"
  position=$(at standby take-over) || die "the standby cannot take over, and nothing serves: $position. Call this again, or docker node update" \
    "--label-add database=primary ${name:-HOST}, for the old database to serve"
  docker service scale --detach "${project}_standby=0" > /dev/null
  while docker service ps --format '{{.CurrentState}}' "${project}_standby" | grep -vE '^(Shutdown|Complete|Failed|Rejected|Orphaned|Remove)' > /dev/null; do sleep 1; done
  forget_standby
  docker node update --label-add database=primary "$new" > /dev/null
  end=$((SECONDS + 600))
  until docker service ps -f desired-state=running -f "node=$new" --format '{{.CurrentState}}' "${project}_db" | grep ^Running > /dev/null; do
    [ $SECONDS -lt $end ] || { (die "the database does not start on $(named "$new"): docker service logs ${project}_db") || exit 2; }
    sleep 0.5
  done
  say "$(named "$new") has the database, up to $position."
  standby=""
  read_model "$(setting TAG)"
  for service in backup offsite; do
    [ -z "$(names "services/$service")" ] || replace "$service" || { (die "the database serves, but $service does not: the lines above say why") || exit 2; }
  done
  say "It has no standby now: docs/cluster.md says how to make one."
}

# --- Passwords ------------------------------------------------------------------------------------------------------------

# identified USER FILE...: each of these passwords lets the user in, and no other; in the standby, too.
identified() {
  local leaves=$leaves number=0 where file also=()
  for file in "${@:2}"; do
    number=$((number + 1))
    leaves=$leaves$'\n'"/secrets/way-$number/file	\"$PWD/$file\""
    also+=("secrets/9$number/source	\"way-$number\"" "secrets/9$number/target	\"/run/secrets/way-$number\"")
  done
  put_files
  for where in primary ${standby:+standby}; do
    at "$where" identified "$1" || die "the password was not changed in the $where of the database: the lines above say why; call this again"
  done
  forget_files
}

# read_again SECRET: replaces what has read it as it started, one after the other.
read_again() {
  local service
  put_files
  for service in $(names services); do
    grep -q "^/services/$service/secrets/[0-9]*/source	\"$1\"$" <<< "$leaves" || continue
    case $service:$1:$(text "services/$service/deploy/mode") in
      *-job) continue ;;
      db:db_root:* | standby:db_root:* | standby:db_archiver:*) ;;
      db:* | standby:*) continue ;;
    esac
    [[ $service != standby* || -n $standby ]] || continue
    replace "$service" || die "the new $service did not become ready, and the old one serves on. Both passwords are good; call this again"
  done
  forget_files
}

# --- What is there --------------------------------------------------------------------------------------------------------

forget_standby() { docker service ls -q -f "name=${project}_standby" | xargs docker service rm > /dev/null; }

# standby_status: whether it follows, and what the database does about it.
standby_status() {
  local name said state
  name=$(named "$standby")
  said=$(at standby say) || said=""
  case $said in
    "") report fail "the standby on $name does not answer" "docker service logs ${project}_standby" ;;
    copying) report warn "the standby on $name is being made" "bash scripts/swarm.sh deploy, when it is" ;;
    "Yes Yes "*) read -r _ _ state said _ <<< "$said"; report ok "the standby on $name is $state s behind, $said" ;;
    *) report fail "the standby on $name does not follow: $said" "docker service logs ${project}_standby" ;;
  esac
  state=$(at primary say) || return 0
  case $waits:$state in
    lossless:*clients=0*) report fail "writes stand still, since no standby follows" "start $name, or docker node update --label-rm database $name and bash scripts/swarm.sh deploy, to go on without it" ;;
    *status=OFF*) report warn "the database acknowledges without its standby" "bash scripts/swarm.sh deploy, once that follows" ;;
  esac
}

# own_backups_there: their volume, which is root's where it is new, is the database's user's.
own_backups_there() {
  local leaves=$leaves
  job_of backup backups-owner 'user	"0:0"' 'entrypoint/0	"sh"' 'command/0	"-c"' 'command/1	"chown 999:999 /backups && chmod 2750 /backups"' \
    'cap_add/0	"CHOWN"' 'cap_add/1	"FOWNER"'
  job backups-owner
}

has_backup() { [ -n "$(names services/backup)" ]; }
has_profile() { [[ ,$(setting COMPOSE_PROFILES), = *,$1,* ]]; }

# status: a line for each host and each service.
status() {
  local name state available replicas image number
  docker node ls --format '{{.Hostname}} {{.Status}} {{.Availability}}' | while read -r name state available; do
    case $state/$available in
      Ready/Active) report ok "host $name" ;;
      Ready/*) report warn "host $name takes nothing new" "docker node update --availability active $name" ;;
      *) report fail "host $name is $state" "start it, or docker node rm $name and give its labels to another" ;;
    esac
  done
  number=$(hosts database=primary)
  [ "$number" = 1 ] || report fail "$number hosts that are ready have the label database=primary" "docker node update --label-add database=primary HOST"
  [ -z "$standby" ] || standby_status
  privileges
  docker stack services "$project" --format '{{.Name}} {{.Replicas}} {{.Image}}' | sort | while read -r name replicas image; do
    if [ "${replicas%/*}" -ge "${replicas#*/}" ]; then   # more while a host is down, whose are counted
      report ok "$name: $replicas of ${image##*:} on $(docker service ps -f desired-state=running --format '{{.Node}}' "$name" | sort -u | list)"
    else
      report fail "$name: $replicas of ${image##*:}: $(docker service ps --no-trunc --format '{{.Error}}' "$name" | grep . | sed -n 1p)" "docker service logs $name"
    fi
  done
}

case ${1:-} in
  render)
    read_model "$(setting TAG)"
    left_out
    stack
    ;;
  deploy) deploy "${2:-$(setting TAG)}" ;;
  promote) promote "${2:-}" ;;         # scripts/promote.sh
  identified | read_again)             # scripts/secrets.sh
    need_labels
    find_standby
    read_model "$(setting TAG)"
    "$@"
    ;;
  status)
    need_a_manager
    find_standby
    read_model "$(setting TAG)"
    status | tee "$work/status"
    ! grep -q ^fail "$work/status" || exit 1
    ;;
  *) die "say render, deploy or status: see --help" ;;
esac
