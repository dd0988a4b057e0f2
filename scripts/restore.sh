#!/usr/bin/env bash
# Puts a backup in place of the database: restores it into a new volume beside the running one, compares it with its
# manifest, and switches over. The volume before is kept. Passwords are those of the present secrets.
#
#   bash scripts/restore.sh [--yes] BACKUP     BACKUP is a folder of var/backups/, or one copied back from elsewhere
#     --project NAME                           also if the backup was made in this other project
#     --image IMAGE                            on another image of MariaDB, as scripts/upgrade-db.sh does
#     --keep-tokens                            leaves tokens valid that were revoked since, for --back, too
#   bash scripts/restore.sh [--yes] --to TIME  the newest backup before TIME, '2026-11-26 14:03:00' in UTC or with +01:00 after it, and
#                                              of the binary log what was written after that and before TIME; latest takes all of it
#   bash scripts/restore.sh [--yes] --before-gtid GTID   the same, up to the transaction with this number, without it
#   bash scripts/restore.sh [--yes] --off-site [--to TIME]   on a new host: first brings secrets and backups from BACKUP_REPOSITORY
#   bash scripts/restore.sh --back [--yes]     back to the volume and image before; what was written since stays in the one left
#   bash scripts/restore.sh --drop-old [--yes] removes every volume but the one in use
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
. "$(dirname "$(readlink -f "$0")")/lib.sh"

action=restore backup="" image="" from="" keep_tokens="" tokens="" moment="" part="" off_site=""
while [ $# -gt 0 ]; do
  case $1 in
    --yes) YES=1 ;;
    --keep-tokens) keep_tokens=yes ;;
    --back) action=back ;;
    --drop-old) action=drop_old ;;
    --image) image=${2:-}; [ -n "$image" ] || die "--image wants one: mariadb:11.8, for example"; shift ;;
    --off-site) off_site=yes ;;
    --to) moment="to ${2:-}"; [ $# = 1 ] || shift ;;
    --before-gtid) moment="before ${2:-}"; [ $# = 1 ] || shift ;;
    --project) from=${2:-}; [ -n "$from" ] || die "--project wants the name that the backup's manifest has"; shift ;;
    -*) die "unknown argument $1: see --help" ;;
    *) backup=$1 ;;
  esac
  shift
done
[ -z "${DB_VOLUME+set}${DB_IMAGE+set}" ] || die "DB_VOLUME or DB_IMAGE is set in this shell, which wins over .env: unset it"

model=$(model) || die "the configuration is not valid; the line above says why"
project=$(of project)
old_volume=$(of volume db-data)
old_image=$(of image db)
# Whatever Compose starts after the database is stopped while it is replaced.
dependants=$(of depends | sed -n 's/ db$//p' | grep -vx migrate || true)
before=$(docker compose ps --services --status running --status restarting)
of_project=com.docker.compose.project=$project
of_database=com.docker.compose.volume=db-data

# resume SERVICE...: starts what was stopped, and waits until it is healthy.
resume() { docker compose --progress quiet up -d --wait --wait-timeout 300 --no-deps --no-recreate "$@"; }

# note_tokens: those of the database that is left, when each was revoked, and when it ends.
note_tokens() {
  tokens=$(sql 2> /dev/null <<< "
    SELECT CONCAT('(', CONCAT_WS(',', QUOTE(HEX(hash)), QUOTE(revoked_at), QUOTE(expires_at)), ')') FROM app.access_token") ||
    [ "$(token_table)" = 0 ] ||
    say "the database before does not say which tokens were revoked, and some may be valid again: bash scripts/token.sh list"
  tokens=${tokens//$'\n'/,}
}

# end_tokens: none is valid that was revoked, or had ended, in the database before.
end_tokens() {
  local names then="They are ended again"
  if [ -z "$tokens" ] || [ "$(token_table)" = 0 ]; then return; fi
  [ -z "$keep_tokens" ] || then="They are valid, as --keep-tokens says"
  names=$(sql <<< "
    CREATE TEMPORARY TABLE app.known (hex CHAR(64) PRIMARY KEY, revoked DATETIME(6), ends DATETIME(6));
    INSERT INTO app.known VALUES $tokens;
    SELECT DISTINCT name FROM app.access_token JOIN app.known ON hash = UNHEX(hex)
      WHERE revoked_at IS NULL AND expires_at > UTC_TIMESTAMP(6) AND (revoked IS NOT NULL OR ends <= UTC_TIMESTAMP(6)) ORDER BY name;
    UPDATE app.access_token JOIN app.known ON hash = UNHEX(hex)
      SET revoked_at = COALESCE(revoked_at, revoked), expires_at = LEAST(expires_at, ends) WHERE '$keep_tokens' = ''") || return
  [ -z "$names" ] || say "this database takes tokens for valid that were revoked, or had ended, in the one before: $(list <<< "$names"). $then"
}

# switch VOLUME IMAGE: what runs goes on with this volume and image. If this is cut short, docker compose up -d goes on from .env.
# shellcheck disable=SC2086 # of $services a word each
switch() {
  local services log
  services=$(grep -xF "$dependants" <<< "$before" | grep -vx backup)
  [ -z "$services" ] || docker compose --progress quiet stop $services || return
  if [ -n "${READ_ONLY:-}" ] && [ -z "${undoing:-}" ] && [ "$(sql <<< "SELECT @@read_only" 2> /dev/null)" != 1 ]; then
    docker volume rm "$1" > /dev/null || true
    [ -z "$services" ] || resume $services || true
    die "the database was started again meanwhile and may have taken writes that the backup lacks: nothing was changed, run it again"
  fi
  if [ -z "${undoing:-}" ]; then
    note_tokens
    if [ "$(sql <<< "SELECT @@log_bin" 2> /dev/null)" = 1 ]; then
      container backup fetch || say "the end of its log stays in $old_volume alone, and no moment of that can be reached"
    fi
  fi
  docker compose --progress quiet --profile backup rm -sf db backup > /dev/null || return # both are of the image
  remember "DB_VOLUME=${1#"${project}"_}" "DB_IMAGE=$2" || return
  if ! grep -qx db <<< "$before"; then return; fi
  docker compose --progress quiet up -d --wait --no-deps db || return
  if [ -z "${undoing:-}" ] && has_service migrate; then
    log=$(container migrate 2>&1) || { printf '%s\n' "$log" >&2; return 1; }
  fi
  [ -n "${undoing:-}" ] || end_tokens || return
  [ -z "$services" ] || resume $services || return
  if grep -qx backup <<< "$before"; then docker compose --progress quiet up -d --no-deps backup; fi
}

# switch_or_back VOLUME IMAGE: switches, and goes back to what ran before if this does not start.
switch_or_back() {
  if switch "$1" "$2"; then return; fi
  docker compose logs --no-log-prefix --tail 20 db >&2
  say "it does not start; going back"
  undoing=yes                          # its schema is as it was
  switch "$old_volume" "$old_image" || die "and the one before does not start either: docker compose logs"
  die "$1 with $2 does not start, and the one before, $old_volume with $old_image, runs on; the lines above say why"
}

# begin_anew: makes the backup from which the log of the database that runs now can be followed.
begin_anew() {
  ! grep -qx db <<< "$before" || bash scripts/backup.sh ||
    say "no backup was made, without which no moment from now on can be reached: bash scripts/backup.sh"
}

volume_label() { docker volume inspect -f "{{index .Labels \"$2\"}}" "$1" 2> /dev/null || true; }

drop_old() {
  local volumes
  volumes=$(docker volume ls -q --filter "label=$of_project" --filter "label=$of_database" | grep -vx "$old_volume" || true)
  if [ -z "$volumes" ]; then say "there is no volume but $old_volume, which is in use"; return; fi
  confirm "Remove for good: $(list <<< "$volumes")?"
  xargs docker volume rm <<< "$volumes"
}

back() {
  local volume other
  volume=$(volume_label "$old_volume" database.previous-volume)
  other=$(volume_label "$old_volume" database.previous-image)
  [ -n "$volume" ] || die "$old_volume was not made by a restore: there is nothing to go back to"
  docker volume inspect "$volume" > /dev/null 2>&1 || die "$volume, the one before, has been removed: restore a backup"
  confirm "Go back to $volume with $other? What was written since stays in $old_volume."
  switch_or_back "$volume" "$other"
  begin_anew
  say "the database is $volume with $other; $old_volume is kept"
}

# not_as_it_was MANIFEST: says what the backup does not hold.
not_as_it_was() {
  local made="which no backup holds: where it is missing it is made, locked and to read alone; GRANT it what it needs"
  # shellcheck disable=SC2016 # SQL's own quotes
  sed -nE -e '/^left-out /s/: .*/, which could not be read; its text is in the manifest/' -e 's/^(left-out|not-carried) /not restored: /p' \
    -e 's/^definer (`[^`]*`(@`[^`]*`)?) (.*)/\3 has the definer \1, '"$made/p" "$1"
}

# plan: finds the backup and the part of the log that make the database of $moment, whose copy it brings up to date if it can.
plan() {
  local plan time='[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2})? ?(Z|UTC|[+-][0-9]{2}:?[0-9]{2})?'
  [ -z "$backup" ] || die "$backup and a moment: the moment finds its backup by itself"
  [[ $moment =~ ^to\ (latest|$time)$ || $moment =~ ^before\ [0-9]+-[0-9]+-[0-9]+$ ]] ||
    die "--to wants a time such as '2026-11-26 14:03:00', in UTC or with +01:00 after it, or latest; and --before-gtid such as 1796074010-1-57"
  [ "$moment" != "to latest" ] || moment=latest
  own_backups
  if [ -z "$off_site" ] && grep -qx db <<< "$before" && ! container backup fetch; then
    [ "$moment" != latest ] || die "the log could not be copied, so that the latest is not here; with docker compose stop db what is here is taken"
    say "what the copy of the log has is taken"
  fi
  # shellcheck disable=SC2086 # two words
  plan=$(container restore plan ${moment%% *} "${moment#* }") || exit 1
  read -r backup part <<< "$plan"
  say "var/backups/$backup, and ${plan##* } transactions of the log after it"
  backup=var/backups/$backup
}

# bring: what BACKUP_REPOSITORY has, beside what is here.
bring() {
  has_service offsite || die "nothing is known of another place: docs/backup.md says what .env and secrets/ have to name"
  [ -z "$(find -H var/backups -name '20*Z' 2> /dev/null)" ] ||
    die "there are backups here, and those from elsewhere would be mixed with them: mv var/backups var/backups.here, and this again"
  container offsite get configuration | tar -x -k -f - secrets 2> /dev/null || say "of the secrets, those that are here are kept"
  ! has_service certificates || container offsite get certificates | container --entrypoint tar certificates -C /var/tmp -x ||
    say "no certificate came: the edge gets another, or docs/edge.md installs one"
  fetch var/backups || exit 1
  moment=${moment:-to latest}
}

restore() {
  local new kept="$old_volume"
  [ -z "$off_site" ] || bring
  [ -z "$moment" ] || plan
  [ -n "$backup" ] || die "which backup? bash scripts/restore.sh var/backups/..., see --help"
  backup=$(given "${backup%/}")
  image=${image:-$old_image}
  export DB_IMAGE=$image
  is_backup "$backup"
  not_as_it_was "$backup/manifest"
  dumped "$backup" | container -e "PROJECT=${from:-$project}" restore check "$backup" || exit 1
  confirm "Replace the database of $project by $backup? The present one is kept in $old_volume."

  new=${project}_db-data-$(date -u +%Y%m%dT%H%M%SZ)
  docker volume create --label "$of_project" --label "$of_database" --label "database.previous-volume=$old_volume" \
    --label "database.previous-image=$old_image" "$new" > /dev/null
  say "restoring into $new"
  cpus=$(printf '1.0\n%s\n' "$(setting DB_CPUS)" | sort -n | tail -n 1) # one at least, since somebody waits
  # shellcheck disable=SC2086 # of $part a word each
  if ! dumped "$backup" | DB_CPUS=$cpus container -v "$new:/var/lib/mysql" restore load $part; then
    docker volume rm "$new" > /dev/null
    die "$backup cannot be restored${moment:+ to that moment}, and nothing was changed; the lines above say why"
  fi
  unset DB_IMAGE
  say "switching over"
  switch_or_back "$new" "$image"
  restored "$backup"
  docker volume inspect "$old_volume" > /dev/null 2>&1 || kept=""
  grep -qx db <<< "$before" || say "it was not running and is not now: docker compose up -d starts it"
  begin_anew
  say "the database is $backup${moment:+, carried on $moment}${kept:+; the one before is kept in $kept: bash scripts/restore.sh --drop-old removes it, --back returns to it}"
}

can_remember
alone
"$action"
