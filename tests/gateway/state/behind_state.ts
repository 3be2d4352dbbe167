/**
 * A publisher behind a state cache that answers at once and heeds every message.
 *
 * @module
 */
import { systemClock } from "../../../gateway/clock.ts";
import { EventChoice } from "../../../gateway/delivery/event_choice.ts";
import type { Publisher } from "../../../gateway/delivery/publisher.ts";
import { messageEntity } from "../../../gateway/state/entity.ts";
import { StatePlan } from "../../../gateway/state/plan.ts";
import { StatePublisher } from "../../../gateway/state/publisher.ts";
import { StateWriter } from "../../../gateway/state/writer.ts";
import { RecordingStore } from "./recording_store.ts";

class MessagePlan extends StatePlan {
  override steps() {
    return [{ step: "delete", entity: messageEntity("1", "2"), wantsOld: false } as const];
  }
}

export function behindState(publisher: Publisher): StatePublisher {
  const plan = new MessagePlan({
    members: false,
    memberTtlMs: 0,
    messages: true,
    messageTtlMs: 0,
    presences: false,
    emojis: false,
    voices: false,
    old: false,
  });
  const store = new RecordingStore();
  return new StatePublisher({
    publisher,
    store,
    plan,
    writer: new StateWriter({ store, plan, nextTurn: () => Promise.resolve() }),
    choice: new EventChoice(["*"], []),
    isStrict: true,
    isOurs: () => true,
    clock: systemClock,
    written: () => {},
    observe: () => {},
  });
}
