#!/bin/sh
# Makes .venv: this checkout on top of the pinned packages, which are installed once per Python and
# requirements file into the cache, so that a second clone is ready in seconds and without a network.
set -eu
cd "$(dirname "$0")/.."
requirements=requirements/dev.txt
cache=${BYOC_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/byoc-infra}

# Later ones than 3.12 bring no redis-server with the packages: taken only if there is nothing else.
fits() { "$1" -c "import sys; raise SystemExit(not (3, 11) <= sys.version_info < ($2))" 2>/dev/null; }
choose() {
    for python in ${PYTHON:-python3 python3.12 python3.11}; do
        ! fits "$python" "$1" || return 0
    done
    return 1
}
choose "3, 13" || choose "4," || {
    echo "setup: want Python 3.11 or later, found none; set PYTHON=/path/to/python" >&2
    exit 3
}

version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
# What is pinned depends on the whole version: 3.11.2 needs packages that 3.11.3 does not.
key=$("$python" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])')-$(sha256sum $requirements | cut -c1-12)
packages=$cache/python/$key

tick() { # pip says nothing for minutes: a line every 5 s with what its log says
    seconds=0
    while sleep 1 && kill -0 $$ 2>/dev/null; do
        seconds=$((seconds + 1))
        [ $((seconds % 5)) -ne 0 ] ||
            echo "setup: $seconds s, $(wc -l <"$1") lines: $(tail -n 1 "$1" | cut -c1-80)"
    done
}

install() {
    echo "setup: installing the pinned packages for Python $version into the cache (minutes, once)"
    rm -rf "$packages"
    "$python" -m venv "$packages"
    log=$packages/pip.log
    : >"$log"
    tick "$log" &
    ticker=$!
    status=0
    "$packages/bin/python" -m pip install --no-input --progress-bar off --disable-pip-version-check \
        --require-hashes -r $requirements >"$log" 2>&1 || status=$?
    kill $ticker
    [ $status -eq 0 ] || { tail -n 5 "$log" >&2 && exit $status; }
    touch "$packages/.ready"
}

mkdir -p "$cache/python"
(
    flock -n 9 || while
        echo "setup: waiting for another process that installs the pinned packages"
        ! flock -w 5 9
    do :; done
    [ -e "$packages/.ready" ] || install
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
