/** Scripts that complete commands and flags, made from the commands' grammars. */

import { type Command, longFlagOf, type OptionSpec } from "./command.ts";
import { type CommandNode, commandsIn, isGroup } from "./command-nodes.ts";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

interface Word {
  readonly word: string;
  readonly summary: string;
}

/** What can stand after some words. */
interface Place {
  /** `contracts list`; empty for the program itself. */
  readonly path: string;
  readonly words: readonly Word[];
  readonly options: readonly OptionSpec[];
}

/** The choices of the first argument. */
const wordsOf = ({ args }: Command): readonly Word[] =>
  Object.values(args)
    .slice(0, 1)
    .flatMap(({ choices = [], description }) => choices.map((word) => ({ word, summary: description })));

async function placesIn(nodes: readonly CommandNode[]): Promise<readonly Place[]> {
  const named = (known: readonly { readonly name: string; readonly summary: string }[]): readonly Word[] =>
    known.map(({ name, summary }) => ({ word: name, summary }));
  const groups = nodes.filter(isGroup).map(({ name, entries }) => ({ path: name, words: named(entries), options: [] }));
  const commands = await Promise.all(
    commandsIn(nodes).map(async ({ path, entry }) => {
      const command = await entry.load();
      return { path: path.join(" "), words: wordsOf(command), options: Object.values(command.options) };
    }),
  );
  return [{ path: "", words: named(nodes), options: [] }, ...groups, ...commands];
}

const takesValue = ({ flags }: OptionSpec): boolean => flags.includes("<");

/** For bash and zsh. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

function bash(places: readonly Place[]): string {
  const cases = places.map(({ path, words, options }) => {
    const known = [...words.map(({ word }) => word), ...options.map(longFlagOf), "--help"];
    return `    ${quoted(path)}) echo ${quoted(known.join(" "))} ;;\n`;
  });
  const all = places.flatMap(({ options }) => options);
  const choices = new Map(all.map((spec) => [longFlagOf(spec), spec.choices?.join(" ")] as const));
  const chosen = [...choices].flatMap(([name, words]) =>
    words === undefined ? [] : [`    ${name}) COMPREPLY=($(compgen -W ${quoted(words)} -- "$current")); return ;;\n`],
  );
  const valued = [...new Set(all.filter(takesValue).map(longFlagOf))].join("|");
  return `# bash completion of counterpart; for instance in ~/.bashrc: source <(counterpart completion bash)
_counterpart_words() {
  case "$1" in
${cases.join("")}  esac
}
_counterpart() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" place='' next at
  COMPREPLY=()
  case "$previous" in
${chosen.join("")}    ${valued}) COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  for ((at = 1; at < COMP_CWORD; at++)); do
    next="\${place:+$place }\${COMP_WORDS[at]}"
    [[ -n "$(_counterpart_words "$next")" ]] || break
    place="$next"
  done
  COMPREPLY=($(compgen -W "$(_counterpart_words "$place")" -- "$current"))
}
complete -o default -F _counterpart counterpart
`;
}

/** What stands before a colon is a word to `_describe`, what stands behind it the description. */
const described = ({ word, summary }: Word): string => quoted(`${word}:${summary}`);

function zsh(places: readonly Place[]): string {
  const cases = places.map(({ path, words, options }) => {
    const flags = options.map((spec) => ({ word: longFlagOf(spec), summary: spec.description }));
    const known = [...words, ...flags, { word: "--help", summary: "show help" }];
    return `    ${quoted(path)}) reply=(${known.map(described).join(" ")}) ;;\n`;
  });
  return `#compdef counterpart
# zsh completion of counterpart; for instance: counterpart completion zsh > ~/.zfunc/_counterpart
_counterpart_words() {
  case "$1" in
${cases.join("")}    *) return 1 ;;
  esac
}
_counterpart() {
  local -a reply
  local at place=''
  for ((at = 2; at < CURRENT; at++)); do
    _counterpart_words "\${place:+$place }\${words[at]}" || break
    place="\${place:+$place }\${words[at]}"
  done
  _counterpart_words "$place"
  _describe counterpart reply || _files
}
if [[ "\${funcstack[1]}" == _counterpart ]]; then
  _counterpart "$@"
else
  compdef _counterpart counterpart
fi
`;
}

/** For fish, which knows the backslash in single quotes. */
const fishQuoted = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;

/** After a flag that takes a value comes one of its choices, or a file's name. */
function fishFlag(condition: string, spec: OptionSpec): string {
  const { choices, description } = spec;
  const value = choices === undefined ? " -r" : ` -x -a ${fishQuoted(choices.join(" "))}`;
  const flag = `-l ${longFlagOf(spec).slice(2)}${takesValue(spec) ? value : ""}`;
  return `complete -c counterpart ${condition} ${flag} -d ${fishQuoted(description)}\n`;
}

function fish(places: readonly Place[]): string {
  const known = places.filter(({ path }) => path !== "").map(({ path }) => fishQuoted(path));
  const lines = places.flatMap(({ path, words, options }) => {
    const condition = `-n "__counterpart_at ${fishQuoted(path)}"`;
    const ofWords = words.map(
      ({ word, summary }) => `complete -c counterpart -f ${condition} -a ${word} -d ${fishQuoted(summary)}\n`,
    );
    return [...ofWords, ...options.map((spec) => fishFlag(condition, spec))];
  });
  return `# fish completion of counterpart; for instance: counterpart completion fish > ~/.config/fish/completions/counterpart.fish
function __counterpart_at
  set -l known ${known.join(" ")}
  set -l place ""
  for word in (commandline -opc)[2..-1]
    set -l next (string trim -- "$place $word")
    contains -- "$next" $known; or break
    set place $next
  end
  test "$place" = "$argv[1]"
end
${lines.join("")}`;
}

const SCRIPTS: Readonly<Record<Shell, (places: readonly Place[]) => string>> = { bash, zsh, fish };

/** @param nodes the commands to complete */
export async function completionScript(shell: Shell, nodes: readonly CommandNode[]): Promise<string> {
  return SCRIPTS[shell](await placesIn(nodes));
}
