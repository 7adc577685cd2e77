# `script/test --schemathesis`: what schemathesis makes of docs/openapi.json is sent to a service of its own, as an account, as the operator, as the identity backend,
# as nobody, and, to the calls that take one, with the token of an upload; sourced by script/test. Fails on a 500, and on a status, media type or body that the document does not have.
SCHEMATHESIS_VERSION=4.32.5
# Requests that it makes up for each operation and caller.
EXAMPLES=${EXAMPLES:-40}
venv=$TOOLS/schemathesis-$SCHEMATHESIS_VERSION
if [ ! -x "$venv/bin/st" ]; then
  say "installing schemathesis $SCHEMATHESIS_VERSION"
  python3 -m venv "$venv.new" && "$venv.new/bin/pip" install --quiet "schemathesis==$SCHEMATHESIS_VERSION" || die "schemathesis could not be installed"
  rm -rf "$venv" && mv "$venv.new" "$venv"
  # A virtual environment's commands name its place.
  sed -i "s|$venv.new|$venv|g" "$venv"/bin/st "$venv"/bin/schemathesis
fi
step "the client and the server" cargo build --quiet -p jettyspeed-devstack -p jettyspeed-client
step "the Worker" script/build
state=$(mktemp -d)
free_port() { node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })'; }
PORT=$(free_port) ORIGIN_PORT=$(free_port) STATE_DIR=$state target/debug/jettyspeed-server > "$state/server.log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; rm -rf "$state"' EXIT
for _ in $(seq 300); do
  [ -f "$state/dev.json" ] && break
  kill -0 "$server" 2>/dev/null || { cat "$state/server.log" >&2; die "the server has ended"; }
  sleep 1
done
[ -f "$state/dev.json" ] || { cat "$state/server.log" >&2; die "the server does not become ready"; }
eval "$(STATE_DIR=$state script/env)"
# Rates are tested elsewhere: no tier has one here, and each request comes from an address of its own.
node -e '
  const call = (method, path, body) => fetch(process.argv[1] + path, { method, body: body && JSON.stringify(body), headers: { authorization: `Bearer ${process.argv[2]}` } }).then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(`${method} ${path}: ${answer.status}`))));
  call("GET", "/api/portal/tiers").then(({ tiers }) => Promise.all(tiers.map(({ tier }) => call("PATCH", `/api/portal/tiers/${tier}`, { requests_per_minute: 1e9 }))));
' "$JETTY_URL" "$ADMIN_TOKEN"
# An upload of one part, and the calls that its token opens.
UPLOAD_BYTES=5000
upload=$(node -e '
  const headers = { authorization: `Bearer ${process.argv[2]}`, "x-api-secret": process.argv[3] };
  const body = JSON.stringify({ action: "start", fileName: "f.bin", fileSize: Number(process.argv[4]) });
  fetch(process.argv[1] + "/api/jetty/track-upload", { method: "POST", headers, body }).then((answer) => answer.json()).then(({ sessionId, uploadToken }) => console.log(sessionId, uploadToken));
' "$JETTY_URL" "$JETTY_API_KEY" "$JETTY_API_SECRET" "$UPLOAD_BYTES")
read -r session token <<< "$upload"
[ -n "$token" ] || die "no upload was begun"
read -ra opened <<< "$(node -p '
  const methods = Object.values(JSON.parse(fs.readFileSync("docs/openapi.json")).paths).flatMap(Object.values);
  methods.filter(({ security }) => security?.some((proof) => "uploadToken" in proof)).map(({ operationId }) => `--include-operation-id ${operationId}`).join(" ")
')"
export SCHEMATHESIS_HOOKS=schemathesis_hooks PYTHONPATH=$ROOT/script/lib PYTHONDONTWRITEBYTECODE=1
failed=""
run() {
  local name=$1; shift
  step "schemathesis as $name" "$venv/bin/st" run "$JETTY_URL/openapi.json" --url "$JETTY_URL" --seed 1 --max-examples "$EXAMPLES" \
    --phases examples,coverage,fuzzing --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance \
    --generation-with-security-parameters false --request-timeout 60 --no-color --continue-on-failure "$@" || failed="$failed, $name"
}
run "an account" -H "Authorization: Bearer $JETTY_API_KEY" -H "X-API-Secret: $JETTY_API_SECRET"
run "the operator" -H "Authorization: Bearer $ADMIN_TOKEN"
run "the identity backend" -H "Authorization: Bearer $WEBHOOK_SECRET"
run "nobody"
UPLOAD_SESSION=$session UPLOAD_BYTES=$UPLOAD_BYTES run "the holder of an upload token" -H "X-Upload-Token: $token" "${opened[@]}"
[ -z "$failed" ] || die "failures as ${failed#, }"
say "all passed in ${SECONDS} s"
