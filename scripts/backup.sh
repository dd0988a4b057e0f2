#!/usr/bin/env bash
# Backs the database up into a new folder of backups/, consistent while it is being written to.
#
#   bash scripts/backup.sh                     makes a backup, and removes those older than BACKUP_KEEP_DAYS (14) in .env
#   bash scripts/backup.sh --verify [BACKUP]   restores one, the last if none is named, into a throw-away container, and compares
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
script=$0
while [ -L "$script" ]; do link=$(readlink "$script"); case $link in /*) script=$link ;; *) script=$(dirname "$script")/$link ;; esac; done
. "$(dirname "$script")/lib.sh"
help "$@"

make() {
  own_backups
  [ -n "$(docker compose ps -q --status running db)" ] || die "the database is not running: docker compose up -d db"
  BACKUP_CPUS=1 container backup backup || die "no backup was made; the line above says why"
}

verify() {
  local backup
  backup=$(given "${1:-}")
  if [ -z "$backup" ]; then
    backup=$(find -H backups -type d -name '20*Z' 2> /dev/null | sort | tail -n 1)
    [ -n "$backup" ] || die "there is no backup: bash scripts/backup.sh makes one"
  fi
  is_backup "$backup"
  backup_stream "$backup" | container restore check "$backup" || exit 1
  backup_stream "$backup" | container restore restore || die "$backup cannot be restored; the lines above say why"
  restored "$backup"
  say "$backup: restored into a throw-away container, and the same"
}

ours
case ${1:-} in
  --verify) verify "${2:-}" ;;
  "" | --yes) make ;;
  *) die "unknown argument $1: see --help" ;;
esac
