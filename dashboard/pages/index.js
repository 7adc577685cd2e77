// The pages of the dashboard: one line each. An id is the page's hash, its icon (ui/icons.js) and its name (`page.<id>` in texts/).
import { Overview } from "./overview/index.js";
import { Files } from "./files/index.js";
import { Uploads } from "./uploads/index.js";
import { Usage } from "./usage/index.js";
import { Keys } from "./keys/index.js";
import { Webhooks } from "./webhooks/index.js";
import { forOperators } from "./operator.js";
import { Accounts } from "./accounts/index.js";
import { Tiers } from "./tiers/index.js";
import { Namespaces } from "./namespaces/index.js";
import { Edges } from "./edges/index.js";
import { HealthPage } from "./health/index.js";
import { Jobs } from "./jobs/index.js";

/**
 * @typedef {object} Page
 * @property {string} id
 * @property {"account" | "operator"} group where it stands in the navigation
 * @property {("account" | "operator")[]} for whose sessions can use it
 * @property {import("preact").ComponentType<{rest: string[], query: Record<string, string>, who: object}>} component
 */

/** @type {Page[]} in the order of the navigation */
export const pages = [
  { id: "overview", group: "account", for: ["account", "operator"], component: Overview },
  { id: "files", group: "account", for: ["account"], component: Files },
  { id: "uploads", group: "account", for: ["account"], component: Uploads },
  { id: "usage", group: "account", for: ["account"], component: Usage },
  { id: "keys", group: "account", for: ["account"], component: Keys },
  { id: "webhooks", group: "account", for: ["account", "operator"], component: Webhooks },
  { id: "accounts", group: "operator", for: ["operator"], component: forOperators("accounts", Accounts) },
  { id: "tiers", group: "operator", for: ["operator"], component: forOperators("tiers", Tiers) },
  { id: "namespaces", group: "operator", for: ["operator"], component: forOperators("namespaces", Namespaces) },
  { id: "edges", group: "operator", for: ["operator"], component: forOperators("edges", Edges) },
  { id: "health", group: "operator", for: ["operator"], component: forOperators("health", HealthPage) },
  { id: "jobs", group: "operator", for: ["operator"], component: forOperators("jobs", Jobs) },
];
