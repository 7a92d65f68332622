/** The little of HTTP that the benchmarks need. */

export interface Json {
  readonly [key: string]: unknown;
}

async function read(url: string, response: Response): Promise<Json> {
  const body = (await response.json()) as Json;
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${JSON.stringify(body)}`);
  return body;
}

export const getJson = async (url: string): Promise<Json> => read(url, await fetch(url));

export async function postJson(url: string, body: unknown): Promise<Json> {
  const headers = { "content-type": "application/json" };
  return read(url, await fetch(url, { method: "POST", headers, body: JSON.stringify(body) }));
}
