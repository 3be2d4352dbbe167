/**
 * Names for what happened, by which two sessions that both saw it know it for the same.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { Digest } from "../reshard/overlap.ts";

/** 96 bits: among a million events the chance that any two share one is below 10^-17. */
const DIGEST_CHARACTERS = 16;

export const sha256Digest: Digest = (name, data) =>
  createHash("sha256").update(name).update("\0").update(data).digest("base64").slice(0, DIGEST_CHARACTERS);
