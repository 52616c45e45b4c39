import { FakeClock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import { silentLog } from "@drover/shared/log";
import { beforeEach, expect, test } from "vitest";

import type { Ancestry } from "../source/git/ancestry.ts";
import type { Commit } from "../source/git/mirror.ts";
import { openSqliteStore } from "../store/sqlite.ts";
import { sourceDefaults, type Store } from "../store/store.ts";
import { createEventLog } from "./event-log.ts";
import { createHistory, historyType, type History } from "./history.ts";
import { World } from "./world.ts";

const signal = new AbortController().signal;
const [first, second, third] = ["1", "2", "3"].map((digit) => digit.repeat(40)) as [string, string, string];
const fetched = { type: "Fetched", status: "True", reason: "Fetched", message: "" } as const;

let store: Store;
let world: World;
let clock: FakeClock;
let history: History;
let answer: Ancestry | DroverError;
let asked: string[];

beforeEach(() => {
  store = openSqliteStore(":memory:");
  clock = new FakeClock(0);
  answer = "rewritten";
  asked = [];
  start();
  return () => store.close();
});
/** Also again, as after a restart. */
const start = (): void => {
  const now = (): number => clock.now();
  world = new World(store, createEventLog(store, now), now);
  const ancestry = (_source: unknown, { id }: Commit, earlier: string): Promise<Ancestry> => {
    asked.push(`${id.slice(0, 1)} after ${earlier.slice(0, 1)}`);
    return answer instanceof DroverError ? Promise.reject(answer) : Promise.resolve(answer);
  };
  history = createHistory({ store, world, mirror: { ancestry }, clock, log: silentLog });
};
/** What a look says when the branch went to a commit. */
const look = async (id: string, previous?: string): Promise<string> => {
  const known = store.source("a") ?? { ...sourceDefaults, name: "a", url: "https://git.example/a" };
  store.putSource({ ...known, accepted: { id, ref: "main", ...(previous === undefined ? {} : { previous }) } });
  const commit: Commit = { id, ref: "main", message: "", author: "", emails: [], committedAtMs: 0, parents: [] };
  world.setSource("a", { commit }, fetched);
  await history.look("a", signal);
  const found = world.source("a").conditions.find(({ type }) => type === historyType);
  return found === undefined ? "" : `${found.status} ${found.message}`;
};
const told = "False the history of main was rewritten: it went from 1111111 to 2222222, which does not follow it";

test("E4: a rewritten history is told for a day, with the commits, and as an event; later commits do not hide it", async () => {
  expect(await look(first)).toBe("");
  expect(await look(second, first)).toBe(told);
  expect(store.events().map(({ type, message }) => `${type} ${message}`)).toEqual([
    `problem source a: ${told.replace("False ", "")}`,
  ]);
  answer = "descends";
  expect(await look(third, second)).toBe(told);
  await clock.advance(24 * 3_600_000);
  expect(await look(third, second)).toBe("True ");
  expect(asked).toEqual(["2 after 1", "3 after 2"]);
});

test("E4: it is told after a restart too, without asking again", async () => {
  await look(second, first);
  start();
  expect(await look(second, first)).toBe(told);
  expect(asked).toEqual(["2 after 1"]);
});

test("E4: what was not found out before a restart is found out after it", async () => {
  answer = new DroverError("source_unreachable", "gone");
  const unknown = "Unknown whether the history of main was rewritten from 1111111 to 2222222 cannot be told";
  expect(await look(second, first)).toBe(unknown);
  expect(store.events()).toEqual([]);
  start();
  answer = "rewritten";
  expect(await look(second, first)).toBe(told);
});

test("E4: where it would cost too much, it says that it cannot tell, and asks no more about that commit", async () => {
  answer = "unknown";
  expect(await look(second, first)).toMatch(/^Unknown /u);
  expect(await look(second, first)).toMatch(/^Unknown /u);
  expect(asked).toEqual(["2 after 1"]);
  answer = "descends";
  expect(await look(third, second)).toBe("True ");
});
