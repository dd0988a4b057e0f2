#!/usr/bin/env bash
# Backups of the database, made and read in a container of its image; scripts/backup.sh and scripts/restore.sh call it.
#
#   backup               writes one to /backups, then removes those older than BACKUP_KEEP_DAYS
#   schedule             does so every BACKUP_INTERVAL seconds
#   healthy              fails when the last one is too old, or the last attempt failed
#   verified NAME        notes that this one has been restored
#   check BACKUP         fails unless what stdin brings is whole, of this project and not of a newer server
#   restore              makes a database of what stdin brings in /var/lib/mysql, and compares it with the manifest
#   version              the server's, of this image
#
# A backup is a folder: dump.sql.gz, manifest (what the dump holds) and SHA256SUMS (of both). On stdin it is SHA256SUMS, an
# empty line, manifest, an empty line, dump.sql.gz. Row counts and checksums are taken from the dump itself, so that they are
# of its moment.
set -euo pipefail
export LC_ALL=C
umask 027

NAME="[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9][0-9][0-9][0-9][0-9]Z"
METRICS=/var/lib/mysql/backup.prom     # a volume's; of the image's folders the one that belongs to its user

die() {
  printf 'backup: %s\n' "$*" >&2
  exit 1
}

# as USER PROGRAM OPTION...: with the password from the user's secret, which stays out of arguments and environment.
as() {
  local user=$1 program=$2
  shift 2
  "$program" --defaults-extra-file=<(printf '[client]\nuser=%s\npassword="%s"\n' "$user" "$(< "/run/secrets/db_$user")") "$@"
}

# dump USER OPTION...: the database app of one moment. One line is one row; extended inserts differ between versions.
dump() {
  local user=$1
  shift
  as "$user" mariadb-dump "$@" --single-transaction --routines --triggers --events --hex-blob --skip-extended-insert \
    --no-autocommit --order-by-primary --max-allowed-packet=1G --skip-dump-date --add-drop-database --databases app
}

# contents < DUMP: the manifest's lines on what a dump holds; fails if it is not whole.
contents() {
  local sums
  sums=$(mktemp -d)
  awk -v rows="sha256sum > $sums/rows" -v schema="sha256sum > $sums/schema" '
    BEGIN { printf "" | rows; printf "" | schema }
    { whole = 0 }
    /^-- Server version/ { sub(/-.*/, "", $4); print "server", $4 }
    /^-- Dump completed/ { whole = 1 }
    /^--/ { next }
    /^\/\*!40000 ALTER TABLE .* DISABLE KEYS/ { data = 1 }
    /^\/\*!40000 ALTER TABLE .* ENABLE KEYS/ { data = 0 }
    /^CREATE TABLE `.*` \($/ {
      name = substr($0, 15, length($0) - 17)
      count[name] = 0
      names[++tables] = name
    }
    data && /^INSERT INTO `/ {
      print | rows
      name = substr($0, 14, index($0, "` VALUES (") - 14)
      count[name]++
      if (name == "flyway_schema_history" && /,1\);$/) {
        split($0, column, ",")
        if (column[2] != "NULL") version = substr(column[2], 2, length(column[2]) - 2)
      }
      next
    }
    { print | schema }
    END {
      close(rows)
      close(schema)
      print "flyway", version == "" ? "none" : version
      for (i = 1; i <= tables; i++) print "table", names[i], count[names[i]]
      exit !whole
    }' || return
  printf 'rows %.64s\nschema %.64s\n' "$(< "$sums/rows")" "$(< "$sums/schema")"
  rm -r "$sums"
}

last_backup() { find /backups -maxdepth 1 -type d -name "$NAME" -printf '%f\n' | sort | tail -n 1; }

# seconds NAME: when this backup was made, since 1970; 0 without one.
seconds() {
  local day=${1%T*} time=${1#*T}
  if [ -z "$1" ]; then echo 0; else date -u -d "$day ${time:0:2}:${time:2:2}:${time:4:2}" +%s; fi
}

metrics() {
  local last size=0 verified=0
  last=$(last_backup)
  [ -z "$last" ] || size=$(stat -c %s "/backups/$last/dump.sql.gz")
  [ ! -e /backups/.verified ] || verified=$(stat -c %Y /backups/.verified)
  cat > "$METRICS.new" << EOF
# HELP backup_last_success_timestamp_seconds When the last good backup was made; 0 if never.
# TYPE backup_last_success_timestamp_seconds gauge
backup_last_success_timestamp_seconds $(seconds "$last")
# HELP backup_last_size_bytes How large it is.
# TYPE backup_last_size_bytes gauge
backup_last_size_bytes $size
# HELP backup_last_verified_restore_timestamp_seconds When a backup was last restored and compared; 0 if never.
# TYPE backup_last_verified_restore_timestamp_seconds gauge
backup_last_verified_restore_timestamp_seconds $verified
EOF
  chmod 644 "$METRICS.new"
  mv "$METRICS.new" "$METRICS"
}

backup() {
  local name oldest folder
  [ -w /backups ] || die "backups/ does not belong to the database's user: run scripts/backup.sh once, which changes that"
  exec 9> /backups/.lock
  flock 9
  rm -rf /backups/*.partial
  name=$(date -u +%Y-%m-%dT%H%M%SZ)
  partial=/backups/$name.partial
  mkdir "$partial"
  trap 'rm -rf "$partial"' EXIT
  {
    dump backup --host=db | tee /dev/fd/3 | gzip --fast > "$partial/dump.sql.gz"
  } 3>&1 | contents > "$partial/contents" ||
    die "no backup was made, and the ones before are kept: see the line above, and docker compose ps"
  printf 'project %s\ntime %s\nimage %s\n' "$PROJECT" "$name" "$IMAGE" | cat - "$partial/contents" > "$partial/manifest"
  rm "$partial/contents"
  (cd "$partial" && sha256sum manifest dump.sql.gz > SHA256SUMS)
  sync "$partial"/* "$partial"
  from "$partial" | bash "$0" check "$name"
  mv -T "$partial" "/backups/$name"
  sync /backups

  oldest=$(date -u -d "-$BACKUP_KEEP_DAYS days" +%Y-%m-%dT%H%M%SZ)
  for folder in /backups/$NAME; do
    # The one just made and checked stays, whatever its age.
    if [[ ${folder##*/} < $oldest && ${folder##*/} != "$name" ]]; then rm -rf "$folder"; fi
  done
  metrics
  awk -v name="$name" -v size="$(stat -c %s "/backups/$name/dump.sql.gz")" '
    $1 == "table" { rows += $3; tables++ }
    $1 == "flyway" { version = $2 }
    END { printf "backups/%s: %d rows in %d tables, Flyway %s, %.1f MB\n", name, rows, tables, version, size / 1e6 }' "/backups/$name/manifest"
}

schedule() {
  local wait
  metrics
  while true; do
    wait=$(($(seconds "$(last_backup)") + BACKUP_INTERVAL - $(date +%s)))
    if [ "$wait" -gt 0 ]; then
      sleep "$wait"
    elif bash "$0" backup; then
      rm -f /tmp/failed
    else
      touch /tmp/failed
      sleep $((BACKUP_INTERVAL < 60 ? BACKUP_INTERVAL : 60))
    fi
  done
}

healthy() {
  local age
  [ ! -e /tmp/failed ] || die "the last attempt failed: docker compose logs backup"
  age=$(($(date +%s) - $(seconds "$(last_backup)")))
  [ "$age" -le $((BACKUP_INTERVAL + BACKUP_INTERVAL / 4 + 60)) ] || die "the last backup is $age seconds old"
}

verified() {
  printf '%s\n' "$1" > /backups/.verified
  metrics
}

# from FOLDER: a backup as a stream.
from() {
  cat "$1/SHA256SUMS"
  echo
  cat "$1/manifest"
  echo
  cat "$1/dump.sql.gz"
}

# paragraph: the lines of stdin up to an empty one, which bash reads without a byte more.
paragraph() {
  local line
  while IFS= read -r line && [ -n "$line" ]; do printf '%s\n' "$line"; done
}

value() { sed -n "s/^$1 //p" /tmp/manifest; }

server_version() { mariadbd --version 2> /dev/null | sed 's/.*Ver \([0-9.]*\).*/\1/'; }

check() {
  local backup=$1 last server
  paragraph > /tmp/sums
  paragraph > /tmp/manifest
  last=$({ tee /dev/fd/3 | sha256sum > /tmp/sum; } 3>&1 | gzip -dc 2> /dev/null | tail -n 1) || true
  [ "$(sha256sum < /tmp/manifest)" = "$(sed -n 's/  manifest$/  -/p' /tmp/sums)" ] ||
    die "$backup is damaged: its manifest is not the one that SHA256SUMS names; take another backup"
  [ "$(< /tmp/sum)" = "$(sed -n 's/  dump.sql.gz$/  -/p' /tmp/sums)" ] ||
    die "$backup is damaged: dump.sql.gz is not the one that SHA256SUMS names; take another backup"
  case $last in
    "-- Dump completed"*) ;;
    *) die "$backup is not whole: its last line is not '-- Dump completed'; take another backup" ;;
  esac
  [ "$(value project)" = "$PROJECT" ] ||
    die "$backup is of the project $(value project) and this is $PROJECT: add --project $(value project) to restore it all the same"
  server=$(value server)
  [ "$(printf '%s\n' "${server%.*}" "$(server_version)" | sort -V | tail -n 1)" = "$(server_version)" ] ||
    die "$backup is of MariaDB $server and $IMAGE is $(server_version): set DB_IMAGE to that version or a newer one"
}

# batched < DUMP: with rows put together into statements of a megabyte, which load twice as fast.
batched() {
  awk '
    function flush() { if (size) print ";"; size = 0 }
    /^\/\*!40000 ALTER TABLE .* DISABLE KEYS/ { data = 1 }
    /^\/\*!40000 ALTER TABLE .* ENABLE KEYS/ { data = 0 }
    !data || !/^INSERT INTO `/ { flush(); print; next }
    {
      if (size > 1000000) flush()
      at = index($0, "` VALUES (") + 9
      printf "%s%s", size ? ",\n" : substr($0, 1, at - 1), substr($0, at, length($0) - at)
      size += length($0)
    }
    END { flush() }'
}

restore() {
  local server tables
  [ ! -d /var/lib/mysql/mysql ] || die "there is a database in this volume already"
  paragraph > /tmp/sums
  paragraph > /tmp/manifest
  # Its entrypoint makes the users of the present secrets, and then becomes the server.
  docker-entrypoint.sh mariadbd --skip-networking --slow-query-log=OFF --max-allowed-packet=1G \
    --innodb-buffer-pool-size="$BUFFER_POOL" > /tmp/server.log 2>&1 < /dev/null &
  server=$!
  until [ "$(cat "/proc/$server/comm" 2> /dev/null)" = mariadbd ] && as root mariadb-admin --protocol=socket ping > /dev/null 2>&1; do
    if ! kill -0 "$server" 2> /dev/null; then
      tail -n 20 /tmp/server.log >&2
      die "the server of $IMAGE does not start: see the lines above"
    fi
    sleep 0.2
  done
  gzip -dc | batched | as root mariadb --protocol=socket --max-allowed-packet=1G
  dump root --protocol=socket | contents > /tmp/contents
  # What another version says of the same schema may differ.
  tables='^(flyway|table|rows|schema) '
  [ "$(value server)" = "$(sed -n 's/^server //p' /tmp/contents)" ] || tables='^(flyway|table|rows) '
  diff <(grep -E "$tables" /tmp/manifest) <(grep -E "$tables" /tmp/contents) >&2 ||
    die "what was restored (>) is not what the manifest says (<)"
  as root mariadb-admin --protocol=socket shutdown
  wait "$server"
}

case ${1:-} in
  backup | schedule | healthy | verified | check | restore) "$@" ;;
  version) server_version ;;
  *) die "it is not started by hand: see scripts/backup.sh and scripts/restore.sh" ;;
esac
