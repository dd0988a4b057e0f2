#!/bin/sh
# start.sh COMMAND...: writes into /tmp what nginx's configuration takes from the container's addresses, and goes on with the
# image's own start.
set -eu
proc=${PROC_NET:-/proc/net}

# Who is on a network of the container's own: the routes without a gateway, as set_real_ip_from.
neighbours() {
  while read -r _ network gateway _ _ _ _ mask _; do
    if [ "$gateway" != 00000000 ] || [ "$mask" = 00000000 ]; then continue; fi
    a=${network#??} b=${network#????} c=${network#??????}             # the last byte comes first
    bits=$(printf '%s' "$mask" | sed 's/[Ff]/1111/g; s/[Ee]/111/g; s/[Cc]/11/g; s/8/1/g; s/0//g')
    printf 'set_real_ip_from %d.%d.%d.%d/%d;\n' "0x$c" "0x${b%??}" "0x${a%????}" "0x${network%??????}" "${#bits}"
  done < "$proc/route"
  [ -e "$proc/ipv6_route" ] || return 0
  sed -n '/ lo$/d; / 0\{32\} [^ ]* [^ ]* [^ ]* [^ ]* *[^ ]*$/p' "$proc/ipv6_route" | while read -r network bits _; do
    case $network/$bits in fe80* | ff* | */00 | */80) continue ;; esac
    printf 'set_real_ip_from %s/%d;\n' "$(printf '%s' "$network" | sed 's/..../&:/g; s/:$//')" "0x$bits"
  done
}

neighbours | sort -u > /tmp/neighbours.conf

# Where the kernel has no IPv6, nginx would not start with it.
listen() { [ ! -e "$proc/if_inet6" ] || echo "listen [::]:$1;"; }
listen 80 > /tmp/listen-80.conf
listen '443 ssl' > /tmp/listen-443.conf
# On analysis-net, where this name leads, and on no proxy's network. # monitoring
echo "listen ${STATUS_ADDRESS:-analysis-nginx-status}:8082;" > /tmp/listen-status.conf # monitoring
exec /docker-entrypoint.sh "$@"
