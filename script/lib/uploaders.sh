# `script/test --uploaders`: tus-js-client and Uppy in Chromium, and tuspy; installs what it needs beyond script/bootstrap; sourced by script/test.
if [ ! -x /usr/bin/chromium ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "installing chromium"
    apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null || die "apt-get could not install chromium"
  else
    die "chromium is missing; as root: apt-get install --no-install-recommends chromium"
  fi
fi
TUSPY=$TOOLS/tuspy-1.1.0
if [ ! -e "$TUSPY/.installed" ]; then
  say "installing tuspy 1.1.0"
  python3 -m venv "$TUSPY" && "$TUSPY/bin/pip" install -q tuspy==1.1.0 && touch "$TUSPY/.installed"
fi
step "the client and the server" cargo build --quiet -p jettyspeed-devstack -p jettyspeed-client
step "the Worker" script/build
step "clients of resumable uploads" node tests/uploaders/run.mjs "$TUSPY/bin/python"
say "all passed in ${SECONDS} s"
