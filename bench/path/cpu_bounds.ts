/**
 * What an event's CPU time is held to, of what was measured.
 *
 * @module
 */
import { type Bounded, bounded } from "../bounded.ts";
import { CONTENDERS } from "../contenders.ts";
import { SHARDLINE } from "./gateways.ts";
import { type Measured, multiples, PACED_PER_SECOND, type Run } from "./measure.ts";
import { type Work, workTitle } from "./work.ts";

const CPU_US_MAX = 25;
/** Of what `@discordjs/ws` with amqplib needs. */
const PERCENT_OF_CONTENDER_MAX = 100 / 3;
/** Of what it costs at the usual number of shards. */
const PERCENT_AT_MANY_SHARDS_MAX = 120;
const MANY_SHARDS = 1_024;

const fast = ({ fastCpuUs }: Run) => fastCpuUs;
const paced = ({ pacedCpuUs }: Run) => pacedCpuUs;
const many = `${MANY_SHARDS.toLocaleString("en")} shards`;
const pace = `at ${PACED_PER_SECOND.toLocaleString("en")}/s`;

/** As far as it was measured: nothing is said of works and gateways that were left out. */
export function cpuBounds(measured: readonly Measured[], usual: Work): Bounded[] {
  const runsOf = (gateway: string, work: Work) =>
    measured.find((one) => one.gateway === gateway && workTitle(one.work) === workTitle(work))?.runs ?? [];
  const ours = runsOf(SHARDLINE.title, usual);
  const theirs = runsOf(CONTENDERS.discordjs.title, usual);
  const atMany = runsOf(SHARDLINE.title, { ...usual, shards: MANY_SHARDS });
  const rows = [
    row("an event as fast as taken", "µs", ours.map(fast), CPU_US_MAX),
    row(`an event ${pace}`, "µs", ours.map(paced)),
    row(
      `an event as fast as taken, of what it costs ${CONTENDERS.discordjs.title}`,
      "%",
      shares(ours, theirs, fast),
      PERCENT_OF_CONTENDER_MAX,
    ),
    row(`an event ${pace}, of what it costs ${CONTENDERS.discordjs.title}`, "%", shares(ours, theirs, paced)),
    row(
      `an event as fast as taken on ${many}, of what it costs on ${usual.shards}`,
      "%",
      shares(atMany, ours, fast),
    ),
    row(
      `an event ${pace} on ${many}, of what it costs on ${usual.shards}`,
      "%",
      shares(atMany, ours, paced),
      PERCENT_AT_MANY_SHARDS_MAX,
    ),
  ];
  return rows.filter((row) => row !== null);
}

function row(what: string, unit: string, figures: readonly number[], atMost?: number): Bounded | null {
  return figures.length === 0 ? null : bounded(`CPU, ${what}`, unit, figures, atMost);
}

/** {@link multiples} in percent. */
function shares(...of: Parameters<typeof multiples>): number[] {
  return multiples(...of).map((multiple) => multiple * 100);
}
