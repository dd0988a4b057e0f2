#!/usr/bin/env bash
# The development container: runs the service, compiles what is saved, and lets Spring's devtools restart it with that.
# What does not compile is shown, and the version before goes on serving, of the container before if this one has none.
set -euo pipefail
cd /workspace/app

classes=target/classes served=target/served

# build MAVEN_ARGUMENT...: publishes what is saved, or says why not; fails if there is nothing to serve.
build() {
  touch target/seen                                 # first, so that what is saved meanwhile is not missed
  mkdir -p "$classes" "$served"
  find "$classes" -type f ! -name '*.class' -delete # maven removes classes that are gone, and resources never
  if mvn -q -Dcyclonedx.skip -Denforcer.skip compile "$@"; then
    # What devtools watches changes in one go, and only if it compiled.
    (cd "$served" && find . -type f ! -name .reload) | while read -r file; do
      [ -e "$classes/$file" ] || rm "$served/$file"
    done
    cp -ru "$classes/." "$served/"
    date > "$served/.reload"
  elif [ -e "$served/.reload" ]; then
    echo "hot-reload: not compiled, the version before goes on serving"
  else
    echo "hot-reload: not compiled, and there is no version before: waiting for a change"
    return 1
  fi
}

changed() {
  sleep 0.2
  [ -n "$(find src/main -newer target/seen -print -quit)" ]
}

until build dependency:build-classpath -Dmdep.outputFile=target/classpath -Dmdep.includeScope=runtime; do
  until changed; do :; done
done
java -XX:TieredStopAtLevel=1 -agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=*:5005 \
  -Dspring.devtools.restart.trigger-file=.reload -Dspring.devtools.restart.poll-interval=200ms \
  -Dspring.devtools.restart.quiet-period=50ms \
  -cp "$served:$(cat target/classpath)" dev.slipway.analysis.Application &
service=$!
trap 'kill $service; wait $service' TERM INT

while kill -0 "$service" 2> /dev/null; do
  if changed; then build --offline || true; fi
done
wait "$service"
