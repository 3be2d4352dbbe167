/**
 * Events of what people buy of an application: entitlements and subscriptions.
 *
 * @module
 */

import type { EventData } from "../events.ts";
import { POPULATION } from "../population.ts";
import type { Scene } from "../scene.ts";
import { timestamp } from "../timestamp.ts";

const MONTH_MS = 30 * 86_400_000;

function buyerId(scene: Scene): string {
  return scene.population.userId(scene.place.below(POPULATION));
}

/** A purchase that is made, ends or is taken back. `ended` and `deleted` tell which. */
function entitlement(scene: Scene, ended: boolean, deleted: boolean): EventData<"ENTITLEMENT_CREATE"> {
  return {
    id: scene.newId(),
    sku_id: scene.bot.skuId,
    application_id: scene.bot.id,
    user_id: buyerId(scene),
    type: 8,
    deleted,
    starts_at: timestamp(scene.nowMs),
    ends_at: ended ? timestamp(scene.nowMs + MONTH_MS) : null,
    consumed: false,
  };
}

export function entitlementCreate(scene: Scene): EventData<"ENTITLEMENT_CREATE"> {
  return entitlement(scene, false, false);
}

export function entitlementUpdate(scene: Scene): EventData<"ENTITLEMENT_UPDATE"> {
  return entitlement(scene, true, false);
}

export function entitlementDelete(scene: Scene): EventData<"ENTITLEMENT_DELETE"> {
  return entitlement(scene, false, true);
}

/**
 * A subscription. `status` is 0 active, 1 inactive, 2 ending (Discord subscription docs, Subscription
 * Statuses).
 */
function subscription(scene: Scene, status: 0 | 1 | 2): EventData<"SUBSCRIPTION_CREATE"> {
  return {
    id: scene.newId(),
    user_id: buyerId(scene),
    sku_ids: [scene.bot.skuId],
    entitlement_ids: [scene.newId()],
    renewal_sku_ids: null,
    current_period_start: timestamp(scene.nowMs),
    current_period_end: timestamp(scene.nowMs + MONTH_MS),
    status,
    canceled_at: status === 0 ? null : timestamp(scene.nowMs),
  };
}

export function subscriptionCreate(scene: Scene): EventData<"SUBSCRIPTION_CREATE"> {
  return subscription(scene, 0);
}

export function subscriptionUpdate(scene: Scene): EventData<"SUBSCRIPTION_UPDATE"> {
  return subscription(scene, 2);
}

export function subscriptionDelete(scene: Scene): EventData<"SUBSCRIPTION_DELETE"> {
  return subscription(scene, 1);
}
