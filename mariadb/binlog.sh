# shellcheck shell=bash disable=SC2153 # NAME is dump.sh's
# The database's binary log, which dump.sh knows by this. /backups/log has a copy of it, written as the server writes its own.
# Its files are CHAIN.NUMBER. A chain is what the server has logged in one volume, without a gap, as transactions CHAIN-1-N.
# CHAIN.until says up to when all of it is here: seconds since 1970, and the file and position of that moment.

LOG=/backups/log
INCOMING=$LOG/.incoming
anew="This begins another: docker compose exec db rm /var/lib/mysql/.chain && docker compose restart db"

# archiver SQL: what the running server answers the log's own account.
archiver() { as archiver mariadb --host="${DB_HOST:-db}" --connect-timeout=5 --batch --skip-column-names -e "$1"; }

length() { stat -c %s "$1" 2> /dev/null || echo 0; }

# complain TEXT: says why the log cannot be copied, unless that was said last.
complain() {
  [ "$1" = "$(cat /tmp/said 2> /dev/null)" ] || printf 'backup: the binary log cannot be copied: %s\n' "$1" >&2
  printf '%s' "$1" > /tmp/said
}

# copy FOLDER OPTION...: the server's files from the last one that is here, or from its first, into an empty folder. It becomes the
# program that does so, and is for a process of its own.
copy() {
  local files last
  files=$(archiver "SHOW BINARY LOGS" 2>&1) || {
    [[ $files != *1381* ]] || files="the server writes none, or has stopped doing so. $anew" # perhaps a full disk
    complain "$files"
    return 1
  }
  files=$(cut -f 1 <<< "$files")
  printf '%s\n' "${files%%.*}" > /tmp/chain
  last=$(find "$LOG" -maxdepth 1 -name "$(< /tmp/chain).[0-9]*" -printf '%f\n' | sort | tail -n 1)
  [[ $'\n'$files$'\n' = *$'\n'$last$'\n'* ]] || last=${files%%$'\n'*}
  rm -rf "$1"
  mkdir -p "$1"
  exec mariadb-binlog --defaults-extra-file=<(credentials archiver) --read-from-remote-server --host="${DB_HOST:-db}" --raw --result-file="$1/" "${@:2}" "$last"
}

# adopt FOLDER: its files take their place in the log, each once it is as long as what is there.
adopt() {
  local file name last="" come there
  for file in "$1"/*.[0-9]*; do
    [ -e "$file" ] || return 0
    name=${file##*/}
    if [ ! "$file" -ef "$LOG/$name" ]; then
      come=$(length "$file") there=$(length "$LOG/$name")
      [ ! -e "$LOG/$name" ] || cmp -s -n "$((come < there ? come : there))" "$LOG/$name" "$file" ||
        die "the server's $name is another than the one in var/backups/log: its log was reset. $anew"
      if [ "$come" -ge "$there" ]; then # the place is never empty
        ln -f "$file" "$LOG/.new-$HOSTNAME-$BASHPID" && mv -T "$LOG/.new-$HOSTNAME-$BASHPID" "$LOG/$name" || return
      fi
    fi
    if [ -n "$last" ] && [ "$last" -ef "$LOG/${last##*/}" ]; then # it is whole, as another one has begun
      sync -d "$last" && rm "$last" || return
    fi
    last=$file
  done
}

# place: the time, and the server's file and position.
place() { echo "$(date +%s) $(archiver "SHOW MASTER STATUS" 2> /dev/null)"; }

# note FOLDER PLACE: adopts what came, and notes until when the log is here. Fails where the server was ahead then, or did not answer.
note() {
  local now file position tries until
  read -r now file position _ <<< "$2"
  [ -n "$file" ] || return 1
  until=$LOG/${file%.*}.until
  for tries in 1 2 3 4 5; do
    adopt "$1" || return
    if [ "$(length "$1/$file")" -ge "$position" ] && [ "$(length "$LOG/$file")" -ge "$position" ]; then
      sync -d "$LOG/$file" && printf '%s %s %s\n' "$now" "$file" "$position" > "$LOG/.until-$HOSTNAME-$BASHPID" &&
        mv "$LOG/.until-$HOSTNAME-$BASHPID" "$until" || return
      rm -f /tmp/said
      return
    fi
    sleep "0.$tries"
  done
  return 1
}

# follow: copies the log as it is written, and notes every ten seconds how far that is.
follow() {
  local copier="" behind turn=0
  mkdir -p "$LOG"
  trap '[ -z "$copier" ] || kill "$copier" 2> /dev/null || true' EXIT # or each one that is begun again would leave one
  while true; do
    copy "$INCOMING" --stop-never &
    copier=$! behind=0
    while sleep 10 && kill -0 "$copier" 2> /dev/null; do
      if note "$INCOMING" "$(place)"; then behind=0; else behind=$((behind + 1)); fi
      turn=$((turn + 1))
      if ((turn % 2 == 0)); then
        mark || true                   # on a full disk, which the copier waits for
        metrics || true                # monitoring
      fi
      if [ "$behind" -ge 3 ]; then kill "$copier"; fi # it hears nothing of the server any more
    done
    wait "$copier" || true
    adopt "$INCOMING"
  done
}

# fetch: copies what there is of the log now.
fetch() {
  local now
  mkdir -p "$LOG"
  now=$(place)                         # the server may go on meanwhile
  (copy "$LOG/.fetched" --to-last-log) > /dev/null || die "the database's log cannot be had: is the database running, and DB_BINLOG on?"
  note "$LOG/.fetched" "$now" || die "the database's log came, but not all of it: call this again"
  rm -r "$LOG/.fetched"
}

# logged BACKUP: the file and the position of the log that it is of.
logged() { sed -n "s/^log //p" "/backups/$1/manifest" 2> /dev/null || true; }

# files FIRST: those of its chain from this one on.
files() {
  { find "$LOG" -maxdepth 1 -name "${1%.*}.[0-9]*" -printf '%f\n' 2> /dev/null || true; } | sort | awk -v first="$1" '$0 >= first'
}

# gap FIRST: the first file from this one on that is not here, although a later one is.
gap() { files "$1" | awk -F . -v first="${1##*.}" '{ next_one = first + n++; if ($2 + 0 != next_one) { printf "%s.%06d\n", $1, next_one; exit } }'; }

# anchored: whether the last backup is of the chain that is being written, and nothing of that is missing since.
anchored() {
  local file
  [ -s /tmp/chain ] || return 0
  read -r file _ <<< "$(logged "$(last_backup)")"
  [ "${file%.*}" = "$(< /tmp/chain)" ] && [ -z "$(gap "$file")" ]
}

# forget: removes what no backup that is kept needs.
forget() {
  local folder file oldest
  for folder in /backups/$NAME; do logged "${folder##*/}"; done | sort > /tmp/logged
  for file in "$LOG"/*.[0-9]*; do
    [ -e "$file" ] || return 0
    file=${file##*/}
    oldest=$(awk -v chain="${file%.*}." 'index($1, chain) == 1 && !n++ { print $1 }' /tmp/logged)
    if [ -n "$oldest" ]; then
      [[ $file > $oldest || $file = "$oldest" ]] || rm "$LOG/$file"
    elif [ "${file%.*}" != "$(cat /tmp/chain 2> /dev/null)" ]; then
      rm -f "$LOG/$file" "$LOG/${file%.*}.until"
    fi
  done
}

# transactions FILE...: what these hold, a line each: FILE START END GTID DAY TIME, in UTC. They end with a line "ends FILE END", which is
# where a checksum is wrong, or a file does not go on where the one before has ended, or else the last one's end.
transactions() {
  local file
  for file; do
    printf '= %s\n' "${file##*/}"
    TZ=UTC0 mariadb-binlog --verify-binlog-checksum --base64-output=decode-rows "$LOG/$file" 2> /dev/null || printf '!\n'
  done 2> /dev/null | awk '
    function ended() { if (gtid != "" && whole) print file, start, end, gtid, time; gtid = "" }
    # The number before this one is of the file before, unless that lacks its end.
    function follows(number) { if (last != "" && number != last) { file = before; end = before_end; exit } }
    /^= / { ended(); before = file; before_end = end; file = $2; end = 4; chain = substr(file, 1, index(file, ".") - 1); next }
    /^!$/ { exit }
    list != "" { list = list $2 }
    /^# at [0-9]+$/ { at = $3; next }
    /^START TRANSACTION$/ { alone = 0 }
    /^(COMMIT|ROLLBACK)(\/\*!\*\/;)?$/ { whole = 1 }
    /^#[0-9][0-9][0-9][0-9][0-9][0-9] +[0-9:]+ server id [0-9]+ +end_log_pos [0-9]+ CRC32 / {
      if ($10 == "GTID" && at == end) {
        ended()
        gtid = $11; start = at; alone = 1; whole = 0
        time = sprintf("20%s-%s-%s %s%s", substr($1, 2, 2), substr($1, 4, 2), substr($1, 6), length($2) < 8 ? "0" : "", $2)
        split(gtid, part, "-")
        if (part[1] == chain) { follows(part[3] - 1); last = part[3] }
      } else if ($10 == "Gtid") {
        list = $12
      } else if ($10 == "Query" && alone) {
        whole = 1
      }
      end = $7
    }
    list ~ /\]$/ { if (match(list, chain "-[0-9]+-[0-9]+")) { split(substr(list, RSTART, RLENGTH), part, "-"); follows(part[3]) }; list = "" }
    END { ended(); print "ends", file, end }' || true # it stops reading there
}

# plan to MOMENT | before GTID | latest: which backup, and which part of the log after it, are the database of then:
# BACKUP FIRST-FILE POSITION LAST-FILE END COUNT
plan() {
  local kind=$1 wanted=${2:-} instant="" before="" reached name newest file position until ahead gone whole verdict found=""
  if [ "$kind" = to ]; then
    instant=$(date -u -d "$wanted" +%s) || exit 1
    wanted=$(date -u -d "@$instant" '+%Y-%m-%d %H:%M:%S')
    before=$(date -u -d "@$((instant - 60))" '+%Y-%m-%d %H:%M:%S') # a long statement is logged after others that began later
  fi
  for name in $(find /backups -maxdepth 1 -type d -name "$NAME" -printf '%f\n' | sort -r); do
    read -r file position <<< "$(logged "$name")"
    if [ -z "$file" ] || { [ "$kind" = to ] && [ "$(seconds "$name")" -gt "$instant" ]; }; then continue; fi
    if [ "$kind" = before ] && [ "${file%.*}" != "${wanted%%-*}" ]; then continue; fi
    until=0 ahead=""
    [ ! -s "$LOG/${file%.*}.until" ] || read -r until ahead < "$LOG/${file%.*}.until"
    if [ ! -e "$LOG/$file" ]; then
      [ "$kind" = latest ] || die "var/backups/log/$file is missing, and nothing was changed: var/backups/$name can be restored, and no later moment"
      echo "backup: var/backups/log/$file is missing, and what was written after the backup with it" >&2
      echo "$name"
      return
    fi
    gone=$(gap "$file")
    mapfile -t whole < <(files "$file" | awk -v gone="$gone" 'gone == "" || $0 < gone')
    found=$(transactions "${whole[@]}" |
      awk -v kind="$kind" -v wanted="$wanted" -v before="$before" -v file="$file" -v position="$position" -v ahead="$ahead" -v newest="${whole[*]: -1}" '
        BEGIN { last = file; end = position; verdict = "end" }
        $1 == "ends" {                 # after what was copied there may be half a transaction
          split(ahead, place, " ")
          if (verdict == "end" && ($2 < newest || $2 == place[1] && $3 + 0 < place[2] + 0)) verdict = "damaged " $2
          next
        }
        { time = $5 " " $6 }
        stopped && kind == "to" && time < before { verdict = "twice " stopped " and " $4; exit }
        stopped { next }
        kind == "to" && time >= wanted || kind == "before" && $4 == wanted {
          stopped = $4
          verdict = $1 < file || $1 == file && $2 + 0 < position + 0 ? "early" : "stop"
          next
        }
        $1 > file || $1 == file && $2 + 0 >= position + 0 { count++; last = $1; end = $3; reached = time }
        END { print verdict; print last, end, count + 0; print reached }') || true
    verdict=$(sed -n 1p <<< "$found")
    [[ $kind-$verdict = *-early || $kind-$verdict = before-[de]* ]] || break # an older backup may come before it
    found=""
  done
  [ -n "$found" ] || die "there is no backup of before $wanted from which the log leads there: see var/backups"
  newest=$(find "$LOG" -maxdepth 1 -name '*.[0-9]*' -printf '%f\n' | sort | tail -n 1)
  if [[ $kind = latest && ${newest%.*} > ${file%.*} ]]; then
    die "the log that began on $(date -u -d "@${newest%.*}" '+%Y-%m-%d %H:%M:%S') follows no backup: --to that takes what was before it"
  fi
  reached=$(sed -n 3p <<< "$found")
  [ -z "$reached" ] || reached="--to '$reached'"
  reached="the last moment that can be reached from var/backups/$name is ${reached:-its own}"
  case $kind-$verdict in
    *-twice*) die "the clock was set back, and $wanted came twice: say --before-gtid with the first transaction that is to be left out," \
      "of those around ${verdict#twice }" ;;
    *-stop) ;;
    *-damaged*) die "var/backups/log/${verdict#damaged } is damaged, and nothing was changed: $reached" ;;
    *) [ -z "$gone" ] || die "var/backups/log/$gone is missing, and nothing was changed: $reached" ;;
  esac
  case $kind-$verdict in
    to-end)
      [ "$until" -gt 0 ] || die "of the log here it is not known whether it reaches $wanted: --to latest takes all there is; $reached"
      [ "$until" -ge "$instant" ] ||
        die "the log is here until $(date -u -d "@$until" '+%Y-%m-%d %H:%M:%S'), in UTC, and $wanted is later: --to latest takes all there is"
      ;;
  esac
  echo "$name $file $position $(sed -n 2p <<< "$found")"
}

# disabled NAME... < LOG: of these events, which were disabled before it, and of those that this text of a log makes or changes, which are
# disabled after it, as an SQL list.
# shellcheck disable=SC2016 # SQL's own quotes
disabled() {
  awk -v before="$(printf '%s\n' "$@")" '
    # The event that a statement names after what has been read of it; that goes on after its name.
    function named(    name) {
      sub(/^[ \t\r\n]*(IF (NOT )?EXISTS[ \t\r\n]+)?((`app`|app)[.])?/, "", text)
      match(text, /^(`([^`]|``)*`|[^ \t\r\n]+)/)
      name = substr(text, 1, RLENGTH)
      text = substr(text, RLENGTH + 1)
      if (name ~ /^`/) { name = substr(name, 2, length(name) - 2); gsub(/``/, "`", name) }
      return name
    }
    function event(    head, name, created) {
      if (!match(toupper(text), /^(CREATE|ALTER)[ \t\r\n][^(]*EVENT[ \t\r\n]/)) return
      created = toupper(text) ~ /^CREATE/
      # A definer, in quotes, may have the word in its name.
      match(text, /^[A-Za-z]+([ \t\r\n]+[Oo][Rr][ \t\r\n]+[A-Za-z]+)?([ \t\r\n]+[A-Za-z]+[ \t\r\n]*=[ \t\r\n]*(`([^`]|``)*`|[^ @`]+)(@(`([^`]|``)*`|[^ `]+))?)?[ \t\r\n]+/)
      text = substr(text, RLENGTH + 1)
      if (toupper(substr(text, 1, 5)) != "EVENT") return
      text = substr(text, 6)
      name = named()
      gsub(/\047([^\047\\]|\\.|\047\047)*\047/, "", text)
      head = " " toupper(text) " "
      gsub(/[ \t\r\n;]+/, " ", head)
      if (match(head, / DO /)) head = substr(head, 1, RSTART)
      if (created) off[name] = 0
      if (head ~ / DISABLE /) off[name] = 1
      if (head ~ / ENABLE /) off[name] = 0
      if (match(head, / RENAME TO /)) {
        match(toupper(text), /RENAME[ \t\r\n]+TO[ \t\r\n]+/)
        text = substr(text, RSTART + RLENGTH)
        head = named()
        off[head] = off[name]
        delete off[name]
      }
    }
    BEGIN { count = split(before, list, "\n"); for (i = 1; i <= count; i++) if (list[i] != "") off[list[i]] = 1 }
    /^(\/\*!\*\/;|.*\/\*!\*\/;)$/ { if (text != "") event(); text = ""; next }
    /^(#|DELIMITER|BINLOG )/ && text == "" { next }
    length(text) < 100000 { text = text (text == "" ? "" : "\n") $0 }
    END {
      for (name in off) if (off[name]) { gsub(/[\\\047]/, "\\\\&", name); printf "%s\047%s\047", n++ ? "," : "", name }
      if (!n) printf "\047\047"
    }'
}

# replay FIRST-FILE POSITION LAST-FILE END COUNT: brings what this part of the log did to the database app into the running server, which takes
# the files for those of a replica; so that it leaves out what is of other databases, whatever a statement looks like.
replay() {
  local file state off disabled parts=()
  cd /var/lib/mysql || exit
  for file in $(files "$1"); do
    if [[ $file < $3 ]]; then ln -s "$LOG/$file" .; else head -c "$4" "$LOG/$file" > "$file"; fi
    printf './%s\n' "$file" >> replay.index
    parts+=("$file")
    [ "$file" != "$3" ] || break
  done
  mapfile -t disabled < <(as root mariadb --protocol=socket --batch --skip-column-names --raw -e "
    SELECT name FROM mysql.event WHERE db = 'app' AND status = 'DISABLED'")
  off=$(mariadb-binlog --base64-output=decode-rows --start-position="$2" "${parts[@]}" | disabled "${disabled[@]}")
  # What the backup has of other engines is of a later moment than its place in the log.
  as root mariadb --protocol=socket -e "
    SET GLOBAL slave_exec_mode = (SELECT IF(COUNT(*) = 0, 'STRICT', 'IDEMPOTENT') FROM information_schema.tables
      WHERE table_schema = 'app' AND engine <> 'InnoDB');
    CHANGE MASTER TO MASTER_HOST = 'none', MASTER_USER = 'none', RELAY_LOG_FILE = '$1', RELAY_LOG_POS = $2;
    START SLAVE SQL_THREAD"
  while state=$(as root mariadb --protocol=socket -e "SHOW SLAVE STATUS\G") && [[ $state != *"has read all relay log"* ]]; do
    [[ $state = *"Last_SQL_Errno: 0"* ]] || die "the log cannot be replayed: $(sed -n 's/^ *Last_SQL_Error: //p' <<< "$state")"
    sleep 0.5
  done
  as root mariadb --protocol=socket -e "STOP SLAVE; RESET SLAVE ALL; SET GLOBAL gtid_slave_pos = ''"
  rm -f "${1%.*}".*
  dump root --protocol=socket --no-data | contents > /tmp/contents
  make_definers /tmp/contents
  # A replica leaves the events that it makes to its master.
  as root mariadb --protocol=socket -e "
    UPDATE mysql.event SET status = IF(name IN ($off), 'DISABLED', 'ENABLED') WHERE db = 'app' AND status = 'SLAVESIDE_DISABLED'"
}

# recovery_point: up to when nothing would be lost now, in seconds since 1970: of the last backup and the log that follows it.
recovery_point() {
  local last file until
  last=$(last_backup)
  read -r file _ <<< "$(logged "$last")"
  read -r until _ 2> /dev/null < "$LOG/${file%.*}.until" || until=0
  if [ -z "$file" ] || [ -n "$(gap "$file")" ] || [ "$until" -lt "$(seconds "$last")" ]; then until=$(seconds "$last"); fi
  echo "$until"
}

# mark: leaves that to /backups/.point, for who sends it off the host.
mark() {
  recovery_point > "/backups/.point-$HOSTNAME-$BASHPID" && mv "/backups/.point-$HOSTNAME-$BASHPID" /backups/.point
}

# status: how much would be lost now, in a line; fails where that is more than it should be.
status() {
  local point lost most=$((BACKUP_INTERVAL + BACKUP_INTERVAL / 4 + 60))
  [ -n "$(last_backup)" ] || die "there is no backup: everything would be lost; bash scripts/backup.sh makes one"
  [ "$DB_BINLOG" = off ] || most=300
  point=$(recovery_point)
  lost=$(($(date +%s) - point))
  echo "here: $lost s would be lost now, what came after $(date -u -d "@$point" '+%Y-%m-%d %H:%M:%S') UTC (at most $most s are right)"
  [ "$lost" -le "$most" ]
}
