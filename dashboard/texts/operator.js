// Texts of the operators' pages, built into a file of its own: accounts never load them.
import { accounts } from "./accounts.js";
import { edges } from "./edges.js";
import { health } from "./health.js";
import { jobs } from "./jobs.js";
import { namespaces } from "./namespaces.js";
import { tiers } from "./tiers.js";

export const operator = { ...accounts, ...tiers, ...namespaces, ...edges, ...health, ...jobs };
