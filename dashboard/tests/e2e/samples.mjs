import fs from "node:fs/promises";
import path from "node:path";
import { runOrThrow } from "../../../tests/players/processes.mjs";

/** Makes a short HLS video in a folder below `state`. @returns {Promise<string>} the folder */
export async function makeSamples(state) {
  const folder = path.join(state, "clip");
  await fs.mkdir(folder, { recursive: true });
  await runOrThrow("ffmpeg", ["-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=6", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "50", "-f", "hls", "-hls_time", "2", "-hls_playlist_type", "vod", path.join(folder, "index.m3u8")]);
  return folder;
}
