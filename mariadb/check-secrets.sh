#!/usr/bin/env bash
# check-secrets.sh COMMAND...: runs the command if every secret is fit for production, and says which is not.
set -euo pipefail

for file in /run/secrets/db_*; do
  secret=$(< "$file")
  case $secret in
    development-only*) wrong="is development's, which everybody knows" ;;
    "") wrong="is empty" ;;
    *) [ "${#secret}" -ge 20 ] && continue; wrong="has fewer than 20 characters" ;;
  esac
  echo "The secret ${file##*/} $wrong. Run bash scripts/secrets.sh on the host." >&2
  exit 1
done
exec "$@"
