/**
 * What the wire says: Discord's gateway in numbers, names and bytes. Pure functions and tables.
 *
 * - `opcodes.ts`, `close_codes.ts`, `intents.ts`: the tables.
 * - `frame_head.ts`: what of a frame from Discord must be known; `json_scan.ts` finds it in the bytes.
 * - `client_frames.ts`: the frames a shard sends on its own account.
 *
 * What to do about any of it is not here: those are the shard's rules, in `../shard/`. Nothing here imports from
 * outside this folder, and anybody may import from here, from the file that has it.
 *
 * @module
 */
export {};
