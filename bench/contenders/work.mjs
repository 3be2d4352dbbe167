/**
 * What a contender is to do, read from its environment.
 *
 * @module
 */
import process from "node:process";

/** `EX_CONFIG` of sysexits(3): started in a way in which it cannot work. */
const MISCONFIGURED = 78;

/**
 * The work. Where a setting is missing, or the compression is none of the given ones, the process says so and ends.
 *
 * @param compressions Those that the library knows.
 */
export function readWork(compressions) {
  const compression = setting("COMPRESSION");
  if (!compressions.includes(compression)) {
    refuse(`COMPRESSION is ${compression}, and this library knows ${compressions.join(", ")}`);
  }
  return {
    rabbitUrl: setting("RABBIT_URL"),
    apiUrl: setting("API_URL"),
    token: setting("BOT_TOKEN"),
    shards: count("SHARDS_TOTAL"),
    compression,
    intents: count("INTENTS"),
  };
}

function setting(name) {
  return process.env[name] || refuse(`${name} is not set`);
}

function count(name) {
  const value = Number(setting(name));
  return Number.isSafeInteger(value) && value >= 0 ? value : refuse(`${name} is not a number`);
}

function refuse(fault) {
  process.stderr.write(`Cannot start: ${fault}\n`);
  process.exit(MISCONFIGURED);
}
