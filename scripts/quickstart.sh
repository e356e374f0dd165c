#!/bin/sh
# npm run quickstart: from a fresh clone to a fleet of three hosts on an OS image of your own.
set -eu
. "$(dirname "$0")/prepare.sh"
for argument in "$@"; do
  case "$argument" in --help | -h) need_modules >&2; exec node --disable-warning=ExperimentalWarning scripts/quickstart/main.ts "$@" ;; esac
done
[ "$(uname -s)" = Linux ] || fail "quickstart makes real OSTree hosts and needs Linux (Debian or Ubuntu)"
[ "$(id -u)" = 0 ] || fail "quickstart makes OS images and OSTree sysroots, whose files belong to root: run it as root (sudo npm run quickstart)"
need_packages
need_modules
exec node --disable-warning=ExperimentalWarning scripts/quickstart/main.ts "$@"
