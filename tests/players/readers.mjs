// ffmpeg reads and decodes the whole stream; ffprobe compares the packets received with those of the sample.
import path from "node:path";
import { run } from "./processes.mjs";

async function runSilently(command, args) {
  const { code, stdout, stderr } = await run(command, args);
  if (code !== 0 || stderr !== "") throw new Error(`${command} ${args.join(" ")}: exit ${code}\n${stderr}`);
  return stdout;
}

async function packets(url) {
  const entries = ["-show_entries", "stream=index,codec_type,nb_read_packets"];
  // From a local playlist ffmpeg opens only files with known extensions, which `.key` is not. Over HTTP it needs no such option.
  const keys = url.startsWith("/") && url.endsWith(".m3u8") ? ["-allowed_extensions", "ALL"] : [];
  const text = await runSilently("ffprobe", ["-v", "error", "-count_packets", ...entries, "-of", "json", ...keys, url]);
  return JSON.parse(text).streams.map((stream) => `${stream.index} ${stream.codec_type} ${stream.nb_read_packets}`);
}

// Decodes every rendition (`-map 0`), not only the one that ffmpeg selects.
const decode = (url) => runSilently("ffmpeg", ["-nostdin", "-v", "error", "-xerror", "-i", url, "-map", "0", "-f", "null", "-"]);

export async function readThrough(sample, url) {
  await decode(url);
  const files = [sample.entry, sample.subtitles].filter(Boolean);
  const counts = {};
  for (const file of files) {
    const [expected, received] = [await packets(path.join(sample.folder, file)), await packets(new URL(file, url).href)];
    if (expected.length === 0 || expected.some((line) => / (0|undefined)$/.test(line))) throw new Error(`${sample.name}: the sample ${file} is empty: ${expected}`);
    if (expected.join() !== received.join()) throw new Error(`${sample.name}: ${file} has ${expected.join(", ")}; ${url} gave ${received.join(", ")}`);
    counts[file] = received;
  }
  return counts;
}
