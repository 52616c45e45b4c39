import { type Place, startRelay } from "./relay.ts";

/** Keeps a namespace of the network for as long as the test lives, and relays into it and out of it. */
process.on("message", ({ from, to }: { readonly from: Place; readonly to: Place }) => {
  void startRelay(from, to).then(() => process.send?.("listening"));
});
process.once("disconnect", () => process.exit());
process.send?.("started");
