import { spawn } from "node:child_process";

const openers: Readonly<Partial<Record<NodeJS.Platform, readonly [string, ...string[]]>>> = {
  darwin: ["open"],
  win32: ["rundll32", "url.dll,FileProtocolHandler"],
};

/** Asks the desktop to show an address. Where there is none, nothing happens: the address is on the screen anyway. */
export function openBrowser(address: string): void {
  if (!/^https?:\/\//u.test(address)) return;
  const [program, ...args] = openers[process.platform] ?? ["xdg-open"];
  // No shell sees the address, and no output of a browser comes between that of the command.
  const child = spawn(program, [...args, address], { stdio: "ignore", detached: true });
  child.on("error", () => undefined);
  child.unref();
}
