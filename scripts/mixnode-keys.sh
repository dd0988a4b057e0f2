#!/usr/bin/env bash
# Makes the mixnodes' keys that are missing, and overwrites none.
#
#   bash scripts/mixnode-keys.sh [DIR]                  the folder is secrets unless said otherwise
#   bash scripts/mixnode-keys.sh --renew NODE [DIR]     a new key for entry, middle or exit, which takes packets for the one before, too
#   bash scripts/mixnode-keys.sh --retire NODE [DIR]    which it no longer does
#
# Nodes use them with MIXNODE_KEYS=DIR in .env. Who sends needs the three files mixnode_*.public.json.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
. "$(dirname "$(readlink -f "$0")")/lib.sh"

change=()
case ${1:-} in
  --renew | --retire)
    case ${2:-} in
      entry | middle | exit) ;;
      *) die "$1 wants a node: entry, middle or exit" ;;
    esac
    change=("$1" "$2")
    shift 2
    ;;
  -*) die "there is no option $1: call it with --help" ;;
esac
folder=${1:-secrets}
node=(env COMPOSE_PROFILES= docker compose -f docker-compose.betanet.yml)
docker version > /dev/null 2>&1 || die "no Docker Engine answers: start it."
image=$("${node[@]}" config --images betanet-mixnode-1 | sed -n 1p)
docker image inspect "$image" > /dev/null 2>&1 || "${node[@]}" build --quiet betanet-mixnode-1
(umask 077 && mkdir -p "$folder")   # the keys themselves are readable by a container's user
folder=$(cd "$folder" && pwd)
docker run --rm --network none --user "$(id -u):$(id -g)" --volume "$folder:/keys" "$image" keys --out /keys ${change[@]+"${change[@]}"} |
  sed "s|/keys|$folder|"
