/** `counterpart completion`. */

import { type Command, choiceArgument, defineCommand } from "../command.ts";
import type { CommandNode } from "../command-nodes.ts";
import { completionScript, SHELLS } from "../completion-script.ts";
import { EXIT } from "../exit-code.ts";

/** @param nodes the commands to complete, this one among them */
export function createCompletion(nodes: readonly CommandNode[]): Command {
  return defineCommand({
    args: { shell: choiceArgument("the shell", SHELLS) },
    options: {},
    examples: [
      "source <(counterpart completion bash)",
      "counterpart completion zsh > ~/.zfunc/_counterpart",
      "counterpart completion fish > ~/.config/fish/completions/counterpart.fish",
    ],
    exits: [
      [EXIT.ok, "printed"],
      [EXIT.usage, "no such shell"],
    ],
    async run({ args }, { print }) {
      const shell = SHELLS.find((known) => known === args.shell);
      if (shell !== undefined) print(await completionScript(shell, nodes));
      return EXIT.ok;
    },
  });
}
