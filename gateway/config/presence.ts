/**
 * The presence that the settings give the bot.
 *
 * @module
 */

/** The `d` of op 3, in the one key order it is compared by (Discord gateway docs, Update Presence). */
export interface Presence {
  readonly since: null;
  readonly activities: readonly Activity[];
  readonly status: "online" | "idle" | "dnd" | "invisible";
  readonly afk: false;
}

/** Of an activity a bot may set only these and `url`, for which there is no setting. */
interface Activity {
  readonly name: string;
  readonly type: number;
  readonly state?: string;
}

const PLAYING = 0;
const CUSTOM = 4;

/** `activityType` counts where there is a name, and is then "playing" where it is null. */
export function presenceOf(
  status: Presence["status"],
  activityType: number | null,
  activityName: string | null,
): Presence {
  const activities = activityName === null ? [] : [activityOf(activityType ?? PLAYING, activityName)];
  return { since: null, activities, status, afk: false };
}

/** Discord shows the `state` of a custom status, and yet wants a name, for which its own clients say this. */
function activityOf(type: number, name: string): Activity {
  return type === CUSTOM ? { name: "Custom Status", type, state: name } : { name, type };
}
