// The data of a page on a disk, as unitscope/page/html.py writes them: gzip in base64, inside script elements of the file, or in
// a folder each in a script of its own.

import type { Overview, Section, Source, UnitGroup } from "./contract";
import { once, rowsOf, type WrittenTable } from "./table";

type Plain = string | number | boolean | null | Plain[] | { [key: string]: Plain };

async function parsed(packed: string): Promise<Plain> {
  const bytes = Uint8Array.from(atob(packed), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

async function unpack(packed: string, whole?: () => Promise<string[]>): Promise<Plain> {
  const { tree, shared, text } = (await parsed(packed)) as { tree: Plain; shared: Plain[]; text?: string[] };
  return resolve(tree, shared, text ?? (await whole?.()) ?? []);
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

/** What the element of that name holds; waits for the end of the file where it has not been read so far. */
async function inFile(name: string): Promise<string | null> {
  const id = `block-${name}`;
  const found = document.getElementById(id);
  // An element without a successor may still be growing.
  if (found?.nextElementSibling) return found.textContent;
  await complete;
  return document.getElementById(id)?.textContent ?? null;
}

/** What the script of that name brings. */
function inFolder(folder: string): (name: string) => Promise<string | null> {
  const brought = new Map<string, (packed: string) => void>();
  Object.assign(window, { unitscopeBlock: (name: string, packed: string) => brought.get(name)?.(packed) });
  return (name) =>
    new Promise((done) => {
      const script = document.createElement("script");
      brought.set(name, done);
      script.src = `${folder}/${name}.js`;
      script.onerror = () => done(null);
      script.onload = () => script.remove();
      document.head.append(script);
    });
}

export function inlinedSource(): Source {
  const folder = document.getElementById("app")?.dataset.blocks;
  const block = folder ? inFolder(folder) : inFile;
  let unitsPerBlock = 1;
  let sites: string[] = [];
  let sections: string[] = [];
  const kept = new Map<string, Promise<UnitGroup[][]>>();

  const wholeText = once(async () => {
    const packed = await block("text");
    return packed ? ((await parsed(packed)) as string[]) : [];
  });

  async function load(name: string): Promise<UnitGroup[][]> {
    const packed = await block(name);
    return packed ? ((await unpack(packed, wholeText)) as unknown as UnitGroup[][]) : [];
  }

  return {
    async overview() {
      if (!("DecompressionStream" in window)) throw new Error("This browser is too old to unpack the report's data.");
      const packed = await block("overview");
      if (!packed) throw new Error("Its data are not here: the file was cut off, or the folder was moved without its data.");
      const written = (await unpack(packed)) as unknown as Overview & { unitsPerBlock: number };
      unitsPerBlock = written.unitsPerBlock;
      sites = written.sites.map(([site]) => site);
      sections = written.sections.map(({ id }) => id);
      return written;
    },
    async section(id) {
      const packed = await block(`section-${sections.indexOf(id)}`);
      if (!packed) throw new Error(`There is no section ${id} in this report.`);
      return (await unpack(packed)) as unknown as Section;
    },
    table: once(async () => {
      const packed = await block("table");
      if (!packed) throw new Error("The table of units is not here.");
      return rowsOf((await unpack(packed)) as unknown as WrittenTable);
    }),
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
