// What happens to the account's uploads while it happens: GET /api/live.
const TYPES = ["upload.progress", "upload.completed", "upload.failed", "alert.fired", "alert.resolved"];
const AGAIN_MS = 5_000;
// An account has 20 connections at most; a further one is refused for a minute.
const REFUSED_MS = 60_000;

/**
 * Listens until it is ended.
 * @param {(message: {type: string, at: string, upload?: object, alert?: object}) => void} onMessage
 * @param {(connected: boolean) => void} onState
 * @returns {() => void} ends it
 */
export function listen(onMessage, onState) {
  let source = null;
  let timer = null;
  let quick = 0;
  const open = () => {
    source = new EventSource("/api/live");
    source.onopen = () => {
      quick = 0;
      onState(true);
    };
    source.onerror = () => {
      onState(false);
      // The browser connects again by itself unless it was refused.
      if (source.readyState !== EventSource.CLOSED) return;
      quick += 1;
      timer = setTimeout(open, quick > 3 ? REFUSED_MS : AGAIN_MS);
    };
    for (const type of TYPES) source.addEventListener(type, (event) => onMessage(JSON.parse(event.data)));
  };
  open();
  return () => {
    clearTimeout(timer);
    source.close();
  };
}
