#!/usr/bin/env bash
# start.sh COMMAND...: runs the database's command, if every reader takes the same password of each secret. What a making of
# the database that was cut short has left, and nobody has used, is cleared away first.
set -euo pipefail
LC_ALL=C
data=/var/lib/mysql
strange='[!]!#-&(-[^-~]'                # a space, quote, backslash, control character, or not ASCII

for file in /run/secrets/db_*; do
  secret=''
  if ! IFS= read -r -d '' secret < "$file"; then # no NUL ends it
    case ${secret%$'\n'} in *$strange*) ;; *) continue ;; esac
  fi
  echo "The secret ${file##*/} is not one line of plain characters (no space, quote, backslash or Windows line end)." \
    "Mend its file, or remove it and run bash scripts/secrets.sh on the host." >&2
  exit 1
done

if [ -e "$data/.unfinished" ]; then
  echo "The making of this database was cut short: what there is of it is cleared away, and it is made again." >&2
  find "$data" -mindepth 1 ! -path "$data/.unfinished" -delete
fi
[ -d "$data/mysql" ] || touch "$data/.unfinished" # create-users.sh, which comes last, removes it
exec "$@"
