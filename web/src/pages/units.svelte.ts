// What the reader asked of the table of all units: it stands in the address, and is kept while other pages are open.

import type { Field } from "../contract";
import type { Sort } from "../order";

export const asked = $state({
  site: "",
  text: "",
  filters: {} as Record<number, string>,
  /** Columns that are not shown; null for those that are hidden unless it is said. */
  hidden: null as number[] | null,
  sort: null as Sort | null,
  /** Units that were selected in a picture, and its title. */
  among: null as { units: string[]; from: string } | null,
});

const FEW = 60; // selected units that an address has room for

/** What a column is called in addresses: its name, and how often that stood before it. */
function keys(fields: Field[]): string[] {
  const seen = new Map<string, number>();
  return fields.map(({ name }) => {
    const times = (seen.get(name) ?? 0) + 1;
    seen.set(name, times);
    return times > 1 ? `${name}~${times}` : name;
  });
}

/** The question of an address. */
export function read(query: string, fields: Field[]): void {
  const given = new URLSearchParams(query);
  const names = keys(fields);
  const column = (name: string) => names.indexOf(name);
  asked.site = given.get("site") ?? "";
  asked.text = given.get("find") ?? "";
  asked.filters = {};
  for (const [key, value] of given) if (key.startsWith("where.") && column(key.slice(6)) >= 0) asked.filters[column(key.slice(6))] = value;
  asked.among = given.has("among") ? { units: given.get("among")!.split(" "), from: given.get("from") ?? "" } : asked.among;
  asked.hidden = given.has("columns") ? fields.map((_, i) => i).filter((i) => i > 0 && !given.getAll("columns").includes(names[i])) : null;
  const [, way, name] = /^([-+|]?)(.*)$/.exec(given.get("sort") ?? "") ?? ["", "", ""];
  asked.sort = name && column(name) >= 0 ? { column: column(name), descending: way !== "+", absolute: way === "|" } : null;
}

/** The address of the question. */
export function written(fields: Field[]): string {
  const names = keys(fields);
  const query = new URLSearchParams();
  if (asked.site) query.set("site", asked.site);
  if (asked.text) query.set("find", asked.text);
  for (const [i, text] of Object.entries(asked.filters)) if (text) query.set(`where.${names[Number(i)]}`, text);
  if (asked.sort) query.set("sort", `${asked.sort.absolute ? "|" : asked.sort.descending ? "-" : "+"}${names[asked.sort.column]}`);
  if (asked.among && asked.among.units.length <= FEW) query.set("among", asked.among.units.join(" ")), query.set("from", asked.among.from);
  const { hidden } = asked;
  if (hidden) for (const [i, name] of names.entries()) if (i > 0 && !hidden.includes(i)) query.append("columns", name);
  return query.size ? `#/units?${query}` : "#/units";
}
