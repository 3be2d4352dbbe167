/**
 * `deno task ctl`: asks and tells the dashboard of a running service, from a terminal or a script.
 *
 * @module
 */
import type { FleetJson } from "../dashboard/api/fleet_json.ts";
import type { AuditJson, RejectedJson } from "../dashboard/api/records_json.ts";
import type { QueuesJson } from "../dashboard/api/queues_json.ts";
import type { RestartJson } from "../dashboard/api/restart_json.ts";
import type { ShardDetailsJson } from "../dashboard/api/shard_json.ts";
import { type Clock, systemClock } from "../gateway/clock.ts";
import { Screen, type ScreenTarget, standardOutput } from "../harness/screen.ts";
import { type AccessOptions, readAccess } from "./access.ts";
import { type Command, HELP, parseCommandLine } from "./command_line.ts";
import { DashboardClient } from "./dashboard_client.ts";
import { CommandFailure, EXIT_UNREAD } from "./failure.ts";
import { beSure } from "./question.ts";
import { restart } from "./restart.ts";
import {
  numberText,
  restartText,
  showAudit,
  showQueues,
  showRejected,
  showReplicas,
  showShard,
  showShards,
} from "./tables.ts";
import { watch } from "./watch.ts";

/** What a command is run in: this process, or a test. */
export interface Surroundings extends Omit<AccessOptions, "url"> {
  readonly output: ScreenTarget;
  /** Says why a command cannot do as told. */
  complain(line: string): void;
  /** Asks whoever sits at the terminal; null where nobody does. */
  readonly ask: ((question: string) => boolean) | null;
  readonly clock: Clock;
  /** From when it is called, Ctrl-C ends nothing but aborts the signal. */
  interruption(): AbortSignal;
}

/** Does what the arguments say, and resolves with the exit status. */
export async function run(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const screen = new Screen(surroundings.output);
  try {
    const line = parseCommandLine(args);
    if (line === "help") {
      screen.say(HELP.trimEnd());
      return 0;
    }
    const client = new DashboardClient(readAccess({ ...surroundings, url: line.url }));
    return await obey(line.command, { ...surroundings, client, screen, isJson: line.isJson });
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) return EXIT_UNREAD;
    if (!(error instanceof CommandFailure)) throw error;
    surroundings.complain(error.message);
    return error.status;
  }
}

interface Means extends Surroundings {
  readonly client: DashboardClient;
  readonly screen: Screen;
  readonly isJson: boolean;
}

async function obey(command: Command, means: Means): Promise<number> {
  const { client, screen, isJson } = means;
  /** Shows what an endpoint answers. */
  const show = async <Answer>(path: string, asText: (screen: Screen, answer: Answer) => void) => {
    const answer = await client.get<Answer>(path);
    if (isJson) screen.say(JSON.stringify(answer, null, 2));
    else asText(screen, answer);
    return 0;
  };
  /** Has an endpoint act. */
  const act = async (path: string, body: object | string, done: string) => {
    const answer = await client.post<unknown>(path, body);
    screen.say(isJson ? JSON.stringify(answer, null, 2) : done);
    return 0;
  };
  switch (command.name) {
    case "shards": {
      const query = new URLSearchParams(command.statuses.map((status) => ["status", status]));
      return await show(`/api/shards?${query}`, showShards);
    }
    case "shard":
      return await show<ShardDetailsJson>(`/api/shards/${command.shard}`, showShard);
    case "guild":
      return await show(`/api/guilds/${command.guildId}`, (screen, { shard }: { readonly shard: number }) => {
        screen.say(`Shard ${shard}`);
      });
    case "restart":
      return await restart(command, means);
    case "restart status":
      return await show("/api/restart", (screen, answer: { readonly restart: RestartJson | null }) => {
        screen.say(answer.restart === null ? "There was none yet" : restartText(answer.restart));
      });
    case "restart stop":
      return await act("/api/restart/stop", {}, "It stops: no further shard has its turn");
    case "replicas":
      return await show<FleetJson>("/api/fleet", showReplicas);
    case "reshard": {
      const { total, isSure } = command;
      await beSure({ name: "reshard", isSure, refused: "Nothing was changed" }, means, (fleet) => (
        reshardQuestion(total, fleet)
      ));
      const done =
        "It has begun; deno task ctl replicas shows how far it is, and reshard --abandon gives it up";
      return await act("/api/reshard", { total }, done);
    }
    case "reshard abandon":
      return await act("/api/reshard", { abandon: true }, "It is given up");
    case "drain":
    case "undrain": {
      const isDrained = command.name === "drain";
      const path = `/api/replicas/${encodeURIComponent(command.replica)}/drain`;
      const done = isDrained ? "It hands its shards over, and takes none" : "It takes shards again";
      return await act(path, { drain: isDrained }, done);
    }
    case "presence":
      return await act("/api/presence", command.body, "The gateway has carried it out");
    case "command":
      return await act("/api/commands", command.text, "The gateway has carried it out");
    case "queues":
      return await show<QueuesJson>("/api/queues", showQueues);
    case "rejected":
      return await show<RejectedJson>("/api/rejected", showRejected);
    case "audit":
      return await show<AuditJson>("/api/audit", showAudit);
    case "watch":
      return await watch(means);
  }
}

function reshardQuestion(total: number, { total: now, identify }: FleetJson): string {
  const left = identify === null ? "" : `, of ${numberText(identify.remaining)} that are left`;
  return `Change from ${numberText(now)} shards to ${numberText(total)}? That costs ${numberText(total)} ` +
    `identifies${left}. Both run meanwhile, and events go on.`;
}

/** Aborted by the first Ctrl-C or SIGTERM. The task runner passes each on, so it may come twice. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  const interrupt = () => controller.abort();
  Deno.addSignalListener("SIGINT", interrupt);
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", interrupt);
  return controller.signal;
}

if (import.meta.main) {
  const isTerminal = Deno.stdin.isTerminal() && Deno.stdout.isTerminal();
  Deno.exit(
    await run(Deno.args, {
      output: standardOutput(),
      complain: (line) => Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`)),
      ask: isTerminal ? (question) => confirm(question) : null,
      clock: systemClock,
      interruption,
      setting: (name) => Deno.env.get(name),
      readFile: (path) => Deno.readTextFileSync(path),
    }),
  );
}
