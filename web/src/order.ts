// Sorting and filtering of rows.

import type { Kind, Value } from "./contract";

export interface Sort {
  column: number;
  descending: boolean;
  /** By size, whatever the sign. */
  absolute?: boolean;
}

const natural = new Intl.Collator("en", { numeric: true });

/** Orders rows by one column; what is not known comes last, whichever way. */
export function compare(kind: Kind, { column, descending, absolute = false }: Sort) {
  const sign = descending ? -1 : 1;
  const textual = kind === "text" || kind === "unit";
  return (a: Value[], b: Value[]) => {
    const [x, y] = [a[column], b[column]];
    if (x === null || y === null) return Number(x === null) - Number(y === null);
    if (!textual && typeof x === "number" && typeof y === "number")
      return sign * (absolute ? Math.abs(x) - Math.abs(y) : x - y);
    return sign * natural.compare(String(x), String(y));
  };
}

export type Test = (value: Value) => boolean;

const NUMBER = "[-+−]?(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][-+−]?\\d+)?";
const RANGE = new RegExp(`^(${NUMBER})\\s*(?:\\.\\.|…)\\s*(${NUMBER})(%?)$`);
const ALONE = new RegExp(`^${NUMBER}%?$`);
const BOUND = new RegExp(`^(\\|\\w*\\|)?\\s*(<=|>=|<|>|=|≤|≥)\\s*(${NUMBER})\\s*(%?)$`);

const OPERATIONS: Record<string, (a: number, b: number) => boolean> = {
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  "≤": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
  "≥": (a, b) => a >= b,
  "=": (a, b) => Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(b)),
};

/**
 * A filter as typed: `>0.8`, `<=3`, `=2`, `|x|>0.5` (without its sign), `0.2..0.5`, `>80%`; several joined by blanks
 * must all hold, and a number alone means equal to it. Text is searched for words. Null where nothing is asked.
 * Throws an error that says what to write, for what is no condition.
 */
export function parseFilter(text: string, kind: Kind): Test | null {
  const wanted = text.trim();
  if (!wanted) return null;
  if (kind === "text" || kind === "unit") return contains(wanted);
  const tests = wanted.replace(/([<>=≤≥…]|\.\.)\s+/g, "$1").split(/\s+/).map(parseBound);
  if (tests.includes(null)) throw new Error(`“${wanted}” is no condition for numbers; write >0.8, 0.2..0.5 or |x|>0.5`);
  return (value) => typeof value === "number" && tests.every((test) => test!(value));
}

function contains(wanted: string): Test {
  const low = wanted.toLowerCase();
  return (value) => value !== null && String(value).toLowerCase().includes(low);
}

function parseBound(text: string): ((value: number) => boolean) | null {
  const range = RANGE.exec(text);
  if (range) {
    const [low, high] = [toNumber(range[1], range[3]), toNumber(range[2], range[3])];
    return (value) => value >= low && value <= high;
  }
  const bound = BOUND.exec(ALONE.test(text) ? `=${text}` : text);
  if (!bound) return null;
  const limit = toNumber(bound[3], bound[4]);
  const holds = OPERATIONS[bound[2]];
  return bound[1] ? (value) => holds(Math.abs(value), limit) : (value) => holds(value, limit);
}

const toNumber = (text: string, percent: string) => Number(text.replace("−", "-")) / (percent ? 100 : 1);
