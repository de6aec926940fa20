// Where a unit may count as on.

import { scaleOf, shares } from "./colour";
import type { TokenTextView } from "./contract";

const STEPS = 60;

/**
 * The threshold and side at which the unit tells best where its label holds in this passage (by the overlap of both);
 * without a label, half of the way from the middle of its colours to their end.
 */
export function proposal(view: TokenTextView): { at: number; below: boolean } {
  const scale = scaleOf(view);
  let best = { at: (scale.middle + scale.high) / 2, below: false };
  const holds = shares(view.truth).map((v) => v !== null && v > 0.5);
  if (!holds.some(Boolean)) return best;
  let most = -1;
  for (let step = 0; step <= STEPS; step++) {
    const at = scale.low + ((scale.high - scale.low) * step) / STEPS;
    for (const below of [false, true]) {
      let [both, either] = [0, 0];
      view.values.forEach((v, i) => {
        const on = v !== null && (below ? v <= at : v >= at);
        if (on && holds[i]) both++;
        if (on || holds[i]) either++;
      });
      if (both / either > most) [most, best] = [both / either, { at, below }];
    }
  }
  return best;
}
