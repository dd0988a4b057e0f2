#!/usr/bin/env bash
# Usage: bash scripts/token.sh create NAME --scope SCOPE [--scope SCOPE ...] [--expires 90d] [--file FILE]
#        bash scripts/token.sh list
#        bash scripts/token.sh rotate NAME [--overlap 1d] [--file FILE]
#        bash scripts/token.sh revoke NAME-OR-ID
#
# The tokens that let somebody use the API, in development as in production. One is shown once, on a terminal alone, or is written to
# FILE, which is new and which its owner alone can read. The database has its SHA-256, of which an ID is the beginning. No row is deleted.
#
# create    NAME is whose it is; SCOPE is what it may, as the methods of the API ask for it. --expires takes days (90d) or hours (12h)
# rotate    another one of the same scopes, for as long; the one before ends after --overlap, so that both are valid meanwhile
# revoke    ends all of a name's, or one: within 5 s in every process
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
. "$(dirname "$(readlink -f "$0")")/lib.sh"
set +o xtrace                          # which would show the token

SECRETS=development                    # whose tokens are secrets, and no rows
SECRETS="$SECRETS mixnet" # mixnet
ID="LOWER(LEFT(HEX(hash), 8))"
VALID="(revoked_at IS NULL AND expires_at > UTC_TIMESTAMP(6))"
TIME="'%Y-%m-%dT%H:%i:%SZ'"

# ask SQL: what the database answers, a row a line, a column a tab.
ask() { sql <<< "$1" || die "the database did not take this: the line above says why"; }

database() {
  ours
  case $(token_table) in
    1) ;;
    0) die "the database has no table of tokens yet: bash scripts/deploy.sh makes it, in development docker compose up -d --build --wait" ;;
    *) die "the database does not answer: start it with docker compose up -d --wait db" ;;
  esac
}

named() {
  [ -n "$name" ] || die "$command wants a NAME: see --help"
  [[ $name =~ ^[a-z][a-z0-9-]{0,62}$ ]] || die "a NAME is a lower-case letter, then lower-case letters, digits and hyphens, 63 in all"
  [[ " $SECRETS " != *" $name "* ]] || die "the token of $name is a secret of its own, and not the database's: docs/settings.md"
}

# hours OPTION TEXT: so many they are.
hours() {
  local hours=0
  if [[ $2 =~ ^([0-9]{1,5})([dh])$ ]]; then
    hours=$((10#${BASH_REMATCH[1]}))
    [ "${BASH_REMATCH[2]}" = h ] || hours=$((hours * 24))
  fi
  if [ "$hours" -lt 1 ] || [ "$hours" -gt 87600 ]; then die "$1 takes days or hours, like 90d or 12h, from 1h to 3650d"; fi
  say "$hours"
}

# can_hand_over: ends if there is no terminal, and no file that is new.
can_hand_over() {
  if [ -z "$file" ]; then
    [ -t 1 ] || die "a token is shown on a terminal alone: --file FILE writes it to a new file, which you alone can read"
    return
  fi
  [[ $file = /* ]] || file=$caller/$file
  if [ -e "$file" ] || [ -L "$file" ]; then die "$file is there already: --file takes a new one"; fi
}

# make: a new token, which is in the file before it is in the database.
make() {
  secret=$(token)
  hash=$(printf %s "$secret" | sha256)
  [ -n "$file" ] || return 0
  (umask 077 && set -o noclobber && printf '%s\n' "$secret" > "$file") 2> /dev/null ||
    die "$file cannot be written by $(id -un): is its folder there, and is there room?"
  trap 'rm -f "$file"' EXIT            # unless it becomes valid
}

# hand_over: what the database says of the token, and itself.
hand_over() {
  trap - EXIT
  if [ -z "$file" ]; then
    printf '%s\n' "$secret"
    # shellcheck disable=SC2016 # The user's shell expands it.
    say 'It is shown this once. Typed in unseen, it is used by: read -rs TOKEN; curl -H @- URL <<< "Authorization: Bearer $TOKEN"' >&2
  else
    say "It is in $file, and used by: sed 's/^/Authorization: Bearer /' $(printf %q "$file") | curl -H @- URL" >&2
  fi
}

described="CONCAT('token ', $ID, ' of ', name, ': ', scopes, '; until ', DATE_FORMAT(expires_at, $TIME))"

create() {
  local duration made
  named
  [[ ! $name =~ ^[0-9a-f]{8}$ ]] || die "eight letters and digits of a hexadecimal number are an ID: take another NAME"
  [ -n "$scopes" ] || die "a token without a scope may do nothing: add --scope SCOPE"
  duration=$(hours --expires "$expires")
  can_hand_over
  database
  make
  made=$(ask "
    INSERT INTO app.access_token (hash, name, scopes, expires_at)
      SELECT UNHEX('$hash'), '$name', '$scopes', UTC_TIMESTAMP(6) + INTERVAL $duration HOUR FROM DUAL
      WHERE NOT EXISTS (SELECT * FROM app.access_token WHERE name = '$name' AND $VALID);
    SELECT $described FROM app.access_token WHERE hash = UNHEX('$hash')")
  [ -n "$made" ] || die "$name has a valid token: bash scripts/token.sh rotate $name makes another, revoke $name ends it"
  say "$made" >&2
  hand_over
}

rotate() {
  local duration valid made
  named
  duration=$(hours --overlap "$overlap")
  can_hand_over
  database
  valid=$(ask "SELECT $ID FROM app.access_token WHERE name = '$name' AND $VALID ORDER BY created_at")
  [ -n "$valid" ] || die "$name has no valid token: bash scripts/token.sh create $name makes one"
  [[ $valid != *$'\n'* ]] || die "$name has more than one valid token, $(list <<< "$valid"): end one by bash scripts/token.sh revoke ID"
  make
  made=$(ask "
    START TRANSACTION;
    INSERT INTO app.access_token (hash, name, scopes, expires_at)
      SELECT UNHEX('$hash'), name, scopes, UTC_TIMESTAMP(6) + INTERVAL TIMESTAMPDIFF(MICROSECOND, created_at, expires_at) MICROSECOND
      FROM app.access_token WHERE name = '$name' AND $ID = '$valid' AND $VALID;
    UPDATE app.access_token SET expires_at = LEAST(expires_at, UTC_TIMESTAMP(6) + INTERVAL $duration HOUR)
      WHERE name = '$name' AND $ID = '$valid';
    COMMIT;
    SELECT $described FROM app.access_token WHERE hash = UNHEX('$hash');
    SELECT CONCAT('the one before, $valid, until ', DATE_FORMAT(expires_at, $TIME)) FROM app.access_token WHERE name = '$name' AND $ID = '$valid'")
  [[ $made = token* ]] || die "$name has no valid token any more: bash scripts/token.sh create $name makes one"
  say "$made" >&2
  hand_over
}

revoke() {
  local which rows
  if [[ $name =~ ^[0-9a-f]{8}$ ]]; then
    which="$ID = '$name'"
  else
    named
    which="name = '$name'"
  fi
  database
  rows=$(ask "
    START TRANSACTION;
    SELECT CONCAT(IF($VALID, 'valid', ''), 'token ', $ID, ' of ', name, ' is revoked, which holds within 5 s')
      FROM app.access_token WHERE $which ORDER BY created_at FOR UPDATE;
    UPDATE app.access_token SET revoked_at = UTC_TIMESTAMP(6) WHERE $which AND $VALID;
    COMMIT")
  [ -n "$rows" ] || die "there is no token of $name: bash scripts/token.sh list"
  rows=$(sed -n 's/^valid//p' <<< "$rows")
  if [ -z "$rows" ]; then say "$name has no valid token, so nothing was changed"; else say "$rows"; fi
}

show() {
  local rows
  database
  rows=$(ask "
    SELECT $ID, name, REPLACE(scopes, ' ', ','), DATE_FORMAT(created_at, $TIME), DATE_FORMAT(expires_at, $TIME),
      IF(revoked_at IS NOT NULL, 'revoked', IF($VALID, 'valid', 'expired')), COALESCE(DATE_FORMAT(last_used_at, $TIME), '-')
    FROM app.access_token ORDER BY name, created_at")
  awk -F '\t' '
    { for (i = 1; i <= NF; i++) { cell[NR, i] = $i; if (length($i) > width[i]) width[i] = length($i) } }
    END { for (row = 1; row <= NR; row++) for (i = 1; i <= 7; i++) printf i < 7 ? "%-" width[i] + 2 "s" : "%s\n", cell[row, i] }
  ' <<< $'ID\tNAME\tSCOPES\tCREATED\tEXPIRES\tSTATE\tLAST-USED'"${rows:+$'\n'}$rows"
}

command=${1:-} name="" scopes="" expires=90d overlap=1d file="" secret="" hash=""
case $command in
  create) takes="NAME --scope --expires --file" ;;
  rotate) takes="NAME --overlap --file" ;;
  revoke) takes="NAME" ;;
  list) takes="" ;;
  "") die "say create, list, rotate or revoke: see --help" ;;
  *) die "there is no command $command: see --help" ;;
esac
shift
while [ $# -gt 0 ]; do
  case $1 in
    -*)
      [[ " $takes " = *" $1 "* ]] || die "$command has no option $1: see --help"
      [[ ${2:--} != -* ]] || die "$1 wants a value: see --help"
      case $1 in
        --scope)
          [[ $2 =~ ^[a-z][a-z0-9-]*:[a-z][a-z0-9-]*$ ]] ||
            die "a SCOPE is two words of lower-case letters, digits and hyphens with a colon between, like orders:read; for two say --scope twice"
          [[ " $scopes " = *" $2 "* ]] || scopes="${scopes:+$scopes }$2"
          [ "${#scopes}" -le 500 ] || die "the scopes have ${#scopes} characters, and 500 are the most"
          ;;
        --expires) expires=$2 ;;
        --overlap) overlap=$2 ;;
        --file) file=$2 ;;
      esac
      shift
      ;;
    *)
      [[ $takes = NAME* ]] || die "$command takes no NAME: see --help"
      [ -z "$name" ] || die "$command takes one NAME: see --help"
      name=$1
      ;;
  esac
  shift
done
case $command in
  list) show ;;
  *) "$command" ;;
esac
