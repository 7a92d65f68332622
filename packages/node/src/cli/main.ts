/** `counterpart`: arguments, a command, and how it ended. */

import { createProcessContext } from "./context.ts";
import { complaintJson, complaintOf, exitCodeOf } from "./exit-code.ts";
import { parseArguments } from "./program.ts";
import { runRequest } from "./run-request.ts";

const context = createProcessContext();
const args = process.argv.slice(2);

try {
  const request = await parseArguments(args, { write: context.print, writeError: context.printError });
  const code = request === undefined ? undefined : await runRequest(request, context);
  if (code !== undefined) process.exitCode = code;
} catch (error) {
  context.printError(args.includes("--json") ? complaintJson(error) : complaintOf(error));
  process.exitCode = exitCodeOf(error);
}
