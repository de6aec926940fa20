// Addresses: `#/`, `#/section/<id>`, `#/units?…`, `#/unit/<site>/<unit>`, `#/text?…`, `#/compare?…`, `#/words`; after `?` stands what is asked of it. A unit's address in text is `site/unit`.

export type Route =
  | { page: "overview" }
  | { page: "section"; id: string }
  | { page: "compare"; query: string }
  | { page: "words" }
  | { page: "units"; query: string }
  | { page: "text"; query: string }
  | { page: "unit"; site: string; unit: number };

export function parse(hash: string): Route {
  const [path, ...rest] = hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/").map(decode);
  if (parts[0] === "units" || parts[0] === "text" || parts[0] === "compare") return { page: parts[0], query: rest.join("?") };
  if (parts[0] === "unit" && parts.length >= 3) {
    const unit = Number(parts.at(-1));
    if (Number.isInteger(unit) && unit >= 0) return { page: "unit", site: parts.slice(1, -1).join("/"), unit };
  }
  if (parts[0] === "section" && parts[1]) return { page: "section", id: parts[1] };
  return { page: parts[0] === "words" ? "words" : "overview" };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const sectionLink = (id: string) => `#/section/${encodeURIComponent(id)}`;

export const unitLink = (site: string, unit: number) =>
  `#/unit/${site.split("/").map(encodeURIComponent).join("/")}/${unit}`;

/** Site and unit of an address `site/unit`; null where the text is none. */
export function parseAddress(text: string): { site: string; unit: number } | null {
  const match = /^(.+)\/(\d+)$/.exec(text);
  return match && { site: match[1], unit: Number(match[2]) };
}

export function addressLink(text: string): string | null {
  const at = parseAddress(text);
  return at && unitLink(at.site, at.unit);
}

// Every entry of the browser's history gets a name, which it still has when its reader comes back to it.
let visit: number = history.state?.visit ?? Date.now();
keep();
history.scrollRestoration = "manual";
const places = new Map<number, number>();

/** Where the reader is; `place` is how far down they had read when they left, null where they come for the first time. */
export const here = $state({ route: parse(location.hash), place: null as number | null });

function arrive(): void {
  const known = history.state?.visit as number | undefined;
  if (known === visit) return;
  places.set(visit, scrollY);
  visit = known ?? visit + 1 + Math.random();
  if (known === undefined) keep();
  here.route = parse(location.hash);
  here.place = known === undefined ? null : (places.get(visit) ?? 0);
}

addEventListener("hashchange", arrive);

/** The same page asked otherwise: the address says so, and no step back leads through every letter that was typed. */
export function restate(link: string): void {
  keep(link);
}

function keep(link = ""): void {
  try {
    history.replaceState({ visit }, "", link);
  } catch {
    // A frame without an origin of its own, as in some notebooks, may not say what its address is.
  }
}

/** The page of text, with what is asked of it. */
export function textLink(asked: { typed?: string; find?: string; sequence?: number; first?: number; units?: string[] }): string {
  const query = new URLSearchParams();
  if (asked.find) query.set("find", asked.find);
  if (asked.typed !== undefined) query.set("typed", asked.typed);
  if (asked.sequence !== undefined) query.set("sequence", String(asked.sequence));
  if (asked.first) query.set("first", String(asked.first));
  for (const unit of asked.units ?? []) query.append("unit", unit);
  const text = query.toString();
  return text ? `#/text?${text}` : "#/text";
}

/** Go there at once: the browser tells of a changed address only later, when more keys may have been pressed. */
export function go(link: string): void {
  location.hash = link;
  arrive();
}
