// What the page's words mean, for somebody who sees them for the first time.

export interface Word {
  word: string;
  /** Other forms, as they stand in texts. */
  also?: string[];
  means: string;
}

export const WORDS: Word[] = [
  { word: "unit", also: ["units"], means: "One number inside a network that changes from token to token: a cell of an LSTM, a neuron, one component of a state. Its address is the place it is read at, and its number there." },
  { word: "site", also: ["sites"], means: "A place in a network at which values are read, such as the hidden state of the first layer. All units of a site are read at once." },
  { word: "token", also: ["tokens"], means: "What the network reads in one step: a character, a word or a piece of one." },
  { word: "sequence", also: ["sequences"], means: "A piece of text that the network reads from a fresh start." },
  { word: "activation", also: ["activations"], means: "The value of a unit at a token, after the network has read that token." },
  { word: "label", also: ["labels"], means: "Something that is known of each token without the network: inside a string, how deep in parentheses. It is what a unit may follow." },
  { word: "follows", also: ["follow"], means: "A unit follows a label where its values rise and fall with it. That alone does not say that the network uses it: see relies on." },
  { word: "r", means: "Pearson's correlation, from −1 to 1: how closely a unit's values go with a label's. Below zero, the unit falls where the label rises, which is as good." },
  { word: "held-out", also: ["held out"], means: "Measured on documents that were not used to choose the unit. Among thousands of pairs some look good by chance on the text on which they were chosen." },
  { word: "untrained", also: ["untrained networks", "untrained baseline", "untrained network"], means: "The same network with random weights. What its best unit reaches comes from the wiring and the text alone; a finding has to do better." },
  { word: "FDR", also: ["false discoveries", "false discovery rate"], means: "False discovery rate: the share of what is reported that is expected to be chance." },
  { word: "q", means: "The smallest false discovery rate at which this would still be reported. Small is sure." },
  { word: "confirmed", also: ["confirmed unit", "confirmed units"], means: "Chosen on one part of the text and found again, with the same sign, on another, beyond chance and beyond untrained networks." },
  { word: "relies on", also: ["relied on", "network relies on it"], means: "Without the unit, predictions become worse where its label holds, and more so than without any of several random units." },
  { word: "without it", also: ["ablation", "ablated", "silenced"], means: "The unit is held at one value at every step, usually its mean, so that it tells the rest of the network nothing." },
  { word: "nats", also: ["nat"], means: "Units of loss: minus the natural logarithm of the probability that the network gave to what came. .693 nats is a factor of two." },
  { word: "loss", means: "How badly the network predicts what comes next, in nats per token. Less is better." },
  { word: "95 %", also: ["interval"], means: "An interval that holds the true value in 95 of 100 such studies. Documents, not tokens, are the pieces of evidence it is made from." },
  { word: "AUC", means: "How well a threshold on the unit tells where the label holds: .5 is guessing; both 1 and 0 are perfect, 0 with the sign turned." },
  { word: "saturation", also: ["saturated"], means: "The share of tokens at which a gate is nearly closed (below .1) or nearly open (above .9)." },
  { word: "gate", also: ["gates"], means: "A unit between 0 and 1 that decides how much of a memory is kept, written or shown." },
  { word: "usual", means: "The middle of a unit's values, its median, or zero for a unit that is on both sides of zero. The colour of the paper." },
  { word: "match", means: "Where else the units are on together that are on throughout a phrase." },
  { word: "partner", means: "The unit of another network that moves most like this one, so that each has at most one." },
  { word: "autocorrelation", means: "How much a unit's value resembles its own value some tokens earlier. A slow unit remembers." },
  { word: "quantile", also: ["quantiles", "median"], means: "The value below which a given share of a unit's values lie; the median is that of one half." },
];

const FORMS = new Map(WORDS.flatMap((word) => [word.word, ...(word.also ?? [])].map((form) => [form.toLowerCase(), word])));
const longestFirst = [...FORMS.keys()].sort((a, b) => b.length - a.length);
const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
const FOUND = new RegExp(`(?<![\\p{L}\\d_./-])(${longestFirst.map(escaped).join("|")})(?![\\p{L}\\d_/-])`, "giu");

/** A text in parts, those that are explained with their word; each word once. */
export function explained(text: string): { text: string; word: Word | null }[] {
  const parts: { text: string; word: Word | null }[] = [];
  const seen = new Set<Word>();
  let end = 0;
  for (const match of text.matchAll(FOUND)) {
    const word = FORMS.get(match[0].toLowerCase())!;
    if (seen.has(word) || (word.word.length < 2 && match[0] !== word.word)) continue;
    seen.add(word);
    if (match.index > end) parts.push({ text: text.slice(end, match.index), word: null });
    parts.push({ text: match[0], word });
    end = match.index + match[0].length;
  }
  if (end < text.length) parts.push({ text: text.slice(end), word: null });
  return parts;
}
