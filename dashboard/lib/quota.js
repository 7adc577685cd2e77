// How close something is to its limit.

/** From this share of a limit on its owner is warned, as `warning` of the quota and the alert `quota_80` do. */
export const WARNING_SHARE = 0.8;

/**
 * @param {number} used what counts against the limit, what is reserved included
 * @param {number} limit
 * @returns {"ok" | "warning" | "full" | "none"} "none": nothing is allowed, and nothing is used
 */
export function quotaState(used, limit) {
  if (limit <= 0 && used <= 0) return "none";
  if (used >= limit) return "full";
  return used >= limit * WARNING_SHARE ? "warning" : "ok";
}

/**
 * The bars that a quota consists of.
 * @param {object} quota the answer of `GET /api/agentcache/quota`
 * @returns {{name: string, unit: "bytes" | "count", used: number, reserved: number, limit: number, state: string}[]}
 */
export function quotaBars(quota) {
  const bar = (name, unit, used, reserved, limit) => ({ name, unit, used, reserved, limit, state: quotaState(used + reserved, limit) });
  return [
    bar("storage", "bytes", quota.storage_used_bytes, quota.storage_reserved_bytes, quota.storage_quota_bytes),
    bar("bandwidth", "bytes", quota.bandwidth_used_bytes, quota.bandwidth_reserved_bytes ?? 0, quota.bandwidth_quota_bytes),
    bar("objects", "count", quota.objects_used, quota.objects_reserved, quota.max_objects),
    bar("uploads", "count", quota.open_uploads, 0, quota.max_open_uploads),
  ];
}
