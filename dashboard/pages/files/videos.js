import { html, useState } from "../../ui/html.js";
import { Button } from "../../ui/button.js";
import { Await, Empty } from "../../ui/states.js";
import { More, Table } from "../../ui/table.js";
import * as format from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { usePages } from "../../lib/query.js";
import { Player } from "./player.js";

/** The videos of the account's own namespace; they play here. */
export function Videos() {
  const pages = usePages("/api/video?limit=50", "videos");
  const [playing, setPlaying] = useState(null);
  const columns = [
    { id: "video", label: t("videos.name"), primary: true, render: (video) => video.videoId },
    { id: "entry", label: t("videos.entry"), render: (video) => (video.entry ? html`<code>${video.entry}</code>` : format.UNKNOWN) },
    { id: "updated", label: t("videos.updated"), align: "end", render: (video) => format.dateTime(video.updatedAt) },
    { id: "play", label: t("videos.play"), actions: true, render: (video) => html`<${Button} icon="play" disabled=${!video.entry} aria-label=${t("videos.playName", { name: video.videoId })} onClick=${() => setPlaying(video)}>${t("videos.play")}</${Button}>` },
  ];
  return html`<${Await} query=${pages} isEmpty=${() => pages.rows.length === 0} empty=${html`<${Empty} icon="video" title=${t("videos.empty")} text=${t("videos.emptyText")} />`}>${() =>
      html`<${Table} caption=${t("videos.caption")} columns=${columns} rows=${pages.rows} rowKey=${({ videoId }) => videoId} /><${More} pages=${pages} />`}
    </${Await}>
    ${playing && html`<${Player} video=${playing} onClose=${() => setPlaying(null)} />`}`;
}
