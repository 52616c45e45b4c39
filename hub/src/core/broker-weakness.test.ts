import { expect, it } from "vitest";

import { weaknessOf } from "./broker-weakness.ts";

const strict = { acceptOld: false };
const info = { server_id: "N", version: "2.12.7", proto: 1, auth_required: true, nonce: "n", max_payload: 1_048_576 };

it.each(["2.11.16", "2.11.40", "2.12.7", "2.12.8-RC.1", "2.13.0", "2.15.0-dev", "3.0.0"])(
  "T29: takes a broker of version %s",
  (version) => {
    expect(weaknessOf({ ...info, version }, strict)).toBeUndefined();
  },
);

it.each(["2.9.10", "2.10.29", "2.11.15", "2.11.16-RC.1", "2.12.0", "2.12.0-RC.1", "2.12.6", "2.12.7-RC.1", "1.4.1"])(
  "T29: refuses one of version %s, unless people accept it",
  (version) => {
    const refused = weaknessOf({ ...info, version }, strict);
    expect(refused?.reason).toContain(version);
    expect(refused?.remedy).toContain("2.12.7");
    expect(weaknessOf({ ...info, version }, { acceptOld: true })).toBeUndefined();
  },
);

it.each([undefined, "", "2.12", "newest", 2, "2.12.7; drop"])(
  "T29: refuses one that says no version: %j",
  (version) => {
    expect(weaknessOf({ ...info, version }, strict)?.reason).toContain("unknown version");
  },
);

it.each<[string, object]>([
  ["no_auth_user", { auth_required: false }],
  ["no_auth_user", { auth_required: undefined }],
  ["no_auth_user", { auth_required: "true" }],
  ["websocket", { ws_connect_urls: ["10.0.0.1:8080"] }],
])("T29: refuses one that is open, also when its age is accepted: %s", (remedy, change) => {
  for (const acceptOld of [false, true])
    expect(weaknessOf({ ...info, ...change }, { acceptOld })?.remedy).toContain(remedy);
});

it.each([undefined, null, "INFO", [], 7])("T29: refuses what says nothing of itself: %j", (nothing) => {
  for (const acceptOld of [false, true]) expect(weaknessOf(nothing, { acceptOld })).toBeDefined();
});
