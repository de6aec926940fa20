// What the reader asked of the table of all units; kept while other pages are open.

import type { Sort } from "../order";

export const asked = $state({
  site: "",
  text: "",
  filters: {} as Record<number, string>,
  hidden: [] as number[],
  sort: null as Sort | null,
});
