"""The built image in an emulated Pi 3: through its serial line, its network and its lamp pins (docs/image.md).

Needs root, Linux namespaces, qemu-system-arm, device-tree-compiler, mtools, e2fsprogs and the card that `make image`
built. All of it runs in a network namespace of its own (`python -m tests.image`).
"""
