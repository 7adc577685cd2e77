# `script/test --dashboard [NAME…]`: the dashboard in Chromium; installs what it needs beyond script/bootstrap; sourced by script/test.
missing=""
command -v ffmpeg >/dev/null || missing="ffmpeg"
[ -x /usr/bin/chromium ] || missing="$missing chromium"
# Chromium shows text as boxes without a font.
fc-list 2>/dev/null | grep -q . || missing="$missing fonts-dejavu-core"
if [ -n "$missing" ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "installing$(printf ' %s' $missing)"
    apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing >/dev/null || die "apt-get could not install:$(printf ' %s' $missing)"
  else
    die "something is missing; as root: apt-get install --no-install-recommends $missing"
  fi
fi
step "functions of the dashboard" node --test "dashboard/tests/*.test.js"
step "the client and the server" cargo build --quiet -p jettyspeed-devstack -p jettyspeed-client
step "the Worker" script/build
step "the dashboard" node dashboard/tests/e2e/run.mjs "$@"
say "all passed in ${SECONDS} s"
