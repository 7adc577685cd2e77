// What webhooks consist of.

/** The events that an endpoint can ask for, as the API names them. */
export const EVENTS = ["upload.completed", "upload.failed", "asset.deleted", "quota.warning", "alert.fired", "alert.resolved", "account.provisioned"];

const PAYLOAD_CUT = 2_048;

/** The path of a namespace's webhooks, or of one of them. */
export const webhooksPath = (namespace, id) => `/api/portal/namespaces/${encodeURIComponent(namespace)}/webhooks${id ? `/${encodeURIComponent(id)}` : ""}`;

/**
 * A payload as people read it. What is cut is no JSON any more and stays as it is.
 * @param {string | null | undefined} payload
 * @returns {{text: string, isCut: boolean} | null} null where there is none
 */
export function readable(payload) {
  if (payload == null) return null;
  try {
    return { text: JSON.stringify(JSON.parse(payload), null, 2), isCut: false };
  } catch {
    return { text: payload, isCut: payload.length >= PAYLOAD_CUT };
  }
}

/** Namespaces whose webhooks this session may see: an operator's all, of an account those that it manages, its own first. */
export function manageable(namespaces, who) {
  const mine = who.kind === "operator" ? namespaces : namespaces.filter(({ role }) => role === "manager");
  return [...mine].sort((one, other) => (other.name === who.namespace) - (one.name === who.namespace));
}
