/** `counterpart start`: a node in this process. */

import { readFileSync } from "node:fs";
import { genesisIn } from "../../store/data-dir-genesis.ts";
import { createLogger } from "../../telemetry/logger.ts";
import { defineCommand } from "../command.ts";
import { CONFIG_FLAGS, flagsOf } from "../config-flags.ts";
import { EXIT } from "../exit-code.ts";
import { resolveConfig } from "../resolve-config.ts";
import { runNode } from "../run-node.ts";

export const start = defineCommand({
  args: {},
  options: CONFIG_FLAGS,
  details: [
    'Every flag can also be given as an environment variable (--api-port as COUNTERPART_API_PORT) and as a key of the JSON file that --config names ("api_port"). A flag wins over the environment, which wins over the file; counterpart config print shows what comes of it.',
  ],
  examples: [
    "counterpart start",
    "counterpart start --api-port 8081 --p2p-port 5001 --peer 127.0.0.1:5000",
    "counterpart start --dev --log-level debug",
    "COUNTERPART_LOG_FORMAT=json counterpart start --data-dir /var/lib/counterpart",
  ],
  exits: [
    [EXIT.ok, "stopped as asked"],
    [EXIT.failure, "unexpected failure"],
    [EXIT.usage, "wrong flag, variable, configuration or genesis"],
    [EXIT.port, "a port is taken"],
    [EXIT.dataDir, "the data directory is in use or unusable, or a key is damaged or locked"],
    [EXIT.diverged, "stopped as asked, by a node that had diverged"],
  ],
  async run({ options }, { environment, workingDir, host }) {
    const config = resolveConfig({
      flags: flagsOf(options),
      environment,
      workingDir,
      readFile: (path) => readFileSync(path, "utf8"),
      genesisIn,
    });
    const logger = createLogger({ level: config.logLevel, format: config.logFormat });
    // The node's parts are loaded only now, so that wrong flags are answered at once.
    const { createApp } = await import("../../app.ts");
    await runNode({ config, logger, host, createApp });
    return undefined;
  },
});
