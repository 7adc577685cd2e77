// The one table of texts: {key: {en, de}}. A text that depends on a number is {one, other}. Each feature has a file; a key begins with the feature's name.
import { errors } from "./errors.js";
import { files } from "./files.js";
import { keys } from "./keys.js";
import { meter } from "./meter.js";
import { overview } from "./overview.js";
import { secrets } from "./secrets.js";
import { shared } from "./shared.js";
import { transfers } from "./transfers.js";
import { uploads } from "./uploads.js";
import { usage } from "./usage.js";
import { webhooks } from "./webhooks.js";

export const texts = { ...shared, ...errors, ...overview, ...files, ...transfers, ...uploads, ...usage, ...keys, ...webhooks, ...secrets, ...meter };

/** Adds texts that were loaded later. */
export const addTexts = (more) => Object.assign(texts, more);
