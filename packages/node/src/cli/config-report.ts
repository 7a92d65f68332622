/** A node's settings and what is wrong with them, for people and for programs. */

import type { Style } from "./render/style.ts";
import { printable, renderTable } from "./render/table.ts";
import type { Inspection, ResolvedSetting } from "./resolve-config.ts";

export const MASK = "********";

function shownValue({ option, value }: ResolvedSetting): unknown {
  if (value === undefined) return null;
  return option.isSecret === true ? MASK : value;
}

function valueText(setting: ResolvedSetting): string {
  const value = shownValue(setting);
  if (value === null) return "";
  return printable(Array.isArray(value) ? value.join(",") : String(value));
}

const COLUMNS = [{ title: "setting" }, { title: "value" }, { title: "from" }, { title: "which" }];

export function renderSettings(settings: readonly ResolvedSetting[], style: Style): string {
  const rows = settings.map((setting) => {
    const isSet = setting.source !== "default";
    const name = setting.option.fileKey;
    return [
      isSet ? style.bold(name) : name,
      valueText(setting),
      setting.source,
      isSet ? printable(setting.origin) : "",
    ];
  });
  return renderTable(COLUMNS, rows, style);
}

/** `{"settings": {"api_port": {"value": 8080, "source": "default", "origin": null}}, "problems": []}`. */
export function settingsJson({ settings, problems }: Pick<Inspection, "settings" | "problems">): object {
  const shown = settings.map((setting) => {
    const { option, source, origin } = setting;
    return [
      option.fileKey,
      { value: shownValue(setting), source, origin: source === "default" ? null : origin },
    ] as const;
  });
  const named = problems.map(({ code, message }) => ({ code, message }));
  return { settings: Object.fromEntries(shown), problems: named };
}
