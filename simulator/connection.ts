/**
 * One WebSocket connection from HELLO to its end: handshake, heartbeats, and the faults that strike it. The
 * bytes go through an {@link Encoder}, the socket is whatever `gateway_door.ts` hands in.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { deflateSync } from "node:zlib";
import type { Account } from "./account.ts";
import {
  type Identify,
  parseClientFrame,
  readChannelInfoRequest,
  readHeartbeat,
  readIdentify,
  readMembersRequest,
  readPresence,
  readResume,
  readShard,
  readSoundboardRequest,
  readVoiceState,
} from "./client_frame.ts";
import { CLOSE, closeReason, endsSession, type SessionFate, sessionFate } from "./close_codes.ts";
import { type Discord, TRACE } from "./discord.ts";
import { type Compression, createEncoder, type Encoder, type WireMessage } from "./encoder.ts";
import { shardOfGuild } from "./event_world.ts";
import { answerChannelInfo, answerMembers, answerSoundboard, answerVoiceState } from "./guild_requests.ts";
import type { Knobs } from "./knobs.ts";
import { CLIENT_OPCODES, OPCODE } from "./opcodes.ts";
import { controlPayload } from "./payload.ts";
import type { Session, SessionLink } from "./session.ts";
import { SlidingWindow } from "./sliding_window.ts";
import type { Happening } from "./statistics.ts";
import { INTENT, INTENTS_ALL, INTENTS_PRIVILEGED } from "./world/intents.ts";

/** The WebSocket under a connection. */
export interface Socket {
  /** Bytes handed over and not yet taken by the network. */
  readonly bufferedBytes: number;
  send(message: WireMessage): void;
  close(code: number, reason: string): void;
  /** Cuts the TCP connection with a reset, without a close frame. */
  reset(): void;
}

/** What the URL of a connection says. */
export interface ConnectionTerms {
  readonly id: number;
  readonly url: "main" | "resume";
  /** API version; null where it is missing, discontinued or unknown. */
  readonly version: number | null;
  readonly compression: Compression;
}

/** What the server does before its HELLO, where that is not to be the first frame. */
export interface Greeting {
  /** Op 7 goes first. */
  readonly reconnectFirst: boolean;
  readonly hello: boolean;
}

type ConnectionState =
  | { readonly kind: "unauthenticated"; readonly refused: boolean }
  | { readonly kind: "identifying"; readonly cancel: () => void }
  | { readonly kind: "attached"; readonly session: Session }
  | { readonly kind: "closed" };

const LEAST_REPLAY_EVENTS = 100;
const MOST_REPLAY_EVENTS = 3_500;
const REPLAY_EVENTS_PER_GUILD = 75;

/** Events kept for a resume: what Discord staff once told (discord-api-docs issue 24), unless the knob says a number. */
function replayCapacity(knobs: Knobs, guildCount: number): number {
  if (knobs.replayBufferEvents > 0) return knobs.replayBufferEvents;
  return Math.max(LEAST_REPLAY_EVENTS, Math.min(MOST_REPLAY_EVENTS, guildCount * REPLAY_EVENTS_PER_GUILD));
}

/** One gateway connection: Discord's side of the rules. */
export class Connection implements SessionLink {
  readonly id: number;
  readonly #discord: Discord;
  readonly #terms: ConnectionTerms;
  readonly #socket: Socket;
  readonly #encoder: Encoder;
  readonly #sends = new SlidingWindow();
  #state: ConnectionState = { kind: "unauthenticated", refused: false };
  #account: Account | null = null;
  #compressesPayloads = false;
  #heartbeatAtMs = 0;
  #cancelHeartbeatCheck = () => {};
  #cancelReconnect = () => {};
  /** An injected fault: heartbeats of this connection get no answer. */
  ignoresHeartbeats = false;

  /** Takes over an open socket and sends HELLO. */
  constructor(discord: Discord, terms: ConnectionTerms, socket: Socket, greeting: Greeting) {
    this.id = terms.id;
    this.#discord = discord;
    this.#terms = terms;
    this.#socket = socket;
    this.#encoder = createEncoder(terms.compression, {
      level: discord.knobs.zlibLevel,
      messageCount: () => discord.knobs.splitMessages,
    });
    discord.connections.add(this);
    this.#note({ kind: "connected" });
    if (terms.version === null) {
      this.close(CLOSE.invalidApiVersion);
      return;
    }
    if (greeting.reconnectFirst) this.askReconnect();
    if (greeting.hello) {
      this.#sendControl(OPCODE.hello, {
        heartbeat_interval: discord.knobs.heartbeatIntervalMs,
        _trace: TRACE,
      });
    }
    this.#heartbeatAtMs = discord.clock.nowMs();
    this.#checkHeartbeatLater();
  }

  /** The session on this connection, or null before it is identified and after op 9. */
  get session(): Session | null {
    return this.#state.kind === "attached" ? this.#state.session : null;
  }

  /** The bot that identified or resumed here last, whether or not it was let in; null where nobody has. */
  get account(): Account | null {
    return this.#account;
  }

  get state(): ConnectionState["kind"] {
    return this.#state.kind;
  }

  get url(): "main" | "resume" {
    return this.#terms.url;
  }

  get compression(): Compression {
    return this.#terms.compression;
  }

  /** A frame has arrived. */
  receive(bytes: Buffer, binary: boolean): void {
    const { knobs, clock, statistics } = this.#discord;
    if (this.#state.kind === "closed") return;
    statistics.framesReceived++;
    if (!this.#sends.take(clock.nowMs(), knobs.sendWindowMs, knobs.sendLimit)) {
      return this.close(CLOSE.rateLimited);
    }
    // Clients of the JSON encoding send text only.
    const frame = binary || bytes.length > knobs.maxPayloadBytes ? null : parseClientFrame(bytes);
    if (frame === null) return this.close(CLOSE.decodeError);
    if (!CLIENT_OPCODES.has(frame.opcode)) return this.close(CLOSE.unknownOpcode);
    switch (frame.opcode) {
      case OPCODE.heartbeat:
        return this.#heartbeat(frame.data);
      case OPCODE.identify:
        return this.#identify(frame.data);
      case OPCODE.resume:
        return this.#resume(frame.data);
    }
    if (this.#state.kind !== "attached") return this.close(CLOSE.notAuthenticated);
    const { session } = this.#state;
    statistics.noteCommand({
      atMs: clock.nowMs(),
      shard: session.shardId,
      session: session.id,
      op: frame.opcode,
      text: frame.text,
    });
    this.#command(session, frame.opcode, frame.data);
  }

  /** The socket is gone: `code` is the client's close code, 1005 for an empty close frame, 1006 for none. */
  ended(code: number): void {
    if (this.#state.kind === "closed") return;
    const session = this.session;
    this.#note({ kind: "closed-by-client", code });
    this.#stop();
    if (session === null) return;
    if (endsSession(code)) this.#discord.sessions.end(session, `client closed with ${code}`);
    else this.#discord.sessions.detach(session);
  }

  /** Closes from the server's side; the session's fate follows the code and the knobs, unless told. */
  close(code: number, options: { reason?: string; fate?: SessionFate } = {}): void {
    if (this.#state.kind === "closed") return;
    const { reason = closeReason(code), fate = this.#fateOf(code) } = options;
    const session = this.session;
    this.#note({ kind: "closed-by-server", code, cause: reason });
    this.#stop({ code, reason });
    if (session === null) return;
    if (fate === "drop") this.#discord.sessions.end(session, `server closed with ${code}`);
    else this.#discord.sessions.detach(session);
  }

  /** Cuts the connection without a word; the session stays resumable. */
  reset(): void {
    if (this.#state.kind === "closed") return;
    const session = this.session;
    this.#note({ kind: "closed-by-server", code: 1006, cause: "connection reset" });
    this.#stop();
    this.#socket.reset();
    if (session !== null) this.#discord.sessions.detach(session);
  }

  replaced(): void {
    // The registry has moved the session already: it is not this connection's to keep or drop.
    this.#note({ kind: "closed-by-server", code: CLOSE.unknownError, cause: "resumed elsewhere" });
    this.#stop({ code: CLOSE.unknownError, reason: "Session resumed elsewhere." });
  }

  /** Op 1: asks for a heartbeat now. */
  askHeartbeat(): void {
    this.#sendControl(OPCODE.heartbeat, null);
  }

  /** Op 7; a client that stays is closed after a while. Its session stays resumable either way. */
  askReconnect(): void {
    const { clock, knobs } = this.#discord;
    this.#sendControl(OPCODE.reconnect, null);
    this.#cancelReconnect();
    const leave = () => this.close(CLOSE.goingAway);
    this.#cancelReconnect = clock.schedule(clock.nowMs() + knobs.reconnectGraceMs, leave);
  }

  /** Op 9: from here on the connection counts as unauthenticated. */
  invalidate(resumable: boolean): void {
    const session = this.session;
    if (this.#state.kind === "identifying") this.#state.cancel();
    if (this.#state.kind !== "closed") this.#state = { kind: "unauthenticated", refused: true };
    if (session !== null) {
      if (resumable) this.#discord.sessions.detach(session);
      else this.#discord.sessions.end(session, "invalidated by op 9");
    }
    this.#sendControl(OPCODE.invalidSession, resumable);
  }

  sendPayload(payload: Buffer): void {
    if (this.#state.kind === "closed") return;
    const { compressThresholdBytes, sendBufferMaxBytes } = this.#discord.knobs;
    if (this.#socket.bufferedBytes > sendBufferMaxBytes) return this.reset();
    if (this.#compressesPayloads && payload.length > compressThresholdBytes) {
      this.#socket.send({ bytes: deflateSync(payload), binary: true });
      return;
    }
    this.#encoder.encode(payload, (messages) => {
      for (const message of messages) this.#socket.send(message);
    });
  }

  /** Sends one WebSocket message past the encoder, which ruins a compressed stream. */
  sendMessage(message: WireMessage): void {
    if (this.#state.kind !== "closed") this.#socket.send(message);
  }

  #fateOf(code: number): SessionFate {
    const { keepSessionOn, dropSessionOn } = this.#discord.knobs;
    if (keepSessionOn.includes(code)) return "keep";
    return dropSessionOn.includes(code) ? "drop" : sessionFate(code);
  }

  #sendControl(opcode: number, data: unknown): void {
    this.sendPayload(controlPayload(opcode, data, this.#discord.keyOrder()));
  }

  #heartbeat(data: unknown): void {
    const heartbeat = readHeartbeat(data);
    if (heartbeat === null) return this.close(CLOSE.decodeError);
    const { clock, knobs, statistics } = this.#discord;
    statistics.heartbeatsReceived++;
    this.#heartbeatAtMs = clock.nowMs();
    if (heartbeat.sequence !== null) this.session?.acknowledge(heartbeat.sequence, knobs.trimReplay);
    if (knobs.acknowledgeHeartbeats && !this.ignoresHeartbeats) this.#sendControl(OPCODE.heartbeatAck, null);
    statistics.changed();
  }

  #checkHeartbeatLater(): void {
    const { clock, knobs } = this.#discord;
    const graceMs = knobs.heartbeatIntervalMs * knobs.heartbeatGraceIntervals;
    this.#cancelHeartbeatCheck = clock.schedule(this.#heartbeatAtMs + graceMs, () => {
      if (clock.nowMs() - this.#heartbeatAtMs >= graceMs) this.close(knobs.heartbeatCloseCode);
      else this.#checkHeartbeatLater();
    });
  }

  #identify(data: unknown): void {
    const { knobs } = this.#discord;
    const identify = readIdentify(data);
    if (identify === null) return this.close(CLOSE.decodeError);
    if (this.#state.kind !== "unauthenticated") return this.close(CLOSE.alreadyAuthenticated);
    const account = this.#discord.accountOf(identify.token);
    if (account === undefined) return this.close(CLOSE.authenticationFailed);
    this.#account = account;
    const shard = readShard(identify.shard);
    if (shard === null || shard.count % knobs.shardMultiple !== 0) return this.close(CLOSE.invalidShard);
    const guildIds = this.#discord.world.guildIds.filter((id) => shardOfGuild(id, shard.count) === shard.id);
    if (guildIds.length > knobs.guildCap) return this.close(CLOSE.shardingRequired);
    const refusal = this.#refuseIntents(identify.intents);
    if (refusal !== null) return this.close(refusal);

    switch (account.startSession(shard.id)) {
      case "quota-spent":
        // Whoever overspends loses all sessions and the token (Discord docs, Session Start Limit).
        return this.#discord.revoke(account, "daily identifies overspent");
      case "bucket-busy":
        this.#note({ kind: "identify-refused", shard: shard.id, cause: "identify bucket busy" });
        return this.invalidate(false);
      case "started":
        break;
    }
    this.#note({ kind: "identified", shard: shard.id });
    if (this.#terms.url === "resume" && !this.#state.refused) {
      this.#discord.statistics.wrongUrl.identifiesOnResume++;
    }
    const start = () => {
      this.#startSession(account, identify, shard, guildIds);
      this.#discord.statistics.changed();
    };
    const cancel = this.#discord.clock.schedule(this.#discord.clock.nowMs() + knobs.readyDelayMs, start);
    this.#state = { kind: "identifying", cancel };
    if (knobs.readyDelayMs > 0) return;
    cancel();
    start();
  }

  #refuseIntents(intents: unknown): number | null {
    const { knobs } = this.#discord;
    if (typeof intents !== "number" || !Number.isInteger(intents)) return CLOSE.invalidIntents;
    // Beyond 31 bits the operators below would not see what is set.
    if (intents < 0 || intents > INTENTS_ALL || (intents & ~INTENTS_ALL) !== 0) return CLOSE.invalidIntents;
    const granted = (knobs.guildMembersIntent ? INTENT.GUILD_MEMBERS : 0) |
      (knobs.guildPresencesIntent ? INTENT.GUILD_PRESENCES : 0) |
      (knobs.messageContentIntent ? INTENT.MESSAGE_CONTENT : 0);
    return (intents & INTENTS_PRIVILEGED & ~granted) === 0 ? null : CLOSE.disallowedIntents;
  }

  #startSession(
    account: Account,
    identify: Identify,
    shard: { id: number; count: number },
    guildIds: readonly bigint[],
  ): void {
    const { world, sessions, knobs, clock, unavailableGuilds } = this.#discord;
    const terms = {
      account,
      shardId: shard.id,
      shardCount: shard.count,
      intents: identify.intents as number,
      largeThreshold: identify.largeThreshold,
      replayCapacity: replayCapacity(knobs, guildIds.length),
    };
    const session = sessions.create(terms, this);
    session.presence = identify.presence;
    this.#state = { kind: "attached", session };
    this.#compressesPayloads = identify.compress && this.#terms.compression === "none";
    this.#discord.dispatch(session, "READY", {
      v: this.#terms.version,
      user_settings: {},
      user: world.user,
      session_id: session.id,
      resume_gateway_url: this.#discord.resumeGatewayUrl,
      relationships: [],
      private_channels: [],
      presences: [],
      guilds: guildIds.map((id) => ({ id: String(id), unavailable: true })),
      ...(identify.shard === undefined ? {} : { shard: [shard.id, shard.count] }),
      application: { id: world.application.id, flags: world.application.flags },
      _trace: TRACE,
    });
    if ((session.intents & INTENT.GUILDS) === 0) return;
    for (const id of guildIds) {
      if (unavailableGuilds.has(id)) {
        this.#discord.dispatch(session, "GUILD_DELETE", { id: String(id), unavailable: true });
      } else {
        const data = world.guildCreate(id, session.intents, clock.nowMs(), session.largeThreshold);
        this.#discord.dispatch(session, "GUILD_CREATE", data);
      }
    }
  }

  #resume(data: unknown): void {
    const resume = readResume(data);
    if (resume === null) return this.close(CLOSE.decodeError);
    if (this.#state.kind !== "unauthenticated") return this.close(CLOSE.alreadyAuthenticated);
    const { sessions, statistics, knobs } = this.#discord;
    const account = this.#discord.accountOf(resume.token);
    this.#account = account ?? null;
    const session = sessions.get(resume.sessionId);
    if (account === undefined || session === undefined || session.account !== account) {
      this.#note({
        kind: "resume-refused",
        session: resume.sessionId,
        cause: "no such session of this token",
      });
      return this.invalidate(false);
    }
    const named = { shard: session.shardId, session: session.id };
    if (resume.sequence < 0 || resume.sequence > session.sequence) {
      this.#note({ kind: "resume-refused", ...named, cause: `sequence ${resume.sequence} was never sent` });
      this.#dropSession(session, "resumed with a sequence that was never sent");
      return this.close(CLOSE.invalidSequence);
    }
    if (!session.canReplayAfter(resume.sequence)) {
      this.#note({
        kind: "resume-refused",
        ...named,
        cause: `events after ${resume.sequence} are forgotten`,
      });
      this.#dropSession(session, "resumed too far back");
      return this.invalidate(false);
    }
    sessions.attach(session, this);
    this.#state = { kind: "attached", session };
    if (this.#terms.url === "main") statistics.wrongUrl.resumesOnMain++;
    session.acknowledge(resume.sequence, knobs.trimReplay);
    session.replayAfter(resume.sequence);
    this.#discord.dispatchResumed(session);
    this.#note({ kind: "resumed", ...named });
  }

  /** Ends a session that this connection failed to resume, and whatever connection it still had. */
  #dropSession(session: Session, cause: string): void {
    const link = session.link;
    this.#discord.sessions.end(session, cause);
    link?.replaced();
  }

  #command(session: Session, opcode: number, data: unknown): void {
    const discord = this.#discord;
    switch (opcode) {
      case OPCODE.presenceUpdate: {
        const presence = readPresence(data);
        if (presence === null) return this.close(CLOSE.decodeError);
        const { presenceLimit, presenceWindowMs } = discord.knobs;
        // What is too much is dropped in silence, as observed.
        if (session.presences.take(discord.clock.nowMs(), presenceWindowMs, presenceLimit)) {
          session.presence = presence;
        }
        return;
      }
      case OPCODE.voiceStateUpdate: {
        const request = readVoiceState(data);
        return request === null ? this.close(CLOSE.decodeError) : answerVoiceState(discord, session, request);
      }
      case OPCODE.requestGuildMembers: {
        const request = readMembersRequest(data);
        if (request === null) return this.close(CLOSE.decodeError);
        if ((request.query === undefined) === (request.userIds === undefined)) {
          return this.close(CLOSE.unknownOpcode);
        }
        return answerMembers(discord, session, request);
      }
      case OPCODE.requestSoundboardSounds: {
        const guildIds = readSoundboardRequest(data);
        return guildIds === null
          ? this.close(CLOSE.decodeError)
          : answerSoundboard(discord, session, guildIds);
      }
      case OPCODE.requestChannelInfo: {
        const request = readChannelInfoRequest(data);
        if (request === null) return this.close(CLOSE.decodeError);
        return answerChannelInfo(discord, session, request.guildId, request.fields);
      }
    }
  }

  /** Ends everything that this connection does by itself, and says goodbye once what was sent before is out. */
  #stop(goodbye?: { code: number; reason: string }): void {
    if (this.#state.kind === "identifying") this.#state.cancel();
    this.#state = { kind: "closed" };
    this.#discord.connections.delete(this);
    this.#cancelHeartbeatCheck();
    this.#cancelReconnect();
    const encoder = this.#encoder;
    if (goodbye === undefined) return encoder.close();
    encoder.settled(() => {
      encoder.close();
      this.#socket.close(goodbye.code, goodbye.reason);
    });
  }

  #note(happening: Pick<Happening, "kind"> & Partial<Happening>): void {
    const session = this.session;
    this.#discord.statistics.note({
      atMs: this.#discord.clock.nowMs(),
      connection: this.id,
      url: this.#terms.url,
      ...(session === null ? {} : { shard: session.shardId, session: session.id }),
      ...happening,
    });
  }
}
