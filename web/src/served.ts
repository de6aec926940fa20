// The page that a server shows (unitscope/server/app.py), and the same in a notebook, where the kernel stands for the server:
// what is looked at is asked for.

import { begin } from "./begin";
import type { Far, Live, Overview, Place, Section, Source, TokenTextView, Typed, UnitGroup } from "./contract";
import { inNotebook, overMessages } from "./messages";
import { once, rowsOf, type WrittenTable } from "./table";

/** Asks for what has an address, with a question or without. */
export type Ask = <T>(path: string, question?: object) => Promise<T>;

async function overHttp<T>(path: string, question?: object): Promise<T> {
  const posted = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(question) };
  const answer = await fetch(path, { credentials: "same-origin", ...(question ? posted : {}) });
  if (answer.ok) return (await answer.json()) as T;
  const said = (await answer.json().catch(() => ({}))) as { error?: string };
  throw new Error(said.error ?? `the server says ${answer.status}`);
}

const query = (values: [string, string | number][]) =>
  new URLSearchParams(values.map(([name, value]) => [name, String(value)])).toString();

const path = (site: string, unit: number) => `${site.split("/").map(encodeURIComponent).join("/")}/${unit}.json`;

const AGAIN = 5000; // ms between two questions whether something was added, where nobody tells

/** Without events, as in a notebook, one asks again and again. */
function watching(ask: Ask, base: string): Live["watch"] {
  return (added) => {
    let before = "";
    const heard = (state: string) => {
      if (before && state !== before) added();
      before = state;
    };
    if (!inNotebook()) {
      const events = new EventSource(`${base}events`);
      events.onmessage = (event) => heard(event.data as string);
      return () => events.close();
    }
    const look = () => void ask<{ state: string }>(`${base}changed.json`).then(({ state }) => heard(state), () => {});
    const timer = setInterval(look, AGAIN);
    return () => clearInterval(timer);
  };
}

/** What can be asked of a recording whose answers stand at an address. */
function liveOf(ask: Ask, base: string): Live {
  return {
    place: (sequence) => ask<Place>(`${base}sequence/${sequence}.json`),
    find: (text, occurrence) => ask(`${base}find.json?${query([["text", text], ["occurrence", occurrence]])}`),
    text: (sequence, first, count, units) =>
      ask<TokenTextView[]>(
        `${base}text/${sequence}.json?${query([["first", first], ["count", count], ...units.map((u): [string, string] => ["unit", u])])}`,
      ),
    standing: async (sequence, start, stop) =>
      (await ask<{ standing: Far[] }>(`${base}standing.json`, { sequence, start, stop })).standing,
    typed: (text, units, edits, start, stop) => ask<Typed>(`${base}typed.json`, { text, units, edits, start, stop }),
    notes: () => ask(`${base}notes.json`),
    note: async ({ unit, name, tags, remark }) => void (await ask(`${base}note.json`, { unit, name, tags, remark })),
    watch: watching(ask, base),
    course: (site, unit) => ask(`${base}course/${path(site, unit)}`),
    compare: (other, site, partner) => ask<Section>(`${base}compare.json`, { other, site, partner }),
    beside: (number) => liveOf(ask, `../${number}/api/`),
    overview: () => ask<Overview>(`${base}overview.json`),
    examples: (site, unit, interval) => ask<TokenTextView[]>(`${base}examples/${path(site, unit)}?interval=${interval}`),
    effects: (site, unit) => ask(`${base}effects/${path(site, unit)}`),
    match: (question) => ask<Section>(`${base}match.json`, question),
  };
}

function servedSource(ask: Ask): Source {
  const live = liveOf(ask, "api/");
  const written = () => once(async () => rowsOf(await ask<WrittenTable>("api/table.json")));
  let table = written();
  return {
    async overview() {
      table = written(); // what was added has columns too
      return live.overview();
    },
    section: (id) => ask<Section>(`api/section/${encodeURIComponent(id)}.json`),
    table: () => table(),
    unit: (site, unit) => ask<UnitGroup[]>(`api/unit/${path(site, unit)}`),
    live,
  };
}

begin(servedSource(inNotebook() ? overMessages() : overHttp));
