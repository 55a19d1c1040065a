#!/usr/bin/env bash
# Downloads the image's Debian packages (arm64) once into build/image/apt: archives/ is unpacked whole, boot/ in part. apt checks the
# signatures of Debian. To build again from the same packages keep this folder; to get newer ones remove it.
set -euo pipefail
STAMP=$BUILD/apt/.made-of
WANTED=$(cat image/packages.txt image/boot-packages.txt | sha256sum)
[ "$(cat "$STAMP" 2>/dev/null)" = "$WANTED" ] && exit 0
MIRROR=${OUTBOX_MIRROR:-http://deb.debian.org/debian}
SECURITY=${OUTBOX_SECURITY_MIRROR:-http://deb.debian.org/debian-security}
rm -rf "$BUILD/apt"
mkdir -p "$BUILD"/apt/{lists,archives}/partial "$BUILD"/apt/etc/{apt.conf.d,preferences.d} "$BUILD/apt/boot"
: > "$BUILD/apt/status"
KEY="[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
cat > "$BUILD/apt/etc/sources.list" <<SOURCES
deb $KEY $MIRROR trixie main non-free-firmware
deb $KEY $MIRROR trixie-updates main non-free-firmware
deb $KEY $SECURITY trixie-security main non-free-firmware
SOURCES
cat > "$BUILD/apt/apt.conf" <<'CONF'
APT::Architecture "arm64"; APT::Architectures { "arm64"; };
APT::Install-Recommends "false"; APT::Get::Assume-Yes "true"; APT::Sandbox::User "root";
Acquire::Languages "none"; Acquire::Check-Valid-Until "false"; Acquire::Retries "3";
Dir::State "/build/apt"; Dir::State::lists "/build/apt/lists"; Dir::State::status "/build/apt/status";
Dir::Cache "/build/apt"; Dir::Cache::archives "/build/apt/archives"; Dir::Etc "/build/apt/etc";
CONF
export APT_CONFIG=/build/apt/apt.conf
image/in-tools.sh apt-get -q update
image/in-tools.sh apt-get -q --download-only install $(grep -v '^#' image/packages.txt)
KERNEL=$(image/in-tools.sh apt-cache depends linux-image-arm64 | sed -n 's/.*Depends: \(linux-image-[0-9]\S*\)/\1/p')
image/in-tools.sh sh -c 'cd /build/apt/boot && exec apt-get -q download "$@"' sh "$KERNEL" $(grep -v '^#' image/boot-packages.txt)
echo "$WANTED" > "$STAMP"
