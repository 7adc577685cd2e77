// Between a namespace as the API tells it and the form in which it is edited. An empty number goes back to its default.

export const CLASSES = ["small", "text", "large", "video"];
export const FEATURES = ["jetty_speed_upload", "video_streaming", "desktop_cdn", "compress_text"];
export const BOUNDS = ["hit_rate", "p95_ms", "upload_failure_percent"];

const text = (value) => (value === null || value === undefined ? "" : String(value));
/** A number that somebody has typed; null for nothing; what was typed where it is no number, for the API to refuse. */
const number = (typed) => {
  const trimmed = typed.trim();
  if (trimmed === "") return null;
  const value = Number(trimmed.replace(",", "."));
  return Number.isFinite(value) ? value : trimmed;
};
const tagsOf = (typed) => typed.split(",").map((tag) => tag.trim()).filter(Boolean);
const pick = (names, of) => Object.fromEntries(names.map((name) => [name, of(name)]));

/** The form of a namespace; without one that of a new one. */
export function formOf(namespace) {
  return {
    name: "",
    shard: "",
    display_name: namespace?.display_name ?? "",
    tags: (namespace?.tags ?? []).join(", "),
    cache_ttl: pick(CLASSES, (name) => text(namespace?.cache_ttl[name])),
    features: pick(FEATURES, (name) => namespace?.features[name] ?? name !== "compress_text"),
    chunk_size: text(namespace?.chunk_size),
    allow_unsigned: namespace?.allow_unsigned ?? false,
    cross_namespace_dedup: namespace?.cross_namespace_dedup ?? false,
    origin_usd_per_gb: text(namespace?.origin_usd_per_gb),
    expected_hit_rate: text(namespace?.expected_hit_rate),
    alerts: pick(BOUNDS, (name) => text(namespace?.alerts[name])),
  };
}

/** What the form says, as the API takes it. */
function bodyOf(form) {
  return {
    display_name: form.display_name.trim(),
    tags: tagsOf(form.tags),
    cache_ttl: pick(CLASSES, (name) => number(form.cache_ttl[name])),
    features: form.features,
    chunk_size: number(form.chunk_size),
    allow_unsigned: form.allow_unsigned,
    cross_namespace_dedup: form.cross_namespace_dedup,
    origin_usd_per_gb: number(form.origin_usd_per_gb),
    expected_hit_rate: number(form.expected_hit_rate),
    alerts: pick(BOUNDS, (name) => number(form.alerts[name])),
  };
}

/** The body that creates a namespace: what is empty is left to its default. */
export function creation(form) {
  const body = { ...bodyOf(form), name: form.name.trim() };
  const shard = number(form.shard);
  if (shard !== null) body.shard = shard;
  if (body.display_name === "") delete body.display_name;
  return body;
}

/** The body that changes `namespace` into what the form says: only what differs. */
export function changes(namespace, form) {
  const [before, after] = [bodyOf(formOf(namespace)), bodyOf(form)];
  return Object.fromEntries(
    Object.entries(after).flatMap(([name, value]) => {
      if (JSON.stringify(value) === JSON.stringify(before[name])) return [];
      // Of the members of an object, too, only those that differ: the values in force may be defaults, which must stay defaults.
      if (value === null || typeof value !== "object" || Array.isArray(value)) return [[name, value]];
      return [[name, Object.fromEntries(Object.entries(value).filter(([member, one]) => one !== before[name][member]))]];
    }),
  );
}
