/**
 * Files with the same content, those that save the most first.
 * @param {{id: string, sha256: string | null, size: number, namespace: string}[]} files
 * @returns {{sha256: string, size: number, files: object[], saved: number}[]} `saved`: bytes that are not stored again
 */
export function duplicatesOf(files) {
  const groups = new Map();
  for (const file of files) {
    if (!file.sha256) continue;
    // Bytes are shared within a namespace.
    const key = `${file.namespace}/${file.sha256}`;
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(file);
  }
  return [...groups.values()]
    .filter((group) => group.length > 1)
    .map((group) => ({ sha256: group[0].sha256, size: group[0].size, files: group, saved: group[0].size * (group.length - 1) }))
    .sort((a, b) => b.saved - a.saved);
}

/** How often each hash occurs. */
export function countByHash(files) {
  const counts = new Map();
  for (const { sha256 } of files) if (sha256) counts.set(sha256, (counts.get(sha256) ?? 0) + 1);
  return counts;
}
