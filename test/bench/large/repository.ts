import { mustRun } from "../../rig/command.ts";
import { plainGit } from "../../rig/git.ts";
import { program } from "../../rig/programs.ts";

const branch = "refs/heads/main";

/**
 * Commits files, and what there was before, to the main branch of a bare repository, and returns the commit's id. Without a
 * work tree: writing one of 20,000 files takes longer than everything that is measured.
 */
export async function commitTo(
  repository: string,
  message: string,
  files: Readonly<Record<string, string>>,
): Promise<string> {
  const git = async (args: readonly string[], stdin?: string): Promise<string> =>
    mustRun(program("git"), args, { cwd: repository, env: plainGit, ...(stdin === undefined ? {} : { stdin }) });
  const before = (await git(["for-each-ref", "--format=%(objectname)", branch])).trim();
  const stream = [
    `commit ${branch}\ncommitter Drover Test <test@drover.dev> now\n${data(message)}`,
    before === "" ? "" : `from ${before}\n`,
    ...Object.entries(files).map(([path, content]) => `M 100644 inline ${path}\n${data(content)}`),
  ];
  await git(["fast-import", "--quiet", "--date-format=now"], stream.join(""));
  if (before === "") await git(["repack", "-a", "-d", "-q"]);
  return (await git(["rev-parse", branch])).trim();
}

function data(text: string): string {
  return `data ${Buffer.byteLength(text)}\n${text}\n`;
}
