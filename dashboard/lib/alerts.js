// How an alert's figures are written.
import * as format from "./format.js";

export const ALERT_KINDS = ["hit_rate", "p95_latency", "upload_failures", "quota_80", "quota_100", "webhook_failing", "store_unreachable"];

const VALUES = { hit_rate: format.percent, p95_latency: format.latency, upload_failures: format.percent, quota_80: format.percent, quota_100: format.percent };
const RESTS = { quota_80: format.bytes, quota_100: format.bytes };

/** A value or a threshold of an alert of this kind. */
export const alertValue = (kind, value) => (VALUES[kind] ?? format.count)(value);

/** What an alert rests on: a number of answers, uploads, endpoints or tries; of a quota its bytes. */
export const alertBasis = (kind, value) => (RESTS[kind] ?? format.count)(value);
