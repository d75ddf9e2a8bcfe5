#!/bin/sh
# Makes .venv with everything that the project needs to be developed and tested. Needs Python 3.13 and
# a network, nothing else. `make` calls it when pyproject.toml or layers/constraints.txt has changed.
set -eu
cd "$(dirname "$0")/.."

UV_LOCKED=local/requirements/locked/uv.txt
UV_VERSION=$(sed -n 's/^uv==\([0-9.]*\).*/\1/p' "$UV_LOCKED")
bundled=$PWD/.local/tools/uv

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

find_python() {
    for candidate in python3.13 /usr/bin/python3.13 /usr/local/bin/python3.13 python3; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null; then
            # A version manager's shim only works in some folders; the interpreter behind it works in all.
            "$candidate" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    return 1
}

python=$(find_python) || fail "Python 3.13 is missing. On Debian and Ubuntu: apt-get install python3.13 python3.13-venv"

install_uv() {
    echo "Install uv $UV_VERSION"
    mkdir -p .local/tools
    if "$python" -m venv --clear "$bundled" >/dev/null 2>&1; then
        "$bundled/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$UV_LOCKED"
    elif "$python" -m pip --version >/dev/null 2>&1; then
        rm -rf "$bundled"
        "$python" -m pip install --quiet --disable-pip-version-check --target "$bundled" \
            --require-hashes -r "$UV_LOCKED"
    else
        fail "$python has neither venv nor pip. On Debian and Ubuntu: apt-get install python3.13-venv"
    fi
}

# Puts uv where the shell finds it, so that `uv run a2actl` works as the README writes it.
link_uv() {
    for folder in "$HOME/.local/bin" /usr/local/bin; do
        case ":$PATH:" in *":$folder:"*) ;; *) continue ;; esac
        if [ -d "$folder" ] && [ -w "$folder" ]; then
            cp "$bundled/bin/uv" "$folder/uv"
            echo "uv was not on your PATH; it is now in $folder."
            return
        fi
    done
    echo "uv is not on your PATH. For \`uv run a2actl\`, put $bundled/bin/uv there, or write .venv/bin/a2actl instead."
}

if ! uv=$(command -v uv); then
    uv=$bundled/bin/uv
    if [ "$("$uv" --version 2>/dev/null | cut -d' ' -f2)" != "$UV_VERSION" ]; then
        install_uv
    fi
    link_uv
fi

echo "Install the project into .venv"
"$uv" venv --quiet --allow-existing --python "$python" .venv
# Files are compared with the hashes that stand beside the versions.
"$uv" pip install --quiet --verify-hashes --python .venv/bin/python -c layers/constraints.txt -e '.[dev]'
touch .venv/.made
