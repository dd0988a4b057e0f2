#!/usr/bin/env bash
# Usage: scripts/deploy.sh [TAG]
#
# Brings this host to version TAG without losing a request: checks the host, gets the image, backs up when a migration
# is pending, migrates, and replaces app and worker one container after the other, the new one ready before the old one
# stops. When a new one does not become ready in DEPLOY_TIMEOUT seconds (120), all goes back to the version before.
#
# The image is pulled from REGISTRY. Where that is localhost it is built from this checkout, unless there is one of that
# TAG, and TAG is the commit if none is given.
#
# The last line says what happened. Exit status: 0 deployed; 1 not, and the version before serves.
. "$(dirname "$0")/lib.sh"
help "$@"

commit() {
  if git rev-parse -q --verify HEAD > /dev/null 2>&1 && [ -z "$(git status --porcelain)" ]; then
    git rev-parse --short HEAD
  else
    date -u +%Y%m%d-%H%M%S
  fi
}

# get TAG: the image of that version, pulled or built.
get() {
  if [ "$registry" = localhost ]; then
    docker image inspect "$repository:$1" > /dev/null 2>&1 && return
    say "Building $repository:$1"
    IMAGE=$repository TAG=$1 docker compose -f docker-compose.yml build --quiet \
      --build-arg VERSION="$1" --build-arg REVISION="$(git rev-parse HEAD 2> /dev/null || say unknown)" app
  else
    say "Pulling $repository:$1"
    docker pull --quiet "$repository:$1" > /dev/null
  fi
}

# migrate [OPTION...]: the role migrate of the new version.
migrate() { TAG=$tag docker compose --progress quiet run --rm --no-deps "$@" migrate 2>&1; }

# back: app and worker of the version before.
back() {
  for service in app worker; do
    TAG=$before roll "$service" "$repository:$before" || die "neither $tag nor $before becomes ready: see docker compose logs app worker"
  done
  die "$1; this host is back at $before"
}

tag=""
for argument; do
  case $argument in
    -*) die "there is no option $argument: see --help" ;;
    *) [ -z "$tag" ] || die "one TAG at a time: see --help"; tag=$argument ;;
  esac
done
need_production
[ -f .env ] || die "there is no .env: cp .env.example .env"
alone
registry=$(setting REGISTRY)
repository=$registry/$(setting IMAGE)
before=$(setting TAG)
if [ -z "$tag" ]; then
  if [ "$registry" = localhost ]; then tag=$(commit); else tag=$before; fi
fi

status=0
findings=$(bash scripts/doctor.sh --no-containers) || status=$?
if [ "$status" -ge 2 ]; then
  printf '%s\n' "$findings" | grep '^fail' >&2
  die "mend this and call it again; nothing was changed"
fi
get "$tag" || die "there is no image $repository:$tag; nothing was changed"

first=""
[ -n "$(docker compose ps -q app)" ] || first=yes
TAG=$tag docker compose --progress quiet up --detach --wait --no-recreate db || die "the database does not start: see docker compose logs db"
output=$(migrate -e MIGRATE_DRY_RUN=true) || true
pending=$(sed -n 's/.*Pending migrations: \([V0-9., a-z]*\).*/\1/p' <<< "$output")
if [ -z "$pending" ]; then
  printf '%s\n' "$output" >&2
  die "the version $tag cannot read the database's schema: the lines above say why; nothing was changed"
fi
say "Pending migrations: $pending"
if [ "$pending" != none ]; then
  case $pending, in
    V1,*) ;;                           # a new database has nothing to back up
    *) bash scripts/backup.sh || die "there is no backup, so nothing was changed" ;;
  esac
  if ! output=$(migrate); then
    printf '%s\n' "$output" >&2
    die "the migration failed and $before serves on: mend it, or restore the backup (docs/migrations.md)"
  fi
fi

if [ -z "$first" ]; then
  for service in app worker; do
    say "Replacing $service"
    TAG=$tag roll "$service" "$repository:$tag" || back "the $service of $tag did not become ready"
  done
fi
changed=$(find nginx -newer .env)
remember TAG="$tag"
# What else changed, and what is not there yet.
! has_service backup || own_backups
docker compose --progress quiet up --detach --wait --remove-orphans || die "$tag serves, but not every service is healthy: see docker compose ps"
if [ -n "$first" ]; then
  say "Deployed $tag."
else
  [ -z "$changed" ] || docker compose kill -s HUP nginx 2> /dev/null || die "$tag serves, but nginx did not take its configuration: see docker compose logs nginx"
  say "Deployed $tag. To go back: scripts/deploy.sh $before"
fi
