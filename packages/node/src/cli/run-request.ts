/** Runs a command that was understood. */

import type { CommandContext } from "./context.ts";
import { misspeltVariables } from "./misspelt-variables.ts";
import type { Request } from "./program.ts";

/** With colours as they were asked for, where the command can be asked. */
async function coloredContext({ command, given }: Request, context: CommandContext): Promise<CommandContext> {
  if (!("color" in command.options)) return context;
  const { inspectClient } = await import("./client/settings.ts");
  const { color = "auto" } = inspectClient(given.options, context).values;
  return color === "auto" ? context : { ...context, isColored: color === "always" };
}

/** @returns the exit code, 0 when it gives none. @throws those of the command */
export async function runRequest(request: Request, context: CommandContext): Promise<number | undefined> {
  for (const warning of await misspeltVariables(context.environment)) context.printError(`counterpart: ${warning}\n`);
  return request.command.run(request.given, await coloredContext(request, context));
}
