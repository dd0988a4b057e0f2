#!/bin/sh
# Starts Alertmanager with the receivers that have an address. An empty secret means that there is none: alert_webhook
# holds a URL, alert_email the lines of one of Alertmanager's email_configs (to, from, smarthost, auth_username ...).
# Critical alerts go to both; warnings by e-mail, and to the webhook only where there is no e-mail.
set -eu
config=/tmp/alertmanager.yml

has() { grep -q '[^[:space:]]' "/run/secrets/$1"; }

webhook() { ! has alert_webhook || echo '    webhook_configs: [{url_file: /run/secrets/alert_webhook}]'; }

email() {
  has alert_email || return 0
  echo '    email_configs:'
  echo '      - send_resolved: true'
  sed 's/^/        /' /run/secrets/alert_email
}

umask 077
{
  cat /etc/alertmanager/alertmanager.yml
  echo '  - name: critical'
  webhook
  email
  echo '  - name: warning'
  if has alert_email; then email; else webhook; fi
} > "$config"

exec /bin/alertmanager --config.file="$config" --storage.path=/alertmanager --cluster.listen-address= "$@"
