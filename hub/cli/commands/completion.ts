import { DroverError } from "@drover/shared/errors";
import type { Command } from "commander";

import type { CommandContext } from "../command-table.ts";
import { withExamples } from "../help.ts";

const kinds = "clusters apps targets sources events";

export function define(program: Command, { terminal, commandNames }: CommandContext): void {
  const command = program
    .command("completion")
    .description("Print a script that completes commands, kinds and names from the hub.")
    .argument("<shell>", "bash, zsh or fish")
    .action((shell: string) => {
      const script = Object.hasOwn(scripts, shell) ? scripts[shell] : undefined;
      if (script === undefined) {
        throw new DroverError("usage", `there is no completion for "${shell}"`, { hint: "shells: bash zsh fish" });
      }
      terminal.stdout.write(script(commandNames.join(" ")));
    });
  withExamples(command, [
    ["source <(drover completion bash)", "for this shell"],
    ["drover completion zsh > ~/.zfunc/_drover", "for every zsh"],
    ["drover completion fish > ~/.config/fish/completions/drover.fish", "for every fish"],
  ]);
}

/** What follows a command: a kind, or the names that the hub knows. Shell text, shared by bash and zsh. */
const candidates = (names: string): string => `
  case "$previous" in
    drover) echo "${names} help" ;;
    get) echo "${kinds}" ;;
    describe) echo "cluster app target source" ;;
    cluster|--cluster|label) drover get clusters -o name 2>/dev/null ;;
    app|apps|--app) drover get apps -o name 2>/dev/null ;;
    target|targets|diff|tree) drover get targets -o name 2>/dev/null ;;
    sync) drover get apps -o name 2>/dev/null; drover get targets -o name 2>/dev/null ;;
    source) echo "add identity trust webhook remove" ;;
    credential) echo "add list remove" ;;
    context) echo "ls use add" ;;
    completion) echo "bash zsh fish" ;;
    -o|--output) echo "table wide json yaml name" ;;
  esac`;

const scripts: Readonly<Record<string, (names: string) => string>> = {
  bash: (names) => `_drover_candidates() {
  local previous="$1"${candidates(names)}
}
_drover() {
  local IFS=$' \\t\\n'
  # An @ in app@cluster does not begin a new word.
  COMP_WORDBREAKS="\${COMP_WORDBREAKS//@/}"
  COMPREPLY=($(compgen -W "$(_drover_candidates "\${COMP_WORDS[COMP_CWORD-1]}")" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _drover drover
`,
  zsh: (names) => `#compdef drover
_drover_candidates() {
  local previous="$1"${candidates(names)}
}
_drover() {
  compadd -- \${=$(_drover_candidates "\${words[CURRENT-1]}")}
}
compdef _drover drover
`,
  fish: (names) => `complete -c drover -f
complete -c drover -n __fish_use_subcommand -a "${names} help"
complete -c drover -n "__fish_seen_subcommand_from get" -a "${kinds}"
complete -c drover -n "__fish_seen_subcommand_from describe" -a "cluster app target source"
complete -c drover -n "__fish_seen_subcommand_from diff tree sync" -a "(drover get targets -o name 2>/dev/null)"
complete -c drover -s o -l output -x -a "table wide json yaml name"
`,
};
