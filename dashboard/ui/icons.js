// Strokes of 24 x 24 pictures, drawn for this dashboard.
import { html } from "./html.js";

const PATHS = {
  overview: "M4 19V11M10 19V5M16 19v-6M21 19H3",
  files: "M6 3h8l4 4v14H6zM14 3v4h4",
  uploads: "M12 16V5M7 10l5-5 5 5M5 20h14",
  usage: "M12 3a9 9 0 1 0 9 9h-9z",
  keys: "M14 10a4 4 0 1 0-3.5 4l1.5 1.5h2v2h2v2h3v-3z",
  webhooks: "M7 17a3 3 0 1 1-1-5.8L9 6a3 3 0 1 1 4 1l3 5a3 3 0 1 1-1 5z",
  accounts: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM3 20c0-3.5 2.5-6 6-6s6 2.5 6 6M16 5a3 3 0 0 1 0 6M18 14c2 .8 3 3 3 6",
  tiers: "M12 4l8 4-8 4-8-4zM4 12l8 4 8-4M4 16l8 4 8-4",
  namespaces: "M4 5h7v6H4zM13 5h7v6h-7zM4 13h7v6H4zM13 13h7v6h-7z",
  edges: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM3 12h18M12 3c5 5 5 13 0 18M12 3c-5 5-5 13 0 18",
  health: "M3 12h4l3-7 4 14 3-7h4",
  jobs: "M5 6h14M5 12h14M5 18h9",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM16.5 16.5L21 21",
  close: "M6 6l12 12M18 6L6 18",
  menu: "M4 7h16M4 12h16M4 17h16",
  more: "M4.5 12h1M11.5 12h1M18.5 12h1",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  check: "M5 12.5l4.5 4.5L19 7",
  download: "M12 4v11M7 11l5 5 5-5M5 20h14",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  edit: "M4 20h4L19 9l-4-4L4 16z",
  link: "M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1",
  pause: "M8 5v14M16 5v14",
  play: "M7 5l12 7-12 7z",
  retry: "M20 11a8 8 0 1 0-2 6M20 5v6h-6",
  up: "M12 19V6M6 12l6-6 6 6",
  down: "M12 5v13M6 12l6 6 6-6",
  left: "M15 5l-7 7 7 7",
  right: "M9 5l7 7-7 7",
  plus: "M12 5v14M5 12h14",
  info: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 11v5M12 8h.01",
  warning: "M12 4l9 16H3zM12 10v4M12 17h.01",
  offline: "M4 4l16 16M8.5 16.5a5 5 0 0 1 7 0M5 13a10 10 0 0 1 4-2.5M19 13a10 10 0 0 0-3-2M12 20h.01",
  clock: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7v5l3 2",
  out: "M10 4H5v16h5M14 8l4 4-4 4M18 12H9",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.5 1.5M17.5 17.5L19 19M5 19l1.5-1.5M17.5 6.5L19 5",
  external: "M14 4h6v6M20 4l-9 9M18 14v6H4V6h6",
  shield: "M12 3l7 3v6c0 5-3 8-7 9-4-1-7-4-7-9V6zM9 12l2 2 4-4",
  duplicate: "M8 8h12v12H8zM4 16V4h12",
  video: "M4 6h11v12H4zM15 10l5-3v10l-5-3",
  image: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15 9h.01",
  audio: "M9 18a2.5 2.5 0 1 1-1-2V5l10-2v11a2.5 2.5 0 1 1-1-2",
};

/** A picture that says nothing to screen readers: what is beside it does. */
export function Icon({ name, size = 16 }) {
  return html`<svg class="icon" width=${size} height=${size} viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d=${PATHS[name] ?? PATHS.info} /></svg>`;
}
