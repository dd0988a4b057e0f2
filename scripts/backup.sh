#!/usr/bin/env bash
# Backs the database up into a new folder of var/backups/, consistent while it is being written to.
#
#   bash scripts/backup.sh                     makes a backup, and removes those older than BACKUP_KEEP_DAYS (14) in .env
#   bash scripts/backup.sh --status            says how much would be lost now; exit status 1 where that is more than it should be
#   bash scripts/backup.sh --verify [BACKUP]   restores one, the last if none is named, into a throw-away container, and compares;
#                                              off-site for BACKUP takes what lies in BACKUP_REPOSITORY
#   bash scripts/backup.sh --send              sends it, with .env, secrets/ and the edge's certificates, to BACKUP_REPOSITORY now
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
. "$(dirname "$(readlink -f "$0")")/lib.sh"

ours
case ${1:-} in
  "" | --yes)
    own_backups
    [ -n "$(docker compose ps -q --status running db)" ] || die "the database is not running: docker compose up -d db"
    BACKUP_CPUS=1 container backup make || die "no backup was made; the line above says why"
    ;;
  --status)
    own_backups
    container backup status || failed=yes
    ! has_service offsite || container offsite status || failed=yes
    [ -z "${failed:-}" ] || exit 1
    ;;
  --send)
    has_service offsite || die "nothing is sent off this host: docs/backup.md says how"
    own_backups
    tar -chf - .env secrets | cat > /dev/null || die "the line above says what of .env and secrets/ cannot be read: use sudo; nothing was sent"
    tar -chf - .env secrets | container offsite put configuration || exit 1
    ! has_service certificates || container --entrypoint tar certificates -C /var/tmp -c . | container offsite put certificates || exit 1
    container offsite send || exit 1
    container offsite status
    ;;
  --verify)
    if [ "${2:-}" = off-site ]; then
      mkdir -p var/sent
      trap 'container -v "$PWD/var/sent:/fetched" --entrypoint sh offsite -c "rm -rf /fetched/*"' EXIT
      fetch var/sent || exit 1
      set -- --verify "$(find -H var/sent -type d -name '20*Z' | sort | tail -n 1)"
      sent=yes
    fi
    backup=$(given "${2:-$(find -H var/backups -type d -name '20*Z' 2> /dev/null | sort | tail -n 1)}")
    [ -n "$backup" ] || die "there is no backup: bash scripts/backup.sh makes one"
    is_backup "$backup"
    dumped "$backup" | container restore check "$backup" || exit 1
    dumped "$backup" | container restore load || die "$backup cannot be restored; the lines above say why"
    restored "$backup"
    say "$backup: restored into a throw-away container, and the same"
    [ -z "${sent:-}" ] || container offsite verified
    ;;
  *) die "unknown argument $1: see --help" ;;
esac
