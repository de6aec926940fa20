// The data of a standalone file: gzip in base64 inside script elements, as unitscope/page/html.py writes them.

import type { Overview, Source, UnitGroup } from "./contract";
import { rowsOf, type WrittenTable } from "./table";

type Plain = string | number | boolean | null | Plain[] | { [key: string]: Plain };

async function parsed(element: Element): Promise<Plain> {
  const bytes = Uint8Array.from(atob(element.textContent ?? ""), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

async function unpack(element: Element, text: string[] = []): Promise<Plain> {
  const { tree, shared } = (await parsed(element)) as { tree: Plain; shared: Plain[] };
  return resolve(tree, shared, text);
}

/**
 * Lists that units have in common are written once; `{"$": n}` stands for the n-th. Passages are cut from one text, tables
 * are written column by column, values of a passage as letters.
 */
function resolve(value: Plain, shared: Plain[], text: string[]): Plain {
  if (Array.isArray(value)) return value.map((item) => resolve(item, shared, text));
  if (value === null || typeof value !== "object") return value;
  if (typeof value.$ === "number") return shared[value.$];
  if (typeof value.letters === "string") return spell(value.letters, resolve(value.knots, shared, text) as number[]);
  if (value.cut) return glue(resolve(value.cut, shared, text) as number[], text);
  for (const key in value) value[key] = resolve(value[key], shared, text);
  if (Array.isArray(value.columns) && value.view === "Table") {
    const columns = value.columns as Plain[][];
    value.rows = (columns[0] ?? []).map((_, row) => columns.map((column) => column[row]));
  }
  return value;
}

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-";
const WORTH = new Map([...LETTERS].map((letter, i) => [letter, i]));
const UNKNOWN = LETTERS.length - 1;

/** The letters at the smallest value, at the ends and the middle of the scale, and at the largest value. */
const KNOTS = [0, 7, 31, 55, 62];

/** Values written as steps between knots, a letter each. */
function spell(letters: string, knots: number[]): (number | null)[] {
  const worth = Array.from({ length: UNKNOWN }, (_, step) => {
    const k = Math.min(3, KNOTS.findLastIndex((knot) => knot <= step));
    return knots[k] + ((step - KNOTS[k]) / (KNOTS[k + 1] - KNOTS[k])) * (knots[k + 1] - knots[k]);
  });
  return Array.from(letters, (letter) => worth[WORTH.get(letter)!] ?? null);
}

/** The tokens of a passage, from the places and lengths of its parts. */
function glue(cuts: number[], text: string[]): string[] {
  return cuts.flatMap((start, i) => (i % 2 ? [] : text.slice(start, start + cuts[i + 1])));
}

const complete = new Promise<void>((done) => {
  if (document.readyState !== "loading") done();
  else document.addEventListener("DOMContentLoaded", () => done(), { once: true });
});

/** The element of that name; waits for the end of the file where it has not been read so far. */
async function block(name: string): Promise<Element | null> {
  const id = `block-${name}`;
  const found = document.getElementById(id);
  // An element without a successor may still be growing.
  if (found?.nextElementSibling) return found;
  await complete;
  return document.getElementById(id);
}

export function inlinedSource(): Source {
  let unitsPerBlock = 1;
  let sites: string[] = [];
  const kept = new Map<string, Promise<UnitGroup[][]>>();

  let text: Promise<string[]> | undefined;

  async function wholeText(): Promise<string[]> {
    const element = await block("text");
    return element ? ((await parsed(element)) as string[]) : [];
  }

  async function load(name: string): Promise<UnitGroup[][]> {
    const element = await block(name);
    return element ? ((await unpack(element, await (text ??= wholeText()))) as unknown as UnitGroup[][]) : [];
  }

  return {
    async overview() {
      if (!("DecompressionStream" in window)) throw new Error("This browser is too old to unpack the report's data.");
      const element = document.getElementById("block-overview");
      if (!element) throw new Error("This file holds no data: it was cut off, or is not a report.");
      const written = (await unpack(element)) as unknown as Overview & { unitsPerBlock: number; table: WrittenTable };
      ({ unitsPerBlock, sites } = written);
      return { ...written, table: rowsOf(written.table) };
    },
    async unit(site, unit) {
      const name = `${sites.indexOf(site)}-${Math.floor(unit / unitsPerBlock)}`;
      let units = kept.get(name);
      if (!units) {
        // A few blocks stay unpacked, so that stepping through units is instant and memory bounded.
        if (kept.size >= 8) kept.delete(kept.keys().next().value!);
        units = load(name);
        kept.set(name, units);
      }
      return (await units)[unit % unitsPerBlock] ?? [];
    },
  };
}
