// The page that a server shows (unitscope/server/app.py): what is looked at is asked for.

import { begin } from "./begin";
import type { Far, Live, Overview, Place, Section, Source, TokenTextView, Typed, UnitGroup } from "./contract";
import { rowsOf, type WrittenTable } from "./table";

async function told<T>(answer: Response): Promise<T> {
  if (answer.ok) return (await answer.json()) as T;
  const said = (await answer.json().catch(() => ({}))) as { error?: string };
  throw new Error(said.error ?? `the server says ${answer.status}`);
}

const get = async <T>(path: string): Promise<T> => told<T>(await fetch(path, { credentials: "same-origin" }));

const ask = async <T>(path: string, question: object): Promise<T> =>
  told<T>(
    await fetch(path, {
      method: "POST",
      credentials: "same-origin",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(question),
    }),
  );

const query = (values: [string, string | number][]) =>
  new URLSearchParams(values.map(([name, value]) => [name, String(value)])).toString();

const path = (site: string, unit: number) => `${site.split("/").map(encodeURIComponent).join("/")}/${unit}.json`;

const live: Live = {
  place: (sequence) => get<Place>(`api/sequence/${sequence}.json`),
  find: (text, occurrence) => get(`api/find.json?${query([["text", text], ["occurrence", occurrence]])}`),
  text: (sequence, first, count, units) =>
    get<TokenTextView[]>(
      `api/text/${sequence}.json?${query([["first", first], ["count", count], ...units.map((u): [string, string] => ["unit", u])])}`,
    ),
  standing: async (sequence, start, stop) =>
    (await ask<{ standing: Far[] }>("api/standing.json", { sequence, start, stop })).standing,
  typed: (text, units, edits, start, stop) => ask<Typed>("api/typed.json", { text, units, edits, start, stop }),
  notes: () => get("api/notes.json"),
  note: async ({ unit, name, tags, remark }) => void (await ask("api/note.json", { unit, name, tags, remark })),
  changed: () => get("api/changed.json"),
  examples: (site, unit, interval) => get<TokenTextView[]>(`api/examples/${path(site, unit)}?interval=${interval}`),
  effects: (site, unit) => get(`api/effects/${path(site, unit)}`),
  match: (question) => ask<Section>("api/match.json", question),
};

const source: Source = {
  async overview() {
    const written = await get<Overview & { table: WrittenTable }>("api/overview.json");
    return { ...written, sites: written.table.sites.map(([site]) => site), table: rowsOf(written.table) };
  },
  unit: (site, unit) => get<UnitGroup[]>(`api/unit/${path(site, unit)}`),
  live,
};

begin(source);
