#!/usr/bin/env bash
# The edge's certificate, where it is not to be the one that the service certificates gets by itself: docs/edge.md.
#
#   bash scripts/certificate.sh install CHAIN KEY    puts your own in its place; no connection is lost
#   bash scripts/certificate.sh automatic            goes back from it
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
. "$(dirname "$(readlink -f "$0")")/lib.sh"

# certificates COMMAND: in a container of that service, whose volume a key never leaves.
certificates() { container certificates "$@" || exit 1; }

case ${1:-}:$# in
  install:3)
    need_production
    ours
    chain=$(given "$2") key=$(given "$3")
    for file in "$chain" "$key"; do
      [ -r "$file" ] || die "$file cannot be read: name a file in PEM"
    done
    cat "$chain" "$key" | certificates own
    ;;
  automatic:1)
    need_production
    ours
    certificates automatic
    # Which asks the authority as it starts.
    docker compose ps -q --status running certificates | while read -r running; do docker restart "$running" > /dev/null; done
    ;;
  *) die "say what to do: bash scripts/certificate.sh --help" ;;
esac
