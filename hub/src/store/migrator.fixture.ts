import { writeSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

import { prepareDatabase } from "./database.ts";
import { migrations } from "./migrations.ts";

/**
 * For `migrations.test.ts`: brings a store up to the newest schema, and is killed at the nth of the moments between two
 * statements, or two records of one. Without a number it says how many there are.
 */
const [file = "", nth = "Infinity"] = process.argv.slice(2);
let moments = 0;
const database = new DatabaseSync(file);
database.function("moment", () => {
  moments += 1;
  if (moments === Number(nth)) process.kill(process.pid, "SIGKILL");
  return "";
});
const moment = "SELECT moment();";
const steps = migrations.map((step) => `${moment} ${step.replaceAll(";", `; ${moment}`)}`);
prepareDatabase(
  database,
  steps.map((step) => step.replaceAll("sealed(record)", "sealed(record) || moment()")),
);
writeSync(1, String(moments));
