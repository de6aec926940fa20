// The page that a server shows (unitscope/server/app.py): what is looked at is asked for.

import { begin } from "./begin";
import type { Overview, Source, UnitGroup } from "./contract";
import { rowsOf, type WrittenTable } from "./table";

async function get<T>(path: string): Promise<T> {
  const answer = await fetch(path, { credentials: "same-origin" });
  if (answer.ok) return (await answer.json()) as T;
  const said = (await answer.json().catch(() => ({}))) as { error?: string };
  throw new Error(said.error ?? `the server says ${answer.status}`);
}

const source: Source = {
  async overview() {
    const written = await get<Overview & { table: WrittenTable }>("api/overview.json");
    return { ...written, sites: written.table.sites.map(([site]) => site), table: rowsOf(written.table) };
  },
  unit: (site, unit) => get<UnitGroup[]>(`api/unit/${site.split("/").map(encodeURIComponent).join("/")}/${unit}.json`),
};

begin(source);
