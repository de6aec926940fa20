// The colour of a value: red, over the colour of the paper, to blue; told apart by all common kinds of colour vision.
// Interpolated in OKLab, so that equal steps of the value look equally far apart.

export type Theme = "light" | "dark";
type Lab = [number, number, number];

const ANCHORS: Record<Theme, { low: Lab[]; middle: Lab; high: Lab[] }> = {
  light: {
    low: [lab("#8c1022"), lab("#d6604d")],
    middle: lab("#ffffff"),
    high: [lab("#4393c3"), lab("#123f77")],
  },
  dark: {
    low: [lab("#ff8a75"), lab("#9c2f30")],
    middle: lab("#171a20"),
    high: [lab("#1f5f93"), lab("#7cc0f2")],
  },
};

/** Levels of the scale in a style sheet, from −LEVELS to LEVELS. */
export const LEVELS = 20;

/** Where red is full, where the paper is, and where blue is full. */
export interface Scale {
  low: number;
  middle: number;
  high: number;
}

/** The scale of a passage, of which an end may be missing. */
export function scaleOf(view: { low: number | null; middle?: number | null; high: number | null }): Scale {
  const [low, high] = [view.low ?? -1, view.high ?? 1];
  const middle = view.middle ?? (low + high) / 2;
  return { low, middle: middle >= low && middle <= high ? middle : (low + high) / 2, high };
}

/** The place of a value on a scale, from −1 over 0 in the middle to 1; null where it has none. */
export function position(value: number | null, { low, middle, high }: Scale): number | null {
  if (value === null || !(high > low)) return null;
  const side = value < middle ? middle - low : high - middle; // of no width where the scale has one colour only
  return side > 0 ? Math.max(-1, Math.min(1, (value - middle) / side)) : 0;
}

/** The level of a value in the style sheet; null where it has none. */
export function level(value: number | null, scale: Scale): number | null {
  const t = position(value, scale);
  return t === null ? null : Math.round(t * LEVELS);
}

/** Values of a label as shares of the way from their smallest to their largest; null where they are not known. */
export function shares(values: (number | null)[]): (number | null)[] {
  const known = values.filter((v) => v !== null);
  const low = known.length ? Math.min(...known) : 0;
  const wide = known.length ? Math.max(...known) - low || 1 : 1;
  return values.map((v) => (v === null ? null : (v - low) / wide));
}

/** Colour at t from −1 (low) over 0 (middle) to 1 (high), as 0–255. */
export function diverging(t: number, theme: Theme): [number, number, number] {
  const { low, middle, high } = ANCHORS[theme];
  const [outer, inner] = t < 0 ? low : [high[1], high[0]];
  const size = Math.min(1, Math.abs(t));
  return rgb(size < 0.5 ? mix(middle, inner, 2 * size) : mix(inner, outer, 2 * size - 1));
}

export const css = ([r, g, b]: [number, number, number]) => `rgb(${r} ${g} ${b})`;

/** Black or white, whichever reads better; one of them has a contrast above 4.5 on any colour. */
function ink(colour: [number, number, number]): string {
  return contrast(colour, [0, 0, 0]) >= contrast(colour, [255, 255, 255]) ? "#000" : "#fff";
}

/** Classes `d-20 … d20`: background and ink of each level, in both themes; paper is always light. */
export function scaleSheet(): string {
  const rules = (theme: Theme) => {
    const lines: string[] = [];
    for (let i = -LEVELS; i <= LEVELS; i++) {
      const colour = diverging(i / LEVELS, theme);
      lines.push(`.d${i}{background-color:${css(colour)};color:${ink(colour)}}`);
    }
    return lines.join("\n");
  };
  return `${rules("light")}\n@media screen and (prefers-color-scheme: dark){${rules("dark")}}`;
}

function contrast(a: [number, number, number], b: [number, number, number]): number {
  const [x, y] = [luminance(a), luminance(b)];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

function luminance(colour: [number, number, number]): number {
  const [r, g, b] = colour.map((v) => linear(v / 255));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function linear(v: number): number {
  return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
}

function gamma(v: number): number {
  return v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055;
}

function mix(a: Lab, b: Lab, t: number): Lab {
  return [0, 1, 2].map((i) => a[i] + t * (b[i] - a[i])) as Lab;
}

function hex(colour: string): [number, number, number] {
  const n = parseInt(colour.slice(1), 16);
  return [n >> 16, (n >> 8) & 255, n & 255];
}

// OKLab: Björn Ottosson, "A perceptual color space for image processing", 2020.
function lab(colour: string): Lab {
  const [r, g, b] = hex(colour).map((v) => linear(v / 255));
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

function rgb([L, a, b]: Lab): [number, number, number] {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map((v) => Math.round(255 * gamma(Math.max(0, Math.min(1, v))))) as [number, number, number];
}
