# Sourced by the other scripts: gets what the project needs onto this machine, and says what and why.
# Everything is skipped when it is there already.

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

fail() {
  printf 'varve: %s\n' "$*" >&2
  exit 1
}

# need_packages [test]: installs the Debian packages of packages.txt which are missing.
need_packages() {
  with_tests=${1:-}
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    fail "this needs Debian or Ubuntu, where it can install packages by itself. On another system install ostree, buildah, skopeo and mmdebstrap by hand, then use the varve command directly (docs/quickstart.md)."
  fi
  missing=
  while read -r name why; do
    case "$name" in '' | '#'*) continue ;; esac
    case "$why" in test:*) [ "$with_tests" = test ] || continue ;; esac
    if [ "$(dpkg-query -W -f '${Status}' "$name" 2>/dev/null)" != "install ok installed" ]; then
      [ -n "$missing" ] || printf 'Installing Debian packages:\n'
      printf '  %-12s %s\n' "$name" "$why"
      missing="$missing $name"
    fi
  done <scripts/packages.txt
  # kubectl may come from anywhere; Debian 13 and newer package one that is new enough.
  if ! command -v kubectl >/dev/null; then
    printf '  %-12s %s\n' kubernetes-client 'kubectl, the command that talks to the API server'
    missing="$missing kubernetes-client"
  fi
  [ -n "$missing" ] || return 0
  [ "$(id -u)" = 0 ] || fail "installing packages needs root: run this as root, or first: apt-get install$missing"
  apt-get update -qq || fail "apt-get update failed: see its output above; is there a network, or a mirror in /etc/apt?"
  # shellcheck disable=SC2086 # a list of words
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing >"${TMPDIR:-/tmp}/varve-apt.log" 2>&1 ||
    { tail -n 20 "${TMPDIR:-/tmp}/varve-apt.log" >&2; fail "apt-get install failed: its last lines stand above"; }
}

# need_modules: npm dependencies as the lock file pins them, Node itself included.
need_modules() {
  if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
    command -v npm >/dev/null || fail "npm is missing: apt-get install npm"
    printf 'Installing npm dependencies (Node 26 comes with them)\n'
    npm ci --no-audit --no-fund --loglevel=error || fail "npm ci failed: its output stands above"
  fi
  PATH="$root/node_modules/.bin:$PATH"
  export PATH
}
