#!/usr/bin/env bash
# Downloads the pinned Python packages for the image (arm64, Python 3.13; pip checks the hashes) and makes the project's own wheel from
# the files that git knows. Needs no emulation: wheels are archives.
set -euo pipefail
PIP=(.venv/bin/python -m pip --disable-pip-version-check)
TARGET=(--only-binary :all: --no-deps --python-version 3.13 --implementation cp --abi cp313 --abi abi3 --abi none)
for tag in manylinux2014 manylinux_2_17 manylinux_2_28 manylinux_2_31 manylinux_2_34 manylinux_2_39; do TARGET+=(--platform ${tag}_aarch64); done
WANTED=$(sha256sum < requirements/run.txt)
if [ "$(cat "$BUILD/wheels/.made-of" 2>/dev/null)" != "$WANTED" ]; then
    rm -rf "$BUILD/wheels"
    "${PIP[@]}" download --quiet --require-hashes "${TARGET[@]}" -r requirements/run.txt -d "$BUILD/wheels"
    echo "$WANTED" > "$BUILD/wheels/.made-of"
fi
rm -rf "$BUILD/source" "$BUILD/own"
mkdir -p "$BUILD/source"
git ls-files -z appliance pyproject.toml README.md LICENSE | tar -c --null -T - | tar -x -C "$BUILD/source"
find "$BUILD/source" -exec touch -d "@$SOURCE_DATE_EPOCH" {} +
"${PIP[@]}" wheel --quiet --no-deps --no-build-isolation -w "$BUILD/own" "$BUILD/source"
rm -rf "$BUILD/site"
"${PIP[@]}" install --quiet --no-index --no-compile --require-hashes "${TARGET[@]}" --find-links "$BUILD/wheels" -r requirements/run.txt --target "$BUILD/site"
"${PIP[@]}" install --quiet --no-index --no-compile --no-deps --upgrade "${TARGET[@]}" --target "$BUILD/site" "$BUILD"/own/*.whl
rm -rf "$BUILD/site/bin"
