#!/usr/bin/env bash
# Usage: bash scripts/deploy.sh [TAG] [--restart]
#
# Brings this host to version TAG without losing a request: checks the host, gets the image, backs up when a migration is pending, migrates,
# and replaces app and worker one container after the other, the new one ready before the old one stops. When a new one does not become ready
# in DEPLOY_TIMEOUT seconds (120), all goes back to the version before.
#
# The image is pulled from REGISTRY. Where that is localhost it is built from this checkout, unless there is one of that TAG, and TAG is the
# commit if none is given.
#
# A container whose mounted files have changed is restarted; nginx, edge and db with --restart alone, since requests fail meanwhile.
#
# --host USER@SERVER[:FOLDER] deploys there instead, by ssh: bash scripts/deploy-over-ssh.sh --help
#
# scripts/before-deploy.sh and scripts/after-deploy.sh are yours, if they are there: the first gets TAG and the tag before, and ends the
# deploy by failing; the second gets the exit status, too. Each deploy is a line of var/deploys.log.
#
# The last line says what happened. Exit status: 0 deployed; 1 not, and what served before serves on; 2 it needs a hand.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
. "$(dirname "$(readlink -f "$0")")/lib.sh"

[[ " $* " != *" --host"* ]] || exec bash scripts/deploy-over-ssh.sh "$@"

moment() { date -u +%Y%m%d-%H%M%S; }

# commit: this checkout's, or the moment if it has none or has changes.
commit() { if [ -z "$(git status --porcelain 2>&1)" ]; then git rev-parse --short HEAD; else moment; fi; }

needs_a_hand() { (die "$@") || exit 2; }

# get IMAGE COMPOSE_FILE SERVICE: pulled, or built as that service.
get() {
  if [ "$registry" != localhost ] && [[ $1 != *-until-* ]]; then
    say "Pulling $1"
    docker pull --quiet "$1" > /dev/null
  elif ! docker image inspect "$1" > /dev/null 2>&1; then
    [ "$registry" = localhost ] || return
    say "Building $1"
    COMPOSE_PROFILES="" IMAGE=${1%:*} TAG=$tag docker compose -f "$2" build --quiet \
      --build-arg VERSION="$tag" --build-arg REVISION="$(git rev-parse HEAD 2> /dev/null || say unknown)" "$3"
  fi
}

# image NAME: its id, and none if it is not here. serving SERVICE: the id of the one that it runs.
image() { docker image inspect -f '{{.Id}}' "$1" 2> /dev/null || say none; }
serving() { docker inspect -f '{{.Image}}' "$(docker compose ps -q "$1" | sed -n 1p)"; }

# keep: tags the image that runs, so that there is a way back, where TAG moves, as latest does, and is another image now.
keep() {
  [ "$(serving app)" != "$(image "$repository:$tag")" ] || return 0
  before=$tag-until-$(moment)
  docker tag "$(serving app)" "$repository:$before"
  # mixnet:begin
  # A mixnet that is new here has nothing to go back to.
  ! has_service betanet-mixnode-1 || [ -z "$(docker compose ps -q betanet-mixnode-1)" ] ||
    docker tag "$(serving betanet-mixnode-1)" "$mixnode:$before"
  # mixnet:end
}

# up [OPTION...] SERVICE...: these and no other, until they are healthy.
up() { docker compose --progress quiet up --detach --wait --no-deps "$@"; }
migrate() { TAG=$tag docker compose --progress quiet run --rm --no-deps "$@" migrate 2>&1; }

# answered: whether a request gets an answer, 404 too, through nginx, and through the edge where it runs.
answered() {
  local way service said
  for way in nginx=http edge=https; do
    service=${way%=*}
    if ! has_service "$service" || [ -z "$(docker compose ps -q "$service")" ]; then continue; fi
    for _ in 1 2 3 4 5 6; do
      said=$(docker compose exec -T "$service" wget -Y off -T 5 -S -O /dev/null --no-check-certificate "${way#*=}://127.0.0.1/api/" 2>&1) || true
      [[ ! $said =~ HTTP/1\.[01]\ [1-4] ]] || continue 2
      sleep 1
    done
    printf '%s: %s\n' "$service" "$said" >&2
    return 1
  done
}

back() {
  [ "$tag" != "$before" ] || needs_a_hand "$1 with the settings of now; what was not replaced serves on"
  for service in $rolled; do
    TAG=$before roll "$service" "$repository:$before" ||
      needs_a_hand "neither $tag nor $before becomes ready: see docker compose logs $(list <<< "$rolled")"
  done
  remember TAG="$before"
  die "$1; this host is back at $before"
}

# sweep: removes what a deploy that was cut off left, which is of another version and more than is wanted.
sweep() {
  local service all container id name more wanted
  wanted=$(image "$repository:$before")
  [ "$wanted" != none ] || return 0
  for service in $rolled; do
    all=$(docker compose ps -aq "$service" |
      xargs docker inspect -f '{{.Created}} {{.Id}} {{.Image}} {{.Config.Image}}' 2> /dev/null | sort -r) || continue
    more=$(($(grep -c . <<< "$all") - $(of replicas "$service")))
    while read -r _ container id name; do
      if [ "$more" -le 0 ] || [ "$id" = "$wanted" ]; then continue; fi
      say "Removing the $service of ${name##*:}, which a deploy that was cut off left"
      docker stop "$container" > /dev/null
      docker rm "$container" > /dev/null
      more=$((more - 1))
    done <<< "$all"
  done
}

# version IMAGE: the first two numbers of its MariaDB.
version() { docker run --rm --network none --entrypoint mariadbd "$1" --version | sed 's/.*Ver \([0-9]*\.[0-9]*\).*/\1/'; }

# same_database: ends if DB_IMAGE or DB_VOLUME is not what made the data, since only a restore carries data over.
same_database() {
  local container image made="" runs wanted
  image=$(of image db)
  wanted=$(of volume db-data)
  container=$(docker compose ps -aq db | sed -n 1p)
  if [ -n "$container" ]; then
    runs=$(docker inspect -f '{{range .Mounts}}{{if eq .Destination "/var/lib/mysql"}}{{.Name}}{{end}}{{end}}' "$container")
    [ "$runs" = "$wanted" ] ||
      die "the database is $runs, and DB_VOLUME makes it $wanted: bash scripts/restore.sh changes volumes; nothing was changed"
    runs=$(docker inspect -f '{{.Config.Image}}' "$container")
    [ "$runs" != "$image" ] || return 0
    made=$(version "$(docker inspect -f '{{.Image}}' "$container")")
  elif docker volume inspect "$wanted" > /dev/null 2>&1; then
    made=$(docker run --rm --network none -v "$wanted:/data:ro" --entrypoint bash "$image" -c \
      'cat /data/m*_upgrade_info 2> /dev/null || true' | sed -n '1s/^\([0-9]*\.[0-9]*\).*/\1/p')
    runs="mariadb:$made"
  fi
  if [ -n "$made" ] && [ "$made" != "$(version "$image")" ]; then
    die "the data are of MariaDB $made, and DB_IMAGE is $image: DB_IMAGE=$runs in .env, then bash scripts/upgrade-db.sh; nothing was changed"
  fi
}

# changed SERVICE CONTAINER: what is mounted into it from this folder and was written after it started.
changed() {
  local started folder
  read -r started folder <<< "$(docker inspect -f '{{.State.StartedAt}} {{index .Config.Labels "com.docker.compose.project.working_dir"}}' "$2")"
  docker inspect -f '{{range .Mounts}}{{if eq .Type "bind"}}{{if not .RW}}{{.Destination}} {{.Source}}{{"\n"}}{{end}}{{end}}{{end}}' "$2" |
    while read -r target source; do
      case $1:$target:$source in
        # No restart for what is reloaded, is read at each use, or is read only while a database is made.
        # monitoring:begin
        alertmanager:/run/secrets/*) find -L "$source" -newerct "$started" ;; # which looks at its start for whom there is
        # monitoring:end
        *:/run/secrets/* | nginx:/etc/nginx/gateway:* | nginx:/etc/nginx/shared:* | *:"$folder"/var/*) ;;
        db:/docker-entrypoint-initdb.d/* | db:/usr/local/bin/*) ;;
        *:"$folder"/*) find -L "$source" -type f -newerct "$started" ;;
      esac
    done | sed "s|^$folder/||" | list
}

# refresh: restarts what has a changed file, and sets $waits to what waits for it.
refresh() {
  local service container files restarted=""
  while read -r service container; do
    once "$container" && continue
    files=$(changed "$service" "$container")
    [ -n "$files" ] || continue
    if [[ $restart:$service =~ ^:(nginx|edge|db)$ ]]; then
      waits="$waits $service has not read $files;"
      continue
    fi
    say "Restarting $service, which has not read $files"
    docker restart "$container" > /dev/null
    restarted=yes
  done <<< "$(docker compose ps --format '{{.Service}} {{.ID}}')"
  # shellcheck disable=SC2086 # a word each
  [ -z "$restarted" ] || up --no-recreate $others
}

# hook NAME ARGUMENT...: the project's own script of this name, if it has one.
hook() { [ ! -f "scripts/$1.sh" ] || bash "scripts/$1.sh" "${@:2}"; }

# ended STATUS: what is done however it ends.
ended() {
  say "$(date -u +%Y-%m-%dT%H:%M:%SZ) $tag of ${DEPLOY_FROM:-$(id -un)}, after $before: exit status $1" >> var/deploys.log || true
  hook after-deploy "$tag" "$before" "$1" || (die "scripts/after-deploy.sh failed") || true
  [ -n "$held" ] || unlock
}

tag="" restart="" waits=""
for argument; do
  case $argument in
    --restart) restart=yes ;;
    '') die "TAG is empty: name a version, or nothing to deploy this checkout" ;;
    -*) die "there is no option $argument: see --help" ;;
    *) [ -z "$tag" ] || die "one TAG at a time: see --help"; tag=$argument ;;
  esac
done
need_production
[ -f .env ] || die "there is no .env: cp .env.example .env"
can_remember
held=${ALONE:-}
alone
[ -z "${TAG:-}" ] || [ -n "$tag" ] || die "TAG=$TAG of this shell is no version to deploy: bash scripts/deploy.sh $TAG, or unset TAG"
unset TAG                              # Compose would prefer it, an empty one too
registry=$(setting REGISTRY)
repository=$registry/$(setting IMAGE)
before=$(setting TAG)
# Where TAG was changed by hand, the version before is the one that runs.
runs=$(docker compose ps -q app | xargs docker inspect -f '{{.Created}} {{.Image}} {{.Config.Image}}' 2> /dev/null | sort | cut -d ' ' -f 2-) || true
[[ -z $runs || $runs == *"$(image "$repository:$before")"* ]] || before=$(sed -n '1s/.*://p' <<< "$runs")
[ -n "$tag" ] || if [ "$registry" = localhost ]; then tag=$(commit); else tag=${before%-until-*}; fi
shell=$(for name in COMPOSE_FILE COMPOSE_PROFILES COMPOSE_PROJECT_NAME $(settings | sed 's/=.*//'); do
  [ -z "${!name+set}" ] || say "$name"
done | list)
[ -z "$shell" ] || say "This shell sets $shell: that counts in place of .env, here and nowhere else"
trap 'ended $?' EXIT

status=0
findings=$(bash scripts/doctor.sh --no-containers) || status=$?
[ "$status" -le 2 ] || die "scripts/doctor.sh broke off: the lines above say why; nothing was changed"
if [ "$status" = 2 ]; then
  printf '%s\n' "$findings" | grep '^fail' >&2
  die "mend this and call it again; nothing was changed"
fi
model=$(model)
project=$(of project)
closed=$(docker network inspect -f '{{index .Options "com.docker.network.bridge.inhibit_ipv4"}}' "${project}_backend" 2> /dev/null) || closed=true
[ "$closed" = true ] ||
  die "this host's networks are an older version's, and change only while nothing runs: docker compose --profile '*' down, and then this again"
rolled=$(of service | grep -x -e app -e worker)
others=$(of service | grep -vxF -e "$rolled" -e "$(of once)")
same_database
get "$repository:$tag" docker-compose.yml app || die "there is no image $repository:$tag; nothing was changed"
# mixnet:begin
mixnode=$registry/$(setting MIXNODE_IMAGE)
! has_service betanet-mixnode-1 || get "$mixnode:$tag" docker-compose.betanet.yml betanet-mixnode-1 ||
  die "there is no image $mixnode:$tag; nothing was changed"
# mixnet:end
hook before-deploy "$tag" "$before" || die "scripts/before-deploy.sh does not want it; nothing was changed"

sweep
# On a first deploy no app runs that has to go on serving: one whose health check is late on a busy host may serve.
first=""
[ -n "$(docker compose ps -q app)" ] || first=yes
[ "$tag" != "$before" ] || [ -n "$first" ] || keep
present=$(docker compose ps -q db)
TAG=$tag up --no-recreate db || die "the database does not start: see docker compose logs db"
if ! sql <<< "SELECT 1" > /dev/null 2>&1; then
  [ -n "$present" ] || docker compose --progress quiet rm -sf db > /dev/null
  die "the database was made with other passwords than those of secrets/, development's perhaps: put those back, or DB_VOLUME=another into .env \
after docker compose down, or docker compose down --volumes if the data may go; nothing was changed"
fi
! has_service backup || own_backups || die "var/backups/ cannot be made the database's; nothing was changed"
output=$(migrate -e MIGRATE_DRY_RUN=true) || true
pending=$(sed -n 's/.*Pending migrations: \([^"]*\).*/\1/p' <<< "$output")
if [ -z "$pending" ]; then
  printf '%s\n' "$output" >&2
  die "the database's schema is not one for $tag: the lines above say why; nothing was changed"
fi
say "Pending migrations: $pending"
if [ "$pending" != none ]; then
  # A new database has nothing to back up.
  [[ $pending, = V1,* ]] || bash scripts/backup.sh || die "there is no backup, so nothing was changed"
  if ! output=$(migrate); then
    printf '%s\n' "$output" >&2
    die "the migration failed and $before serves on: mend it, or restore the backup (docs/migrations.md)"
  fi
fi

# Compose before 2.30 recreates a service that depends on a recreated one, or was started in another group: so there are always these two.
recreate=""
if [ -z "$first" ]; then
  recreate=--no-recreate
  for service in $rolled; do
    say "Replacing $service"
    TAG=$tag roll "$service" "$repository:$tag" || back "the $service of $tag did not become ready"
  done
  answered || back "no answer of $tag comes through the gateway"
fi
remember TAG="$tag"
# shellcheck disable=SC2086 # a word each, and none
if ! up $recreate $rolled || ! up --remove-orphans $others || ! refresh; then
  [ -z "$first" ] || die "$tag is not healthy: see docker compose ps, mend it and call this again"
  needs_a_hand "$tag serves, but not every service is healthy: see docker compose ps"
fi
# /tmp/nginx.pid is as old as the configuration that nginx runs with.
if ! docker compose exec -T nginx sh -c 'nginx="nginx -c /etc/nginx/gateway/nginx.conf"; $nginx -q -t &&
  { [ -z "$(find -L /etc/nginx -newer /tmp/nginx.pid)" ] || { $nginx -s reload && touch /tmp/nginx.pid; }; }'; then
  needs_a_hand "$tag serves, but nginx cannot take its configuration, and would not start again: mend nginx/ as the line above says"
fi
if ! answered; then
  [ -z "$first" ] || die "$tag runs, but no answer of it comes through the gateway: the lines above say why"
  needs_a_hand "$tag runs, but no answer of it comes through the gateway: the lines above say why"
fi
last="Deployed $tag."
[ -n "$first" ] || [ "$tag" = "$before" ] || last="$last To go back: bash scripts/deploy.sh $before"
[ -z "$waits" ] || last="$last But$waits bash scripts/deploy.sh $tag --restart restarts it, and requests fail meanwhile"
say "$last"
