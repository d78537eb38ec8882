# Sourced by the scripts: installs what is missing, says what it installs, does nothing where all is there.

# need PACKAGE...: Debian packages.
need() {
    local package missing=()
    for package in "$@"; do
        if ! dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^.i'; then
            missing+=("$package")
        fi
    done
    if [ ${#missing[@]} -eq 0 ]; then
        return 0
    fi
    if ! command -v apt-get >/dev/null; then
        echo "missing: ${missing[*]} (names of Debian packages), and this machine has no apt-get to install them" >&2
        return 1
    fi
    echo "installing from Debian: ${missing[*]}"
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            echo "neither root nor sudo here; as root, run: apt-get install ${missing[*]}" >&2
            return 1
        fi
        as_root=(sudo)
    fi
    local log
    log=$(mktemp)
    # Services that packages bring (Orthanc) are not to be started: the scripts start their own, on their own ports.
    if "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -q >"$log" 2>&1 &&
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
            apt-get install -q -y --no-install-recommends "${missing[@]}" >>"$log" 2>&1; then
        rm -f "$log"
        return 0
    fi
    tail -n 30 "$log" >&2
    rm -f "$log"
    echo "could not install: ${missing[*]}" >&2
    return 1
}

# need_python FOLDER REQUIREMENT...: PyPI packages in a virtual environment of the checkout, never system-wide.
need_python() {
    local folder=$1
    shift
    local wanted="$*"
    if [ -x "$folder/bin/python" ] && [ "$(cat "$folder/requirements" 2>/dev/null)" = "$wanted" ]; then
        return 0
    fi
    echo "installing from PyPI into $folder: $wanted"
    rm -rf "$folder"
    /usr/bin/python3 -m venv "$folder"
    "$folder/bin/python" -m pip install -q "$@"
    echo "$wanted" >"$folder/requirements"
}

# need_swift: the one thing that Debian does not have.
need_swift() {
    if ! command -v swift >/dev/null; then
        echo "swift is not on the PATH: install Swift 6.3 or later from https://www.swift.org/install/" >&2
        return 1
    fi
}

# What `swift build` needs beside Swift: OpenSSL for TLS, zlib for the deflated transfer syntax.
build_packages=(libssl-dev zlib1g-dev)
