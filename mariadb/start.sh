#!/usr/bin/env bash
# start.sh [--production] COMMAND...: runs the database's command, if every reader takes the same password of each secret and, with
# --production, nobody can guess one. First it clears away what a making of the database that was cut short, or a full disk, has left.
# Among the scripts of the image's entrypoint, which run once, when it has made a database, this file is named passwords.sh: it gives the
# accounts of accounts.sql their passwords.
data=/var/lib/mysql

if [ "${BASH_SOURCE[0]##*/}" = passwords.sh ]; then
  for file in /run/secrets/db_*; do
    [ "$file" = /run/secrets/db_root ] || printf "SET sql_log_bin = 0; ALTER USER %s@'%%' IDENTIFIED BY '%s';\n" "${file#*/db_}" "$(sed "s/[\\\\']/\\\\&/g" "$file")"
  done | mariadb --defaults-extra-file=<(printf '[client]\nuser=root\npassword="%s"\n' "$(< /run/secrets/db_root)") --protocol=socket || exit 1
  rm -f "$data/.unfinished"
  # shellcheck disable=SC2317
  return 0 2> /dev/null || exit 0      # it is sourced, unless this file is executable
fi

set -euo pipefail
LC_ALL=C
strange='[!]!#-&(-[^-~]'               # a space, quote, backslash, control character, or not ASCII
production=''
if [ "$1" = --production ]; then production=yes && shift; fi
for file in /run/secrets/db_*; do
  if IFS= read -r -d '' secret < "$file"; then secret=' '; fi # a NUL ended it
  secret=${secret%$'\n'}
  case $production:$secret in
    *:*$strange*) wrong="is not one line of plain characters (no space, quote, backslash or Windows line end)" ;;
    yes:) wrong="is empty" ;;
    yes:development-only*) wrong="is development's, which everybody knows" ;;
    yes:*) [ "${#secret}" -lt 20 ] || continue; wrong="has fewer than 20 characters" ;;
    *) continue ;;
  esac
  echo "The secret ${file##*/} $wrong. Mend its file, or remove it and run bash scripts/secrets.sh on the host." >&2
  exit 1
done

if [ -e "$data/.unfinished" ]; then
  echo "The making of this database was cut short: what there is of it is cleared away, and it is made again." >&2
  find "$data" -mindepth 1 ! -path "$data/.unfinished" -delete
fi
[ -d "$data/mysql" ] || touch "$data/.unfinished"

# cluster:begin
if [ -e "$data/.standby" ] && [ -z "${STANDBY:-}" ]; then
  echo "This volume is a standby's: bash scripts/promote.sh makes it the database's." >&2
  exit 1
fi
# How it waits for its standby, which scripts/swarm.sh writes there.
if [ -e "$data/.semi-sync" ] && [ -z "${STANDBY:-}" ]; then
  # shellcheck disable=SC2046 # a word each
  set -- "$@" $(< "$data/.semi-sync")
fi
# cluster:end

# Without the last checkpoint in Aria's log no server starts. Nothing of InnoDB is in it, but what Aria's tables had open is repaired.
log=""
[ ! -e "$data/aria_log_control" ] || log=$(aria_read_log --display-only --start-from-checkpoint --aria-log-dir-path="$data" 2>&1) || true
if [[ $log = *"log initialization failed"* ]]; then
  echo "The log of the system tables is broken off, as a full disk does: it is put aside, as $data/broken-aria_log.*" >&2
  for file in "$data"/aria_log.*; do mv "$file" "$data/broken-${file##*/}"; done
  (cd "$data" && find . -name '*.MAI' -exec aria_chk --datadir=. --silent --force --recover --check-only-changed {} +) || true
fi

# The binary log is named by when it began. What was changed without one is in none, so that it begins anew then: when it was turned off, and
# when the server could not begin a next file and went on without, as on a full disk. That file's name is the end of the last one.
chain=$(cat "$data/.chain" 2> /dev/null) || true
last=$(find "$data" -maxdepth 1 -name "${chain:-none}.[0-9]*" | sort | tail -n 1)
if [ -n "$last" ] && tail -c 64 "$last" | grep -qaF "$(printf '%s.%06d' "$chain" $((10#${last##*.} + 1)))"; then chain=""; fi
if [ "${DB_BINLOG:-on}" = off ]; then
  rm -f "$data/.chain"
else
  [ -n "$chain" ] || date +%s > "$data/.chain"
  set -- "$@" --log-bin="$(< "$data/.chain")" --gtid-domain-id="$(< "$data/.chain")"
fi
exec "$@"
