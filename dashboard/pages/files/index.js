import { html, useEffect, useRef, useState } from "../../ui/html.js";
import { Button } from "../../ui/button.js";
import { Icon } from "../../ui/icons.js";
import { PageHeader } from "../../ui/page.js";
import { Segments } from "../../ui/tabs.js";
import { t } from "../../lib/i18n.js";
import { setQuery } from "../../lib/router.js";
import { addFiles } from "../../lib/upload/queue.js";
import { Transfers } from "../transfers/index.js";
import { Duplicates } from "./duplicates.js";
import { DropZone, pickFiles } from "./drop.js";
import { FileList } from "./list.js";
import { Videos } from "./videos.js";

const VIEWS = { all: FileList, duplicates: Duplicates, videos: Videos };

/** The account's files, and the way in for new ones. */
export function Files({ query, rest }) {
  const view = query.view in VIEWS ? query.view : "all";
  const View = VIEWS[view];
  return html`<${DropZone} onFiles=${addFiles}>
    <${PageHeader} title=${t("page.files")} text=${t("files.text")}><${UploadButton} /></${PageHeader}>
    <${Transfers} />
    <div class="files-tools">
      <${Segments} label=${t("files.view")} value=${view} onChange=${(next) => setQuery({ view: next === "all" ? null : next, search: null })} options=${Object.keys(VIEWS).map((value) => ({ value, label: t(`files.view.${value}`) }))} />
      ${view === "all" && html`<${Search} value=${query.search ?? ""} />`}
    </div>
    <${View} query=${query} open=${rest[0] ?? null} />
  </${DropZone}>`;
}

function UploadButton() {
  const input = useRef(null);
  const click = async () => {
    // Where the browser gives handles, an upload can go on after a reload without choosing the file again.
    const picked = await pickFiles();
    if (picked === null) input.current.click();
    else if (picked.length > 0) addFiles(picked);
  };
  const chosen = (event) => {
    addFiles([...event.currentTarget.files].map((file) => ({ file, handle: null })));
    event.currentTarget.value = "";
  };
  return html`<${Button} kind="primary" icon="uploads" onClick=${click}>${t("files.upload")}</${Button}><input type="file" multiple class="only-read" tabindex="-1" aria-hidden="true" ref=${input} onChange=${chosen} />`;
}

const QUIET_MS = 250;

function Search({ value }) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value) return undefined;
    const timer = setTimeout(() => setQuery({ search: text }), QUIET_MS);
    return () => clearTimeout(timer);
  }, [text, value]);
  return html`<div class="search" role="search"><${Icon} name="search" /><input class="input" type="search" maxlength="200" aria-label=${t("files.search")} placeholder=${t("files.search")} value=${text} onInput=${(event) => setText(event.currentTarget.value)} /></div>`;
}
