// Child processes: captures their output, and stops them all before this program exits.
import { spawn } from "node:child_process";

const running = new Set();

// All requests go to 127.0.0.1 and must not be sent to the machine's proxy.
export const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/_proxy$/i.test(name)));

export function start(command, args, options = {}) {
  const child = spawn(command, args, { env: environment, stdio: ["ignore", "pipe", "pipe"], ...options });
  running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
}

export async function run(command, args, options = {}) {
  const child = start(command, args, options);
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (text) => (stdout += text));
  child.stderr.on("data", (text) => (stderr += text));
  const code = await new Promise((resolve, reject) => {
    child.once("error", (error) => reject(new Error(`${command}: ${error.message}`)));
    child.once("close", (code, signal) => resolve(code ?? signal));
  });
  return { code, stdout, stderr: stderr.trim() };
}

export async function runOrThrow(command, args, options = {}) {
  const { code, stdout, stderr } = await run(command, args, options);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")}: exit ${code}\n${stderr}`);
  return stdout;
}

export async function stop(child, signal = "SIGINT", timeoutMs = 15_000) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill(signal);
  const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  await exited;
  clearTimeout(timer);
}

export const stopAll = () => Promise.all([...running].map((child) => stop(child)));
