// Numbers as text.

import type { Kind, Value } from "./contract";

export const MISSING = "–";
const MINUS = "−";

const signed = (text: string) => text.replace(/-/g, MINUS);

export const integer = (value: number) => signed(Math.round(value).toLocaleString("en-US"));

/** Three to four significant digits, for a number that stands alone. */
export function number(value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) return MISSING;
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 1e6 || size < 1e-3) return signed(value.toExponential(2).replace("e+", "e"));
  if (Number.isInteger(value)) return integer(value);
  return signed(size >= 100 ? value.toFixed(1) : size >= 10 ? value.toFixed(2) : value.toFixed(3));
}

/** A way to write all numbers of a column alike, so that they can be compared by eye. */
export function columnFormat(kind: Kind, values: Value[]): (value: Value) => string {
  const missing = (value: Value) => value === null || value === "";
  if (kind === "share") return (v) => (missing(v) ? MISSING : typeof v === "number" ? share(v) : String(v));
  if (kind === "integer") return (v) => (missing(v) ? MISSING : typeof v === "number" ? integer(v) : String(v));
  // White space alone would look like nothing at all.
  const text = (v: Value) => (typeof v === "string" && v.trim() === "" ? JSON.stringify(v) : String(v));
  if (kind !== "number") return (v) => (missing(v) ? MISSING : text(v));
  let largest = 0;
  for (const v of values) if (typeof v === "number") largest = Math.max(largest, Math.abs(v));
  const digits = largest >= 1000 ? 1 : largest >= 100 ? 2 : 3;
  const least = 0.5 * 10 ** -digits;
  return (v) => {
    if (missing(v)) return MISSING;
    if (typeof v !== "number") return String(v);
    const size = Math.abs(v);
    if (size !== 0 && (size < least || size >= 1e7)) return signed(v.toExponential(1).replace("e+", "e"));
    return signed(v.toFixed(digits));
  };
}

export function share(value: number): string {
  const percent = 100 * value;
  const size = Math.abs(percent);
  return `${signed(percent.toFixed(size !== 0 && size < 0.1 ? 2 : 1))} %`;
}

/** Ticks of an axis: as many decimals as the step between them needs. */
export function tickFormat(ticks: number[]): (value: number) => string {
  const step = ticks.length > 1 ? Math.abs(ticks[1] - ticks[0]) : Math.abs(ticks[0] ?? 1);
  const largest = Math.max(...ticks.map(Math.abs), 0);
  if (step > 0 && (largest >= 1e6 || step < 1e-4)) {
    return (v) => (v === 0 ? "0" : signed(v.toExponential(1).replace(/\.0e/, "e").replace("e+", "e")));
  }
  const digits = step > 0 ? Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) : 0;
  const text = new Intl.NumberFormat("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return (v) => signed(text.format(v));
}
