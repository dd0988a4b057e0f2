#!/usr/bin/env bash
# Carries the database to a newer version of MariaDB: backs it up, restores the backup into a new volume under the new
# image, compares, and switches over. Meanwhile it can be read and not written to. If anything fails, the old one runs on.
#
#   bash scripts/upgrade-db.sh [--yes] IMAGE   for example mariadb:11.8
#
# The way back is scripts/restore.sh --back, until scripts/restore.sh --drop-old.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
. "$(dirname "$(readlink -f "$0")")/lib.sh"

image=""
for argument; do
  case $argument in
    --yes) YES=1 ;;
    -*) die "unknown argument $argument: see --help" ;;
    *) image=$argument ;;
  esac
done
[ -n "$image" ] || die "which image? bash scripts/upgrade-db.sh mariadb:11.8, for example"
[ -z "${DB_VOLUME+set}${DB_IMAGE+set}" ] || die "DB_VOLUME or DB_IMAGE is set in this shell, which wins over .env: unset it"
[ -n "$(docker compose ps -q --status running db)" ] || die "the database is not running: docker compose up -d db"

docker image inspect "$image" > /dev/null 2>&1 || docker pull -q "$image" > /dev/null ||
  die "there is no image $image, here or where it would be pulled from: is its name right?"
new=$(DB_IMAGE=$image container restore version) || die "$image is not an image of MariaDB: it has no mariadbd"
old=$(sql <<< "SELECT VERSION()" | sed 's/-.*//')
if [ "$new" = "$old" ]; then say "the database is MariaDB $old already"; exit; fi
at_least "$new" "${old%.*}" || die "$image is MariaDB $new, older than the $old that runs: data cannot be carried back; restore a backup of that time"
can_remember
confirm "Carry the database from MariaDB $old to $new ($image)? It cannot be written to meanwhile."

alone
trap 'unlock; sql <<< "SET GLOBAL read_only = OFF" || say "the database may refuse writes still: docker compose restart db"' EXIT
sql <<< "SET GLOBAL read_only = ON"
made=$(bash scripts/backup.sh) || exit 1
say "$made"
READ_ONLY=yes bash scripts/restore.sh --yes --image "$image" "${made%%:*}" || die "MariaDB $old runs on, and the backup is kept"
trap unlock EXIT
say "MariaDB $new runs; the way back is bash scripts/restore.sh --back"
