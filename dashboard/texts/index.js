// The one table of texts: {key: {en, de}}. A text that depends on a number is {one, other}. Each feature has a file; a key begins with the feature's name.
import { errors } from "./errors.js";
import { files } from "./files.js";
import { overview } from "./overview.js";
import { shared } from "./shared.js";
import { transfers } from "./transfers.js";
import { uploads } from "./uploads.js";

export const texts = { ...shared, ...errors, ...overview, ...files, ...transfers, ...uploads };
