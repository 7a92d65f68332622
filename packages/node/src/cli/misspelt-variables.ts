/** Variables of the environment that look like settings and are none: a node would start without what they were to set. */

import { similarName } from "@counterpart/core/base/similar";
import { DEFAULTS, settingNames } from "../config-defaults.ts";
import { CLIENT_VARIABLES } from "./client/settings.ts";
import { CONFIG_VARIABLE } from "./config-file.ts";

const PREFIX = "COUNTERPART_";

/**
 * A sentence for each whose name is near that of a setting. Others with this prefix may be anybody's: a service of this name
 * brings some into every container of a Kubernetes namespace.
 */
export async function misspeltVariables(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<readonly string[]> {
  const usual = [
    CONFIG_VARIABLE,
    ...CLIENT_VARIABLES,
    ...Object.keys(DEFAULTS).map((key) => settingNames(key).variable),
  ];
  const isSet = (name: string): boolean => name.startsWith(PREFIX) && environment[name] !== "";
  const given = Object.keys(environment).filter((name) => isSet(name) && !usual.includes(name));
  if (given.length === 0) return [];
  const { CONFIG_OPTIONS } = await import("../config.ts");
  const known = new Set([...usual, ...CONFIG_OPTIONS.map(({ variable }) => variable)]);
  return given.flatMap((name) => {
    const meant = known.has(name) ? undefined : similarName(name, [...known]);
    return meant === undefined ? [] : [`${name} is no setting; did you mean ${meant}?`];
  });
}
