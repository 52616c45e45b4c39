import type { ApplicationRecord } from "../core/record.ts";
import type { InventoryEntry } from "../store/inventory.ts";
import type { Context } from "./context.ts";

const writing = new WeakMap<ApplicationRecord, Promise<void>>();

/**
 * Brings the inventory in the cluster in line with the application's records; no request when it is so already. Writes
 * of one application follow each other, and many that wait become one.
 */
export async function saveInventory(
  context: Pick<Context, "inventory">,
  application: ApplicationRecord,
  signal: AbortSignal,
): Promise<void> {
  const before = writing.get(application);
  const written = (before ?? Promise.resolve()).catch(() => undefined).then(() => write(context, application, signal));
  writing.set(application, written);
  await written;
}

async function write(
  { inventory }: Pick<Context, "inventory">,
  application: ApplicationRecord,
  signal: AbortSignal,
): Promise<void> {
  const { shape } = application;
  if (application.savedShape === shape) return;
  const owned = [...application.objects.values()].filter((record) => record.departure?.released !== true);
  const entries = owned.map(({ key, version, uid, created, run, departure }): InventoryEntry => {
    const confirmed = departure?.confirmed === true;
    return { key, version, uid, created, confirmed, ...(run?.ended === undefined ? {} : { ended: run.ended }) };
  });
  await inventory.write(application.name, { account: application.account, entries }, signal);
  application.savedShape = shape;
}
