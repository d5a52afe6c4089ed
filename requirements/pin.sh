#!/usr/bin/env bash
# Writes the pinned .txt files from the .in files, or those that are named; run it as `make pins [ARGS="neighbours"]`.
#
# Some packages have stopped supporting Python 3.10, and some are needed there only. So every list is resolved
# twice: a pin that only one of the two resolutions has gets a marker.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

oldest=${OLDEST:-python3.10}
newer=${PYTHON:-python3}
"$oldest" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 10) and "OLDEST must be a Python 3.10")'
"$newer" -c 'import sys; sys.exit(sys.version_info < (3, 11) and "PYTHON must be 3.11 or newer")'

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

resolve() {  # resolve PYTHON LIST: every package that LIST brings, as name==version
    local env
    env=$(mktemp -d -p "$scratch")
    "$1" -m venv "$env"
    "$env/bin/pip" install --quiet --only-binary :all: -r "$2.in"
    "$env/bin/pip" freeze --exclude pip --exclude setuptools | LC_ALL=C sort
}

pin() {  # pin LIST
    echo "pinning $1" >&2
    resolve "$oldest" "$1" >"$scratch/oldest"
    resolve "$newer" "$1" >"$scratch/newer"
    {
        LC_ALL=C comm -12 "$scratch/oldest" "$scratch/newer"
        LC_ALL=C comm -23 "$scratch/oldest" "$scratch/newer" | sed 's/$/ ; python_version < "3.11"/'
        LC_ALL=C comm -13 "$scratch/oldest" "$scratch/newer" | sed 's/$/ ; python_version >= "3.11"/'
    } | LC_ALL=C sort -f >"$scratch/pins"
}

write() {  # write LIST: the pins, under a line that says where they come from
    { echo "# Written by \`make pins\` from $1.in; do not edit."; cat; } >"$1.txt"
}

wanted() {  # wanted LIST: is it among those named, if any is?
    [[ -z $named || " $named " == *" ${1%.in} "* ]]
}
named=$*

for list in sdk-*.in frameworks*.in; do
    wanted "$list" || continue
    pin "${list%.in}"
    write "${list%.in}" <"$scratch/pins"
done

# A list that includes a .txt is installed on top of that, and holds only what it adds.
for list in $(grep -l '^-r .*\.txt$' -- *.in); do
    wanted "$list" || continue
    base=$(sed -n 's/^-r \(.*\.txt\)$/\1/p' "$list")
    pin "${list%.in}"
    grep -vxFf "$base" "$scratch/pins" | write "${list%.in}"
done
