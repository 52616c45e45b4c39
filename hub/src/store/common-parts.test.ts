import { DatabaseSync } from "node:sqlite";

import { expect, it } from "vitest";

import { CommonParts } from "./common-parts.ts";
import { Database, prepareDatabase } from "./database.ts";
import { FleetRecords } from "./fleet-records.ts";
import { observedRecord, targetRecord } from "./records.fixture.ts";

function begin() {
  const database = new Database(prepareDatabase(new DatabaseSync(":memory:")));
  return { database, parts: new CommonParts(), reopened: () => FleetRecords.of(database).parts };
}

const pack = (
  { database, parts }: Pick<ReturnType<typeof begin>, "database" | "parts">,
  clusters: readonly string[],
) => {
  let rows: ReturnType<CommonParts["packTarget"]>[] = [];
  database.transaction(() => {
    parts.begin(database);
    rows = clusters.map((cluster) => parts.packTarget(targetRecord("web", cluster, "b1")));
  });
  parts.settle();
  return rows;
};

it("leaves the first record whole, and gives back every record as it was, also after a restart", () => {
  const store = begin();
  const rows = pack(store, ["dev-1", "dev-2", "dev-3"]);
  expect(rows.map((row) => "of" in row)).toEqual([false, true, true]);
  for (const [index, row] of rows.entries()) {
    const whole = targetRecord("web", `dev-${index + 1}`, "b1");
    expect(store.parts.unpackTarget(row)).toEqual(whole);
    expect(store.reopened().unpackTarget(JSON.parse(JSON.stringify(row)))).toEqual(whole);
  }
});

it("gives back reports as they were", () => {
  const { database, parts } = begin();
  const records = ["dev-1", "dev-2"].map((cluster) => observedRecord("web", cluster));
  database.transaction(() => {
    parts.begin(database);
    const rows = records.map((record) => parts.packObserved(record));
    expect(rows.map((row) => "of" in row)).toEqual([false, true]);
    parts.settle();
    expect(rows.map((row) => parts.unpackObserved(JSON.parse(JSON.stringify(row))))).toEqual(records);
  });
});

it("writes a part again when the transaction came to nothing that wrote it", () => {
  const store = begin();
  const { database, parts } = store;
  expect(() =>
    database.transaction(() => {
      parts.begin(database);
      for (const cluster of ["dev-1", "dev-2"]) parts.packTarget(targetRecord("web", cluster, "b1"));
      throw new Error("the disk is full");
    }),
  ).toThrow("refused a write");
  const [row] = pack(store, ["dev-3"]);
  expect(store.reopened().unpackTarget(row ?? targetRecord("", "", ""))).toEqual(targetRecord("web", "dev-3", "b1"));
});

it("says that the store is damaged when a part is gone", () => {
  const store = begin();
  const [, row] = pack(store, ["dev-1", "dev-2"]);
  store.database.run("DELETE FROM parts");
  expect(() => store.reopened().unpackTarget(row ?? targetRecord("", "", ""))).toThrow(
    expect.objectContaining({ code: "store_failed" }),
  );
});
