// The numbers behind a picture, as rows: for reading with a screen reader, and for checking.

import type { Field, Kind, TableView, Value, View } from "./contract";

const field = (name: string, kind: Kind = "number"): Field => ({ name, kind, help: "" });

const table = (title: string, fields: Field[], rows: Value[][]): TableView => ({
  view: "Table",
  title,
  fields,
  rows,
  note: "",
});

export function asTable(view: View): TableView {
  switch (view.view) {
    case "Table":
      return view;
    case "Histogram": {
      const total = view.counts.reduce<number>((sum, n) => sum + (n ?? 0), 0);
      const rows = view.counts.map((n, i) => [view.edges[i], view.edges[i + 1], n, total ? (n ?? 0) / total : null]);
      return table(view.title, [field("from"), field("to"), field("count", "integer"), field("share", "share")], rows);
    }
    case "Lines": {
      const fields = [field(view.xlabel)];
      for (const s of view.series) {
        fields.push(field(s.name));
        if (s.low.length) fields.push(field(`${s.name}, low`), field(`${s.name}, high`));
      }
      const rows = view.x.map((x, i) => [
        x,
        ...view.series.flatMap((s) => (s.low.length ? [s.y[i], s.low[i], s.high[i]] : [s.y[i]])),
      ]);
      return table(view.title, fields, rows);
    }
    case "Heatmap":
      return table(
        view.title,
        [field(view.ylabel, "text"), ...view.columns.map((name) => field(name))],
        view.rows.map((name, i) => [name, ...view.values[i]]),
      );
    case "Scatter":
      return table(
        view.title,
        [field("name", "unit"), field("group", "text"), field(view.xlabel), field(view.ylabel)],
        view.groups.flatMap((g) => g.x.map((x, i) => [g.names[i] ?? "", g.name, x, g.y[i]])),
      );
    case "TokenText":
      return table(
        view.title,
        [field("position", "integer"), field("token", "text"), field("value")],
        view.tokens.map((token, i) => [i, JSON.stringify(token), view.values[i]]),
      );
  }
}
