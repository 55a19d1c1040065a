#!/bin/sh
# An update bundle (RAUC, verity) of the slot that was built last: build/image/out/outbox-VERSION.raucb. Runs in the tools root.
# Signed with build/image/keys/bundle.{pem,key}, or by `make bundle` with OUTBOX_CERT and OUTBOX_KEY.
set -eu
cd /build
rm -rf bundle
mkdir bundle
ln slot.ext4 bundle/rootfs.ext4
cat > bundle/manifest.raucm <<MANIFEST
[update]
compatible=outbox
version=$VERSION

[bundle]
format=verity

[image.rootfs]
filename=rootfs.ext4
MANIFEST
rm -f "out/outbox-$VERSION.raucb"
rauc --cert=keys/bundle.pem --key=keys/bundle.key --keyring=keys/keyring.pem --mksquashfs-args="-comp zstd -Xcompression-level 15 -all-root -no-progress -processors 2" \
    bundle bundle "out/outbox-$VERSION.raucb"
rauc --keyring=keys/keyring.pem info "out/outbox-$VERSION.raucb" >/dev/null
ls -l "out/outbox-$VERSION.raucb"
