#!/usr/bin/env bash
# What the benchmark needs, on Debian 12 as root: the modelled card, the sink, and Postfix in a root of its own. All of it
# is kept in ${XDG_CACHE_HOME:-~/.cache}/outbox/bench.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
place=${XDG_CACHE_HOME:-$HOME/.cache}/outbox/bench
export DEBIAN_FRONTEND=noninteractive
mkdir -p "$place"
if ! { command -v gcc && command -v mmdebstrap && command -v mkfs.ext4 && pkg-config --exists fuse3; } >/dev/null; then
    apt-get -q update
    apt-get -q install -y --no-install-recommends gcc libc6-dev libfuse3-dev fuse3 pkg-config mmdebstrap e2fsprogs \
        ca-certificates </dev/null
fi
# shellcheck disable=SC2046
gcc -O2 -Wall -Wextra -o "$place/card" "$here/card.c" $(pkg-config --cflags --libs fuse3)
gcc -O2 -Wall -Wextra -o "$place/sink" "$here/sink.c"
if [ ! -d "$place/postfix" ]; then
    rm -rf "$place/postfix.part"
    echo "making the root of Postfix"
    mmdebstrap --quiet --variant=minbase --include=postfix bookworm "$place/postfix.part" >"$place/postfix.log" 2>&1 \
        </dev/null || { tail -n 30 "$place/postfix.log"; exit 1; }
    mv "$place/postfix.part" "$place/postfix"
fi
root=$place/postfix
echo '127.0.0.1 localhost bench.example' >"$root/etc/hosts"
: >"$root/etc/resolv.conf"
chroot "$root" postconf -e inet_interfaces=127.0.0.1 inet_protocols=ipv4 myhostname=bench.example mydestination= \
    mynetworks=127.0.0.0/8 'relayhost=[127.0.0.1]:12526' smtp_host_lookup=native alias_maps= \
    smtpd_tls_security_level=none smtp_tls_security_level=none smtpd_tls_cert_file= smtpd_tls_key_file= smtp_tls_CApath= \
    message_size_limit=52428800
if chroot "$root" postconf -M smtp/inet | grep -q .; then chroot "$root" postconf -MX smtp/inet; fi
if chroot "$root" postconf -M 2625/inet | grep -q .; then chroot "$root" postconf -MX 2625/inet; fi
chroot "$root" postconf -M '12625/inet=12625 inet n - n - - smtpd'
chroot "$root" postconf -F '*/*/chroot=n'
