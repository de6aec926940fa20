// Ends of axes.

import { extent } from "d3-array";

import type { Numbers } from "./contract";

/** Smallest and largest of the numbers there are, never the same; [0, 1] where there are none. */
export function span(...lists: Numbers[]): [number, number] {
  const [low, high] = extent(lists.flatMap((list) => list.filter((v) => v !== null)));
  if (low === undefined || high === undefined) return [0, 1];
  if (low === high) return [low - (Math.abs(low) || 1) / 2, high + (Math.abs(high) || 1) / 2];
  return [low, high];
}

/** A little air on both sides. */
export function padded([low, high]: [number, number], by = 0.04): [number, number] {
  return [low - by * (high - low), high + by * (high - low)];
}
