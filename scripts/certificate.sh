#!/usr/bin/env bash
# The edge's certificate and key: secrets/tls_certificate.pem and secrets/tls_key.pem.
#
#   bash scripts/certificate.sh self-signed DOMAIN   makes one to start with, if there is none
#   bash scripts/certificate.sh install [CHAIN KEY]  puts this one in its place, and has the edge serve it; no connection is lost
#
# install is what an ACME client runs after each renewal; certbot and lego say by themselves which files: docs/edge.md.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
. "$(dirname "$(readlink -f "$0")")/lib.sh"

certificate=secrets/tls_certificate.pem
key=secrets/tls_key.pem

# put FROM TO: writes into the file, since a container goes on seeing the file that was there when it started.
put() {
  [ ! "$1" -ef "$2" ] || return 0
  [ ! -e "$2" ] || chmod u+w "$2"
  (umask 077 && cat "$1" > "$2")
  chmod 0444 "$2"                      # for the container's user; the folder keeps other users of this host out
}

# monitoring:begin
# measured: says when the certificate ends where node-exporter looks, for the alert CertificateNearExpiry.
measured() {
  local end seconds
  end=$(openssl x509 -noout -enddate -in "$certificate" | cut -d = -f 2)
  seconds=$(date -d "$end" +%s 2> /dev/null || date -j -f "%b %e %T %Y %Z" "$end" +%s) # GNU's, or macOS's
  mkdir -p var/metrics && chmod 0755 var/metrics # for node-exporter, whatever the umask
  printf 'certificate_expiry_timestamp_seconds{name="edge"} %s\n' "$seconds" > var/metrics/certificate.new
  chmod 0644 var/metrics/certificate.new
  mv var/metrics/certificate.new var/metrics/certificate.prom
}
# monitoring:end

place() {
  mkdir -p secrets && chmod 0700 secrets
  put "$1" "$certificate"
  put "$2" "$key"
  measured                             # monitoring
}

fingerprint() { openssl x509 -noout -fingerprint -sha256; }

self_signed() {
  if [ -s "$certificate" ] && [ -s "$key" ]; then say "unchanged: $certificate is there"; return; fi
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 90 -subj "/CN=$1" \
    -addext "subjectAltName=DNS:$1" -keyout "$work/key" -out "$work/certificate" 2> "$work/log" ||
    die "openssl made no certificate for $1: $(tail -n 1 "$work/log")"
  place "$work/certificate" "$work/key"
  say "made: $certificate for $1, signed by itself; browsers warn until an ACME client replaces it"
}

install() {
  local address served
  ours
  set -- "$(given "$1")" "$(given "$2")"
  [ -n "$1$2" ] || die "no ACME client says which files to install: name them, certificate.sh install CHAIN KEY"
  openssl x509 -noout -in "$1" 2> /dev/null || die "$1 is no certificate: name the full chain in PEM, the server's own first"
  openssl pkey -noout -in "$2" 2> /dev/null || die "$2 is no private key: name it in PEM, without a passphrase"
  [ "$(openssl x509 -noout -pubkey -in "$1")" = "$(openssl pkey -pubout -in "$2")" ] ||
    die "$2 is not the key of $1: name the two that were issued together"
  openssl x509 -noout -checkend 0 -in "$1" > /dev/null || die "$1 has expired: renew it first"
  place "$1" "$2"
  if [ -z "$(docker compose --profile edge ps -q --status running edge 2> /dev/null)" ]; then
    say "installed: $certificate; the edge is not running"
    return
  fi
  docker compose --profile edge kill -s HUP edge > /dev/null 2>&1 || die "the edge could not be told: docker compose --profile edge kill -s HUP edge"
  address=$(docker compose --profile edge port edge 443)
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    served=$(openssl s_client -connect "127.0.0.1:${address##*:}" < /dev/null 2> /dev/null | fingerprint 2> /dev/null) || true
    if [ "$served" = "$(fingerprint < "$1")" ]; then
      say "installed: the edge serves it, $(openssl x509 -noout -enddate -in "$1" | sed 's/notAfter=/until /')"
      return
    fi
    sleep 1
  done
  die "the edge still serves another certificate: docker compose --profile edge up -d --force-recreate edge"
}

hash openssl 2> /dev/null || die "openssl is missing: install it, on Debian by apt-get install openssl"
case ${1:-}:$# in
  self-signed:2) self_signed "$2" ;;
  install:3) install "$2" "$3" ;;
  install:1)
    if [ -n "${RENEWED_LINEAGE:-}" ]; then
      install "$RENEWED_LINEAGE/fullchain.pem" "$RENEWED_LINEAGE/privkey.pem"
    else
      install "${LEGO_CERT_PATH:-${LEGO_HOOK_CERT_PATH:-}}" "${LEGO_CERT_KEY_PATH:-${LEGO_HOOK_CERT_KEY_PATH:-}}"
    fi
    ;;
  *) die "say what to do: bash scripts/certificate.sh --help" ;;
esac
