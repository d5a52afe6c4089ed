#!/usr/bin/env bash
# What somebody does who installs a release: pip, the index, empty environments, away from the checkout.
# from-the-index.sh DIST PYTHON...  with each interpreter, what is in the folder DIST.
set -euo pipefail

dist=$(cd "$1" && pwd)
shift
wheel=$(echo "$dist"/*.whl)
sdist=$(echo "$dist"/*.tar.gz)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

# fresh PYTHON REQUIREMENT...  an environment in ./environment with these and what they bring
fresh() {
    local python=$1
    shift
    rm -rf environment
    "$python" -m venv environment
    environment/bin/pip install --quiet --disable-pip-version-check "$@"
    environment/bin/pip check >/dev/null
}

# says TEXT COMMAND...  the command succeeds and says it
says() {
    local text=$1 said
    shift
    said=$("$@" 2>&1) || { echo "failed: $*"; echo "$said"; exit 1; }
    [[ $said == *"$text"* ]] || { echo "$* does not say '$text':"; echo "$said"; exit 1; }
}

cat >truncated.py <<'END'
import anthropic
from midstream.faults import FaultServer

with FaultServer() as server:
    client = anthropic.Anthropic(base_url=server.url, api_key="none")
    for _ in client.messages.create(
        model="cut", max_tokens=64, messages=[{"role": "user", "content": "hello"}], stream=True
    ):
        pass
END

fresh "$1" twine
environment/bin/twine check --strict "$dist"/*

for python in "$@"; do
    echo "== $("$python" --version): midstream"
    fresh "$python" "$wheel"
    environment/bin/pip list --format=freeze --exclude pip --exclude setuptools | tr '\n' ' '
    echo
    says ok environment/bin/python -c 'import midstream; midstream.AnthropicInstrumentor().instrument(); print("ok")'
    says 'pip install "midstream[cli]"' bash -c '! environment/bin/midstream demo'

    echo "== $("$python" --version): midstream[cli]"
    fresh "$python" "$wheel[cli]"
    says Commands: environment/bin/midstream --help
    says 'recorded all 2 calls' environment/bin/midstream demo --only reset
    says in_band:TYPE environment/bin/midstream faults --list
    rm -rf exported
    says Wrote environment/bin/midstream dashboards export exported

    echo "== $("$python" --version): midstream[instruments], opentelemetry-instrument, from the source distribution"
    fresh "$python" "$sdist[instruments]" opentelemetry-distro
    says '"midstream.outcome": "truncated"' \
        environment/bin/opentelemetry-instrument --traces_exporter console --metrics_exporter none --logs_exporter none \
        environment/bin/python truncated.py
done
