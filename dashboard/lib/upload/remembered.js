// What is needed to go on with an upload after a reload, in IndexedDB: which file it was and, where the browser has them, a handle to it. No token and no content.
const NAME = "jettyspeed-uploads";
const STORE = "uploads";

const settled = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

let opened;
function database() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "session" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

/** A browser that has no storage, as in some private windows, uploads without resuming. */
async function quietly(mode, act) {
  try {
    const store = (await database()).transaction(STORE, mode).objectStore(STORE);
    return await settled(act(store));
  } catch {
    return undefined;
  }
}

/** @param {{session: string, account: string, name: string, size: number, lastModified: number, handle: FileSystemFileHandle | null}} entry */
export const remember = (entry) => quietly("readwrite", (store) => store.put(entry));
/** @param {string} session */
export const forget = (session) => quietly("readwrite", (store) => store.delete(session));
/** The uploads of an account that this browser began. */
export const recall = async (account) => ((await quietly("readonly", (store) => store.getAll())) ?? []).filter((entry) => entry.account === account);
