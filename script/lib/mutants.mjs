// Runs mutants without compiling each: all are compiled into one copy of the code, where every function chooses its body by the environment variable MUTANT.
//   node script/lib/mutants.mjs COPY MUTANTS.json OUT [TEST...]
//   node script/lib/mutants.mjs --apart COPY MUTANTS.json   only names those that are left out, as regular expressions
// COPY is a copy of the repository, whose sources are rewritten; MUTANTS.json is the output of `cargo mutants --list --json`; TEST names programs of tests/ for
// what unit tests miss. Writes OUT/results.json and prints a line for each folder.
//
// Left out, because they have no body that could be chosen when the program runs: constants, const functions, and functions that return `impl Trait`, where each
// body has another type. They are counted as `apart`.
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const onlyApart = process.argv[2] === "--apart";
const [copy, list, out = ".", ...integration] = process.argv.slice(onlyApart ? 3 : 2);
if (!onlyApart) mkdirSync(out, { recursive: true });
const UNIT_LIMIT_MS = 60_000;
const ALL_LIMIT_MS = 240_000;

/** Offset of a line and column (1-based, in characters) in a text. */
function offsets(text) {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return ({ line, column }) => {
    const start = starts[line - 1];
    const end = starts[line] ?? text.length;
    return start + [...text.slice(start, end)].slice(0, column - 1).join("").length;
  };
}

/** Offset of the brace that the one at the end of `text` closes: strings, characters and comments may contain others. */
function openingBrace(text) {
  const token = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|b?r(#*)"[\s\S]*?"\1|b?"(?:\\[\s\S]|[^"\\])*"|b?'(?:\\u\{[^}]*\}|\\x..|\\.|[^\\'])'|[{}]/gu;
  const open = [];
  let last = -1;
  for (const found of text.matchAll(token)) {
    if (found[0] === "{") open.push(found.index);
    if (found[0] === "}") last = open.pop();
  }
  return open.length === 0 ? last : -1;
}

const all = JSON.parse(readFileSync(list, "utf8")).map((mutant, index) => ({ ...mutant, number: index + 1, result: undefined }));
const save = () => writeFileSync(results, JSON.stringify(all.map(({ name, file, result, by }) => ({ name, file, result, by })), null, 1));
const results = join(out, "results.json");
const sources = new Map();
for (const { file } of all) if (!sources.has(file)) sources.set(file, readFileSync(join(copy, file), "utf8"));

/** Functions of a file that have mutants; those of a function inside another count to the outer one. */
function functions(file) {
  const text = sources.get(file);
  const at = offsets(text);
  const ranges = all.filter((mutant) => mutant.file === file).map((mutant) => {
    if (!mutant.function) return { mutant };
    return { mutant, start: at(mutant.function.span.start), end: at(mutant.function.span.end), from: at(mutant.span.start), to: at(mutant.span.end) };
  });
  const found = [];
  for (const range of ranges.sort((a, b) => (a.start ?? -1) - (b.start ?? -1) || (b.end ?? 0) - (a.end ?? 0))) {
    const { mutant, start, end } = range;
    const outer = found.find((one) => start !== undefined && one.start <= start && end <= one.end);
    if (outer) {
      outer.mutants.push(range);
      continue;
    }
    const head = start === undefined ? "" : text.slice(start, end);
    const brace = openingBrace(head);
    const signature = head.slice(0, brace).replace(/^\s*\/\/.*$/gm, "");
    if (start === undefined || brace < 0 || /\bconst (unsafe )?fn\b|-> impl\b/.test(signature)) {
      mutant.result = "apart";
      if (start === undefined) continue;
    }
    found.push({ start, end, body: start + brace + 1, mutants: [range], apart: mutant.result === "apart" });
  }
  for (const one of found) if (one.apart) for (const { mutant } of one.mutants) mutant.result = "apart";
  return found.filter((one) => !one.apart);
}
const of = new Map([...sources.keys()].map((file) => [file, functions(file)]));

if (onlyApart) {
  for (const { name, result } of all) if (result === "apart") console.log(`^${name.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")}$`);
  process.exit(0);
}

/** Writes a file with all mutants that are viable as far as is known; remembers the lines of each. */
function write(file) {
  const text = sources.get(file);
  let written = "";
  let line = 1;
  const add = (piece) => {
    written += piece;
    line += piece.split("\n").length - 1;
  };
  let done = 0;
  for (const { body, end, mutants } of of.get(file)) {
    const viable = mutants.filter(({ mutant }) => mutant.result === undefined);
    if (viable.length === 0) continue;
    add(`${text.slice(done, body)} match crate::mutant() {\n`);
    for (const { mutant, from, to } of viable) {
      const first = line;
      add(`${mutant.number} => {${text.slice(body, from)} ${mutant.replacement} ${text.slice(to, end - 1)}}\n`);
      mutant.lines = [first, line - 1];
    }
    add(`_ => {${text.slice(body, end - 1)}}\n}`);
    done = end - 1;
  }
  add(text.slice(done));
  // Cargo compiles what is newer.
  if (readFileSync(join(copy, file), "utf8") !== written) writeFileSync(join(copy, file), written);
}

const lib = join(copy, "src/lib.rs");
const chooser = `
/// The number of the mutant that runs; 0: none.
pub fn mutant() -> usize {
    static NUMBER: std::sync::OnceLock<usize> = std::sync::OnceLock::new();
    *NUMBER.get_or_init(|| std::env::var("MUTANT").ok().and_then(|text| text.parse().ok()).unwrap_or(0))
}
`;
const text = readFileSync(lib, "utf8");
if (!text.includes("pub fn mutant()")) writeFileSync(lib, text.replace(/^(#!\[forbid)/m, "#![allow(warnings)]\n$1") + chooser);

function cargo(...args) {
  const ran = spawnSync("cargo", [...args, "--message-format=json"], { cwd: copy, encoding: "utf8", maxBuffer: 1 << 30 });
  const messages = ran.stdout.split("\n").filter((one) => one.startsWith("{")).map((one) => JSON.parse(one));
  return { ok: ran.status === 0, messages, stderr: ran.stderr };
}

for (let round = 1; ; round += 1) {
  for (const file of sources.keys()) write(file);
  const { ok, messages, stderr } = cargo("test", "--no-run", "--lib");
  const errors = messages.filter((one) => one.reason === "compiler-message" && one.message.level === "error" && one.message.spans.length > 0);
  if (ok) break;
  let gone = 0;
  for (const { message } of errors) {
    // What a macro expands to is in the macro's file; its call is in the mutant.
    const calls = (span) => [span, ...(span.expansion ? calls(span.expansion.span) : [])];
    const spans = message.spans.flatMap(calls);
    for (const mutant of all) {
      const here = mutant.lines && spans.some((span) => span.file_name === mutant.file && mutant.lines[0] <= span.line_start && span.line_start <= mutant.lines[1]);
      if (here && mutant.result === undefined) {
        mutant.result = "unviable";
        gone += 1;
      }
    }
  }
  console.error(`round ${round}: ${errors.length} errors, ${gone} more mutants do not compile`);
  if (gone === 0) {
    console.error(errors.slice(0, 3).map((one) => one.message.rendered).join("\n") || stderr);
    process.exit(1);
  }
}

/** The test programs that a cargo command builds. */
function programs(...tests) {
  const { ok, messages, stderr } = cargo("test", "--no-run", ...tests);
  if (!ok) throw new Error(stderr);
  return messages.filter((one) => one.reason === "compiler-artifact" && one.profile.test && one.executable).map((one) => one.executable);
}

/** Whether the tests pass: `passed`, `failed` or `timeout`. Ends with the first failure. */
function run(program, mutant, filter, limit) {
  return new Promise((resolve) => {
    const env = { ...process.env, MUTANT: String(mutant), RUST_BACKTRACE: "0", RUST_TEST_THREADS: "1", PROPTEST_MAX_SHRINK_ITERS: "0", PROPTEST_DISABLE_FAILURE_PERSISTENCE: "1" };
    const child = spawn("sh", ["-c", 'ulimit -v 8000000; exec "$@"', "sh", program, ...filter], { cwd: copy, env, stdio: ["ignore", "pipe", "ignore"] });
    let result;
    const end = (how) => {
      result ??= how;
      child.kill("SIGKILL");
    };
    const timer = setTimeout(() => end("timeout"), limit);
    child.stdout.on("data", (data) => {
      if (/\.\.\. FAILED/.test(data)) end("failed");
    });
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve(result ?? (code === 0 ? "passed" : "failed"));
    });
  });
}

const [unit] = programs("--lib");
const others = integration.length > 0 ? programs(...integration.flatMap((name) => ["--test", name])) : [];
for (const program of [unit, ...others]) {
  if ((await run(program, 0, [], ALL_LIMIT_MS)) !== "passed") throw new Error(`${program} fails without a mutant`);
}
let done = 0;
async function test(mutant) {
  const module = mutant.file.replace(/^src\//, "").replace(/(\/mod)?\.rs$/, "").replaceAll("/", "::");
  let result = "passed";
  // Most are caught by the tests of their file or folder, in a fraction of the time.
  for (const [by, filter] of [["module", [`${module}::`]], ["folder", [`${module.split("::")[0]}::`]], ["unit", []]]) {
    if (result === "passed") result = await run(unit, mutant.number, filter, by === "unit" ? ALL_LIMIT_MS : UNIT_LIMIT_MS);
    mutant.by ??= result === "passed" ? undefined : by;
  }
  for (const program of result === "passed" ? others : []) {
    if (result === "passed") result = await run(program, mutant.number, [], ALL_LIMIT_MS);
    mutant.by ??= result === "passed" ? undefined : "tests";
  }
  mutant.result = { passed: "missed", failed: "caught", timeout: "timeout" }[result];
  done += 1;
  if (done % 50 === 0) save();
}
const waiting = all.filter((one) => one.result === undefined);
const worker = async () => {
  for (let next = waiting.shift(); next; next = waiting.shift()) await test(next);
};
// Two programs of one thread take no more than one of two.
await Promise.all([worker(), worker()]);
save();

const folderOf = ({ file }) => file.split("/").slice(0, 2).join("/");
for (const folder of [...new Set(all.map(folderOf))].sort()) {
  const mutants = all.filter((one) => folderOf(one) === folder);
  const count = (result) => mutants.filter((one) => one.result === result).length;
  const killed = count("caught") + count("timeout");
  const tested = killed + count("missed");
  const percent = tested > 0 ? Math.floor((1000 * killed) / tested) / 10 : 100;
  console.log(`${folder}: ${count("caught")} caught, ${count("timeout")} timed out, ${count("missed")} missed (${percent} % killed), ${count("unviable")} unviable, ${count("apart")} apart`);
}
for (const { name, result } of all) if (result === "missed") console.log(`  ${name}`);
