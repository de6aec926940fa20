// What the page is given. The views are those of unitscope/view.py, the rest those of unitscope/page/page.py.
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

export interface Overview {
  schema: number;
  title: string;
  subtitle: string;
  story: string;
  cards: Card[];
  sections: Section[];
  table: { fields: UnitField[]; rows: UnitRow[] };
  sites: string[];
}

export interface UnitGroup {
  title: string;
  help: string;
  views: View[];
}

/** Where the page's data come from: blocks inlined in this file today, a server tomorrow. */
export interface Source {
  overview(): Promise<Overview>;
  /** The groups of one unit; none where nothing was written about it. */
  unit(site: string, unit: number): Promise<UnitGroup[]>;
}
