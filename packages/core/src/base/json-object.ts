/** What came as JSON and may be anything. */

export type JsonObject = Readonly<Record<string, unknown>>;

/** Whether it has members by name; a list has not. */
export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);
