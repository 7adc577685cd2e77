import { html, useEffect, useState } from "../../ui/html.js";
import { Icon } from "../../ui/icons.js";
import { t } from "../../lib/i18n.js";

/** Asks the browser for files with handles. @returns {Promise<{file: File, handle: object}[] | null>} null where there is no such question */
export async function pickFiles() {
  // Automated browsers and those without the API have the input element.
  if (!window.showOpenFilePicker || navigator.webdriver) return null;
  try {
    const handles = await window.showOpenFilePicker({ multiple: true });
    return await Promise.all(handles.map(async (handle) => ({ file: await handle.getFile(), handle })));
  } catch {
    return [];
  }
}

/** The files of a drop, with their handles where the browser has them. Folders are left out. */
async function droppedFiles(transfer) {
  // Both have to be asked for before anything else is awaited: the list is emptied then.
  const items = [...transfer.items].filter(({ kind }) => kind === "file").map((item) => ({ file: item.getAsFile(), entry: item.webkitGetAsEntry?.(), handle: item.getAsFileSystemHandle?.() }));
  const found = await Promise.all(items.map(async ({ file, entry, handle }) => ({ file, entry, handle: await Promise.resolve(handle).catch(() => null) })));
  return found.filter(({ file, entry }) => file && !entry?.isDirectory).map(({ file, handle }) => ({ file, handle: handle?.kind === "file" ? handle : null }));
}

/** Takes files that are dropped anywhere in the window while it is shown. */
export function DropZone({ onFiles, children }) {
  const [over, setOver] = useState(false);
  useEffect(() => {
    const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
    const enter = (event) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      setOver(true);
    };
    // Leaving the window has no element that is entered next.
    const leave = (event) => event.relatedTarget === null && setOver(false);
    const drop = async (event) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      setOver(false);
      const files = await droppedFiles(event.dataTransfer);
      if (files.length > 0) onFiles(files);
    };
    const listeners = { dragenter: enter, dragover: enter, dragleave: leave, drop };
    for (const [name, listener] of Object.entries(listeners)) addEventListener(name, listener);
    return () => {
      for (const [name, listener] of Object.entries(listeners)) removeEventListener(name, listener);
    };
  }, [onFiles]);
  return html`${children}${over && html`<div class="drop"><p><${Icon} name="uploads" size=${28} />${t("files.drop")}</p></div>`}`;
}
