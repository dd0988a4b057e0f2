#!/usr/bin/env bash
# Usage: bash scripts/promote.sh [--is-off]      the standby becomes the database, on a manager of the Swarm
#
# When the host of the database is gone: the standby applies what it has received, and takes the name db; app and worker find it by that.
# While the database serves it is refused. With DB_STANDBY=available a host that cannot be seen may go on alone, and what it acknowledges would be lost:
# switch it off, and say --is-off. The old volume is never joined again as it is: docs/cluster.md.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
script=$0
. "$(dirname "$(readlink -f "$0")")/lib.sh"

[[ $# = 0 || "$*" = --is-off ]] || die "there is no option $*: see --help"
exec bash scripts/swarm.sh promote "$@"
