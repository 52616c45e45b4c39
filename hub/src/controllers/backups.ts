import type { Backup } from "@drover/shared/api/maintenance";
import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import type { Logger } from "@drover/shared/log";
import type { Service } from "@drover/shared/service";
import { untilAborted } from "@drover/shared/until-aborted";

import { listBackups } from "../store/backup-folder.ts";
import { makeBackup } from "../store/backups.ts";
import type { Store } from "../store/store.ts";

export interface BackupOptions {
  readonly store: Store;
  /** Of the store. */
  readonly file: string;
  readonly backupsKept: number;
  /** 0 = only when asked. */
  readonly backupMinutes: number;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Backups {
  /** Makes one now, or waits for the one that is being made. */
  make(): Promise<Backup>;
  /** The oldest first. */
  list(): readonly Backup[];
  readonly service: Service;
}

/** Copies the store now and then. A copy that fails is logged and tried again at the next turn: the hub goes on. */
export function createBackups({ store, file, backupsKept, backupMinutes, clock, log }: BackupOptions): Backups {
  let running: Promise<Backup> | undefined;
  const make = async (): Promise<Backup> => {
    running ??= makeBackup(store, file, { kept: backupsKept, now: clock.now() }).finally(() => {
      running = undefined;
    });
    return running;
  };
  return {
    make,
    list: () => listBackups(file),
    service: {
      name: "backups",
      async run(signal) {
        if (backupMinutes === 0) return untilAborted(signal);
        for (;;) {
          await clock.sleep(backupMinutes * 60_000, signal);
          try {
            const { name, bytes } = await make();
            log.info({ backup: name, bytes }, "store backed up");
          } catch (cause) {
            log.error({ err: DroverError.from(cause) }, "the store could not be backed up");
          }
        }
      },
    },
  };
}
