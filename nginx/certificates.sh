#!/bin/sh
# The edge's certificate, in the volume certificates, where current/ is the pair that the edge reads at a handshake. It is signed by itself
# until the authority EDGE_ACME_SERVER gives one for EDGE_DOMAIN, which is renewed in time, or somebody brings his own, which is left alone.
#
#   certificates.sh keep         for ever, whatever the authority does
#   certificates.sh own          takes a chain and its key from standard input; scripts/certificate.sh calls this and the next two
#   certificates.sh automatic    goes back from one's own
#   certificates.sh show         whose it is, whether it is good, ending or ended, and when it ends
set -eu
umask 077
state=/var/tmp                             # anybody's in the image, and so in a new volume
current=$state/current
webroot=$state/webroot
first_retry=${FIRST_RETRY:-60}             # seconds after a failure, and twice as long after each further one, to six hours
scratch=${SCRATCH:-/run} && mkdir -p "$scratch"
export TMPDIR="$scratch"
set -f
# shellcheck disable=SC2046 # a word each
set -- "${1:-}" $(printf '%s' "${EDGE_DOMAIN:-}" | tr ',' ' ')
command=$1
shift
names=$*
authority=$state/acme/$(printf '%s' "$EDGE_ACME_SERVER" | tr -c 'A-Za-z0-9.' _) # whose accounts and certificates are no other's
live=$authority/live/edge

say() { printf 'certificates: %s\n' "$*"; }
die() { say "$*" >&2; exit 1; }

# kind: of the present pair: self-signed, acme or own.
kind() { readlink "$current" 2> /dev/null | sed 's/\..*//'; }

# moment WHICH: startdate or enddate of the present certificate, in words.
moment() { openssl x509 -noout "-$1" -dateopt iso_8601 -in "$current/fullchain.pem" | sed 's/^[^=]*=//; s/Z$//'; }
seconds() { date -u -d "$(moment "$1")" +%s; }

# place KIND CHAIN KEY: puts a pair in place of the present one, both files at once. The one before stays for handshakes that have begun.
place() {
  find "$state" -mindepth 1 -maxdepth 1 -type d -name '*.*' ! -name "$(readlink "$current" 2> /dev/null || echo none)" -exec rm -r {} +
  new=$(mktemp -d "$state/$1.XXXXXX") && cat "$2" > "$new/fullchain.pem" && cat "$3" > "$new/privkey.pem" &&
    ln -sfn "${new##*/}" "$state/next" && mv -T "$state/next" "$current" || return 1
  measured 0                               # monitoring
}

# monitoring:begin
# measured FAILED: what node-exporter reads, for the alerts CertificateExpiring and CertificateRenewalFailed.
measured() {
  printf 'certificate_start_timestamp_seconds{name="edge"} %s\ncertificate_expiry_timestamp_seconds{name="edge"} %s
certificate_renewal_failed{name="edge"} %s\n' "$(seconds startdate)" "$(seconds enddate)" "$1" > /tmp/certificate.new
  chmod 0644 /tmp/certificate.new
  mv /tmp/certificate.new /tmp/certificate.prom
}
# monitoring:end

self_signed() {
  name=${names%% *}
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj /CN=self-signed \
    -addext "subjectAltName=DNS:${name:-localhost}" -keyout "$scratch/key" -out "$scratch/chain" 2> "$scratch/said" ||
    die "no certificate can be made for $name: $(tail -n 1 "$scratch/said")"
  place self-signed "$scratch/chain" "$scratch/key"
  rm "$scratch/key"
}

# got: takes the authority's certificate, where that is not the present one.
got() {
  ! cmp -s "$live/fullchain.pem" "$current/fullchain.pem" || return 0
  place acme "$live/fullchain.pem" "$live/privkey.pem" || return 1
  say "the edge serves the certificate of $names until $(moment enddate)"
}

# attempt NAME...: has certbot look whether a certificate is due, and get it.
attempt() {
  for name; do
    shift
    set -- "$@" --domain "$name"
  done
  if [ -n "$EDGE_EMAIL" ]; then set -- "$@" --email "$EDGE_EMAIL"; else set -- "$@" --register-unsafely-without-email; fi
  timeout 600 certbot certonly --non-interactive --agree-tos --server "$EDGE_ACME_SERVER" "$@" \
    --cert-name edge --renew-with-new-domains --keep-until-expiring --webroot --webroot-path "$webroot" \
    --config-dir "$authority" --work-dir "$scratch/work" --logs-dir "$scratch/logs" --max-log-backups 1 > "$scratch/said" 2>&1
}

# edge_answers: waits until it does, since a challenge that is not met counts against the authority's limits.
edge_answers() {
  until no_proxy='*' python3 -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=5)' \
    "http://$EDGE/.well-known/acme-challenge/ready" 2> /dev/null; do pause 5; done
  date +%s > "$scratch/next"
}

# pause SECONDS: as long, or up to a fifth longer, so that not all of the world's come at once. healthy minds when it is overdue.
pause() {
  time=$(($1 + $(od -An -N2 -tu2 /dev/urandom) % ($1 / 5 + 1)))
  echo $(($(date +%s) + time)) > "$scratch/next"
  sleep "$time"
}

# look: seconds until certbot is to look again: twice a day, or ten times in what is left of a short life.
look() {
  left=$((($(seconds enddate) - $(date +%s)) / 10))
  if [ "$left" -gt 43200 ]; then left=43200; fi
  if [ "$left" -lt 5 ]; then left=5; fi
  echo "$left"
}

keep() {
  mkdir -p "$webroot/.well-known/acme-challenge"
  echo ok > "$webroot/.well-known/acme-challenge/ready"
  date +%s > "$scratch/next"
  [ -e "$current/privkey.pem" ] || self_signed
  measured 0                               # monitoring
  [ -n "$names" ] || say "EDGE_DOMAIN is empty: the certificate stays as it is"
  retry=$first_retry
  while :; do
    if [ -z "$names" ] || [ "$(kind)" = own ]; then
      measured 0                           # monitoring
      pause 43200
    elif edge_answers && attempt "$@" && { [ "$(kind)" = own ] || got; }; then
      measured 0                           # monitoring
      retry=$first_retry
      pause "$(look)"
    else
      cat "$scratch/said"
      if grep -qs error:rateLimited "$scratch/logs/letsencrypt.log" && [ "$retry" -lt 3600 ]; then retry=3600; fi
      say "no new certificate for $names: the next try is in $retry s or a little more; the edge serves the one that is $(kind)"
      measured 1                           # monitoring
      pause "$retry"
      retry=$((retry < 10800 ? retry * 2 : 21600))
    fi
  done
}

# healthy: there is a pair, and no look is overdue.
healthy() { openssl x509 -noout -in "$current/fullchain.pem" && [ $(($(date +%s) - $(cat "$scratch/next"))) -lt 900 ]; }

own() {
  chain=$scratch/chain key=$scratch/key
  cat > "$scratch/given"
  sed -n '/-BEGIN CERTIFICATE-/,/-END CERTIFICATE-/p' "$scratch/given" > "$chain"
  openssl x509 -noout -in "$chain" 2> /dev/null || die "CHAIN holds no certificate: name the full chain in PEM, the server's own first"
  openssl pkey -passin pass: -in "$scratch/given" -out "$key" 2> /dev/null ||
    die "KEY holds no private key: name it in PEM, without a passphrase"
  [ "$(openssl x509 -noout -pubkey -in "$chain")" = "$(openssl pkey -pubout -in "$key")" ] ||
    die "KEY is not the key of CHAIN: name the two that were issued together"
  openssl x509 -noout -checkend 0 -in "$chain" > /dev/null || die "the certificate has expired: renew it first"
  for name; do
    case $(openssl x509 -noout -checkhost "$name" -in "$chain") in
      *NOT*) die "the certificate is not for $name, which EDGE_DOMAIN names" ;;
    esac
  done
  place own "$chain" "$key"
  say "one's own is in place until $(moment enddate); the edge serves it within 10 s"
}

automatic() {
  [ "$(kind)" = own ] || die "the certificate is nobody's own: it is $(kind)"
  if [ -e "$live/fullchain.pem" ]; then got; else self_signed; fi
}

show() {
  left=$(($(seconds enddate) - $(date +%s)))
  soon=$((($(seconds enddate) - $(seconds startdate)) / 4)) # or two weeks
  word=good
  if [ "$left" -lt $((soon < 1209600 ? soon : 1209600)) ]; then word=ending; fi
  if [ "$left" -le 0 ]; then word=ended; fi
  echo "$(kind) $word $(moment enddate)"
}

case $command in
  keep | own) "$command" "$@" ;;
  automatic | show | healthy) "$command" ;;
  *) die "there is no command $command" ;;
esac
