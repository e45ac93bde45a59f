#!/bin/sh
# Makes .venv: this checkout on top of the pinned packages, which are installed once per Python and
# requirements file into the cache, so that a second clone is ready in seconds and without a network.
set -eu
cd "$(dirname "$0")/.."
requirements=requirements/dev.txt
cache=${BYOC_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/byoc-infra}

fits() { "$1" -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' 2>/dev/null; }
for python in ${PYTHON:-} python3 python3.12 python3.11 ""; do
    [ -z "$python" ] || ! fits "$python" || break
done
[ -n "$python" ] || { echo "setup: want Python 3.11 or later, found none; set PYTHON=/path/to/python" >&2; exit 3; }

version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
key=$version-$(sha256sum $requirements | cut -c1-12)
packages=$cache/python/$key
mkdir -p "$cache/python"
(
    flock 9
    if [ ! -e "$packages/.ready" ]; then
        echo "setup: installing the pinned packages for Python $version into the cache (minutes, once)"
        rm -rf "$packages"
        "$python" -m venv "$packages"
        "$packages/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes \
            -r $requirements
        touch "$packages/.ready"
    fi
) 9>"$cache/python/$key.lock"

if [ "$(cat .venv/.key 2>/dev/null)" != "$key $PWD" ]; then
    rm -rf .venv
    "$python" -m venv --without-pip .venv
    site=$(.venv/bin/python -c 'import site; print(site.getsitepackages()[0])')
    printf '%s\n' "$PWD" "$packages/lib/python$version/site-packages" >"$site/byoc_infra.pth"
    printf '#!%s/.venv/bin/python\nimport sys\n\nfrom byoc_infra.cli.main import main\n\nsys.exit(main())\n' "$PWD" >.venv/bin/byoc
    chmod +x .venv/bin/byoc
    echo "$key $PWD" >.venv/.key
fi
