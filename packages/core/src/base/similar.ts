/** Which name somebody may have meant who wrote another one. */

/** Longer ones are not compared: the work grows with the product of both lengths. */
const CHARACTERS_MAX = 64;
const EDITS_MAX = 2;

/** How many characters must be put in, left out, replaced, or swapped with their neighbours (optimal string alignment). */
function editsBetween(a: string, b: string): number {
  let beforeLast: readonly number[] = [];
  let last: readonly number[] = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (last[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = isSwapped ? (beforeLast[j - 2] as number) + 1 : replaced;
      row.push(Math.min((row[j - 1] as number) + 1, (last[j] as number) + 1, replaced, swapped));
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] as number;
}

/** The nearest of the names that there are, upper and lower case alike; undefined when none is near. */
export function similarName(given: string, known: readonly string[]): string | undefined {
  if (given.length > CHARACTERS_MAX) return undefined;
  const near = known
    .filter((name) => name.length <= CHARACTERS_MAX)
    .map((name) => ({ name, edits: editsBetween(given.toLowerCase(), name.toLowerCase()) }))
    .filter(({ name, edits }) => edits <= EDITS_MAX && 2 * edits <= Math.max(name.length, given.length));
  return near.sort((a, b) => a.edits - b.edits)[0]?.name;
}

/** Such as `; did you mean amount?`, to stand behind a message; empty when no name is near. */
export function suggestionOf(given: string, known: readonly string[]): string {
  const name = similarName(given, known);
  return name === undefined ? "" : `; did you mean ${name}?`;
}
