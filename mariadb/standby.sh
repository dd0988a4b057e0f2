#!/usr/bin/env bash
# The standby of the database, on another host of a Swarm: docs/cluster.md. scripts/swarm.sh calls all but the first in jobs beside a server.
#
#   serve COMMAND...   runs the database's command as the standby of the host db
#   follow MODE        fails unless it follows db, and notes how db waits for it: lossless or available
#   wait MODE          has the database wait for its standby, now and after each start
#   alone              has it wait for none
#   say                a line on this server, standby or database
#   identified USER    each of the passwords way-* lets him in, and no other
#   asked              fails unless db answers
#   take-over          the standby applies what it has received, and is the database's volume from then on
#
# A standby's volume has a file .standby, with which no other server starts on it. A volume that is empty becomes a copy of what db holds,
# compared row by row, while db serves on.
set -euo pipefail
cd /var/lib/mysql

sql() { as root --protocol=socket --batch --skip-column-names -e "$1"; }
as() { mariadb --defaults-extra-file=<(printf '[client]\nuser=%s\npassword="%s"\n' "$1" "$(< "/run/secrets/db_$1")") "${@:2}"; }

# look: reads the state of the replication, of which field NAME is a part.
look() { state=$(as root --protocol=socket -e "SHOW SLAVE STATUS\G"); }
field() { sed -n "s/^ *$1: *//p" <<< "$state"; }

quoted() { sed "s/[\\\\']/\\\\&/g" "$1"; }

serve() {
  if [ ! -e .standby ]; then
    if [ -e mysql ] && [ ! -e .copying ]; then
      echo "This volume was the database's own, and no standby is made of that: docker volume rm on this host, once nothing in it is missed." >&2
      exit 1
    fi
    find . -mindepth 1 ! -path ./.copying -delete
    touch .copying
    bash /usr/local/bin/dump.sh copy-database
    mv .copying .standby
  fi
  umask 077
  {
    cat /etc/mysql/accounts.sql
    echo "GRANT SLAVE MONITOR ON *.* TO exporter@'%';" # monitoring
    echo "CHANGE MASTER TO MASTER_HOST = 'db', MASTER_USER = 'archiver', MASTER_PASSWORD = '$(quoted /run/secrets/db_archiver)'," \
      "MASTER_CONNECT_RETRY = 2, MASTER_USE_GTID = slave_pos;"
    echo "START SLAVE;"
  } > /tmp/standby.sql
  # Of other databases it takes nothing, as a backup does. Who writes here is refused.
  export STANDBY=yes
  exec "$@" --init-file=/tmp/standby.sql --server-id=2 --skip-slave-start --read-only=ON --log-slave-updates=ON --relay-log=relay \
    --slave-net-timeout=10 --master-retry-count=0 --rpl-semi-sync-slave-enabled=ON --event-scheduler=OFF \
    --replicate-wild-do-table=app.% --slave-skip-errors=1049,1305,1539
}

follow() {
  if [ -e .copying ]; then echo "the standby is being made, which takes as long as a backup and its restore"; exit 1; fi
  for _ in {1..60}; do
    if look 2> /dev/null && [[ $(field Slave_IO_Running)-$(field Slave_SQL_Running)-$(field Seconds_Behind_Master) = Yes-Yes-[0-9] ]]; then
      # Connected before the database waited for any, it is not one that is waited for.
      [ "$(sql "SHOW STATUS LIKE 'Rpl_semi_sync_slave_status'" | cut -f 2)" = ON ] || sql "STOP SLAVE IO_THREAD; START SLAVE IO_THREAD"
      echo "$1" > .standby
      exit
    fi
    sleep 1
  done
  echo "the standby does not follow: $(field Last_IO_Error)$(field Last_SQL_Error), $(field Seconds_Behind_Master) s behind"
  exit 1
}

# AFTER_SYNC: nobody sees a row that is not on both. Lossless waits for ever, in ms; available goes on alone until the standby is back.
wait_so() {
  local most=2000 options
  [ "$1" = available ] || most=4294967295
  options="--rpl-semi-sync-master-enabled=ON --rpl-semi-sync-master-wait-point=AFTER_SYNC --rpl-semi-sync-master-timeout=$most"
  [ "$(cat .semi-sync 2> /dev/null)" != "$options" ] || return 0
  sql "SET GLOBAL rpl_semi_sync_master_enabled = OFF"
  sql "SET GLOBAL rpl_semi_sync_master_wait_point = AFTER_SYNC, GLOBAL rpl_semi_sync_master_timeout = $most"
  echo "$options" > .semi-sync         # start.sh's
  sql "SET GLOBAL rpl_semi_sync_master_enabled = ON"
}

alone() {
  [ -e .semi-sync ] || return 0
  sql "SET GLOBAL rpl_semi_sync_master_enabled = OFF"
  rm .semi-sync
}

say() {
  look
  if [ -e .copying ]; then
    echo "copying"
  elif [ -e .standby ]; then
    echo "$(field Slave_IO_Running) $(field Slave_SQL_Running) $(field Seconds_Behind_Master) $(cat .standby) $(field Last_IO_Error)$(field Last_SQL_Error)"
  else
    sql "SHOW STATUS LIKE 'Rpl_semi_sync_master_%'" | awk '{ sub(/Rpl_semi_sync_master_/, ""); printf "%s=%s ", $1, $2 }'
  fi
}

identified() {
  local file ways=""
  for file in /run/secrets/way-*; do ways="${ways:+$ways OR }mysql_native_password USING PASSWORD('$(quoted "$file")')"; done
  sql "SET sql_log_bin = 0; ALTER USER $1 IDENTIFIED VIA $ways"
}

asked() { as archiver --host=db --connect-timeout=3 -e "DO 1"; }

take_over() {
  local received
  if [ ! -e .standby ]; then echo "this volume is no standby's"; exit 1; fi
  sql "STOP SLAVE IO_THREAD"
  look
  received=$(field Gtid_IO_Pos)
  until [ "$(sql "SELECT MASTER_GTID_WAIT('$received', 5)")" = 0 ]; do
    look
    [ "$(field Slave_SQL_Running)" = Yes ] || { echo "it cannot be applied: $(field Last_SQL_Error)"; exit 1; }
  done
  # A replica leaves the events that it makes to its master.
  sql "STOP SLAVE; RESET SLAVE ALL; UPDATE mysql.event SET status = 'ENABLED' WHERE db = 'app' AND status = 'SLAVESIDE_DISABLED'"
  rm .standby
  echo "$received"
}

case $1 in
  wait) wait_so "$2" ;;
  take-over) take_over ;;
  *) "$@" ;;
esac
