#!/usr/bin/env bash
# Usage: bash scripts/secrets.sh                          makes every secret of production that is missing
#        bash scripts/secrets.sh --check                  changes nothing; says which are missing or not fit for production
#        bash scripts/secrets.sh rotate NAME [--yes]      gives db_app or another user of the database a new password
#
# The secrets are the files that production's Compose files name, each made of 256 random bits and never overwritten.
# Their folder is closed to other users of this host; the files in it are readable, since containers read them as users of
# their own.
#
# A rotation changes the password in the running database and in its file, and replaces the containers that read it,
# one after the other. Old and new password are both good meanwhile, so that no request is lost. Cut short, it goes on
# when it is called again.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
. "$(dirname "$(readlink -f "$0")")/lib.sh"

random() { head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n'; }

# place FILE: makes it of its input, whole or not at all.
place() {
  rm -f "$1.new"
  (umask 077 && cat > "$1.new")
  chmod 0444 "$1.new"
  mv "$1.new" "$1"
}

passwords() { secret_files | grep '\.txt$'; }

# mixnet:begin
# mixnet_token: where it is, on a host that has the mixnet.
mixnet_token() { if hash docker 2> /dev/null && [[ $(setting COMPOSE_FILE) = *docker-compose.betanet.yml* ]]; then say secrets/mixnet_token.txt; fi; }
# mixnet:end

check() {
  local file
  for file in $(passwords); do
    check_secret "$file" production
  done
  # mixnet:begin
  file=$(mixnet_token)
  [ -z "$file" ] || check_secret "$file" production
  # mixnet:end
  check_folder_of_secrets
  [ "$reported" != 0 ] || report ok "secrets: every one is fit for production"
  exit "$worst"
}

make() {
  local file
  (umask 077 && mkdir -p secrets)      # closed before anything is in it
  if is_open secrets; then chmod 0700 secrets; fi
  secret_files | grep -e '\.txt$' -e /alert_ -e /backup_ | while read -r file; do
    if [ -s "$file" ] || [[ $file != *.txt && -e $file ]]; then
      say "kept  $file"
    elif [[ $file = *.txt ]]; then
      random | place "$file"
      say "made  $file"
      if [[ $file = */backup_key.txt && -t 1 ]]; then say "      $(cat "$file"): for the drawer, since no backup off the host opens without it"; fi
    else
      place "$file" < /dev/null
      if [[ $file = */backup_* ]]; then say "made  $file, empty: docs/backup.md"; fi
      if [[ $file = */alert_* ]]; then say "made  $file, empty: docs/monitoring.md"; fi # monitoring
    fi
  done
  # mixnet:begin
  file=$(mixnet_token)
  if [ -n "$file" ]; then
    if [ -s "$file" ]; then
      say "kept  $file"
    else
      token | place "$file"
      say "made  $file"
    fi
    bash scripts/mixnode-keys.sh
    remember MIXNODE_KEYS=secrets
  fi
  # mixnet:end
}

rotate() {
  local name=$1 file=secrets/$1.txt next=secrets/$1.next user
  [[ $name = db_* && " $(passwords | list) " = *" $file "* ]] ||
    die "there is no password $name: choose $(passwords | sed -n 's/.*\(db_.*\)\.txt/\1/p' | list)"
  user="${name#db_}@'%'"
  [ "$name" != db_root ] || user=root@localhost
  on_a_swarm || # cluster
    need_production
  [ -s "$file" ] || [ -s "$next" ] || die "there is no $file: bash scripts/secrets.sh makes it"
  on_a_swarm || # cluster
    sql <<< "SELECT 1" > /dev/null 2>&1 || die "the database does not answer: start it with docker compose up -d --wait db"
  confirm "Give $name a new password?"
  alone

  [ -s "$next" ] || random | place "$next"
  if [ ! -s "$file" ]; then
    identified "$user" "$next"
  elif ! cmp -s "$file" "$next"; then  # else it was cut short, and the old one is good until no container has it
    identified "$user" "$next" "$file"
  fi
  overwrite "$file" "$next"
  read_again "$name"
  identified "$user" "$file"
  rm -f "$next"
  say "$name has a new password."
}

# read_again NAME: replaces what has read it as it started.
read_again() {
  local service
  # cluster:begin
  if on_a_swarm; then
    bash scripts/swarm.sh read_again "$1"
    return
  fi
  # cluster:end
  [ "$1" != db_app ] || for service in app worker; do
    ! has_service "$service" || roll "$service" ||
      die "the new $service did not become ready, and the old one serves on. Both passwords are good; call this again"
  done
  # monitoring:begin
  if [ "$1" = db_exporter ]; then
    docker compose --profile monitoring ps -q mysqld-exporter | while read -r service; do docker restart "$service" > /dev/null; done
  fi
  # monitoring:end
}

# overwrite FILE NEXT: in place, since containers have the file itself mounted; in one write, so that none reads a part of it.
overwrite() {
  touch "$1"
  chmod u+w "$1"
  if [ "$(wc -c < "$1")" -eq "$(wc -c < "$2")" ]; then
    dd if="$2" of="$1" bs=4096 conv=notrunc 2> /dev/null
  else
    cat "$2" > "$1"                    # what it held is not one that this script made
  fi
  chmod 0444 "$1"
}

# identified USER FILE...: each of these passwords lets the user in, and no other.
identified() {
  local file ways=""
  # cluster:begin
  if on_a_swarm; then
    bash scripts/swarm.sh identified "$@"
    return
  fi
  # cluster:end
  for file in "${@:2}"; do
    ways="${ways:+$ways OR }mysql_native_password USING PASSWORD('$(sed "s/[\\\\']/\\\\&/g" "$file")')"
  done
  sql <<< "SET sql_log_bin = 0; ALTER USER $1 IDENTIFIED VIA $ways" # not in the binary log
}

# cluster:begin
on_a_swarm() { docker service inspect "$(docker compose config 2> /dev/null | sed -n 's/^name: //p')_db" > /dev/null 2>&1; }
# cluster:end

command=""
for argument; do
  case $argument in
    --yes) YES=yes ;;
    --check) check ;;
    -*) die "there is no option $argument: see --help" ;;
    *) command="${command:+$command }$argument" ;;
  esac
done
case $command in
  "") make ;;
  rotate\ *) rotate "${command#rotate }" ;;
  *) die "there is no command $command: see --help" ;;
esac
