#!/bin/sh
# Sends backups and the binary log to BACKUP_REPOSITORY, encrypted by restic, and brings them back; scripts/backup.sh and
# scripts/restore.sh call it.
#
#   keep       sends what is new every BACKUP_SEND_INTERVAL seconds, checks the repository, and reads each new backup back from it
#   send       does so once
#   healthy    fails when the last try failed
#   status     says how much would be lost with this host; fails where that is more than it should be
#   fetch      brings the last that was sent to /fetched, beside what is there
#   verified   notes that what fetch brought has been restored
#   put WHAT   keeps what stdin brings: the host's configuration, or its certificates, as tar archives
#   get WHAT   brings the last of it to stdout
#
# In BACKUP_REPOSITORY is restic's own form: sftp:user@host:/folder, s3:https://host/bucket/folder, rest:https://host/folder. The secret
# backup_credentials goes with it: for sftp a private key and under it the lines of known_hosts, for s3 a file as ~/.aws/credentials, for
# rest user:password.
set -eu
umask 077
export HOME=/tmp RESTIC_PASSWORD_FILE=/run/secrets/backup_key TMPDIR=/var/tmp RESTIC_CACHE_DIR=/var/tmp/restic RESTIC_HOST="$PROJECT" GOMAXPROCS=1 GOGC=20
export AWS_SHARED_CREDENTIALS_FILE=/run/secrets/backup_credentials RESTIC_REPOSITORY_FILE=/tmp/repository

limit=""

die() { printf 'offsite: %s\n' "$*" >&2; exit 1; }

[ -n "$BACKUP_REPOSITORY" ] || die "BACKUP_REPOSITORY is not set: put it into .env, see docs/backup.md"
[ -s "$RESTIC_PASSWORD_FILE" ] || die "secrets/backup_key.txt is empty: bash scripts/secrets.sh makes one, or put the one of the drawer there"
repository=$BACKUP_REPOSITORY
case $repository in
  rest:http*://*)
    if [ -s "$AWS_SHARED_CREDENTIALS_FILE" ]; then
      ! grep -q '[^A-Za-z0-9:._~-]' "$AWS_SHARED_CREDENTIALS_FILE" ||
        die "secrets/backup_credentials has characters beside letters, digits and . _ ~ - in user:password: choose another"
      repository="${repository%%//*}//$(cat "$AWS_SHARED_CREDENTIALS_FILE")@${repository#*//}"
    fi
    ;;
  sftp:*)
    sed '/^-----END/q' "$AWS_SHARED_CREDENTIALS_FILE" > /tmp/key
    sed '1,/^-----END/d' "$AWS_SHARED_CREDENTIALS_FILE" > /tmp/known_hosts
    ;;
  s3:*) ;;
  *) die "BACKUP_REPOSITORY=$repository is none of sftp:..., s3:... and rest:http...: see docs/backup.md" ;;
esac
printf '%s\n' "$repository" > "$RESTIC_REPOSITORY_FILE"

r() {
  ${limit:+timeout $limit} restic --retry-lock 5m --limit-upload "$BACKUP_BANDWIDTH" \
    -o sftp.args="-i /tmp/key -o UserKnownHostsFile=/tmp/known_hosts -o StrictHostKeyChecking=yes -o BatchMode=yes -o ConnectTimeout=20" "$@"
}

# What only reads takes no lock, which a full repository would refuse; and one run of this host is at it at a time.
# reach [new]: ends unless the repository is there, is opened by the key, and is this project's; with `new` it is made where there is none.
reach() {
  exec 9> /var/tmp/lock
  flock 9                              # two that make a repository at once leave one that neither opens
  limit=30 status=0                    # restic itself tries for a quarter of an hour
  said=$(r cat config --no-lock 2>&1 > /dev/null) || status=$?
  limit=""
  case $status in
    0) ;;
    10)
      [ "${1:-}" = new ] || die "there is no repository at $BACKUP_REPOSITORY"
      if said=$(r init 2>&1); then
        echo "a new repository is at $BACKUP_REPOSITORY"
      else                             # unless another run has just made it
        r cat config --no-lock > /dev/null 2>&1 || die "no repository can be made at $BACKUP_REPOSITORY: $(printf '%s' "$said" | grep -v '^ *$' | head -n 1)"
      fi
      ;;
    12) die "secrets/backup_key.txt does not open $BACKUP_REPOSITORY: put the key there that made it; nothing was written" ;;
    *) die "$BACKUP_REPOSITORY cannot be reached: $(printf '%s' "$said" | grep -v '^ *$' | head -n 1)" ;;
  esac
  others=$(r snapshots --no-lock --json --host '' 2> /dev/null | grep -o '"hostname":"[^"]*"' | sort -u | sed 's/.*:"//; s/"//' | grep -vxF "$PROJECT") || true
  [ -z "$others" ] || die "$BACKUP_REPOSITORY is of the project $(echo "$others" | head -n 1) and this is $PROJECT: give each a folder of its own"
  locks=$(r list locks --no-lock --quiet 2> /dev/null) || true
  if [ -n "$locks" ]; then             # all of this host's last run, which died then; or else restic takes away what is half an hour old
    ours=$(for lock in $locks; do r cat lock "$lock" --no-lock 2> /dev/null; done | grep -cF "\"hostname\": \"$(cat /var/tmp/host)\"") || true
    if [ "$ours" = "$(echo "$locks" | wc -l)" ]; then r unlock --remove-all; else r unlock; fi > /dev/null 2>&1 || true
  fi
  cat /etc/hostname > /var/tmp/host
}

files() { find /backups/log -maxdepth 1 -name '*[0-9]' 2> /dev/null | sort; }
last_backup() { find /backups -maxdepth 1 -name '20*Z' | sort | tail -n 1; }

send() {
  if [ "$BACKUP_REPOSITORY" != "$(cat /var/tmp/of 2> /dev/null)" ]; then # what another one has does not count
    rm -f /var/tmp/sent /var/tmp/checked /var/tmp/verified
    echo "$BACKUP_REPOSITORY" > /var/tmp/of
  fi
  reach new
  [ -n "$(last_backup)" ] || die "there is no backup to send yet"
  if [ ! -e /var/tmp/sent ]; then      # a new host would else hide under its own what it has not fetched yet
    theirs=$(r ls --no-lock --tag backups latest /backups 2> /dev/null | grep -o '^/backups/20[^/]*Z$' | tail -n 1) || true
    [ -z "$theirs" ] || [ -e "$theirs" ] ||
      die "$BACKUP_REPOSITORY has ${theirs#/backups/} of another host, and nothing was sent: bash scripts/restore.sh --off-site brings it;" \
        "to go on without, name another folder"
  fi
  sent=unknown
  while [ "$sent" != "$(files)" ]; do  # where another file has begun, the one before may have been sent before its end
    sent=$(files)
    backup=$(last_backup)
    point=$(cat /backups/.point 2> /dev/null) || point=$(date -u -d "$(echo "${backup#/backups/}" | sed 's/T\(..\)\(..\)\(..\)Z/ \1:\2:\3/')" +%s)
    r backup --quiet --tag backups --skip-if-unchanged --exclude '*.partial' --exclude '/backups/.*' --exclude '/backups/log/.*' \
      --exclude '/backups/log/*.until*' /backups || die "not everything was sent: see the lines above"
  done
  r check --no-lock --quiet > /dev/null || # which a lock of a dead run does not stop
    die "$BACKUP_REPOSITORY is damaged, and nothing counts as sent: see the lines above, and docs/backup.md"
  if [ "$backup" != "$(cat /var/tmp/checked 2> /dev/null)" ]; then
    for file in manifest dump.sql.gz; do
      [ "$(r dump --no-lock --tag backups latest "$backup/$file" | sha256sum)" = "$(sed -n "s/  $file\$/  -/p" "$backup/SHA256SUMS")" ] ||
        die "$file of $backup does not come back from $BACKUP_REPOSITORY as it was sent: see docs/backup.md"
    done
    # An append-only repository lets nothing be removed, and says so.
    [ "$BACKUP_KEEP_DAYS_OFFSITE" = 0 ] || r forget --quiet --tag backups --group-by host --keep-within 2d --keep-within-daily "${BACKUP_KEEP_DAYS_OFFSITE}d" --prune ||
      die "what is older than BACKUP_KEEP_DAYS_OFFSITE cannot be removed: see the line above; 0 keeps it for ever"
    echo "$backup" > /var/tmp/checked
  fi
  echo "$point" > /var/tmp/sent.new
  mv /var/tmp/sent.new /var/tmp/sent
  metrics                              # monitoring
}

# monitoring:begin
metrics() {
  printf 'backup_%s{where="off-site"} %s\n' recovery_point_limit_seconds 3600 recovery_point_timestamp_seconds "$(cat /var/tmp/sent 2> /dev/null || echo 0)" \
    last_verified_restore_timestamp_seconds "$(cat /var/tmp/verified 2> /dev/null || echo 0)" > /var/tmp/offsite.prom.new
  chmod 644 /var/tmp/offsite.prom.new
  mv /var/tmp/offsite.prom.new /var/tmp/offsite.prom
}
# monitoring:end

case ${1:-} in
  keep)
    while true; do
      if sh "$0" send; then rm -f /tmp/failed; else touch /tmp/failed; fi
      sleep "$BACKUP_SEND_INTERVAL" &
      wait $!
    done
    ;;
  send) send ;;
  healthy) [ ! -e /tmp/failed ] || die "the last try to send failed: docker compose logs offsite" ;;
  status)
    sent=$(cat /var/tmp/sent 2> /dev/null) || die "off the host: nothing was sent yet"
    lost=$(($(date +%s) - sent))
    echo "off the host: $lost s would be lost now, what came after $(date -u -d "@$sent" '+%Y-%m-%d %H:%M:%S') UTC (at most 3600 s are right)"
    [ "$lost" -le 3600 ]
    ;;
  fetch)
    reach
    r restore latest:/backups --no-lock --tag backups --target /fetched --overwrite never --quiet || die "not everything came: see the lines above"
    ;;
  verified)
    date +%s > /var/tmp/verified
    metrics                            # monitoring
    ;;
  put)
    reach new
    r backup --quiet --tag "$2" --stdin --stdin-filename "$2.tar" || die "the $2 was not sent: see the lines above"
    ;;
  get)
    reach
    r dump --no-lock --tag "$2" latest "$2.tar"
    ;;
  *) die "it is not started by hand: see scripts/backup.sh and scripts/restore.sh" ;;
esac
