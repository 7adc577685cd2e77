// ffmpeg reads and decodes the stream to its end; ffprobe counts what arrives, against what was sent.
import path from "node:path";
import { run } from "./processes.mjs";

async function silent(command, args) {
  const { code, stdout, stderr } = await run(command, args);
  if (code !== 0 || stderr !== "") throw new Error(`${command} ${args.join(" ")}: exit ${code}\n${stderr}`);
  return stdout;
}

async function packets(url) {
  const entries = ["-show_entries", "stream=index,codec_type,nb_read_packets"];
  // On a disk, ffmpeg reads no key that a playlist names. The Worker's are read without that.
  const keys = url.startsWith("/") && url.endsWith(".m3u8") ? ["-allowed_extensions", "ALL"] : [];
  const text = await silent("ffprobe", ["-v", "error", "-count_packets", ...entries, "-of", "json", ...keys, url]);
  return JSON.parse(text).streams.map((stream) => `${stream.index} ${stream.codec_type} ${stream.nb_read_packets}`);
}

// Every rendition, not only the one that ffmpeg would choose.
const decode = (url) => silent("ffmpeg", ["-nostdin", "-v", "error", "-xerror", "-i", url, "-map", "0", "-f", "null", "-"]);

export async function readThrough(sample, url) {
  await decode(url);
  const files = [sample.entry, sample.subtitles].filter(Boolean);
  const counts = {};
  for (const file of files) {
    const [here, there] = [await packets(path.join(sample.folder, file)), await packets(new URL(file, url).href)];
    if (here.length === 0 || here.some((line) => / (0|undefined)$/.test(line))) throw new Error(`${sample.name}: the sample ${file} is empty: ${here}`);
    if (here.join() !== there.join()) throw new Error(`${sample.name}: ${file} has ${here.join(", ")}; ${url} gave ${there.join(", ")}`);
    counts[file] = there;
  }
  return counts;
}
