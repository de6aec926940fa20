// The table of all units is written column by column.

import type { UnitField, UnitRow, UnitTable, Value } from "./contract";

export interface WrittenTable {
  fields: UnitField[];
  sites: [string, number][];
  units: number[];
  columns: Value[][];
}

export function rowsOf(table: WrittenTable): UnitTable {
  const sites = table.sites.flatMap(([site, count]) => Array<string>(count).fill(site));
  const rows = sites.map((site, n): UnitRow => [site, table.units[n], ...table.columns.map((column) => column[n])]);
  return { fields: table.fields, rows };
}

/** Makes something when it is first wanted, and once; a failure is tried again. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () =>
    (made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    }));
}
