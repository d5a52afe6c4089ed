#!/usr/bin/env bash
# Builds the programs of the stack with Go, without Docker: build.sh DIRECTORY
#
# A program that is already there in its pinned version is kept. A first build takes minutes, and downloads a gigabyte
# of modules into Go's cache. JOBS limits how many processes compile at a time.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "${1:?build.sh DIRECTORY}"
directory=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

is_there() { # NAME VERSION
    [ -x "$directory/$1" ] && [ "$(cat "$directory/$1.version" 2>/dev/null)" = "$2" ]
}

start() { # NAME VERSION
    echo "== building $directory/$1 ($2)"
    command -v go >/dev/null && return
    echo "build.sh: there is no go: install Go 1.26 or later from https://go.dev/dl, or run the stack with Docker" >&2
    exit 2
}

keep() { # NAME VERSION FILE
    mv "$3" "$directory/$1"
    echo "$2" >"$directory/$1.version"
}

program() { # NAME PACKAGE VERSION [TAGS]
    is_there "$1" "$3" && return
    start "$1" "$3"
    mkdir "$work/$1"
    (
        # Not `go install PACKAGE@VERSION`, which refuses modules that replace others, as Jaeger's does.
        cd "$work/$1"
        go mod init stack 2>/dev/null
        go get "$2@$3" 2>/dev/null || go get "$2@$3"
        go build ${JOBS:+-p="$JOBS"} -trimpath -ldflags "-s -w" -tags "${4:-}" -o made "$2"
    )
    keep "$1" "$3" "$work/$1/made"
}

collector() { # VERSION
    local version
    version="$1, $(cksum <"$here/collector-builder.yaml")"
    is_there otelcol "$version" && return
    start otelcol "$1"
    (
        cd "$work"
        GOFLAGS="${GOFLAGS:-} ${JOBS:+-p=$JOBS}" \
            go run "go.opentelemetry.io/collector/cmd/builder@$1" --config="$here/collector-builder.yaml"
    )
    keep otelcol "$version" "$work/collector/otelcol"
}

program victoria-logs github.com/VictoriaMetrics/VictoriaLogs/app/victoria-logs v1.52.1
# Without the tag it has the clients of every cloud, for the discovery of targets, and takes much longer.
program prometheus github.com/prometheus/prometheus/cmd/prometheus v0.316.0 remove_all_sd
collector v0.161.0
program jaeger github.com/jaegertracing/jaeger/cmd/jaeger v1.76.0
