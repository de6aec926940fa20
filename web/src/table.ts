// The table of all units is written column by column.

import type { Overview, UnitRow, Value } from "./contract";

export interface WrittenTable {
  fields: Overview["table"]["fields"];
  sites: [string, number][];
  units: number[];
  columns: Value[][];
}

export function rowsOf(table: WrittenTable): Overview["table"] {
  const sites = table.sites.flatMap(([site, count]) => Array<string>(count).fill(site));
  const rows = sites.map((site, n): UnitRow => [site, table.units[n], ...table.columns.map((column) => column[n])]);
  return { fields: table.fields, rows };
}
