// Runs in the browser. The test program calls `player` and receives plain values.
"use strict";

const video = document.querySelector("video");

const player = {
  hls: null,
  fatal: null,
  errors: [],
  fragments: [],
  switched: [],
  steps: {},

  open(url, options = {}) {
    const hls = (this.hls = new Hls(options));
    const { ERROR, FRAG_LOADED, LEVEL_SWITCHED, MANIFEST_PARSED, LEVEL_LOADED, FRAG_BUFFERED } = Hls.Events;
    const first = (step) => () => (this.steps[step] ??= performance.now());
    hls.on(MANIFEST_PARSED, first("master"));
    hls.on(LEVEL_LOADED, first("media"));
    hls.on(FRAG_LOADED, first("segment"));
    hls.on(FRAG_BUFFERED, first("buffered"));
    hls.on(ERROR, (_, { type, details, fatal, error }) => {
      const message = `${type} ${details}: ${error?.message ?? ""}`;
      if (fatal) this.fatal ??= message;
      else this.errors.push(message);
    });
    // Reads Cache-Status as a page does, so it is null if CORS does not expose the header.
    hls.on(FRAG_LOADED, (_, { networkDetails }) => this.fragments.push(networkDetails?.getResponseHeader("Cache-Status") ?? null));
    hls.on(LEVEL_SWITCHED, (_, { level }) => this.switched.push(hls.levels[level].height));
    hls.loadSource(url);
    hls.attachMedia(video);
    video.play().catch((error) => (this.fatal ??= `play(): ${error.message}`));
  },

  // Time from the playback request to the first frame. `ahead`: files that are asked for at once, relative to the entry's folder.
  async startup(query, ahead = []) {
    const begun = performance.now();
    const answer = await fetch(`/playback?${new URLSearchParams(query)}`);
    const url = await answer.text();
    if (answer.status !== 200) throw new Error(url);
    this.steps.url = performance.now();
    for (const file of ahead) {
      const href = new URL(file, url.slice(0, url.length - query.entry.length)).href;
      document.head.append(Object.assign(document.createElement("link"), { rel: "preload", as: "fetch", crossOrigin: "anonymous", href }));
    }
    const shown = this.frame(() => true);
    this.open(url);
    await Promise.race([shown, this.failure()]);
    this.steps.frame = performance.now();
    const steps = Object.fromEntries(Object.entries(this.steps).map(([step, at]) => [step, at - begun]));
    return { ms: steps.frame, steps };
  },

  // Resolves when a frame is presented that `accepts` returns true for.
  frame(accepts) {
    return new Promise((resolve) => {
      const check = (_, metadata) => (accepts(metadata) ? resolve(metadata.mediaTime) : video.requestVideoFrameCallback(check));
      video.requestVideoFrameCallback(check);
    });
  },

  async failure() {
    while (!this.problem()) await new Promise((resolve) => setTimeout(resolve, 20));
    throw new Error(this.problem());
  },

  problem() {
    return video.error ? `video.error ${video.error.code}: ${video.error.message}` : this.fatal;
  },

  // Fails after `ms` with the player's state.
  async within(ms, what, promise) {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${what}: not within ${ms} ms; ${JSON.stringify(this.state())}`)), ms);
    });
    await Promise.race([promise, late, this.failure()]).finally(() => clearTimeout(timer));
  },

  advance(seconds) {
    const from = video.currentTime;
    return this.frame(() => video.currentTime >= from + seconds);
  },

  async seek(part) {
    const to = video.duration * part;
    const begun = performance.now();
    // A frame from before the seek may still be presented, so the time is compared.
    const shown = this.frame(({ mediaTime }) => Math.abs(mediaTime - to) < 1);
    video.currentTime = to;
    await this.within(5_000, `a frame after the seek to ${to.toFixed(1)} s`, shown);
    return performance.now() - begun;
  },

  async change(property, height) {
    const level = this.hls.levels.findIndex((level) => level.height === height);
    const before = this.switched.length;
    this.hls[property] = level;
    const shown = this.frame(() => video.videoHeight === height && this.switched.slice(before).includes(height));
    await this.within(10_000, `${property} = ${level} (${height}p)`, shown);
  },

  async subtitles(cues) {
    const all = async () => {
      const loaded = () => [...video.textTracks].reduce((sum, track) => Math.max(sum, track.cues?.length ?? 0), 0);
      while (loaded() < cues) await new Promise((resolve) => setTimeout(resolve, 50));
    };
    this.hls.subtitleDisplay = true;
    this.hls.subtitleTrack = 0;
    await this.within(5_000, `${cues} cues`, all());
  },

  toTheEnd(rate, ms) {
    video.playbackRate = rate;
    const ended = video.ended ? Promise.resolve() : new Promise((resolve) => video.addEventListener("ended", resolve, { once: true }));
    return this.within(ms, "the end", ended);
  },

  state() {
    const { totalVideoFrames, droppedVideoFrames, corruptedVideoFrames = 0 } = video.getVideoPlaybackQuality();
    return {
      problem: this.problem(),
      errors: this.errors,
      fragments: this.fragments,
      currentTime: video.currentTime,
      height: video.videoHeight,
      frames: { total: totalVideoFrames, dropped: droppedVideoFrames, corrupted: corruptedVideoFrames },
    };
  },
};
