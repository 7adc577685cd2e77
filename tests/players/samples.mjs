// Sample videos of 24 s, written by ffmpeg's muxers: one folder each, created once.
import fs from "node:fs/promises";
import path from "node:path";
import { repositoryPath } from "./places.mjs";
import { runOrThrow } from "./processes.mjs";

export const SECONDS = 24;
// Raise this number when a recipe changes, so that the samples are created again.
const EDITION = 1;
const FOLDER = repositoryPath("target/players/samples", String(EDITION));

// First timestamp of ffmpeg's MPEG-TS on the 90 kHz clock; WebVTT must map to it (RFC 8216 section 3.5).
const TS_START = 126_000;
export const CUES = SECONDS / 2;

const source = (size) => ["-f", "lavfi", "-i", `testsrc2=size=${size}:rate=30:duration=${SECONDS}`];
// Audio ends before the video: otherwise the encoder's delay leaves one audio frame in a segment of its own, after which hls.js 1.7.4 never fires `ended`.
const tone = ["-f", "lavfi", "-i", `sine=frequency=440:sample_rate=48000:duration=${SECONDS - 0.1}`];
// Key frames exactly every 2 s, so that the segments of all qualities are aligned.
const video = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "60", "-keyint_min", "60", "-sc_threshold", "0"];
const audio = ["-c:a", "aac", "-b:a", "96k", "-ac", "2"];
const hls = ["-f", "hls", "-hls_time", "2", "-hls_playlist_type", "vod"];
const one = [...source("640x360"), ...tone, ...video, "-b:v", "800k", ...audio];

const recipes = {
  abr: {
    what: "MPEG-TS, two qualities, WebVTT",
    entry: "master.m3u8",
    levels: [180, 360],
    subtitles: "subs/en.vtt",
    async make(folder) {
      const qualities = ["-map", "0:v", "-map", "2:a", "-map", "1:v", "-map", "2:a", "-b:v:0", "300k", "-b:v:1", "800k"];
      const tree = ["-var_stream_map", "v:0,a:0 v:1,a:1", "-master_pl_name", "master.m3u8", "-hls_segment_filename", "%v/seg_%03d.ts", "%v/index.m3u8"];
      await ffmpeg(folder, [...source("320x180"), ...source("640x360"), ...tone, ...qualities, ...video, ...audio, ...hls, ...tree]);
      await subtitle(folder);
    },
  },
  cmaf: {
    what: "CMAF, sound by itself",
    entry: "master.m3u8",
    levels: [360],
    make: (folder) =>
      ffmpeg(folder, [...one, "-f", "dash", "-seg_duration", "2", "-use_template", "1", "-use_timeline", "0", "-hls_playlist", "1", "manifest.mpd"]),
  },
  "ranges-ts": {
    what: "byte ranges of one MPEG-TS file",
    entry: "index.m3u8",
    levels: [360],
    make: (folder) => ffmpeg(folder, [...one, ...hls, "-hls_flags", "single_file", "index.m3u8"]),
  },
  "ranges-fmp4": {
    what: "byte ranges of one fMP4 file",
    entry: "index.m3u8",
    levels: [360],
    make: (folder) => ffmpeg(folder, [...one, ...hls, "-hls_segment_type", "fmp4", "-hls_flags", "single_file", "index.m3u8"]),
  },
  aes: {
    what: "MPEG-TS under AES-128",
    entry: "index.m3u8",
    levels: [360],
    async make(folder) {
      await fs.writeFile(path.join(folder, "film.key"), Buffer.from("00112233445566778899aabbccddeeff", "hex"));
      await fs.writeFile(path.join(folder, ".key-info"), `film.key\n${path.join(folder, "film.key")}\n`);
      await ffmpeg(folder, [...one, ...hls, "-hls_key_info_file", path.join(folder, ".key-info"), "index.m3u8"]);
      await fs.rm(path.join(folder, ".key-info"));
    },
  },
};

const ffmpeg = (folder, args) => runOrThrow("ffmpeg", ["-nostdin", "-v", "error", "-y", ...args], { cwd: folder });

// Writes the subtitles and adds them to the master playlist, because ffmpeg's HLS muxer does not.
async function subtitle(folder) {
  const time = (second) => `00:00:${String(second).padStart(2, "0")}.000`;
  const cues = Array.from({ length: CUES }, (_, n) => `${time(2 * n)} --> ${time(2 * n + 1)}\nCue ${n + 1}\n`);
  await fs.mkdir(path.join(folder, "subs"));
  await fs.writeFile(path.join(folder, "subs/en.vtt"), `WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:${TS_START},LOCAL:00:00:00.000\n\n${cues.join("\n")}`);
  const list = ["#EXTM3U", "#EXT-X-VERSION:3", `#EXT-X-TARGETDURATION:${SECONDS}`, "#EXT-X-PLAYLIST-TYPE:VOD", `#EXTINF:${SECONDS}.0,`, "en.vtt", "#EXT-X-ENDLIST", ""];
  await fs.writeFile(path.join(folder, "subs/index.m3u8"), list.join("\n"));
  const master = path.join(folder, "master.m3u8");
  const media = '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subs",NAME="English",LANGUAGE="en",DEFAULT=NO,AUTOSELECT=NO,URI="subs/index.m3u8"';
  const text = (await fs.readFile(master, "utf8")).replace(/^(#EXT-X-STREAM-INF:.*)$/gm, '$1,SUBTITLES="subs"');
  await fs.writeFile(master, text.replace(/^(#EXT-X-VERSION:.*)$/m, `$1\n${media}`));
}

export async function samples() {
  const all = [];
  for (const [name, { make, ...sample }] of Object.entries(recipes)) {
    const folder = path.join(FOLDER, name);
    if (!(await fs.stat(folder).catch(() => null))) {
      // Renamed only when complete, so that an interrupted run leaves no partial sample.
      const partial = `${folder}.partial`;
      await fs.rm(partial, { recursive: true, force: true });
      await fs.mkdir(partial, { recursive: true });
      await make(partial);
      await fs.rename(partial, folder);
    }
    all.push({ name, folder, ...sample });
  }
  return all;
}
