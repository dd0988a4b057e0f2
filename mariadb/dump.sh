#!/usr/bin/env bash
# Backups of the database, made and read in a container of its image; scripts/backup.sh and scripts/restore.sh call it.
#
#   make                 writes one to /backups, then removes those older than BACKUP_KEEP_DAYS
#   schedule             does so every BACKUP_INTERVAL seconds, and copies the binary log as it is written
#   healthy              fails when the last one is too old, or the last attempt failed
#   verified NAME        notes that this one has been restored
#   check BACKUP         fails unless what stdin brings is whole, of this project and not of a newer server
#   load [PART-OF-LOG]   makes a database of what stdin brings in /var/lib/mysql, compares it with the manifest, and replays this
#   fetch                brings the binary log's copy up to date
#   status               says how much would be lost now
#   copy-database        makes a database of what the running one holds, for standby.sh # cluster
#   plan WHEN            which backup and which part of the log are the database of then: see binlog.sh
#   version              the server's, of this image
#
# A backup is a folder: dump.sql.gz, manifest (what the dump holds, counted in the dump itself) and SHA256SUMS (of both).
# On stdin it is SHA256SUMS, an empty line, manifest, an empty line, dump.sql.gz.
set -euo pipefail
export LC_ALL=C
umask 027
. "${0%/*}/binlog.sh"

NAME="[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9][0-9][0-9][0-9][0-9]Z"
ACCOUNTS="app|archiver|backup|migrator"       # this project's own
# monitoring:begin
ACCOUNTS="$ACCOUNTS|exporter"
METRICS=/var/lib/mysql/backup.prom     # a volume's; of the image's folders the one that belongs to its user
# monitoring:end

die() { printf 'backup: %s\n' "$*" >&2; exit 1; }

# as USER PROGRAM OPTION...: with the password from the user's secret, which stays out of arguments and environment.
as() { "$2" --defaults-extra-file=<(credentials "$1") "${@:3}"; }
credentials() { printf '[client]\nuser=%s\npassword="%s"\n' "$1" "$(< "/run/secrets/db_$1")"; }

# query SQL: what the running database answers, a row a line, a column a tab.
query() { as backup mariadb --host="${DB_HOST:-db}" --batch --skip-column-names app -e "$1"; }

# dump USER OPTION...: the database app of one moment. One line is one row; extended inserts differ between versions.
# Without locks, for what stands in a lock cannot take the next number of a sequence.
dump() {
  local history=""
  [[ $(mariadb-dump --help) != *--dump-history* ]] || history=--dump-history
  # shellcheck disable=SC2086 # none or one
  as "$1" mariadb-dump "${@:2}" $history --single-transaction --routines --triggers --events --hex-blob --complete-insert --skip-extended-insert \
    --skip-add-locks --no-autocommit --order-by-primary --max-allowed-packet=1G --skip-dump-date --add-drop-database --databases app
}

# What contents and loadable know of a dump's lines. head(LINE): of a row, what stands before its values; `ended` is the place
# among them of the end of its time in a table's history, else 0. at_end(VALUES): finds that value for substr, if it is the end of all time.
# shellcheck disable=SC2016 # awk's own quotes
ROWS='
  function head(line,    list, place) {
    if (heading != "" && substr(line, 1, length(heading)) == heading) return heading
    match(line, /^INSERT INTO `([^`]|``)*` (\(([^`)]|`([^`]|``)*`)*\) )?VALUES /)
    heading = substr(line, 1, RLENGTH)
    list = heading
    ended = 0
    sub(/^INSERT INTO `([^`]|``)*` /, "", list)
    for (place = 1; end_column != "" && match(list, /`([^`]|``)*`|row_start|row_end/); place++) {
      if (substr(list, RSTART, RLENGTH) == end_column) ended = place
      list = substr(list, RSTART + RLENGTH)
    }
    return heading
  }
  function at_end(values,    place, start) {
    start = 2
    for (place = 1; place <= ended && match(substr(values, start), /^(\047([^\047\\]|\\.)*\047|[^,)]*)/); place++) {
      if (place == ended) {
        RSTART = start
        return substr(values, start, RLENGTH) ~ /^\047(2038-01-19 03:14:07|2106-02-07 06:28:15)\.999999\047$/
      }
      start += RLENGTH + 1
    }
    return 0
  }
  /^DELIMITER ;;/ { body = 1 }
  /^DELIMITER ;$/ { body = 0 }
  !body && /^-- Table structure for table / { end_column = "" }
  !body && / GENERATED ALWAYS AS ROW END/ { match($0, /`([^`]|``)*`/); end_column = substr($0, RSTART, RLENGTH) }
  !body && /^\).* WITH SYSTEM VERSIONING/ && end_column == "" { end_column = "row_end" }
  !body && /^\/\*!40000 ALTER TABLE .* DISABLE KEYS/ { data = 1; heading = "" }
  !body && /^\/\*!40000 ALTER TABLE .* ENABLE KEYS/ { data = 0 }
'

# contents [FILE] < DUMP: the manifest's lines on what a dump holds; fails if it is not whole. Each object has one, with checksums of its
# rows and its definition, and each account that is the definer of one and that no restored database has. FILE gets the dump, but for what
# --master-data adds to it, which is a line here.
contents() {
  local sums
  sums=$(mktemp -d)
  awk -v sums="$sums" -v accounts="$ACCOUNTS" -v copy="${1:-}" "$ROWS"'
    function begin(what) {
      if (what == object) return
      if (object != "") { close(rows); close(schema) }
      object = what
      if (what == "") return
      if (!(what in number)) { number[what] = ++objects; name[objects] = what; count[objects] = 0 }
      rows = "sha256sum >> " sums "/rows" number[what]
      schema = "sha256sum >> " sums "/schema" number[what]
      if (pending != "") printf "%s", pending | schema
      pending = ""
    }
    function named(kind, line) {
      sub(/^[^`]*/, "", line)
      begin(kind " " plain(line))
    }
    function plain(quoted) {
      if (quoted ~ /^[`"]/) { quoted = substr(quoted, 2, length(quoted) - 2); gsub(/``/, "`", quoted) }
      return quoted
    }
    function sum(file,    line, all) {
      while ((getline line < file) > 0) all = all substr(line, 1, 16)
      close(file)
      return all == "" ? "-" : all
    }
    # What a statement CREATE makes: its kind, and the name after it.
    function created(line,    kind) {
      if (!match(line, /(TRIGGER|EVENT|AGGREGATE FUNCTION|FUNCTION|PROCEDURE|PACKAGE BODY|PACKAGE) +(`([^`]|``)*`|"([^"]|"")*"|[^ (]+)/))
        return "object ?"
      line = substr(line, RSTART, RLENGTH)
      kind = match(line, /^PACKAGE BODY/) ? "package body" : tolower(substr(line, 1, index(line, " ") - 1))
      if (kind == "aggregate") kind = "function"
      sub(/^(AGGREGATE FUNCTION|PACKAGE BODY|[A-Z]+) +/, "", line)
      return kind " " plain(line)
    }
    function definer(line,    account) {
      if (!match(line, /DEFINER=([`"][^`"]*[`"]@[`"][^`"]*[`"]|[`"][^`"]*[`"])/)) return
      account = substr(line, RSTART + 8, RLENGTH - 8)
      gsub(/"/, "`", account)
      if (account !~ "^`(root`@`localhost|mariadb.sys`@`localhost|(" accounts ")`@`%)`$") print "definer", account, object
    }
    function empty_lines() {
      for (; held > 0; held--) {
        if (copy != "") print "" > copy
        if (object == "") pending = pending "\n"
        else print "" | schema
      }
    }
    BEGIN { begin("database app") }
    { whole = 0 }
    !body && /^$/ { held++; next }     # which may be the first line of what is left out
    !body && /^-- The deferred gtid setting for slave/ { held--; left_out = "^-- SET GLOBAL gtid_slave_pos" }
    !body && /^-- (Alternately, following is|Position to start replication)/ { left_out = "^-- Current Database" }
    left_out != "" {
      held = 0
      if (/^-- CHANGE MASTER TO/) { gsub(/.*FILE=\047|;/, ""); sub(/\047.*=/, " "); print "log", $0 }
      if ($0 !~ left_out) next
      if (/^-- SET/) { left_out = ""; next }
      left_out = ""
    }
    held { empty_lines() }
    copy != "" { print > copy }
    /^-- Server version/ && !server { sub(/-.*/, "", $4); server = 1; print "server", $4 }
    /^-- Dump completed/ { whole = 1 }
    !body && /^-- Table structure for table / { named("table", $0) }
    !body && /^-- Sequence structure for / { named("sequence", $0) }
    !body && /^-- (Temporary (table|view)|Final view) structure for view / { named("view", $0) }
    !body && /^-- Dumping (events|routines) for / { begin("") }
    !body && /^--/ { next }
    /^\/\*!(50003 SET @saved_(cs_client|sql_mode) |50106 DROP EVENT|50106 SET TIME_ZONE)/ { begin("") }
    /^(CREATE |\/\*!50003 CREATE\*\/|\/\*!50106 CREATE\*\/)/ && object == "" {
      begin(created($0))
      definer($0)
    }
    /^\/\*!(50013|50001 CREATE).* DEFINER=/ && object ~ /^view / { definer($0) }
    data && /^INSERT INTO `/ {
      head($0)                           # a row may be as large as memory allows: no copy that is not needed
      if (ended) {
        values = substr($0, length(heading) + 1)
        if (at_end(values)) $0 = heading substr(values, 1, RSTART - 1) "END" substr(values, RSTART + RLENGTH)
      }
      print | rows
      count[number[object]]++
      if (object == "table flyway_schema_history" && /,1\);$/) {
        split(substr($0, length(heading) + 1), column, ",")
        if (column[2] != "NULL") version = substr(column[2], 2, length(column[2]) - 2)
      }
      next
    }
    object == "" { pending = pending $0 "\n"; next }
    # The name of the database stands in it or does not, by the rights of its definer.
    object ~ /^view / { gsub(/`app`\./, "") }
    { print | schema }
    END {
      empty_lines()
      if (object != "") { close(rows); close(schema) }
      print "flyway", version == "" ? "none" : version
      for (i = 1; i <= objects; i++)
        if (name[i] ~ /^table /) print name[i], count[i], sum(sums "/rows" i), sum(sums "/schema" i)
        else print name[i], sum(sums "/schema" i)
      exit !whole
    }' || return
  rm -r "$sums"
}

last_backup() { find /backups -maxdepth 1 -type d -name "$NAME" -printf '%f\n' | sort | tail -n 1; }
size_of_last() { stat -c %s "/backups/$(last_backup)/dump.sql.gz" 2> /dev/null || echo 0; }

# seconds NAME: when this backup was made, since 1970; 0 without one.
seconds() {
  local name=${1:-1970-01-01T000000Z}
  date -u -d "${name:0:10} ${name:11:2}:${name:13:2}:${name:15:2}" +%s
}

# monitoring:begin
metrics() {
  local log=()
  [ "$DB_BINLOG" = off ] || log=('recovery_point_limit_seconds{where="here"}' 600
    'recovery_point_timestamp_seconds{where="here"}' "$(cat /backups/.point 2> /dev/null || echo 0)")
  printf 'backup_%s %s\n' "${log[@]}" interval_seconds "$BACKUP_INTERVAL" last_size_bytes "$(size_of_last)" \
    last_success_timestamp_seconds "$(seconds "$(last_backup)")" \
    last_verified_restore_timestamp_seconds "$(stat -c %Y /backups/.verified 2> /dev/null || echo 0)" > "$METRICS-$HOSTNAME-$BASHPID" &&
    chmod 644 "$METRICS-$HOSTNAME-$BASHPID" && mv "$METRICS-$HOSTNAME-$BASHPID" "$METRICS"
}
# monitoring:end

# undumpable: what stands in the way of any dump, in a sentence.
undumpable() {
  local table kinds="'bigint'"
  [[ $(mariadb-dump --help) == *--dump-history* ]] || kinds="'bigint', 'timestamp'"
  table=$(query "SELECT table_name FROM information_schema.columns
    WHERE table_schema = 'app' AND generation_expression = 'ROW START' AND data_type IN ($kinds) LIMIT 1") || return
  [ -z "$table" ] ||
    echo "the history of the table $table is carried from MariaDB 10.11 on, where its columns are TIMESTAMP(6): see SHOW CREATE TABLE $table"
}

# broken_views: those that cannot be made again from the database app alone, and why. Asked for its rows, the server opens each.
broken_views() {
  query "WITH RECURSIVE broken AS (
      SELECT table_name AS name, table_comment AS why FROM information_schema.tables
        WHERE table_schema = 'app' AND table_type = 'VIEW' AND table_rows IS NULL AND engine IS NULL AND table_comment <> 'VIEW'
      UNION SELECT table_name, CONCAT('it reads the database ', schema_name) FROM information_schema.views JOIN information_schema.schemata
        ON view_definition REGEXP CONCAT('(from|join) [(]*\\\\Q\`', schema_name, '\`\\\\E[.]|\\\\Q\`', schema_name, '\`\\\\E[.]\`[^\`]+\`[(]')
        WHERE table_schema = 'app' AND schema_name NOT IN ('app', 'information_schema', 'mysql', 'performance_schema', 'sys')
      UNION SELECT table_name, CONCAT('it reads ', name) FROM information_schema.views JOIN broken
        ON INSTR(view_definition, CONCAT('\`app\`.\`', REPLACE(name, '\`', '\`\`'), '\`')) WHERE table_schema = 'app')
    SELECT name, MIN(why) FROM broken GROUP BY name ORDER BY name"
}

# others: what there is on this server beside the database app and what every database is made with, as far as it can be seen.
others() {
  query "SELECT CONCAT('not-carried account ', user, IF(host = '', '', CONCAT('@', host))) FROM mysql.global_priv
    WHERE user NOT IN ('', 'PUBLIC', 'healthcheck', 'mariadb.sys') AND NOT (user = 'root' AND host <> '%')
      AND CONCAT(user, '@', host) NOT REGEXP '^($ACCOUNTS)@%$' ORDER BY 1" 2> /dev/null ||
    echo "not-carried accounts, if there are any, which cannot be seen before docker compose restart db"
  query "SELECT CONCAT('not-carried database ', schema_name) FROM information_schema.schemata
    WHERE schema_name NOT IN ('app', 'information_schema', 'mysql', 'performance_schema', 'sys', 'test') ORDER BY 1"
  query "SELECT DISTINCT CONCAT('not-carried plugin ', plugin_name) FROM information_schema.plugins WHERE plugin_library IS NOT NULL ORDER BY 1"
}

# no_room: that there is not enough for another backup, in a sentence. It needs at most as much as the data, or twice the last one.
no_room() {
  local needed free last
  needed=$(query "SELECT CAST(COALESCE(SUM(data_length), 0) AS INTEGER) FROM information_schema.tables WHERE table_schema = 'app'") || return
  last=$(($(size_of_last) * 2))
  [ "$last" -eq 0 ] || [ "$last" -gt "$needed" ] || needed=$last
  free=$(($(stat -f -c '%a * %S' /backups)))
  [ "$free" -ge "$needed" ] ||
    printf "var/backups/ has %d MB free, and a backup may take %d MB: free some of its disk, or move old backups elsewhere\n" \
    $(((free + 500000) / 1000000)) $(((needed + 500000) / 1000000))
}

make() {
  local name oldest folder problem views view reason options=()
  [ -w /backups ] || die "var/backups/ does not belong to the database's user: run bash scripts/backup.sh once, which changes that"
  exec 9> /backups/.lock
  flock -w 3600 9 || die "no backup was made: another has been under way for an hour, see docker compose logs backup"
  rm -rf /backups/*.partial
  problem=$(no_room && undumpable) || die "no backup was made, and the ones before are kept: see the line above, and docker compose ps"
  [ -z "$problem" ] || die "no backup was made, and the ones before are kept: $problem"
  name=$(date -u +%Y-%m-%dT%H%M%SZ)
  partial=/backups/$name.partial
  mkdir "$partial"
  trap 'rm -rf "$partial"' EXIT
  views=$(broken_views)
  while IFS=$'\t' read -r view reason _; do
    [ -n "$view" ] || continue
    options+=("--ignore-table=app.$view")
    printf 'left-out view %s: %s: %s\n' "$view" "$reason" "$(query "SHOW CREATE VIEW \`${view//\`/\`\`}\`" | cut -f 2)" >> "$partial/absent"
  done <<< "$views"
  others >> "$partial/absent"
  [ "$(query "SELECT @@log_bin")" = 0 ] || options+=(--master-data=2)
  { dump backup --host="${DB_HOST:-db}" "${options[@]}" | contents /dev/fd/3 > "$partial/contents"; } 3>&1 | gzip --fast --rsyncable > "$partial/dump.sql.gz" ||
    die "no backup was made, and the ones before are kept: see the line above, and docker compose ps"
  printf 'format 2\nproject %s\ntime %s\nimage %s\n' "$PROJECT" "$name" "$DB_IMAGE" |
    cat - "$partial/contents" "$partial/absent" > "$partial/manifest"
  rm "$partial/contents" "$partial/absent"
  (cd "$partial" && sha256sum manifest dump.sql.gz > SHA256SUMS)
  sync "$partial"/* "$partial"
  cat "$partial/SHA256SUMS" <(echo) "$partial/manifest" <(echo) "$partial/dump.sql.gz" | bash "$0" check "$name"
  mv -T "$partial" "/backups/$name"
  sync /backups

  oldest=$(date -u -d "-$BACKUP_KEEP_DAYS days" +%Y-%m-%dT%H%M%SZ)
  for folder in /backups/$NAME; do
    # The one just made and checked stays, whatever its age.
    if [[ ${folder##*/} < $oldest && ${folder##*/} != "$name" ]]; then rm -rf "$folder"; fi
  done
  forget
  mark
  metrics                              # monitoring
  awk -v name="$name" -v size="$(size_of_last)" '
    $1 == "table" { rows += $(NF - 2); tables++ }
    $1 == "flyway" { version = $2 }
    $1 == "left-out" { sub(/^left-out /, ""); sub(/: .*/, ""); absent = absent ", " $0 }
    $1 == "not-carried" { sub(/^not-carried /, ""); absent = absent ", " $0 }
    END {
      if (absent != "") absent = "; not in it: " substr(absent, 3)
      printf "var/backups/%s: %d rows in %d tables, Flyway %s, %.1f MB%s\n", name, rows, tables, version, size / 1e6, absent
    }' "/backups/$name/manifest"
}

schedule() {
  local wait tried=""
  metrics                              # monitoring
  if [ "$DB_BINLOG" != off ]; then
    while true; do bash "$0" follow || sleep 60; done &
  fi
  while true; do
    wait=$(($(seconds "$(last_backup)") + BACKUP_INTERVAL - $(date +%s)))
    if [ "$wait" -gt 0 ] && { anchored || [ "$tried" = "$(cat /tmp/chain)" ]; }; then
      sleep $((wait < 30 ? wait : 30))
    elif bash "$0" make; then
      tried=$(cat /tmp/chain 2> /dev/null) || true
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
  [ -z "$(find /backups -path "/backups/$NAME.partial*" -mmin -5)" ] || return 0 # one is being made
  age=$(($(date +%s) - $(seconds "$(last_backup)")))
  [ "$age" -le $((BACKUP_INTERVAL + BACKUP_INTERVAL / 4 + 60)) ] || die "the last backup is $age seconds old"
  [ "$DB_BINLOG" = off ] || [ "$(($(date +%s) - $(cat /backups/.point 2> /dev/null || echo 0)))" -le 300 ] ||
    die "the binary log has not been copied for five minutes: docker compose logs backup"
}

verified() {
  printf '%s\n' "$1" > /backups/.verified
  metrics                              # monitoring
}

# paragraph: the lines of stdin up to an empty one, which bash reads without a byte more.
paragraph() { while IFS= read -r line && [ -n "$line" ]; do printf '%s\n' "$line"; done; }

value() { sed -n "s/^$1 //p" /tmp/manifest; }
version() { mariadbd --version 2> /dev/null | sed 's/.*Ver \([0-9.]*\).*/\1/'; }

check() {
  local backup=$1 last server
  paragraph > /tmp/sums
  paragraph > /tmp/manifest
  last=$({ tee /dev/fd/3 | sha256sum > /tmp/sum; } 3>&1 | gzip -dc 2> /dev/null | tail -n 1) || true
  [ "$(sha256sum < /tmp/manifest)" = "$(sed -n 's/  manifest$/  -/p' /tmp/sums)" ] ||
    die "$backup is damaged: its manifest is not the one that SHA256SUMS names; take another backup"
  [ "$(< /tmp/sum)" = "$(sed -n 's/  dump.sql.gz$/  -/p' /tmp/sums)" ] ||
    die "$backup is damaged: dump.sql.gz is not the one that SHA256SUMS names; take another backup"
  [[ $last = "-- Dump completed"* ]] || die "$backup is not whole: its last line is not '-- Dump completed'; take another backup"
  [ "$(value format)" = 2 ] || die "$backup is of another version of these scripts: restore it with the one that made it"
  [ "$(value project)" = "$PROJECT" ] ||
    die "$backup is of the project $(value project) and this is $PROJECT: add --project $(value project) to restore it all the same"
  server=$(value server)
  [ "$(printf '%s\n' "${server%.*}" "$(version)" | sort -V | tail -n 1)" = "$(version)" ] ||
    die "$backup is of MariaDB $server and $DB_IMAGE is $(version): set DB_IMAGE to that version or a newer one"
}

# loadable < DUMP: with rows put together, which load twice as fast; with the end of time of this server, which MariaDB 11.5 moved
# from 2038 to 2106; and so that events are made although their time has passed.
loadable() {
  local end=""
  [ "$(printf '11.5\n%s\n' "$(version)" | sort -V | head -n 1)" != 11.5 ] || end="'2106-02-07 06:28:15.999999'"
  awk -v end="$end" "$ROWS"'
    function flush() { if (size) print ";"; size = 0 }
    !body && /^-- / && past { print "SET timestamp = DEFAULT;"; past = 0 }
    !body && /^-- Dumping events for / { print "SET timestamp = 1;"; past = 1 }
    !data || !/^INSERT INTO `/ { flush(); print; next }
    {
      if (size > 1000000) flush()
      values = substr($0, length(head($0)) + 1)
      if (end != "" && ended && at_end(values)) values = substr(values, 1, RSTART - 1) end substr(values, RSTART + RLENGTH)
      printf "%s%s", size ? ",\n" : heading, substr(values, 1, length(values) - 1)
      size += length($0)
    }
    END { flush() }'
}

# different MANIFEST CONTENTS: the objects in which the second is not the first, and in what.
different() {
  awk -v other_server="$([ "$(sed -n 's/^server //p' "$1")" = "$(sed -n 's/^server //p' "$2")" ] || echo yes)" '
    $1 !~ /^(flyway|database|table|sequence|view|trigger|event|function|procedure|package|object)$/ { next }
    {
      tail = $1 == "table" ? 3 : 1
      key = $1
      for (i = 2; i <= NF - tail; i++) key = key " " $i
      rows = $1 ~ /^(flyway|table)$/ ? $(NF - tail + 1) : ""
      sum = tail == 3 ? $(NF - 1) : ""
      schema = $1 == "flyway" || other_server ? "" : $NF
    }
    NR == FNR { order[++keys] = key; wanted[key] = rows; wanted_sum[key] = sum; wanted_schema[key] = schema; next }
    !(key in wanted) { print key " is there and not in the manifest"; next }
    {
      found[key] = 1
      if (rows != wanted[key]) print key (key == "flyway" ? ": version " : ": rows ") rows " instead of " wanted[key]
      else if (sum != wanted_sum[key]) print key ": other rows"
      if (schema != wanted_schema[key]) print key ": another definition"
    }
    END { for (i = 1; i <= keys; i++) if (!(order[i] in found)) print order[i] " is not there" }' "$1" "$2"
}

# make_definers MANIFEST: they are made locked, and with the rights without which views on their views cannot be made; no backup holds them.
make_definers() {
  # shellcheck disable=SC2016 # SQL's own quotes
  sed -n -e 's/^definer \(`[^`]*`@`[^`]*`\) .*/CREATE USER IF NOT EXISTS \1 ACCOUNT LOCK; GRANT SELECT, EXECUTE ON app.* TO \1;/p' \
    -e 's/^definer \(`[^`]*`\) .*/CREATE ROLE IF NOT EXISTS \1; GRANT SELECT, EXECUTE ON app.* TO \1;/p' "$1" |
    as root mariadb --protocol=socket
}

# serve OPTION...: a server in /var/lib/mysql, as $server, which nobody reaches. Its entrypoint makes the users of the present secrets, and then becomes it.
serve() {
  local end=$((SECONDS + 600))
  [ ! -d /var/lib/mysql/mysql ] || die "there is a database in this volume already"
  docker-entrypoint.sh mariadbd --skip-networking --slow-query-log=OFF --event-scheduler=OFF --max-allowed-packet=1G \
    --innodb-buffer-pool-size="$BUFFER_POOL" --innodb-flush-log-at-trx-commit=0 "$@" > /tmp/server.log 2>&1 < /dev/null &
  server=$!
  until [ "$(cat "/proc/$server/comm" 2> /dev/null)" = mariadbd ] && as root mariadb-admin --protocol=socket ping > /dev/null 2>&1; do
    { kill -0 "$server" 2> /dev/null && [ $SECONDS -lt $end ]; } || die "the server of $DB_IMAGE does not start: $(tail -n 20 /tmp/server.log)"
    sleep 0.2
  done
}

stop() {
  as root mariadb-admin --protocol=socket shutdown
  wait "$server"
}

# fill < DUMP: byte for byte, since the client would otherwise drop comments and change line ends.
fill() { loadable | as root mariadb --protocol=socket --max-allowed-packet=1G --binary-mode --comments; }

# compare: ends if the server does not hold what the manifest says.
compare() {
  local differences
  dump root --protocol=socket | contents > /tmp/contents
  differences=$(different /tmp/manifest /tmp/contents)
  [ -z "$differences" ] || die "what was restored is not what the manifest says:"$'\n'"$differences"
}

load() {
  local options=()
  paragraph > /tmp/sums
  paragraph > /tmp/manifest
  # A routine or an event of another database is made all the same, or fails, as that is not there: 1049, and then 1305 or 1539.
  [ $# = 0 ] || options=(--server-id=2 --relay-log=replay --skip-relay-log-purge --replicate-wild-do-table=app.% --skip-slave-start
    "--slave-skip-errors=1049,1305,1539")
  serve "${options[@]}"
  make_definers /tmp/manifest
  gzip -dc | fill
  compare
  [ $# = 0 ] || replay "$@"
  stop
}

# cluster:begin
# copy_database: what the running one holds of one moment, and that moment's place in its log.
copy_database() {
  local file position
  serve
  dump backup --host=db --no-data | contents > /tmp/definers
  make_definers /tmp/definers
  { dump backup --host=db --master-data=2 | contents /dev/fd/3 > /tmp/manifest; } 3>&1 | fill
  compare
  read -r file position <<< "$(value log)"
  as root mariadb --protocol=socket -e "SET GLOBAL gtid_slave_pos = '$(archiver "SELECT BINLOG_GTID_POS('$file', $position)")'"
  stop
}
# cluster:end

case ${1:-} in
  copy-database) copy_database ;;      # cluster
  make | schedule | follow | fetch | status | healthy | verified | check | plan | load | version) "$@" ;;
  *) die "it is not started by hand: see scripts/backup.sh and scripts/restore.sh" ;;
esac
