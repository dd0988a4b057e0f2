#!/usr/bin/env bash
# Makes app.aot, in a stage of app/Dockerfile: starts the service on a database that lives as long as this, and makes calls.
# The JVM keeps what it loaded and linked, and how its methods ran, so that a new container is warm. A call that is refused only trains less;
# the build prints how many were answered with what.
set -euo pipefail

# The sample's call of scripts/test-docker-compose.sh makes something; what its Location names is read, and each list that the API's document knows.
sample=$(sed -n "s/^sample='\([^']*\)'.*/\1/p" /sample.sh)
post=${sample%% *} body=${sample#* }
token=$(< /run/secrets/access.tokens.development.token)

get() { printf 'GET %s HTTP/1.1\r\nHost: train\r\nAuthorization: Bearer %s\r\n\r\n' "$1" "$token"; }
post() {
  printf 'POST %s HTTP/1.1\r\nHost: train\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s' \
    "$post" "$token" "${#body}" "$body"
}

# send PORT COMMAND...: the requests that it prints, at most 99 on one connection; prints the answers.
send() {
  exec 3<> "/dev/tcp/127.0.0.1/$1"
  { "${@:2}" && printf 'GET /livez HTTP/1.0\r\n\r\n'; } >&3 &
  cat <&3
  exec 3>&-
}
some() {
  for _ in 1 2 3 4 5 6; do
    post
    for _ in 1 2 3 4 5 6 7 8; do get "${made:-$post}"; done
    for list in $lists; do get "$list"; done
  done
}
watched() { get /actuator/prometheus && get /actuator/health/readiness; }

mariadb-install-db --user=root --datadir=/tmp/db > /dev/null
mariadbd --user=root --datadir=/tmp/db --bind-address=127.0.0.1 --skip-grant-tables &
timeout 300 bash -c "until mariadb-admin --host=127.0.0.1 --silent ping; do sleep 0.5; done"
/opt/java/bin/java -XX:+UseSerialGC -Xmx256m -XX:AOTCacheOutput=app.aot -jar app.jar &
service=$!
until [[ $(send 8080 get /readyz 2> /dev/null) == "HTTP/1.1 200"* ]]; do
  kill -0 "$service"
  [ "$SECONDS" -lt 900 ]
  sleep 0.5
done

lists=$(send 8080 get /api/openapi | grep -o '"/api/[^"{]*":{"get"' | cut -d '"' -f 2) || true
made=$(send 8080 post | tr -d '\r' | sed -n 's/^Location: //p') || true
end=$((SECONDS + 8))
for ((round = 1; SECONDS < end; round++)); do
  send 8080 some || true
  [ $((round % 8)) != 0 ] || send 8081 watched || true
done > /tmp/answers
grep -ao 'HTTP/1.1 ...' /tmp/answers | sort | uniq -c || true
kill "$service"
wait "$service" || test -s app.aot
