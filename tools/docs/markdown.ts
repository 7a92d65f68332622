/** What the tests read of a Markdown page: tables, code in backticks, links, headings. */

/** Cells of each row of every table whose header has these cells. */
export function rowsOf(page: string, ...header: readonly string[]): readonly (readonly string[])[] {
  const rows: string[][] = [];
  let inside = false;
  for (const line of page.split("\n")) {
    if (!line.startsWith("|")) {
      inside = false;
      continue;
    }
    const cells = line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim());
    if (inside && !cells.every((cell) => /^-+$/.test(cell))) rows.push(cells);
    else if (!inside) inside = cells.join("|") === header.join("|");
  }
  return rows;
}

const withoutBlocks = (page: string): string => page.replace(/^```.*?^```$/gms, "");

/** Pieces of code in a text, without their backticks; blocks of code are left out. */
export const codesIn = (text: string): string[] =>
  [...withoutBlocks(text).matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code);

/** The text between a heading of any level and the next one of the same or a higher level. */
export function sectionOf(page: string, heading: string): string {
  const lines = withoutBlocks(page).split("\n");
  const start = lines.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ /, "") === heading);
  if (start === -1) throw new Error(`there is no heading "${heading}"`);
  const level = (lines[start] as string).indexOf(" ");
  const end = lines.findIndex((line, at) => at > start && new RegExp(`^#{1,${level}} `).test(line));
  return lines.slice(start + 1, end === -1 ? undefined : end).join("\n");
}

/** Targets of the links outside of code. */
export function linksIn(page: string): string[] {
  const prose = withoutBlocks(page).replace(/`[^`]+`/g, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
}

/** The fragments by which the headings of a page can be linked to, as GitHub makes them. */
export function anchorsOf(page: string): string[] {
  const headings = withoutBlocks(page).matchAll(/^#+ (.+)$/gm);
  return [...headings].map(([, text = ""]) =>
    text
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}
