# shellcheck shell=bash
# What the scripts share, sourced as their first step. They run in the project's folder, and on macOS's bash 3.2 too.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '%s\n' "$*"; }

# die MESSAGE: one line that says what is wrong and how to mend it.
die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# help: prints the comment that the script begins with, and ends if --help is among the arguments.
help() {
  local argument
  for argument; do
    case $argument in
      -h | --help)
        sed -n '2,/^[^#]/s/^# \{0,1\}//p' "scripts/$(basename "$0")"
        exit 0
        ;;
    esac
  done
}

# confirm QUESTION: goes on with --yes (YES=1) or when a person says so; without a terminal it ends.
confirm() {
  local answer
  [ "${YES:-}" = 1 ] && return
  [ -t 0 ] || die "$1 Add --yes to say so without a terminal."
  read -r -p "$1 [y/N] " answer
  case $answer in
    y | Y | yes) ;;
    *) die "nothing was changed" ;;
  esac
}
