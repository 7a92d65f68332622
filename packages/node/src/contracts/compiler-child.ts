/** The compiler in a process of its own: standard JSON in, standard JSON out. What is imported must be in the input. */

import { text } from "node:stream/consumers";
import solc from "solc";

const input = await text(process.stdin);
process.stdout.write(solc.compile(input));
