#!/usr/bin/env bash
# The development container: runs the service, compiles what is saved, and lets Spring's devtools restart it with that.
# What does not compile is shown, and the version before goes on serving.
set -euo pipefail
cd /workspace/app

classes=target/classes served=target/served
build() { mvn -q -Dcyclonedx.skip -Denforcer.skip "$@" compile; }

publish() {                            # what devtools watches changes in one go, and only if it compiled
  local file
  mkdir -p "$served"
  (cd "$served" && find . -type f ! -name .reload) | while read -r file; do
    [ -e "$classes/$file" ] || rm "$served/$file"
  done
  cp -ru "$classes/." "$served/"
  date > "$served/.reload"
}

build
mvn -q dependency:build-classpath -Dmdep.outputFile=target/classpath -Dmdep.includeScope=runtime
publish
java -XX:TieredStopAtLevel=1 -agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=*:5005 \
  -Dspring.devtools.restart.trigger-file=.reload -Dspring.devtools.restart.poll-interval=200ms \
  -Dspring.devtools.restart.quiet-period=50ms \
  -cp "$served:$(cat target/classpath)" dev.slipway.analysis.Application &
service=$!
trap 'kill $service; wait $service' TERM INT

touch target/seen
while kill -0 "$service" 2> /dev/null; do
  sleep 0.2
  if [ -n "$(find src/main -newer target/seen -print -quit)" ]; then
    touch target/seen
    build --offline && publish || echo "hot-reload: not compiled, the version before goes on serving"
  fi
done
wait "$service"
