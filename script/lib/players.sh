# `script/test --players`: installs what it needs beyond script/bootstrap, and runs it; sourced by script/test.
missing=""
command -v ffmpeg >/dev/null && command -v ffprobe >/dev/null || missing="ffmpeg"
[ -x /usr/bin/chromium ] || missing="$missing chromium"
if [ -n "$missing" ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "installing$(printf ' %s' $missing)"
    apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing >/dev/null || die "apt-get could not install:$(printf ' %s' $missing)"
  else
    die "the players are missing; as root: apt-get install --no-install-recommends ffmpeg chromium"
  fi
fi
[ -d node_modules/hls.js ] && [ -d node_modules/playwright-core ] || die "hls.js or playwright-core is missing: run script/bootstrap"
step "the client and the server" cargo build --quiet -p jettyspeed-devstack -p jettyspeed-client
step "the Worker" script/build
step "real players" node tests/players/run.mjs
say "all passed in ${SECONDS} s"
