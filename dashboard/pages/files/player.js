import { html, useEffect, useRef, useState } from "../../ui/html.js";
import { Dialog } from "../../ui/dialog.js";
import { errorText, Failure } from "../../ui/states.js";
import { call } from "../../lib/api.js";
import { ownPath } from "../../lib/files/kinds.js";
import { t } from "../../lib/i18n.js";

/** Plays an HLS video, with the browser's own player where it has one for HLS. */
export function Player({ video, onClose }) {
  const element = useRef(null);
  const [error, setError] = useState(null);
  useEffect(() => {
    let player = null;
    let gone = false;
    const fail = (why) => gone || setError(Object.assign(new Error(why), { code: "playback", detail: t("videos.failed", { why }) }));
    const start = async () => {
      const { url } = await call("POST", `/api/video/${encodeURIComponent(video.videoId)}/playback`, { json: { path: video.entry }, headers: { "x-namespace": video.namespace } });
      const path = ownPath(url, location.origin);
      if (!path || gone) return;
      const { default: Hls } = await import("/dashboard/player.js");
      if (gone) return;
      if (!Hls.isSupported()) {
        element.current.src = path;
        return;
      }
      player = new Hls();
      player.on(Hls.Events.ERROR, (_, { fatal, details }) => fatal && fail(details));
      player.loadSource(path);
      player.attachMedia(element.current);
    };
    start().catch((problem) => gone || (problem.status === undefined ? fail(errorText(problem)) : setError(problem)));
    return () => {
      gone = true;
      player?.destroy();
    };
  }, [video.videoId]);
  return html`<${Dialog} wide title=${video.videoId} onClose=${onClose}>
    ${error && html`<${Failure} compact error=${error} />`}
    <video class="player" ref=${element} controls autoplay muted playsinline></video>
  </${Dialog}>`;
}
