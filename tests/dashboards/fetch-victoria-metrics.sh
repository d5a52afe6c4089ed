#!/usr/bin/env bash
# Unpacks VictoriaMetrics into a directory, without installing it: fetch-victoria-metrics.sh DIRECTORY
#
# It is the package of Debian's forky, from the mirror that this machine has its own packages from. Needs apt, and no root.
set -euo pipefail

package=victoria-metrics
version='1.145.0+ds*'  # forky moves: another version is refused, and has to be tried first
suite=forky

directory=$(realpath --canonicalize-missing "${1:?fetch-victoria-metrics.sh DIRECTORY}")
own=$(mktemp --directory)
trap 'rm -rf "$own"' EXIT

mirror=$(apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Identifier: Packages' |
  sed -n 's/^Debian|Debian|//p' | head -n 1)
if [ -z "$mirror" ]; then
  echo "fetch-victoria-metrics.sh: the package sources of this machine name no Debian mirror" >&2
  exit 2
fi

# A configuration of its own beside the machine's: other sources, other lists, the same keys and proxies.
mkdir -p "$own"/{lists/partial,archives/partial,parts}
echo "deb $mirror $suite main" >"$own/sources.list"
cat >"$own/apt.conf" <<END
Dir::Etc::SourceList "$own/sources.list";
Dir::Etc::SourceParts "$own/parts";
Dir::State::Lists "$own/lists";
Dir::Cache "$own";
APT::Sandbox::User "$(id --user --name)";
END
export APT_CONFIG="$own/apt.conf"

apt-get update --quiet=2
cd "$own"
apt-get download --quiet=2 "$package=$version"
mkdir -p "$directory"
dpkg -x "$package"_*.deb "$directory"
