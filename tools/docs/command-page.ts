/** docs/CLI.md: every command with its arguments, flags, examples and exit codes, from the commands themselves. */

import type { ArgumentSpec, Command, OptionSpec } from "../../packages/node/src/cli/command.ts";
import { type CommandNode, isGroup } from "../../packages/node/src/cli/command-nodes.ts";
import { COMMANDS } from "../../packages/node/src/cli/command-tree.ts";
import { describeOption, usageOf } from "../../packages/node/src/cli/program.ts";

const HEAD = `# The command line

\`counterpart <command>\`; in a checkout \`npx counterpart <command>\`. \`counterpart start\` runs a node, most other commands
ask a running one by its [API](API.md): the one that \`--url\` or \`COUNTERPART_URL\` names, else
\`http://127.0.0.1:8080\`. A node that listens beyond loopback wants its token for whatever changes something, and
for \`contracts call\`: \`--token-file\`, \`COUNTERPART_TOKEN_FILE\`, \`--token\` or \`COUNTERPART_TOKEN\`. These settings, the timeout and colours can
stand in the [configuration file](OPERATIONS.md#configuration) too. The commands \`db\`, \`import\` and
\`export\` work on a data directory instead, which they find as \`start\` does.

Standard output has what was asked for and nothing else: tables and lines for people, with \`--json\` one JSON document
(\`status\`, \`import\` and \`contracts watch\`: one on each line). Colours are for terminals, and for none when \`NO_COLOR\`
is set, unless \`--color\` says otherwise. Progress and notes go to standard error, as do failures, which have a stable [code](ERRORS.md) and say what to do;
with \`--json\` a failure is \`{"error": {"code", "message", "hint", …}}\` there, with the node's whole problem document where
it was the node that refused. A command whose output nobody reads any more, as behind \`head\`, ends: with 141, as SIGPIPE
ends others, or as by SIGTERM where it hears that one; with 1 where there is no room for the output. Lists follow the API's pages up to \`--limit\`. Amounts are base units and exact at any size:
\`1000000\`, \`0xf4240\` and \`1e6\` are the same.

A command that sends a transaction has a key for it (\`--idempotency-key\`, else a new one), so that it is sent again
when an answer is lost, and acts once.

This page is made from the program by \`node tools/docs/commands.ts --write\`, and a test compares the two.

`;

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
const code = (text: string): string => `\`${text.replaceAll("|", "\\|")}\``;

function argumentRows(args: Readonly<Record<string, ArgumentSpec>>): string {
  const rows = Object.entries(args).map(
    ([name, spec]) => `| ${code(usageOf(name, spec))} | ${cell(spec.description)} |\n`,
  );
  return rows.length === 0 ? "" : `| argument | meaning |\n|---|---|\n${rows.join("")}\n`;
}

function optionRows(options: readonly OptionSpec[]): string {
  const rows = options.map((spec) => {
    const choices = spec.choices === undefined ? "" : `; ${spec.choices.join(", ")}`;
    return `| ${code(spec.flags)} | ${cell(describeOption(spec))}${choices}${spec.isRequired === true ? "; required" : ""} |\n`;
  });
  return rows.length === 0 ? "" : `| flag | meaning |\n|---|---|\n${rows.join("")}\n`;
}

function renderCommand(path: readonly string[], summary: string, command: Command): string {
  const usage = ["counterpart", ...path, ...Object.entries(command.args).map(([name, spec]) => usageOf(name, spec))];
  const details = (command.details ?? []).map((paragraph) => `${cell(paragraph)}\n\n`).join("");
  const exits = command.exits.map(([exit, meaning]) => `${exit} ${cell(meaning)}`).join("; ");
  const examples = `\`\`\`sh\n${command.examples.join("\n")}\n\`\`\`\n\n`;
  const title = `${path.length > 1 ? "###" : "##"} ${path.join(" ")}\n\n${code(usage.join(" "))}: ${cell(summary)}\n\n`;
  return `${title}${details}${argumentRows(command.args)}${optionRows(Object.values(command.options))}${examples}Exit codes: ${exits}.\n\n`;
}

async function renderNode(node: CommandNode): Promise<string> {
  if (!isGroup(node)) return renderCommand([node.name], node.summary, await node.load());
  const parts = await Promise.all(
    node.entries.map(async (entry) => renderCommand([node.name, entry.name], entry.summary, await entry.load())),
  );
  return `## ${node.name}\n\n${node.summary}\n\n${parts.join("")}`;
}

/** The table at the top: each command in one line. */
function overview(nodes: readonly CommandNode[]): string {
  const rows = nodes.map((node) => {
    const names = isGroup(node) ? node.entries.map(({ name }) => code(name)).join(" ") : "";
    return `| [${node.name}](#${node.name}) | ${names} | ${cell(node.summary)} |\n`;
  });
  return `| command | of which there are | does |\n|---|---|---|\n${rows.join("")}\n`;
}

export async function renderCommands(nodes: readonly CommandNode[] = COMMANDS): Promise<string> {
  const parts = await Promise.all(nodes.map(renderNode));
  return `${HEAD}${overview(nodes)}${parts.join("")}`.trimEnd().concat("\n");
}
