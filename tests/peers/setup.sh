#!/usr/bin/env bash
# What the tests with real peers need, on Debian 12 as root: clients on the machine itself, and each server in a root
# of its own (their packages conflict). The roots are kept in ${XDG_CACHE_HOME:-~/.cache}/outbox/peers; a root is in
# place only when it is complete, so an interrupted run starts that one again.
set -euo pipefail
roots=${XDG_CACHE_HOME:-$HOME/.cache}/outbox/peers
export DEBIAN_FRONTEND=noninteractive
mkdir -p "$roots"

need() {
    local tool
    for tool in swaks msmtp mmdebstrap ip curl openssl; do command -v "$tool" >/dev/null || return 0; done
    perl -MNet::SSLeay -e1 2>/dev/null || return 0
    return 1
}
if need; then
    apt-get -q update
    apt-get -q install -y --no-install-recommends swaks libnet-ssleay-perl msmtp mmdebstrap iproute2 curl openssl \
        ca-certificates </dev/null
fi

make_root() { # name packages
    local log="$roots/$1.log"
    [ -d "$roots/$1" ] && return
    rm -rf "$roots/$1.part"
    echo "making the root of $1"
    mmdebstrap --quiet --variant=minbase --include="$2" bookworm "$roots/$1.part" >"$log" 2>&1 </dev/null ||
        { tail -n 30 "$log"; return 1; }
    openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj "/CN=mail.$1.example" \
        -keyout "$roots/$1.part/etc/peer.key" -out "$roots/$1.part/etc/peer.pem" 2>/dev/null
    mv "$roots/$1.part" "$roots/$1"
}
jobs=()
make_root postfix postfix & jobs+=($!)
make_root exim exim4-daemon-light & jobs+=($!)
make_root opensmtpd opensmtpd & jobs+=($!)
make_root dns nsd & jobs+=($!)
for job in "${jobs[@]}"; do wait "$job"; done
