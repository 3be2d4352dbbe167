/**
 * How commands come to the shards here: alone a process takes them from `gateway.send` itself; in a fleet one member routes
 * them, and each takes what is passed to it.
 *
 * @module
 */
import type { CommandConclusionOptions } from "./commands/conclusion.ts";
import type { CommandDispatcher } from "./commands/dispatcher.ts";
import type { MemberLink, RouterLink } from "./commands/links.ts";
import { CommandMember } from "./commands/member.ts";
import { CommandRouter, type FleetShards } from "./commands/router.ts";
import type { CommandSource } from "./commands/source.ts";

export type CommandPorts =
  | { readonly kind: "alone"; readonly source: CommandSource }
  | { readonly kind: "fleet"; links(member: string): FleetLinks };

export interface FleetLinks {
  readonly router: RouterLink;
  readonly member: MemberLink;
}

export interface CommandIntakeOptions extends CommandConclusionOptions {
  readonly ports: CommandPorts;
  readonly dispatcher: CommandDispatcher;
  readonly fleet: FleetShards;
  /** In a fleet: this process is to hand its shards over and take none, or to take some again. */
  readonly drain: (isDrained: boolean) => void;
}

interface FleetSide {
  readonly links: FleetLinks;
  readonly router: CommandRouter;
  readonly member: CommandMember;
}

export class CommandIntake {
  readonly #options: CommandIntakeOptions;
  #fleetSide: FleetSide | null = null;

  constructor(options: CommandIntakeOptions) {
    this.#options = options;
  }

  /** In a fleet, takes from now on what is passed to this member. Before it holds any shard. */
  joinAs(member: string): void {
    const { ports, dispatcher, drain, ...options } = this.#options;
    if (ports.kind === "alone") return;
    const links = ports.links(member);
    this.#fleetSide = {
      links,
      router: new CommandRouter({ ...options, member, link: links.router }),
      member: new CommandMember({ member, link: links.member, dispatcher, drain }),
    };
    this.#fleetSide.member.start();
  }

  /** Takes commands of `gateway.send`, or is there to do so. Once the number of all shards is known. */
  start(): void {
    const { ports, dispatcher } = this.#options;
    if (ports.kind === "alone") ports.source.start((command) => dispatcher.handle(command));
    this.#fleetSide?.router.start();
  }

  /** Somebody in the fleet holds a shard now, or holds it no longer. */
  holdersChanged(): void {
    this.#fleetSide?.router.holdersChanged();
  }

  /** Takes nothing more of `gateway.send`. */
  async quiet(): Promise<void> {
    const { ports } = this.#options;
    await (ports.kind === "alone" ? ports.source.quiet() : this.#fleetSide?.router.quiet());
  }

  /** Takes nothing more that is passed to it either. */
  async leave(): Promise<void> {
    await this.#fleetSide?.member.quiet();
  }

  async close(): Promise<void> {
    const { ports } = this.#options;
    if (ports.kind === "alone") return await ports.source.close();
    const { router, member } = this.#fleetSide?.links ?? {};
    await Promise.all([router?.close(), member?.close()]);
  }
}
