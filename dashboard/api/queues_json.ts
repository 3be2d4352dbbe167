/**
 * The queues as endpoints tell of them, in the spelling of `fleet_json.ts`.
 *
 * @module
 */
import type { ManagementAnswer } from "../queues/management_client.ts";
import type { QueuesSnapshot } from "../queues/queue_watcher.ts";

export interface QueuesJson {
  /** When RabbitMQ was last asked; null before the first time. */
  readonly looked_at: number | null;
  /** Why it cannot be asked now; null where it can. */
  readonly problem: string | null;
  readonly queues: readonly QueueJson[];
  /** Of exchange `gateway`, 500 at most; null without a management interface. */
  readonly bindings: readonly BindingJson[] | null;
  /** How many more there are. */
  readonly bindings_left_out: number;
  /** Why the management interface does not tell all; null where it does, and where there is none. */
  readonly bindings_problem: string | null;
}

export interface QueueJson {
  readonly name: string;
  /** Ready to be consumed. Null where it could not be looked at. */
  readonly messages: number | null;
  readonly consumers: number | null;
  readonly change_in_minute: number | null;
  /** It has grown for a minute without a consumer. */
  readonly unattended: boolean;
  readonly problem: string | null;
}

export interface BindingJson {
  readonly destination: string;
  readonly destination_type: "queue" | "exchange";
  readonly routing_key: string;
}

export function queuesJson(
  { lookedAtMs, problem, queues }: QueuesSnapshot,
  management: ManagementAnswer | null,
): QueuesJson {
  return {
    looked_at: lookedAtMs,
    problem,
    queues: queues.map(({ changeInMinute, name, messages, consumers, unattended, problem }) => (
      { name, messages, consumers, change_in_minute: changeInMinute, unattended, problem }
    )),
    bindings: management && management.bindings.map(({ destination, destinationType, routingKey }) => (
      { destination, destination_type: destinationType, routing_key: routingKey }
    )),
    bindings_left_out: management?.bindingsLeftOut ?? 0,
    bindings_problem: management?.problem ?? null,
  };
}
