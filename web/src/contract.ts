// What the page is given. The views are those of unitscope/views.py, the rest those of unitscope/page/page.py.
// A number that is not known is null.

export type Kind = "text" | "number" | "integer" | "share" | "unit";
export type Value = string | number | boolean | null;
export type Numbers = (number | null)[];

export interface Field {
  name: string;
  kind: Kind;
  help: string;
}

export interface TableView {
  view: "Table";
  title: string;
  fields: Field[];
  rows: Value[][];
  note: string;
}

export interface HistogramView {
  view: "Histogram";
  title: string;
  edges: Numbers;
  counts: Numbers;
  xlabel: string;
  note: string;
}

export interface Series {
  name: string;
  y: Numbers;
  low: Numbers;
  high: Numbers;
}

export interface LinesView {
  view: "Lines";
  title: string;
  x: Numbers;
  series: Series[];
  xlabel: string;
  ylabel: string;
  note: string;
}

export interface HeatmapView {
  view: "Heatmap";
  title: string;
  rows: string[];
  columns: string[];
  values: Numbers[];
  low: number | null;
  high: number | null;
  xlabel: string;
  ylabel: string;
  note: string;
}

export interface Group {
  name: string;
  x: Numbers;
  y: Numbers;
  names: string[];
}

export interface ScatterView {
  view: "Scatter";
  title: string;
  groups: Group[];
  xlabel: string;
  ylabel: string;
  note: string;
  xrange: [number, number] | null;
  yrange: [number, number] | null;
}

export interface TokenTextView {
  view: "TokenText";
  title: string;
  tokens: string[];
  values: Numbers;
  low: number | null;
  high: number | null;
  mark: number;
  note: string;
  /** Tokens that the passage is about, from mark on. */
  width: number;
  /** The value that has the paper's colour. */
  middle: number | null;
  /** What the colours mean, in words. */
  scale: string;
  /** Sequence, and position in it, of the first token. */
  at: [number, number] | null;
  /** A document and a line of it. */
  place: string;
  /** The values of a label at the same tokens. */
  truth: Numbers;
  label: string;
}

export type View = TableView | HistogramView | LinesView | HeatmapView | ScatterView | TokenTextView;

export interface Section {
  id: string;
  title: string;
  text: string;
  views: View[];
}

export interface UnitField extends Field {
  analysis: string;
}

/** `[site, unit, value …]`, one value per field. */
export type UnitRow = [string, number, ...Value[]];

/** One thing that was found: a unit, what it follows, a line of text in its colours, the evidence. */
export interface Card {
  title: string;
  unit: string;
  text: TokenTextView | null;
  facts: string[];
}

/** The table of all units. */
export interface UnitTable {
  fields: UnitField[];
  rows: UnitRow[];
}

/** What stands first: what was found, and where the rest is. */
export interface Overview {
  schema: number;
  title: string;
  subtitle: string;
  /** Paragraphs: what was found, then what was asked. */
  story: string;
  cards: Card[];
  sections: { id: string; title: string }[];
  /** Sites, and how many units each has. */
  sites: [string, number][];
  /** What is served beside this one, and which this one is. */
  recordings?: string[];
  here?: number;
}

export interface UnitGroup {
  title: string;
  help: string;
  views: View[];
}

/** A unit and how far it is from its usual: 1 is where its colours end. */
export interface Far {
  unit: string;
  value?: number | null;
  distance: number | null;
}

export interface Next {
  symbol: string;
  before: number | null;
  after: number | null;
}

/** One unit of the model, and what becomes of it. */
export interface Edit {
  unit: string;
  action: "silence" | "hold" | "scale" | "resample";
  value: number;
}

export interface Typed {
  tokens: string[];
  start: number;
  stop: number;
  strips: TokenTextView[];
  /** The values without the edits, unit by unit; empty where nothing is edited. */
  before: Numbers[];
  standing: Far[];
  next: Next[];
  loss: { before: number | null; after: number | null };
  rise: TokenTextView | null;
  changed: Far[];
  python: string;
}

/** A sequence of the recording, and its neighbours. */
export interface Place {
  sequence: number;
  tokens: number;
  earlier: number | null;
  later: number | null;
}

export interface MatchQuestion {
  start: number;
  stop: number;
  sequence?: number;
  text?: string;
  sites: string[];
  threshold: string;
  left: boolean;
  right: boolean;
}

/** What somebody wrote of a unit. */
export interface Note {
  unit: string;
  name: string;
  tags: string[];
  remark: string;
}

/** A unit over a whole recording: least, mean and largest value of steps of some tokens, and where each begins. */
export interface Course {
  tokens: number;
  /** First token of each step, of all that were recorded, and after the last the end. */
  edges: number[];
  low: number[];
  mean: number[];
  high: number[];
  sequences: number[];
  firsts: number[];
}

/** What only a server can answer, because it has the recording and its model. */
export interface Live {
  place(sequence: number): Promise<Place>;
  find(text: string, occurrence: number): Promise<{ sequence: number; start: number; stop: number }>;
  text(sequence: number, first: number, count: number, units: string[]): Promise<TokenTextView[]>;
  standing(sequence: number, start: number, stop: number): Promise<Far[]>;
  typed(text: string, units: string[], edits: Edit[], start: number, stop: number): Promise<Typed>;
  match(question: MatchQuestion): Promise<Section>;
  notes(): Promise<Record<string, Note>>;
  note(note: Note): Promise<void>;
  /** Calls back whenever something was added to the recording, until what it gives is called. */
  watch(added: () => void): () => void;
  course(site: string, unit: number): Promise<Course>;
  /** The units of another recording's site that move with those of a site of this one. */
  compare(other: number, site: string, partner: string): Promise<Section>;
  /** Another recording that is served. */
  beside(number: number): Live;
  overview(): Promise<Overview>;
  /** Passages from an interval of a unit's values. */
  examples(site: string, unit: number, interval: string): Promise<TokenTextView[]>;
  /** Which next symbols a unit raises and lowers at once; why nothing is known where there are no views. */
  effects(site: string, unit: number): Promise<{ views: View[]; why: string }>;
}

/** Where the page's data come from: blocks inlined in this file, or a server. */
export interface Source {
  overview(): Promise<Overview>;
  section(id: string): Promise<Section>;
  table(): Promise<UnitTable>;
  /** The groups of one unit; none where nothing was written about it. */
  unit(site: string, unit: number): Promise<UnitGroup[]>;
  live?: Live;
}
